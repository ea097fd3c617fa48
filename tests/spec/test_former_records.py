"""Customer records that were corrected: what they stated holds on, until another record states it."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_EDGE
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.intake import FORMER_RECORD, PERSON_RECORD
from habitue.identity.edges import FORMERLY_STATED, STATED
from habitue.identity.former_records import former_records, removed_identifiers, with_own_ids
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.settings import IdentitySettings
from tests.spec.test_decisions import now_and_at
from tests.tables import assert_table, table

HEADER = "source | record_key | identifiers | known_time | row_hash\n"


def former(
    spark: SparkSession, *, records: str, present: str = "", before: str = "", repeats: str = ""
) -> DataFrame:
    return former_records(
        table(spark, CUSTOMER_RECORD, HEADER + records),
        table(spark, CUSTOMER_RECORD, HEADER + present),
        table(spark, FORMER_RECORD, "source | record_key | identifiers | known_time | ended_time\n" + before),
        table(spark, CUSTOMER_RECORD, HEADER + repeats).withColumns(
            {"_file": F.col("row_hash"), "_position": F.lit(0).cast("bigint")}
        ),
    )


def test_a_corrected_record_leaves_what_it_stated_and_one_that_came_again_nothing(spark: SparkSession):
    found = former(
        spark,
        present="""
        crm | 1 | customer_number:1, email:old | 2026-01-01 00:00:00 | a
        crm | 2 | customer_number:2, email:two | 2026-01-01 00:00:00 | b
        crm | 3 | customer_number:3            | 2026-01-01 00:00:00 | c
        """,
        records="""
        crm | 1 | customer_number:1, email:new | 2026-02-01 00:00:00 | x
        crm | 2 | customer_number:2, email:two | 2026-02-01 00:00:00 | b
        crm | 4 | customer_number:4            | 2026-02-01 00:00:00 | d
        """,
    )
    assert_table(
        found,
        FORMER_RECORD,
        """
        source | record_key | identifiers                  | known_time          | ended_time
        crm    | 1          | customer_number:1, email:old | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        """,
    )


def test_times_with_equal_identifiers_are_one_and_other_files_tell_of_them_too(spark: SparkSession):
    """A, A again after a move, nothing, B, and A once more: as the lake saw it day by day, or as one load sees it."""
    a, b = "customer_number:1, email:a", "customer_number:1, email:b"
    now = f"crm | 1 | {a} | 2026-04-01 00:00:00 | now"
    at_once = former(
        spark,
        records=now,
        repeats=f"""
        crm | 1 | {a} | 2026-01-01 00:00:00 | one
        crm | 1 | {a} | 2026-02-01 00:00:00 | two
        crm | 1 | []  | 2026-03-01 00:00:00 | three
        crm | 1 | {a} | 2026-03-03 00:00:00 | four, and in the same moment
        crm | 1 | {b} | 2026-03-03 00:00:00 | later in the file
        """,
    )
    day_by_day = former(
        spark,
        records=now,
        present=f"crm | 1 | {b} | 2026-03-03 00:00:00 | later in the file",
        before=f"""
        crm | 1 | {a} | 2026-01-01 00:00:00 | 2026-03-01 00:00:00
        crm | 1 | []  | 2026-03-01 00:00:00 | 2026-03-03 00:00:00
        """,
    )
    for found in (at_once, day_by_day):
        assert_table(
            found,
            FORMER_RECORD,
            f"""
            record_key | identifiers | known_time          | ended_time
            1          | {a}         | 2026-01-01 00:00:00 | 2026-03-01 00:00:00
            1          | []          | 2026-03-01 00:00:00 | 2026-03-03 00:00:00
            1          | {b}         | 2026-03-03 00:00:00 | 2026-04-01 00:00:00
            """,
        )


def test_a_record_that_has_or_had_no_identifier_stays_the_person_that_it_was(spark: SparkSession):
    lost, gained = (
        "list | 1 | record:1 | 2026-02-01 00:00:00 | b",
        "list | 2 | record:2 | 2026-01-01 00:00:00 | c",
    )
    before = "list | 1 | email:e | 2026-01-01 00:00:00 | a"
    assert_table(
        former(spark, records=lost, present=before),
        FORMER_RECORD,
        """
        record_key | identifiers       | known_time          | ended_time
        1          | email:e, record:1 | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        """,
    )
    # unless the value is another record's by now, from which it was taken wrongly
    another = f"{lost}\ncrm | 9 | customer_number:9, email:e | 2026-02-02 00:00:00 | z"
    (tied,) = former(spark, records=another, present=before).select("identifiers").collect()
    assert [i.id_type for i in tied.identifiers] == ["email"]
    to_come = table(
        spark,
        PERSON_RECORD,
        """
        source | record_key | record_id | identifiers
        list   | 1          | one       | email:e
        list   | 2          | two       | email:f
        """,
    )
    keyed = F.transform(
        "identifiers",
        lambda i: F.struct(
            i["id_type"].alias("id_type"), i["id_key"].alias("id_key"), F.lit("clear").alias("value")
        ),
    )
    states = [table(spark, CUSTOMER_RECORD, HEADER + rows) for rows in (before, gained)]
    found = with_own_ids(to_come.withColumn("_keyed", keyed), *states)
    assert {r.record_key: [tuple(i) for i in r._keyed] for r in found.collect()} == {
        "1": [("email", "e", "clear")],
        "2": [("email", "f", "clear"), ("record", "2", "list/two")],
    }


def test_a_delivery_that_is_taken_back_and_a_record_that_is_gone_leave_nothing(spark: SparkSession):
    found = former(
        spark,
        present="crm | 1 | email:wrong | 2026-03-01 00:00:00 | b",
        before="""
        crm | 1 | email:wronger | 2026-02-01 00:00:00 | 2026-03-01 00:00:00
        crm | 2 | email:gone    | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        """,
        records="crm | 1 | email:right | 2026-01-01 00:00:00 | a",
    )
    assert found.isEmpty()


def resolved(spark: SparkSession, records: str, corrected: str) -> Resolution:
    header = "source | identifiers | known_time"
    times = table(spark, FORMER_RECORD, f"{header} | ended_time\n{corrected}")
    return resolve_identity(
        {
            STATED: table(spark, CUSTOMER_RECORD, f"{header}\n{records}"),
            FORMERLY_STATED: times.withColumn("seen_until", F.col("ended_time")),
        },
        previous=None,
        settings=IdentitySettings(),
        checkpoint=lambda df: df.localCheckpoint(),
    )


def test_an_earlier_address_stays_with_its_owner_until_another_record_has_it(spark: SparkSession):
    """Ada has a new address; her old one is still hers, and ben has taken over the one that was handed on."""
    found = resolved(
        spark,
        """
        crm  | customer_number:ada, email:new | 2026-02-01 00:00:00
        crm  | customer_number:ben, email:on  | 2026-03-01 00:00:00
        shop | user_id:u, email:old           | 2026-01-05 00:00:00
        """,
        "crm | customer_number:ada, email:old, email:on | 2026-01-01 00:00:00 | 2026-02-01 00:00:00",
    )
    assert now_and_at(found, datetime(2026, 3, 1)) == [{"ada new old u", "ben on"}, {"ada new old on u"}]
    moved = "the record was corrected, and another one states the value"
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        f"""
        id_key_a | id_key_b | rule        | status   | last_seen           | reason
        ada      | new      | same_record | accepted | 2026-02-01 00:00:00 |
        ada      | old      | same_record | accepted | 2026-02-01 00:00:00 |
        ada      | on       | same_record | retired  | 2026-02-01 00:00:00 | {moved}
        ben      | on       | same_record | accepted | 2026-03-01 00:00:00 |
        old      | u        | same_record | accepted | 2026-01-05 00:00:00 |
        """,
    )


def test_a_typing_error_that_is_corrected_takes_nothing_from_the_owner(spark: SparkSession):
    """Ben's address stood on ada's record for a while: it is his for all times, and not shared."""
    found = resolved(
        spark,
        """
        crm | customer_number:ada, email:a | 2026-03-01 00:00:00
        crm | customer_number:ben, email:b | 2026-01-01 00:00:00
        """,
        "crm | customer_number:ada, email:b | 2026-02-01 00:00:00 | 2026-03-01 00:00:00",
    )
    assert now_and_at(found, datetime(2026, 2, 15)) == [{"a ada", "b ben"}, {"ada", "b ben"}]


def test_another_change_of_a_record_leaves_what_it_states_as_old_as_it_is(spark: SparkSession):
    """Ben moved house after he took ada's address over: the address is no younger for that, nor shared."""
    found = resolved(
        spark,
        "crm | customer_number:ben, email:e | 2026-04-01 00:00:00",
        """
        crm | customer_number:ada, email:e | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        crm | customer_number:ben, email:e | 2026-03-01 00:00:00 | 2026-04-01 00:00:00
        """,
    )
    at = datetime(2026, 3, 2), datetime(2026, 3, 1)
    assert now_and_at(found, *at) == [{"ada", "ben e"}, {"ada", "ben e"}, {"ada e"}]


def test_of_owners_who_all_were_corrected_the_last_keeps_the_value(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm | customer_number:ada | 2026-02-01 00:00:00
        crm | customer_number:ben | 2026-04-01 00:00:00
        """,
        """
        crm | customer_number:ada, email:e | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        crm | customer_number:ben, email:e | 2026-03-01 00:00:00 | 2026-04-01 00:00:00
        """,
    )
    assert now_and_at(found, datetime(2026, 2, 15)) == [{"ada", "ben e"}, {"ada e"}]


def test_an_address_is_removed_when_nothing_ties_it_to_anybody_any_more(spark: SparkSession):
    """Not e, which a lone contact names too; f stands on an order with a telephone, g on a record again."""
    former = """
        crm | customer_number:ada, email:e | 2026-01-01 00:00:00 | 2026-02-01 00:00:00
        crm | customer_number:ben, email:e | 2026-03-01 00:00:00 | 2026-04-01 00:00:00
        crm | customer_number:ben, email:f | 2026-03-01 00:00:00 | 2026-04-01 00:00:00
        crm | customer_number:ben, email:g | 2026-03-01 00:00:00 | 2026-04-01 00:00:00
        """
    present = """
        crm  | customer_number:ada          | 2026-02-01 00:00:00
        crm  | customer_number:ben, email:g | 2026-04-01 00:00:00
        """
    others = """
        mail | email:e                      | 2026-01-05 00:00:00
        shop | email:f, phone:p             | 2026-01-05 00:00:00
        """
    found = resolved(spark, present + others, former)
    header = "source | identifiers | known_time"
    removed = removed_identifiers(
        table(spark, FORMER_RECORD, f"{header} | ended_time\n{former}"),
        table(spark, CUSTOMER_RECORD, f"{header}\n{present}"),
        found.observations,
    )
    assert {(r.id_key, r.removed_at.month) for r in removed.collect()} == {("e", 4)}


def test_the_owner_of_another_source_takes_nothing_over(spark: SparkSession):
    """A number of the shop beside a number of the customer system may be one person's."""
    found = resolved(
        spark,
        "shop | customer_number:s1, email:e | 2026-03-01 00:00:00",
        "crm | customer_number:c1, email:e | 2026-01-01 00:00:00 | 2026-02-01 00:00:00",
    )
    assert now_and_at(found, datetime(2026, 3, 1)) == [{"c1 e s1"}, {"c1 e"}]
