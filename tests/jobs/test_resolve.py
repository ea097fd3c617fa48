"""The resolve stage on a small lake: all its tables, figures, and nothing new when run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.config.settings import Settings
from habitue.contracts.behaviour import (
    ATTRIBUTION,
    CUSTOMER,
    IDENTITY_CHANGE,
    IDENTITY_EDGE,
    IDENTITY_MAP,
    IDENTITY_OVERRIDE,
    MATCH_REVIEW,
    SESSION,
)
from habitue.contracts.entities import CONSENT, CUSTOMER_RECORD, EVENT, ORDER_LINE
from habitue.contracts.identity_evidence import (
    ENDED_IDENTIFIER,
    FOUND_LINK_SPAN,
    IDENTITY_CONTRADICTION,
    IDENTITY_OBSERVATION,
)
from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import Table
from habitue.identity.as_of import identity_as_of
from habitue.identity.settings import AttributionSettings, EvidenceConsentSettings, IdentitySettings
from habitue.job import Progress, Run, RunRecord
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake
from habitue.stages.resolve import resolve
from tests.tables import assert_table, table

TABLES = (
    *(
        IDENTITY_OBSERVATION,
        ENDED_IDENTIFIER,
        IDENTITY_CONTRADICTION,
        FOUND_LINK_SPAN,
        IDENTITY_EDGE,
        MATCH_REVIEW,
        IDENTITY_CHANGE,
    ),
    *(CUSTOMER, ATTRIBUTION, IDENTITY_MAP),
)


NOW = datetime(2026, 2, 1, tzinfo=UTC)


def a_run(lake: Lake, folder: Path, settings: Settings | None = None, now: datetime = NOW) -> Run:
    run = Run(
        project=folder,
        settings=settings or Settings(),
        location=lake.location,
        record=RunRecord("r1", "2026-01-01", "0", "", ""),
        progress=Progress(quiet=True),
        now=now,
    )
    run.__dict__["lake"] = lake  # the test's own, where the run would open one
    return run


def version(lake: Lake, contract: Table) -> object:
    return DeltaLog(lake.location.table(contract)).head()


def test_resolve_fills_its_tables_and_a_second_run_changes_nothing(lake: Lake, tmp_path: Path):
    rows = """
        source | record_key | identifiers                  | city | known_time
        crm    | 1          | customer_number:ada, email:e | Ulm  | 2026-01-02 00:00:00
        shop   | 2          | email:e                      | Bonn | 2026-01-01 00:00:00
        shop   | 3          | email:f                      |      | 2026-01-01 00:00:00
        crm    | 4          | customer_number:ben, email:e |      | 2026-01-05 00:00:00
    """
    without_hash = table(lake.spark, CUSTOMER_RECORD, rows).drop("row_hash")
    lake.merge(CUSTOMER_RECORD, without_hash)
    run = a_run(lake, tmp_path)
    resolve(run)
    assert run.step.figures == {
        "identifiers": 4,
        "persons": 4,
        "persons_with_1_identifiers": 4,
        "edges_accepted": 0,
        "edges_refused": 2,
        "edges_retired": 0,
        "merges": 0,
        "splits": 1,
        "changes_by_hand": 0,
    }
    assert_table(
        lake.read(IDENTITY_EDGE),
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status  | reason
        ada      | e        | refused | shared email: too many owners
        ben      | e        | refused | shared email: too many owners
        """,
    )
    assert lake.read(CUSTOMER).count() == 4
    versions = [version(lake, contract) for contract in TABLES]
    resolve(a_run(lake, tmp_path))
    assert [version(lake, contract) for contract in TABLES] == versions


DAY_1 = """
    source | record_key | identifiers                     | known_time
    crm    | 1          | customer_number:ada, email:e    | 2026-01-02 00:00:00
    shop   | 2          | email:e, phone:p                | 2026-01-03 00:00:00
    crm    | 3          | customer_number:ben, email:f    | 2026-01-04 00:00:00
    shop   | 4          | email:g, phone:q                | 2026-01-05 00:00:00
    shop   | 5          | loyalty_number:l, email:h       | 2026-01-05 00:00:00
"""
DAY_2 = """
    source | record_key | identifiers                     | known_time
    crm    | 1          | customer_number:ada, email:e    | 2026-01-02 00:00:00
    shop   | 2          | email:e                         | 2026-01-03 00:00:00
    crm    | 3          | customer_number:ben, email:f    | 2026-01-04 00:00:00
    shop   | 4          | email:g, phone:q                | 2026-01-05 00:00:00
    shop   | 5          | loyalty_number:l, email:h       | 2026-01-05 00:00:00
    crm    | 6          | customer_number:cleo, email:g   | 2026-02-01 00:00:00
    shop   | 7          | phone:r                         | 2026-02-01 00:00:00
"""


def second_day(lake: Lake, folder: Path) -> Run:
    """The run of the second day: record 2 loses its telephone, g gets a customer number."""
    put_records(lake, DAY_1)
    resolve(a_run(lake, folder))
    put_records(lake, DAY_2)
    second = a_run(lake, folder)
    resolve(second)
    return second


def test_a_second_day_resolves_what_its_records_touch_and_nothing_else(lake: Lake, tmp_path: Path):
    """Ben, f and the club's l and h are left alone."""
    second = second_day(lake, tmp_path)
    assert not [said for said in second.step.findings if "anew" in said]
    assert second.step.figures["identifiers_resolved_anew"] == 6  # ada, e; g, q, cleo; r
    assert second.step.figures["identifiers"] == 10
    persons = {r.id_key: r.person_id for r in lake.read(IDENTITY_MAP).where("valid_to IS NULL").collect()}
    assert persons["ada"] == persons["e"] and persons["cleo"] == persons["g"] == persons["q"]
    assert "p" not in persons and len(set(persons.values())) == 5


@pytest.mark.accept
def test_a_second_day_gives_what_all_records_give_with_the_same_past(lake: Lake, tmp_path: Path):
    second_day(lake, tmp_path)
    touched = everything(lake)
    whole = a_run(lake, tmp_path, Settings(identity=IdentitySettings(default_per_person=11)))
    resolve(whole)
    assert any("resolved anew: the rules or the code are not those" in said for said in whole.step.findings)
    assert everything(lake) == touched


DECIDED = """
    decision_id | kind   | id_type_a       | id_key_a | id_type_b | id_key_b | decided_at          | expires_at          | withdrawn_at | reviewer
    d1          | link   | email           | f        | email     | h        | 2026-02-10 00:00:00 |                     | {withdrawn}  | eva
    d2          | unlink | customer_number | ada      | email     | e        | 2026-02-11 00:00:00 |                     |              | eva
    d3          | block  | email           | g        |           |          | 2026-02-12 00:00:00 | 2026-03-05 00:00:00 |              | eva
"""


def decide(lake: Lake, withdrawn: str) -> None:
    rows = table(lake.spark, IDENTITY_OVERRIDE, DECIDED.format(withdrawn=withdrawn)).drop("row_hash")
    lake.merge(IDENTITY_OVERRIDE, rows)


@pytest.mark.accept
def test_decisions_touch_the_persons_that_they_are_about_as_a_full_run_would(lake: Lake, tmp_path: Path):
    """Link, unlink and block; then a withdrawal; then a block that ends by the clock, without any new row."""
    put_records(lake, DAY_2)
    resolve(a_run(lake, tmp_path, with_limit(11), datetime(2026, 2, 5, tzinfo=UTC)))
    decide(lake, "")
    steps = [
        # ada, e; ben, f, l, h; g, q, cleo
        ("", datetime(2026, 3, 1, tzinfo=UTC), 9, {"ada", "e", "ben f h l", "cleo", "g", "q", "r"}),
        (
            "2026-03-02 00:00:00",
            datetime(2026, 3, 3, tzinfo=UTC),
            4,
            {"ada", "e", "ben f", "h l", "cleo", "g", "q", "r"},
        ),
        (
            "2026-03-02 00:00:00",
            datetime(2026, 3, 6, tzinfo=UTC),
            3,
            {"ada", "e", "ben f", "h l", "cleo g q", "r"},
        ),
    ]
    for withdrawn, now, anew, persons in steps:
        decide(lake, withdrawn)
        run = a_run(lake, tmp_path, with_limit(11), now)
        resolve(run)
        assert not [said for said in run.step.findings if "anew" in said]
        assert run.step.figures["identifiers_resolved_anew"] == anew
        assert together(lake) == persons
        touched = everything(lake)
        resolve(a_run(lake, tmp_path, with_limit(12), now))  # by other rules: everything
        assert everything(lake) == touched


def with_limit(default: int, settings: IdentitySettings | None = None) -> Settings:
    """Settings with a limit that nobody reaches: with another one, everything is resolved anew."""
    return Settings(
        identity=(settings or IdentitySettings()).model_copy(update={"default_per_person": default})
    )


CONSENTING = IdentitySettings(
    consent=EvidenceConsentSettings(purpose="profiling", rules=("same_record",)),
    attribution=AttributionSettings(backfill_purpose=None),
)
SAID = """
    consent_id | source | purpose   | channel | status  | given_time          | identifiers           | known_time
    1          | crm    | profiling | any     | granted | 2026-01-01 00:00:00 | customer_number:ada   | 2026-01-01 00:00:00
"""
SAID_LATER = "    2 | crm | profiling | any | granted | 2026-02-03 00:00:00 | {who} | 2026-02-03 00:00:00\n"


@pytest.mark.accept
def test_a_statement_of_consent_touches_what_it_lets_link_or_no_longer_lets(lake: Lake, tmp_path: Path):
    put_records(lake, DAY_1)
    identifiers = {"ben": "customer_number:ben", "g": "email:g"}
    persons = {
        None: {"ada e", "ben", "f", "p", "g", "q", "l", "h"},
        "ben": {"ada e", "ben f", "p", "g", "q", "l", "h"},
        "g": {"ada e", "ben", "f", "p", "g q", "l", "h"},
    }
    for number, who in enumerate((None, "ben", "g")):
        more = SAID_LATER.format(who=identifiers[who]) if who else ""
        rows = table(lake.spark, CONSENT, SAID + more).drop("row_hash")
        lake.merge(CONSENT, rows, delete_unmatched=True)
        run = a_run(lake, tmp_path, with_limit(11, CONSENTING))
        resolve(run)
        assert together(lake) == persons[who]
        if number:
            assert not [said for said in run.step.findings if "anew" in said]
            assert run.step.figures["identifiers_resolved_anew"] <= 4
        touched = everything(lake)
        resolve(a_run(lake, tmp_path, with_limit(12, CONSENTING)))
        assert everything(lake) == touched


EVENTS = """
    source | time_quality       | event_id | visitor_type | visitor_key | identifiers                      | event_time          | known_time
    web    | mapped             | 1        | device_id    | d           | device_id:d, customer_number:ada | 2025-01-01 10:00:00 | 2025-01-01 10:00:00
    web    | mapped             | 2        | device_id    | s           | device_id:s                      | 2026-01-20 10:00:00 | 2026-01-20 10:00:00
"""
EVENTS_LATER = "web | mapped | 3 | device_id | d | device_id:d, customer_number:ben | 2026-01-20 10:00:00 | 2026-01-20 10:00:00\n"
VISITS = """
    session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
    d1         | device_id    | d           | {first}             | {first}             | 2025-01-01 10:00:00 | customer_number:ada
    s1         | device_id    | s           | 2026-01-20 10:00:00 | 2026-01-20 10:00:00 | 2026-01-20 10:00:00 | device_id:s
"""
VISITS_LATER = "d2 | device_id | d | 2026-01-20 10:00:00 | 2026-01-20 10:00:00 | 2026-01-20 10:00:00 | customer_number:ben\n"


@pytest.mark.accept
def test_a_device_changes_hands_by_its_visits_and_back_where_they_turn_out_otherwise(
    lake: Lake, tmp_path: Path
):
    """Ben comes with ada's device after a year; then the first visit is corrected: there was no absence."""
    long_ago, late = "2025-01-01 10:00:00", "2025-12-24 10:00:00"
    steps = [
        (EVENTS, VISITS.format(first=long_ago), {"ada d", "s"}),
        (EVENTS + EVENTS_LATER, VISITS.format(first=long_ago) + VISITS_LATER, {"ada", "ben d", "s"}),
        (EVENTS + EVENTS_LATER, VISITS.format(first=late) + VISITS_LATER, {"ada", "ben", "d", "s"}),
    ]
    for number, (events, visits, persons) in enumerate(steps):
        for contract, rows in ((EVENT, events), (SESSION, visits)):
            lake.merge(contract, filled(lake, contract, rows), delete_unmatched=True)
        run = a_run(lake, tmp_path, with_limit(11))
        resolve(run)
        assert together(lake) == persons
        if number:
            assert not [said for said in run.step.findings if "anew" in said]
            assert run.step.figures["identifiers_resolved_anew"] == 3
        touched = everything(lake)
        resolve(a_run(lake, tmp_path, with_limit(12)))
        assert everything(lake) == touched


def filled(lake: Lake, contract: Table, text: str) -> DataFrame:
    """Rows of a table, with something in the columns that the text leaves out and that must not be null."""
    some = {"string": "x", "boolean": False, "date": "2026-01-01", "timestamp": "2026-01-01 00:00:00"}
    named = {"engaged_basis": "gaps", "furthest_step": "visit"}
    rows = table(lake.spark, contract, text).drop("row_hash")
    for column in contract.columns:
        if not column.nullable and column.name in rows.columns:
            is_nested = column.type.startswith(("array", "map"))
            empty = F.from_json(F.lit("[]" if column.type.startswith("array") else "{}"), column.type)
            one = named.get(column.name, some.get(column.type, 1))
            value = empty if is_nested else F.lit(one).cast(column.type)
            rows = rows.withColumn(column.name, F.coalesce(column.name, value))
    return rows


def together(lake: Lake) -> set[str]:
    """Identifiers of each person as of now."""
    persons: dict[str, list[str]] = {}
    for row in lake.read(IDENTITY_MAP).where("valid_to IS NULL").collect():
        persons.setdefault(row.person_id, []).append(row.id_key)
    return {" ".join(sorted(keys)) for keys in persons.values()}


def put_records(lake: Lake, rows: str) -> None:
    records = table(lake.spark, CUSTOMER_RECORD, rows).drop("row_hash")
    lake.merge(CUSTOMER_RECORD, records, delete_unmatched=True)


def everything(lake: Lake) -> dict[str, list[str]]:
    """All rows of the tables that resolve writes."""
    return {t.name: sorted(str(row) for row in lake.read(t).collect()) for t in TABLES}


def test_a_day_without_new_records_confirms_the_map(lake: Lake, tmp_path: Path):
    put_records(lake, DAY_1)
    resolve(a_run(lake, tmp_path))
    before = [version(lake, contract) for contract in TABLES]
    again = a_run(lake, tmp_path)
    resolve(again)
    assert again.step.figures["changed_records"] == 0
    assert "identifiers_resolved_anew" not in again.step.figures
    assert [version(lake, contract) for contract in TABLES] == before


def test_a_lake_without_records_gets_empty_tables_and_a_sentence(lake: Lake, tmp_path: Path):
    run = a_run(lake, tmp_path)
    resolve(run)
    assert lake.exists(IDENTITY_MAP) and lake.read(IDENTITY_MAP).isEmpty()
    assert run.step.findings == ["No records with identifiers: nobody to resolve."]


def known_people(lake: Lake) -> DataFrame:
    """The shop knows ada by her mailbox, the CRM by a number; nothing but her name, birthday and street tie them.

    Zoe shares Ben's telephone. 120 others are like nobody.
    """
    header = "source | record_key | identifiers | given_name | family_name | birth_date | street | city | known_time\n"
    rows = [
        "crm | 1 | customer_number:n1 | Ada | Müller | 1961-04-12 | Hauptstraße 12 | Ulm | 2026-01-01 00:00:00",
        "shop | 2 | email:e1 | Ada | Mueller | 1961-04-12 | Hauptstr. 12 | Ulm | 2026-01-03 00:00:00",
        "crm | 3 | customer_number:n3 | Ada | Müller | 1961-04-12 | Hauptstraße 12 | Ulm | 2026-01-04 00:00:00",
        "crm | 4 | customer_number:n4, phone:p | Ben | Oerke | 1960-02-20 | Weg 4 | Ulm | 2026-01-01 00:00:00",
        "shop | 5 | user_id:u5, phone:p | Zoe | Petersen | 1991-11-05 | Allee 5 | Bonn | 2026-01-05 00:00:00",
    ]
    given = ("Ben", "Clara", "David", "Emil", "Frieda", "Gustav", "Hanna", "Ida", "Karl", "Lotte")
    rows += [
        f"crm | {i} | customer_number:n{i} | {given[i % 10]} | {'BDFGKLMNPRS'[i % 11]}o{'rlnmt'[i % 5]}ke "
        f"| {1950 + i % 47}-0{1 + i % 9}-{10 + i % 17} | Weg {i} | Ort{i % 13} | 2026-01-01 00:00:00"
        for i in range(10, 130)
    ]
    people = table(lake.spark, PERSON_RECORD, header + "\n".join(rows))
    lake.merge(PERSON_RECORD, people.withColumn("record_id", F.col("record_key")).drop("row_hash"))
    records = people.select("source", "record_key", "identifiers", "city", "known_time")
    empty = table(lake.spark, CUSTOMER_RECORD, "source | record_key").drop("row_hash")
    lake.merge(CUSTOMER_RECORD, empty.unionByName(records, allowMissingColumns=True))
    return people


def test_records_of_one_person_are_joined_by_what_they_say(lake: Lake, tmp_path: Path):
    known_people(lake)
    run = a_run(lake, tmp_path)
    resolve(run)
    links = lake.read(IDENTITY_EDGE).where("rule = 'same_person'")
    assert [(r.id_key_b, r.status, r.source) for r in links.where("status = 'accepted'").collect()] == [
        ("e1", "accepted", "shop")
    ]
    persons = {r.id_key: r.person_id for r in lake.read(IDENTITY_MAP).where("valid_to IS NULL").collect()}
    assert persons["e1"] in (persons["n1"], persons["n3"]) and persons["n1"] != persons["n3"]
    reasons = {(r.record_key_a, r.record_key_b): r.reason for r in lake.read(MATCH_REVIEW).collect()}
    assert reasons[("1", "3")] == "two values of one number space"
    assert run.step.figures["matches_refused"] >= 1
    apart = lake.read(IDENTITY_EDGE).where("status = 'refused'").collect()
    assert [(r.id_key_b, r.reason) for r in apart] == [("u5", "their records name two people")]


@pytest.mark.accept
def test_another_title_makes_no_link_younger_and_a_name_that_was_wrong_keeps_nobody_apart(
    lake: Lake, tmp_path: Path
):
    people = known_people(lake)
    resolve(a_run(lake, tmp_path))
    titled = {"title": F.lit("Dr."), "known_time": F.lit("2026-02-01").cast("timestamp")}
    changed = people.where("record_key = '2'").withColumn("record_id", F.col("record_key"))
    lake.merge(PERSON_RECORD, changed.withColumns(titled).drop("row_hash"))
    mended = {"given_name": F.lit("Ben"), "birth_date": F.lit("1960-02-20").cast("date")}
    zoe = people.where("record_key = '5'").withColumn("record_id", F.col("record_key")).withColumns(mended)
    lake.merge(PERSON_RECORD, zoe.drop("row_hash"))  # names lie in the vault alone: no open table changes
    resolve(a_run(lake, tmp_path))
    again = lake.read(IDENTITY_EDGE).where("rule = 'same_person' AND status = 'accepted'").collect()
    (known,) = [r.first_known for r in again if r.id_key_b == "e1"]
    assert (known.month, known.day) == (1, 3)
    persons = {r.id_key: r.person_id for r in lake.read(IDENTITY_MAP).where("valid_to IS NULL").collect()}
    assert persons["u5"] == persons["n4"] == persons["p"]


def corrected(lake: Lake, folder: Path, months: Sequence[int]) -> dict[int, dict[str, str]]:
    """Record 2 is Ada's until its names are corrected on February 1, and hers again when that is taken back in March.

    Returns the persons of identifiers by month, January first, as each of them was known then.
    """
    people = known_people(lake).where("record_key = '2'").withColumn("record_id", F.col("record_key"))
    resolve(a_run(lake, folder))
    other = {"given_name": "Zacharias", "family_name": "Woźniak", "street": "Am Ring 9", "city": "Bonn"}
    for month in months:
        values = other if month == 2 else {}
        said = {name: F.lit(value) for name, value in values.items()}
        born = {"birth_date": F.lit("1999-09-27").cast("date")} if values else {}
        known = {"known_time": F.lit(f"2026-0{month}-01").cast("timestamp")}
        lake.merge(PERSON_RECORD, people.withColumns(said | born | known).drop("row_hash"))
        run = a_run(lake, folder, now=datetime(2026, month, 2, tzinfo=UTC))
        resolve(run)
        assert not [text for text in run.step.findings if "anew" in text]
        (edge,) = lake.read(IDENTITY_EDGE).where("rule = 'same_person' AND id_key_b = 'e1'").collect()
        assert (edge.status, edge.first_known.day) == ("retired" if values else "accepted", 3)
    own = {}
    for month in (1, *months):
        rows = identity_as_of(lake.read(IDENTITY_MAP), datetime(2026, month, 20, tzinfo=UTC)).collect()
        own[month] = {row.id_key: row.person_id for row in rows}
    return own


def test_a_link_that_a_correction_takes_away_held_until_then(lake: Lake, tmp_path: Path):
    own = corrected(lake, tmp_path, [2])
    assert own[1]["e1"] in (own[1]["n1"], own[1]["n3"])
    assert own[2]["e1"] not in (own[2]["n1"], own[2]["n3"])


@pytest.mark.accept
def test_a_link_whose_correction_is_taken_back_holds_again(lake: Lake, tmp_path: Path):
    own = corrected(lake, tmp_path, [2, 3])
    assert own[1]["e1"] in (own[1]["n1"], own[1]["n3"])
    assert own[2]["e1"] not in (own[2]["n1"], own[2]["n3"])
    assert own[3]["e1"] in (own[3]["n1"], own[3]["n3"])
    versions = [version(lake, contract) for contract in TABLES]
    resolve(a_run(lake, tmp_path, now=datetime(2026, 3, 2, tzinfo=UTC)))
    assert [version(lake, contract) for contract in TABLES] == versions


@pytest.mark.accept
def test_a_lost_link_is_no_older_than_what_still_shows_its_ends(lake: Lake, tmp_path: Path):
    """Record 2 is gone, and e1 is known by an order alone, which came later than the link was known."""
    people = known_people(lake)
    head = "source | order_number | line_number | currency | identifiers | known_time\n"
    order = f"{head}shop | o | 1 | EUR | email:e1 | 2026-01-20 00:00:00"
    lake.merge(ORDER_LINE, filled(lake, ORDER_LINE, order))
    resolve(a_run(lake, tmp_path))
    left = people.where("record_key <> '2'").withColumn("record_id", F.col("record_key")).drop("row_hash")
    lake.merge(PERSON_RECORD, left, delete_unmatched=True)
    records = lake.read(CUSTOMER_RECORD).where("record_key <> '2'").drop("row_hash")
    lake.merge(CUSTOMER_RECORD, lake.checkpoint(records), delete_unmatched=True)
    resolve(a_run(lake, tmp_path))
    rows = lake.read(IDENTITY_MAP).where("id_key = 'e1'").collect()
    assert {(row.valid_from.day, row.valid_to) for row in rows} == {(20, None)}
