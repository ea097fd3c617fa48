"""Identity resolution in small tables: who is one person, since when, and why not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_CHANGE, IDENTITY_EDGE, IDENTITY_MAP
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.intake import PERSON_RECORD
from habitue.identity.as_of import identity_as_of
from habitue.identity.persons import born_id as spark_born_id
from habitue.identity.replay import born_id
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.settings import IdentitySettings
from tests.tables import assert_table, table


def resolved(
    spark: SparkSession,
    records: str,
    events: str = "",
    previous: DataFrame | None = None,
    person_records: DataFrame | None = None,
) -> Resolution:
    header = "source | identifiers | known_time\n"
    rows = {"same_record": table(spark, CUSTOMER_RECORD, header + records)}
    if events:
        rows["login"] = table(spark, CUSTOMER_RECORD, header + events)
    return resolve_identity(
        rows,
        previous=previous,
        settings=IdentitySettings(neighbours_percentile=0.5),
        checkpoint=_cut,
        person_records=person_records,
    )


def _cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def named(identity: DataFrame) -> DataFrame:
    """Person ids replaced by the identifier they were born from, to be readable."""
    names = identity.select(
        spark_born_id(F.col("id_type"), F.col("id_key")).alias("person_id"),
        F.col("id_key").alias("_name"),
    ).distinct()
    named_rows = identity.join(names, on="person_id", how="left")
    return named_rows.withColumn("person_id", F.coalesce("_name", "person_id"))


def test_a_person_grows_with_the_evidence_and_one_cookie_stays_alone(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm  | customer_number:ada, email:e1 | 2026-01-05 00:00:00
        shop | email:e1                      | 2026-01-01 00:00:00
        """,
        """
        web  | anonymous_id:c1                       | 2026-01-02 00:00:00
        web  | anonymous_id:c1, customer_number:ada  | 2026-01-09 00:00:00
        web  | anonymous_id:c1, customer_number:ada  | 2026-01-10 00:00:00
        web  | anonymous_id:c2                       | 2026-01-03 00:00:00
        """,
    )
    assert_table(
        named(found.resolved.identity_map),
        IDENTITY_MAP,
        """
        id_type         | id_key | valid_from          | person_id | valid_to
        customer_number | ada    | 2026-01-05 00:00:00 | e1        |
        email           | e1     | 2026-01-01 00:00:00 | e1        |
        anonymous_id    | c1     | 2026-01-02 00:00:00 | c1        | 2026-01-09 00:00:00
        anonymous_id    | c1     | 2026-01-09 00:00:00 | e1        |
        anonymous_id    | c2     | 2026-01-03 00:00:00 | c2        |
        """,
    )
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | rule        | status   | first_known         | observations | confidence
        ada      | e1       | same_record | accepted | 2026-01-05 00:00:00 | 1            | 0.99
        c1       | ada      | login       | accepted | 2026-01-09 00:00:00 | 2            | 0.95
        """,
    )
    at = identity_as_of(named(found.resolved.identity_map), datetime(2026, 1, 9, tzinfo=UTC))
    assert {r.id_key: r.person_id for r in at.collect()} == {"ada": "e1", "e1": "e1", "c1": "c1", "c2": "c2"}


def test_a_device_of_two_customers_links_nobody_from_the_second_login_on(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm | customer_number:ada | 2026-01-01 00:00:00
        crm | customer_number:ben | 2026-01-01 00:00:00
        """,
        """
        web | customer_number:ada, device_id:tv | 2026-01-02 00:00:00
        web | customer_number:ben, device_id:tv | 2026-01-07 00:00:00
        """,
    )
    found_map = found.resolved.identity_map
    tv = found_map.where("id_key = 'tv'").orderBy("valid_from").collect()
    assert [(r.valid_from.day, r.valid_to and r.valid_to.day) for r in tv] == [(2, 7), (7, None)]
    assert tv[0].person_id == born_id("customer_number", "ada")
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status  | reason
        ada      | tv       | refused | shared device_id: too many owners
        ben      | tv       | refused | shared device_id: too many owners
        """,
    )
    assert_table(
        found.resolved.changes,
        IDENTITY_CHANGE,
        """
        changed_at          | cause
        2026-01-07 00:00:00 | split
        """,
    )
    assert [r.id_key for r in found.shared.collect()] == ["tv"]


def test_a_household_phone_stays_with_the_first_customer_and_never_joins_two(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm | customer_number:ada, phone:p | 2026-01-01 00:00:00
        crm | customer_number:ben, phone:p | 2026-01-02 00:00:00
        """,
    )
    now = {r.id_key: r.person_id for r in found.resolved.identity_map.where("valid_to IS NULL").collect()}
    assert now["p"] == now["ada"] != now["ben"]
    reasons = [r.reason for r in found.resolved.edges.where("status = 'refused'").collect()]
    assert reasons == ["two values of customer_number from one source"]


def test_a_value_seen_with_too_many_names_or_neighbours_links_nobody_from_then_on(spark: SparkSession):
    at = "2026-01-01 00:00:00"
    people = [f"crm{i} | phone:p | Ada{i} | 2026-01-01 00:00:{i:02}" for i in range(21)]
    people += [f"crm{i} | phone:q | Ada{i % 20} | {at}" for i in range(40)]  # 20 names are still a family
    names = table(
        spark, PERSON_RECORD, "source | identifiers | given_name | known_time\n" + "\n".join(people)
    )
    records = [f"crm{i} | customer_number:c{i}, phone:p | {at}" for i in (0, 1)]
    records += [f"crm{i} | customer_number:d{i}, phone:q | {at}" for i in (0, 1)]
    records += [
        f"shop{i} | loyalty_number:l{i}, email:e | 2026-01-01 00:{i // 60:02}:{i % 60:02}" for i in range(101)
    ]
    found = resolved(spark, "\n".join(records), person_records=names)
    edges = {(r.id_key_a, r.id_key_b): r.reason for r in found.resolved.edges.collect()}
    assert {edges["c0", "p"], edges["c1", "p"]} == {"junk phone: seen with too many names"}
    assert {edges["d0", "q"], edges["d1", "q"]} == {None}
    assert {reason for (a, b), reason in edges.items() if "e" in (a, b)} == {
        "junk email: tied to too many identifiers"
    }
    ended = {r.id_key: (r.shared_at.minute, r.shared_at.second) for r in found.shared.collect()}
    assert ended == {"p": (0, 20), "e": (1, 40)}


def persons_now(found: Resolution) -> set[str]:
    """The identifiers of each person, as text."""
    by_person: dict[str, list[str]] = {}
    for row in found.resolved.identity_map.where("valid_to IS NULL").collect():
        by_person.setdefault(row.person_id, []).append(row.id_key)
    return {" ".join(sorted(keys)) for keys in by_person.values()}


def test_a_device_of_two_mailboxes_or_cards_is_shared_and_joins_no_family(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm  | customer_number:1, email:ada | 2026-01-01 00:00:00
        """,
        """
        web  | anonymous_id:home, email:ada              | 2026-01-02 00:00:00
        web  | anonymous_id:home, email:ben              | 2026-01-03 00:00:00
        app  | device_id:tv, user_id:u1, loyalty_number:l1 | 2026-01-02 00:00:00
        app  | device_id:tv, user_id:u2, loyalty_number:l2 | 2026-01-03 00:00:00
        """,
    )
    assert persons_now(found) == {"1 ada", "ben", "home", "l1 u1", "l2 u2", "tv"}
    assert {r.id_key: r.shared_at.day for r in found.shared.collect()} == {"home": 3, "tv": 3}


def test_two_mailboxes_that_one_record_ties_share_a_device_as_one(spark: SparkSession):
    logins = """
        web | anonymous_id:c, email:old | 2026-01-02 00:00:00
        web | anonymous_id:c, email:new | 2026-01-03 00:00:00
    """
    together = resolved(spark, "shop | email:old, email:new | 2026-01-01 00:00:00", logins)
    assert persons_now(together) == {"c new old"}
    too_late = resolved(spark, "shop | email:old, email:new | 2026-01-09 00:00:00", logins)
    assert persons_now(too_late) == {"c", "new old"}  # a state never depends on what came later


def test_two_mailboxes_of_one_customer_share_a_device_as_one(spark: SparkSession):
    found = resolved(
        spark,
        "crm | customer_number:1, email:a, email:b | 2026-01-01 00:00:00",
        """
        web | anonymous_id:c, email:a | 2026-01-02 00:00:00
        web | anonymous_id:c, email:b | 2026-01-03 00:00:00
        """,
    )
    assert persons_now(found) == {"1 a b c"}


def test_an_account_that_was_renamed_is_one_owner_of_its_cookie(spark: SparkSession):
    found = resolved(
        spark,
        "web | user_id:before                | 2026-01-01 00:00:00",
        """
        web | anonymous_id:c, user_id:before                | 2026-01-02 00:00:00
        web | anonymous_id:c, user_id:after, user_id:before | 2026-01-03 00:00:00
        web | anonymous_id:c, user_id:after                 | 2026-01-04 00:00:00
        """,
    )
    assert persons_now(found) == {"after before c"}
    assert found.shared.isEmpty()


def test_a_number_that_guests_are_booked_on_is_nobody_and_takes_no_mailbox_away(spark: SparkSession):
    """Ada, customer 1, buys as a guest before it is known what 9999 is, and Cleo, customer 2, after."""
    guests = [
        f"shop | customer_number:9999, email:g{i} | 2026-01-02 00:{i // 60:02}:{i % 60:02}"
        for i in range(101)
    ]
    customers = """
        shop | customer_number:1, email:ada     | 2026-01-01 00:00:00
        shop | customer_number:2, email:cleo    | 2026-01-01 00:00:00
        shop | customer_number:9999, email:ada  | 2026-01-01 12:00:00
        shop | customer_number:9999, email:cleo | 2026-01-03 00:00:00
    """
    found = resolved(spark, customers + "\n".join(guests))
    ended = {r.id_key: (r.shared_at.day, r.why) for r in found.shared.collect()}
    assert ended == {
        "ada": (1, "shared email: too many owners"),
        "9999": (2, "junk customer_number: tied to too many identifiers"),
    }
    assert {"2 cleo", "9999", "ada", "1", "g0", "g100"} <= persons_now(found)


def test_numbers_of_two_sources_may_belong_to_one_person(spark: SparkSession):
    found = resolved(
        spark,
        """
        crm  | customer_number:ada, email:e | 2026-01-01 00:00:00
        shop | customer_number:s1, email:e  | 2026-01-02 00:00:00
        """,
    )
    assert len({r.person_id for r in found.resolved.identity_map.where("valid_to IS NULL").collect()}) == 1


def test_without_any_edge_every_identifier_is_a_person_and_keeps_its_id(spark: SparkSession):
    rows = """
        cj | customer_number:1 | 2026-01-01 00:00:00
        cj | customer_number:1 | 2026-01-05 00:00:00
        cj | customer_number:2 | 2026-01-03 00:00:00
    """
    first = resolved(spark, rows)
    assert not first.has_edges and first.identifier_count == 2
    again = resolved(spark, rows, previous=first.resolved.identity_map)
    assert sorted(again.resolved.identity_map.collect()) == sorted(first.resolved.identity_map.collect())
    assert again.resolved.changes.isEmpty()


def test_history_that_arrives_later_keeps_the_person_id(spark: SparkSession):
    first = resolved(spark, "shop | email:e | 2026-01-05 00:00:00")
    later = "crm | customer_number:ada, email:e | 2020-01-01 00:00:00\nshop | email:e | 2026-01-05 00:00:00"
    again = resolved(spark, later, previous=first.resolved.identity_map)
    person = first.resolved.identity_map.collect()[0].person_id
    assert {r.person_id for r in again.resolved.identity_map.collect()} == {person}


def test_the_id_of_a_new_person_is_the_same_in_spark_and_in_python(spark: SparkSession):
    rows = spark.range(1).select(spark_born_id(F.lit("email"), F.lit("kä1")))
    assert rows.collect()[0][0] == born_id("email", "kä1")


@pytest.mark.parametrize("name", ["owner_types", "anonymous_types"])
def test_a_type_that_is_not_ranked_is_refused(name: str):
    with pytest.raises(ValueError, match="shoe_size: not in priority"):
        IdentitySettings(**{name: ("shoe_size",)})
