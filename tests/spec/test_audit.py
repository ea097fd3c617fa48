"""What is checked over all tables before a run is published: each invariant finds what breaks it, and nothing else."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, SPLIT_ASSIGNMENT
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.stages import audit
from tests.tables import table


def found(rows: DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in rows.select(*columns).collect())


def test_rows_read_are_accounted_for_and_kept(spark: SparkSession) -> None:
    counts = table(spark, QUARANTINE_COUNT, """
        source | entity     | outcome     | reason_code   | row_count
        shop   | order_line | read        |               |        10
        shop   | order_line | good        |               |         7
        shop   | order_line | duplicate   |               |         2
        shop   | order_line | quarantined | missing_value |         1
        shop   | order_line | flagged     | dst_gap       |         5
        till   | order_line | read        |               |         4
        till   | order_line | good        |               |         4
        crm    | consent    | read        |               |         9
        crm    | consent    | good        |               |         8
        crm    | product    | read        |               |         3
        crm    | product    | good        |               |         3
    """)  # fmt: skip
    assert found(audit.unbalanced_sources(counts), "source", "entity") == [("crm", "consent")]
    kept = spark.createDataFrame(
        [("order_line", 11), ("consent", 8), ("product", 2), ("contact", 0), ("survey", 1)],
        "entity string, rows bigint",
    )
    assert found(audit.unkept_entities(counts, kept), "entity") == [("product",), ("survey",)]


def test_an_identifier_has_one_person_at_present(spark: SparkSession) -> None:
    identities = table(spark, IDENTITY_MAP, """
        id_type | id_key | person_id | valid_from          | valid_to
        email   | a      | ada       | 2024-01-01 00:00:00 | 2024-02-01 00:00:00
        email   | a      | ben       | 2024-02-01 00:00:00 |
        email   | b      | ben       | 2024-01-01 00:00:00 |
        email   | c      | cyd       | 2024-01-01 00:00:00 |
        email   | c      | dan       | 2024-02-01 00:00:00 |
        phone   | a      | ada       | 2024-01-01 00:00:00 |
    """)  # fmt: skip
    assert found(audit.shared_identifiers(identities), "id_type", "id_key") == [("email", "c")]


def test_a_person_has_one_profile_and_one_score_and_one_place_in_each_audience(spark: SparkSession) -> None:
    profile = table(spark, CUSTOMER_PROFILE, """
        as_of_date | person_id | is_suppressed
        2024-03-01 | ada       | false
        2024-03-01 | ben       | true
        2024-03-01 | cyd       | false
        2024-03-01 | cyd       | false
    """)  # fmt: skip
    score = table(spark, CUSTOMER_SCORE, """
        as_of_date | person_id
        2024-03-01 | ada
        2024-03-01 | cyd
        2024-03-01 | dan
    """)  # fmt: skip
    assert found(audit.repeated_keys(profile, CUSTOMER_PROFILE), "person_id") == [("cyd",)]
    assert found(audit.unscored(profile, score), "person_id") == [("ben",), ("cyd",), ("dan",)]
    member = table(spark, AUDIENCE_MEMBER, """
        as_of_date | audience | person_id | channels
        2024-03-01 | loyal    | ada       | ["email"]
        2024-03-01 | loyal    | ada       | []
        2024-03-01 | loyal    | ben       | ["email"]
        2024-03-01 | other    | ben       | []
    """)  # fmt: skip
    assert found(audit.repeated_keys(member, AUDIENCE_MEMBER), "person_id") == [("ada",)]
    assert found(audit.reached_suppressed(member, profile), "audience", "person_id") == [("loyal", "ben")]
    split = table(spark, SPLIT_ASSIGNMENT, """
        person_id | split  | split_group
        ada       | global | holdout
        ada       | global | treatment
        ben       | global | treatment
    """)  # fmt: skip
    assert found(audit.repeated_keys(split, SPLIT_ASSIGNMENT), "person_id") == [("ada",)]
