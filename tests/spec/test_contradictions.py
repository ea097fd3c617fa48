"""Customers of two sources who share a telephone or mailbox: one person, unless their records name two."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession

from habitue.contracts.behaviour import IDENTITY_EDGE, IDENTITY_OVERRIDE
from habitue.contracts.identity_evidence import IDENTITY_CONTRADICTION
from habitue.contracts.intake import FORMER_RECORD, PERSON_RECORD
from habitue.identity.audit import violations
from habitue.identity.circumstances import Circumstances
from habitue.identity.contradictions import contradictions, since_first_found
from habitue.identity.decisions import as_evidence
from habitue.identity.edges import FORMERLY_STATED, STATED
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.settings import IdentitySettings
from tests.spec.test_decisions import HEADER, now_and_at
from tests.tables import assert_table, table

SETTINGS = IdentitySettings()
COLUMNS = "source | record_key | identifiers | known_time | given_name | birth_date\n"
ADA = "crm  | 1 | customer_number:ada, phone:p | 2026-01-01 00:00:00 | Ada | 1980-05-17\n"
BEN = "shop | 2 | customer_number:ben, phone:p | 2026-01-05 00:00:00 | Ben | 1978-11-02\n"
FORMER = "source | record_key | identifiers | known_time | ended_time\n"


def cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def apart(spark: SparkSession, people: str, former: str = "") -> DataFrame:
    before = table(spark, FORMER_RECORD, FORMER + former)
    return contradictions(table(spark, PERSON_RECORD, COLUMNS + people), before, settings=SETTINGS)


def pairs(found: DataFrame) -> set[tuple[str, str, int, int | None]]:
    """Keys of both, the days from and until."""
    rows = found.collect()
    return {(r.id_key_a, r.id_key_b, r.known_from.day, r.known_until and r.known_until.day) for r in rows}


def resolved(spark: SparkSession, people: str, *, decisions: str = "", former: str = "") -> Resolution:
    rows = table(spark, IDENTITY_OVERRIDE, f"{HEADER}\n{decisions}") if decisions else None
    held = None if rows is None else cut(as_evidence(rows, datetime(2026, 3, 1, tzinfo=UTC)))
    present = Circumstances(decisions=held, contradicting=cut(apart(spark, people, former)))
    records = {STATED: table(spark, PERSON_RECORD, COLUMNS + people)}
    if former:
        before = table(spark, FORMER_RECORD, FORMER + former)
        records[FORMERLY_STATED] = before.withColumnRenamed("ended_time", "seen_until")
    found = resolve_identity(records, previous=None, settings=SETTINGS, checkpoint=cut, circumstances=present)
    result = found.resolved
    checks = violations(
        *(result.identity_map, result.edges, result.changes, found.sightings),
        previous=None,
        settings=SETTINGS,
        circumstances=present,
    )
    assert not any(checks.values()), checks
    return found


def test_a_shared_telephone_stays_with_the_one_who_had_it_first(spark: SparkSession):
    found = resolved(spark, ADA + BEN)
    assert now_and_at(found, datetime(2026, 1, 3)) == [{"ada p", "ben"}, {"ada p"}]
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status   | reason
        ada      | p        | accepted |
        ben      | p        | refused  | their records name two people
        """,
    )


OTHERS = {
    "Ben     | 1978-11-02": True,
    "Ben     | 1980-05-17": False,  # one name changed, and the date is the same
    "Ada     | 1978-11-02": False,  # a wrong date alone is no other person
    "Adda    | 1978-11-02": False,
    "A.      | 1978-11-02": False,
    "Eva Ada | 1978-11-02": False,
    "Ben     | 1980-05-27": False,  # one digit
    "Ben     | 1985-01-07": False,  # the same digits
    "Ben     | 1970-01-01": False,  # often no date at all
    "Ольга   | 1978-11-02": True,
    "        | 1978-11-02": False,
    "Ben     |           ": False,
}


def test_two_people_differ_in_given_name_and_birth_date_by_more_than_a_slip(spark: SparkSession):
    rows = "".join(
        f"""
        crm  | {n} | customer_number:a{n}, email:{n} | 2026-01-01 00:00:00 | Ada | 1980-05-17
        shop | {n} | customer_number:b{n}, email:{n} | 2026-01-05 00:00:00 | {other}
        """
        for n, other in enumerate(OTHERS)
    )
    found = {a: (b, day) for a, b, day, _ in pairs(apart(spark, rows))}
    assert found == {f"a{n}": (f"b{n}", 5) for n, are_two in enumerate(OTHERS.values()) if are_two}


def test_a_record_that_agrees_ends_it_from_its_day_on(spark: SparkSession):
    one_more = "shop | 3 | customer_number:ben, phone:p | 2026-01-{} 00:00:00 | Ada | 1980-05-17"
    assert pairs(apart(spark, ADA + BEN + one_more.format("09"))) == {("ada", "ben", 5, 9)}
    assert pairs(apart(spark, ADA + BEN + one_more.format("03"))) == set()


def test_two_numbers_of_one_source_or_of_one_record_are_no_question_here(spark: SparkSession):
    rows = """
        crm  | 1 | customer_number:ada, phone:p          | 2026-01-01 00:00:00 | Ada | 1980-05-17
        crm  | 2 | customer_number:ben, phone:p          | 2026-01-01 00:00:00 | Ben | 1978-11-02
        shop | 3 | customer_number:ada, email:e, phone:q | 2026-01-05 00:00:00 | Ada | 1980-05-17
        list | 4 | email:e, phone:q                      | 2026-01-05 00:00:00 | Eva | 1999-10-12
    """
    assert pairs(apart(spark, rows)) == set()


def test_a_corrected_telephone_still_belongs_to_another_person(spark: SparkSession):
    """From when the names on the record were known: what it said of a person before is not kept."""
    ben = "shop | 2 | customer_number:ben, phone:q | 2026-01-20 00:00:00 | Ben | 1978-11-02"
    former = "shop | 2 | customer_number:ben, phone:p | 2026-01-05 00:00:00 | 2026-01-20 00:00:00"
    found = resolved(spark, ADA + ben, former=former)
    assert now_and_at(found, datetime(2026, 1, 10)) == [{"ada p", "ben q"}, {"ada ben p"}]


STORED = """
    id_type_a       | id_key_a | id_type_b       | id_key_b | known_from
    customer_number | ada      | customer_number | ben      | 2026-01-05 00:00:00
"""


def test_a_later_change_makes_no_contradiction_younger_and_ends_one_that_it_takes_away(spark: SparkSession):
    stored = table(spark, IDENTITY_CONTRADICTION, STORED)

    def after(people: str) -> set[tuple[str, str, int, int | None]]:
        records = table(spark, PERSON_RECORD, COLUMNS + people)
        return pairs(since_first_found(apart(spark, people), stored, records, settings=SETTINGS))

    moved = BEN.replace("2026-01-05", "2026-01-20")
    assert after(ADA + moved) == {("ada", "ben", 5, None)}
    mended = moved.replace("Ben | 1978-11-02", "Ada | 1980-05-17")
    assert after(ADA + mended) == {("ada", "ben", 5, 20)}
    assert after(ADA) == set()


def test_a_placeholder_neither_ends_nor_prevents_a_contradiction(spark: SparkSession):
    unknown = "crm | 3 | customer_number:ada, phone:p | 2026-01-{} 00:00:00 | Ada | 1900-01-01"
    for day in ("01", "09"):
        assert pairs(apart(spark, ADA + BEN + unknown.format(day))) == {("ada", "ben", 5, None)}


def test_a_reviewer_knows_better_for_as_long_as_the_link_holds(spark: SparkSession):
    eve = (
        "club | 3 | customer_number:eve, loyalty_number:l, email:e | 2026-01-01 00:00:00 | Ada | 1980-05-17\n"
    )
    own = "shop | 4 | customer_number:ben, email:f | 2026-01-05 00:00:00 | Ben | 1978-11-02\n"
    people = ADA.replace("phone:p", "phone:p, email:e") + eve + BEN + own
    link = "d1 | link | customer_number | eve | email | f | 2026-02-01 00:00:00 |"
    found = resolved(spark, people, decisions=f"{link} 2026-02-20 00:00:00 |")
    days = (datetime(2026, 1, 31), datetime(2026, 2, 10), datetime(2026, 2, 25))
    two, one = {"ada e eve l p", "ben f"}, {"ada ben e eve f l p"}
    assert now_and_at(found, *days) == [two, two, one, two]


def test_a_link_within_one_person_lifts_nothing_and_links_in_a_chain_lift_all(spark: SparkSession):
    people = ADA.replace("phone:p", "phone:p, email:a") + BEN
    within = "d1 | link | customer_number | ada | email | a | 2026-02-01 00:00:00 | |"
    assert now_and_at(resolved(spark, people, decisions=within))[0] == {"a ada p", "ben"}
    other = "club | 3 | loyalty_number:l | 2026-01-01 00:00:00 | Eve | 1990-03-09\n"
    chain = """
        d1 | link | customer_number | ada | loyalty_number | l | 2026-02-01 00:00:00 | |
        d2 | link | customer_number | ben | loyalty_number | l | 2026-02-01 00:00:00 | |
    """
    assert now_and_at(resolved(spark, people + other, decisions=chain))[0] == {"a ada ben l p"}
