"""What reviewers decide, in small tables: a link, two identifiers kept apart, a blocked one, and their ends."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_EDGE, IDENTITY_MAP, IDENTITY_OVERRIDE, MATCH_REVIEW
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.identity.as_of import identity_as_of, identity_now
from habitue.identity.audit import violations
from habitue.identity.circumstances import Circumstances
from habitue.identity.decisions import as_evidence
from habitue.identity.pauses import without
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.review import waiting
from habitue.identity.settings import IdentitySettings
from tests.tables import assert_table, table

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RECORDS = """
    source | identifiers                  | known_time
    crm    | customer_number:ada, email:e | 2026-01-01 00:00:00
    crm    | customer_number:ben, email:f | 2026-01-01 00:00:00
    shop   | loyalty_number:l, email:f    | 2026-01-02 00:00:00
    shop   | email:g                      | 2026-01-03 00:00:00
"""
HEADER = "decision_id | kind | id_type_a | id_key_a | id_type_b | id_key_b | decided_at | expires_at | withdrawn_at"


def resolved(
    spark: SparkSession, decisions: str, *, now: datetime = NOW, previous: DataFrame | None = None
) -> Resolution:
    rows = table(spark, IDENTITY_OVERRIDE, f"{HEADER}\n{decisions}") if decisions else None
    held = None if rows is None else as_evidence(rows, now).localCheckpoint()
    found = resolve_identity(
        {"same_record": table(spark, CUSTOMER_RECORD, RECORDS)},
        previous=previous,
        settings=IdentitySettings(),
        checkpoint=lambda df: df.localCheckpoint(),
        circumstances=Circumstances(decisions=held),
    )
    checks = violations(
        found.resolved.identity_map,
        found.resolved.edges,
        found.resolved.changes,
        found.sightings,
        previous=previous,
        settings=IdentitySettings(),
        circumstances=Circumstances(decisions=held),
    )
    assert not any(checks.values()), checks
    return found


def groups(identity: DataFrame) -> set[str]:
    rows = identity.groupBy("person_id").agg(
        F.concat_ws(" ", F.array_sort(F.collect_list("id_key"))).alias("g")
    )
    return {r.g for r in rows.collect()}


def now_and_at(found: Resolution, *moments: datetime) -> list[set[str]]:
    identity = found.resolved.identity_map
    return [groups(identity_now(identity)), *(groups(identity_as_of(identity, at)) for at in moments)]


def causes(found: Resolution) -> set[str]:
    return {r.cause for r in found.resolved.changes.where("changed_at >= '2026-02-01'").collect()}


def test_a_link_joins_from_its_day_on_and_ends_with_its_expiry_or_withdrawal(spark: SparkSession):
    link = "d1 | link | email | e | email | g | 2026-02-01 00:00:00 |"
    apart, joined = {"ada e", "ben f l", "g"}, {"ada e g", "ben f l"}
    found = resolved(spark, f"{link} 2027-01-01 00:00:00 |")
    assert now_and_at(found, datetime(2026, 1, 31), datetime(2026, 2, 2)) == [joined, apart, joined]
    assert causes(found) == {"manual"}
    assert_table(
        found.resolved.edges.where("rule = 'manual'"),
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status   | reason | source   | first_known         | confidence
        e        | g        | accepted |        | reviewer | 2026-02-01 00:00:00 | 1.0
        """,
    )
    ended = resolved(spark, f"{link} | 2026-02-10 00:00:00", previous=found.resolved.identity_map)
    assert now_and_at(ended, datetime(2026, 2, 2)) == [apart, joined]
    row = ended.resolved.edges.where("rule = 'manual'").collect()[0]
    assert (row.status, row.reason) == ("retired", "the reviewer's decision has ended")
    again = resolved(
        spark,
        f"{link} | 2026-02-10 00:00:00\nd2 | link | email | e | email | g | 2026-02-20 00:00:00 | |",
    )
    assert now_and_at(again, datetime(2026, 2, 2), datetime(2026, 2, 15)) == [joined, joined, apart]


def test_a_link_never_joins_two_numbers_of_one_source(spark: SparkSession):
    found = resolved(spark, "d1 | link | email | e | email | f | 2026-02-01 00:00:00 | |")
    assert now_and_at(found) == [{"ada e", "ben f l", "g"}]
    row = found.resolved.edges.where("rule = 'manual'").collect()[0]
    assert (row.status, row.reason) == ("refused", "two values of customer_number from one source")
    unlinked = resolved(
        spark,
        """
        d1 | link   | email           | e   | email | f | 2026-02-01 00:00:00 | |
        d2 | unlink | customer_number | ben | email | f | 2026-02-02 00:00:00 | |
        """,
    )
    assert now_and_at(unlinked) == [{"ada e f l", "ben", "g"}]


def test_an_unlink_parts_two_identifiers_for_good_and_its_withdrawal_joins_them_again(spark: SparkSession):
    unlink = "d1 | unlink | customer_number | ben | loyalty_number | l | 2026-02-01 00:00:00 |"
    parted, whole = {"ada e", "ben f", "g", "l"}, {"ada e", "ben f l", "g"}
    found = resolved(spark, f"{unlink} |")
    assert now_and_at(found, datetime(2026, 1, 31)) == [parted, whole]
    assert causes(found) == {"manual"}
    refused = found.resolved.edges.where("status = 'refused'").collect()
    assert [(r.id_key_a, r.id_key_b, r.reason) for r in refused] == [("f", "l", "kept apart by a reviewer")]
    once = resolved(spark, "")
    kept = {r.id_key: r.person_id for r in identity_now(once.resolved.identity_map).collect()}
    after = resolved(spark, f"{unlink} |", previous=once.resolved.identity_map)
    now = {r.id_key: r.person_id for r in identity_now(after.resolved.identity_map).collect()}
    assert now["ben"] == kept["ben"] and now["l"] != kept["l"]  # the stronger part keeps the id
    back = resolved(spark, f"{unlink} | 2026-02-10 00:00:00", previous=found.resolved.identity_map)
    assert now_and_at(back, datetime(2026, 2, 5)) == [whole, parted]


def test_a_blocked_identifier_keeps_no_link_while_the_block_lasts(spark: SparkSession):
    block = "d1 | block | email | f | | | 2026-02-01 00:00:00 |"
    blocked, whole = {"ada e", "ben", "f", "l", "g"}, {"ada e", "ben f l", "g"}
    found = resolved(spark, f"{block} 2026-02-20 00:00:00 |", now=datetime(2026, 2, 10, tzinfo=UTC))
    assert now_and_at(found, datetime(2026, 1, 31)) == [blocked, whole]
    assert causes(found) == {"manual"}
    reasons = {(r.id_key_a, r.id_key_b): r.reason for r in found.resolved.edges.collect()}
    assert reasons == {
        ("ada", "e"): None,
        ("ben", "f"): "blocked by a reviewer",
        ("f", "l"): "blocked by a reviewer",
    }
    later = resolved(spark, f"{block} 2026-02-20 00:00:00 |", previous=found.resolved.identity_map)
    assert now_and_at(later, datetime(2026, 2, 5)) == [whole, blocked]


def test_decisions_on_identifiers_that_are_not_known_do_nothing(spark: SparkSession):
    found = resolved(
        spark,
        """
        d1 | link   | email | e      | email | nobody | 2026-02-01 00:00:00 | |
        d2 | unlink | email | nobody | email | x      | 2026-02-01 00:00:00 | |
        d3 | block  | email | nobody |       |        | 2026-02-01 00:00:00 | |
        d4 | link   | email | e      | email | g      | 2026-09-01 00:00:00 | |
        """,
    )
    assert now_and_at(found) == [{"ada e", "ben f l", "g"}]


def test_without_any_other_edge_a_link_still_joins(spark: SparkSession):
    rows = "source | identifiers | known_time\nshop | email:e | 2026-01-01 00:00:00\nweb | email:g | 2026-02-05 00:00:00"
    held = as_evidence(
        table(
            spark, IDENTITY_OVERRIDE, f"{HEADER}\nd1 | link | email | e | email | g | 2026-02-01 00:00:00 | |"
        ),
        NOW,
    )
    found = resolve_identity(
        {"same_record": table(spark, CUSTOMER_RECORD, rows)},
        previous=None,
        settings=IdentitySettings(),
        checkpoint=lambda df: df.localCheckpoint(),
        circumstances=Circumstances(decisions=held.localCheckpoint()),
    )
    assert now_and_at(found) == [{"e g"}]


def test_spans_less_gaps_are_what_remains(spark: SparkSession):
    cases = [
        ([(1, 9)], [(3, 5)], [(1, 3), (5, 9)]),
        ([(1, 9)], [(0, 2), (8, 12)], [(2, 8)]),
        ([(1, 9)], [(2, 6), (4, 7), (6, 7)], [(1, 2), (7, 9)]),
        ([(1, 9)], [(0, 99)], []),
        ([(1, 3), (5, 9)], [(2, 6)], [(1, 2), (6, 9)]),
    ]
    rows = [(i, a, b) for i, (a, b, _) in enumerate(cases)]
    span = "array<struct<start:int,end:int>>"
    df = spark.createDataFrame(rows, f"i int, spans {span}, gaps {span}")
    found = df.orderBy("i").select(without(F.col("spans"), F.col("gaps")).alias("left")).collect()
    assert [[(p.start, p.end) for p in r.left] for r in found] == [left for _, _, left in cases]


def test_what_was_settled_since_waits_for_no_eye_any_more(spark: SparkSession) -> None:
    """Records 1 and 2 came to one person by an identifier, a reviewer keeps 1 and 3 apart; 4 has no identifier."""
    reviews = table(
        spark,
        MATCH_REVIEW,
        """
        record_key_a | record_key_b | source_a | source_b | probability | status | reason
        1            | 2            | crm      | shop     | 0.9         | review | not sure
        1            | 3            | crm      | shop     | 0.8         | review | not sure
        2            | 3            | shop     | shop     | 0.8         | refused | two numbers
        3            | 4            | shop     | shop     | 0.7         | review | not sure
        """,
    )
    records = table(
        spark,
        CUSTOMER_RECORD,
        """
        source | record_key | identifiers                  | known_time
        crm    | 1          | customer_number:ada, phone:p | 2026-01-01 00:00:00
        shop   | 2          | email:e                      | 2026-01-01 00:00:00
        shop   | 3          | email:f, phone:p             | 2026-01-01 00:00:00
        shop   | 4          |                              | 2026-01-01 00:00:00
        """,
    )
    identity = table(
        spark,
        IDENTITY_MAP,
        """
        id_type         | id_key | person_id | valid_from
        customer_number | ada    | ada       | 2026-01-01 00:00:00
        phone           | p      | ada       | 2026-01-01 00:00:00
        email           | e      | ada       | 2026-01-02 00:00:00
        email           | f      | ben       | 2026-01-01 00:00:00
        """,
    )

    def pairs(decisions: str) -> set[tuple[str, str]]:
        held = as_evidence(table(spark, IDENTITY_OVERRIDE, f"{HEADER}\n{decisions}"), NOW)
        found = waiting(reviews, records, identity, held, settings=IdentitySettings())
        return {(r.record_key_a, r.record_key_b) for r in found.collect()}

    apart = "d1 | unlink | customer_number | ada | email | f | 2026-02-01 00:00:00 | | {}"
    assert pairs(apart.format("")) == {("3", "4")}
    assert pairs(apart.format("2026-02-10 00:00:00")) == {("1", "3"), ("3", "4")}
