"""Holdouts, splits, changes, funnel and overlap as text tables: what is kept for good, also when persons merge."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.audiences.changes import membership_changes, with_entry
from habitue.audiences.funnel import audience_funnel
from habitue.audiences.holdout import (
    HoldoutSettings,
    bucket,
    exposures,
    new_assignments,
    with_global_holdout,
    with_split,
)
from habitue.audiences.inheritance import carry_assignments, carry_members, successors, with_kinds
from habitue.audiences.overlap import audience_overlap
from habitue.contracts.behaviour import IDENTITY_CHANGE, IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_CHANGE, AUDIENCE_FUNNEL, AUDIENCE_MEMBER, SPLIT_ASSIGNMENT
from habitue.contracts.entities import CONSENT
from habitue.identity.settings import IdentitySettings
from habitue.privacy.consent import ConsentSettings, current_consent
from habitue.privacy.standing import inherited_unsubscribes
from tests.audience_files import audiences, bucket_of, definition
from tests.tables import assert_table, table

SALT = "global_holdout_v1"
DAY = date(2026, 7, 1)
RULE = {"field": "is_known", "eq": True}


def links(spark: SparkSession, text: str) -> DataFrame:
    return successors(table(spark, IDENTITY_CHANGE, text), checkpoint=lambda rows: rows.localCheckpoint())


MERGES = """
    old_person_id | new_person_id | changed_at          | cause
    --------------+---------------+---------------------+------
    p1            | p2            | 2026-06-02 00:00:00 | merge
    p2            | p3            | 2026-06-03 00:00:00 | merge
    p3            | p4            | 2026-06-03 00:00:00 | merge
    p8            | p9            | 2026-06-04 00:00:00 | erase
"""


MAP = """
    id_type         | id_key | person_id | valid_to
    ----------------+--------+-----------+---------
    customer_number | a      | p1        |
    customer_number | b      | p3        |
    anonymous_id    | tablet | p3        |
"""


def test_a_person_that_lives_on_after_a_split_keeps_its_audiences_and_an_ended_one_leaves_its_unsubscribes(
    spark: SparkSession,
) -> None:
    """p1 lost a tablet to p3 and lives on; p2 lost one to p1 long ago, and ended in p3 after the profile's day."""
    changes = table(
        spark,
        IDENTITY_CHANGE,
        """
        old_person_id | new_person_id | changed_at          | cause
        --------------+---------------+---------------------+------
        p1            | p3            | 2026-06-02 00:00:00 | split
        p2            | p1            | 2026-05-01 00:00:00 | split
        p2            | p3            | 2026-06-03 00:00:00 | merge
        """,
    )
    kinds = with_kinds(changes, table(spark, IDENTITY_MAP, MAP), since=datetime(2026, 6, 4, tzinfo=UTC))
    links = successors(kinds, checkpoint=lambda rows: rows.localCheckpoint(), within=("kind",))
    assert {tuple(r) for r in links.where("kind = 'ended' OR kind = 'recent'").collect()} == {
        ("ended", "p2", "p3"),
        ("recent", "p2", "p3"),
    }
    assert links.where("kind = 'every'").count() == 3
    ended = links.where("kind = 'ended'").drop("kind")
    before = spark.createDataFrame(
        [("a", "p1", DAY), ("a", "p2", DAY)], "audience string, person_id string, entered_at date"
    )
    assert {tuple(r)[:2] for r in carry_members(before, ended).collect()} == {("a", "p1"), ("a", "p3")}
    profile = spark.createDataFrame(
        [("p1", ["post"]), ("p2", ["email"]), ("p3", None)],
        "person_id string, unsubscribed_channels array<string>",
    )
    inherited = inherited_unsubscribes(profile, ended).collect()
    assert [tuple(r) for r in inherited] == [("p3", ["email"])]


def test_buckets_are_the_same_in_spark_and_python(spark: SparkSession) -> None:
    rows = spark.range(300).select(F.concat(F.lit("pérson-"), "id").alias("p"))
    for row in rows.select("p", bucket(F.col("p"), SALT).alias("b")).collect():
        assert row["b"] == bucket_of(row["p"], SALT)


def test_a_holdout_survives_every_merge_and_the_first_exposure_counts(spark: SparkSession) -> None:
    stored = table(
        spark,
        SPLIT_ASSIGNMENT,
        """
        person_id | split    | split_group | variant | assigned_at
        ----------+----------+-------------+---------+------------
        p1        | test/v1  | holdout     |         | 2026-03-01
        p4        | test/v1  | treatment   | A       | 2026-01-01
        p2        | other/v1 | treatment   | B       | 2026-02-01
        p4        | other/v1 | treatment   | A       | 2026-03-01
        p8        | test/v1  | holdout     |         | 2026-01-01
        """,
    )
    carried = carry_assignments(stored, links(spark, MERGES))
    assert_table(
        carried,
        SPLIT_ASSIGNMENT,
        """
        person_id | split    | split_group | variant | assigned_at
        ----------+----------+-------------+---------+------------
        p1        | test/v1  | holdout     |         | 2026-03-01
        p2        | test/v1  | holdout     |         | 2026-03-01
        p3        | test/v1  | holdout     |         | 2026-03-01
        p4        | test/v1  | holdout     |         | 2026-03-01
        p2        | other/v1 | treatment   | B       | 2026-02-01
        p3        | other/v1 | treatment   | B       | 2026-02-01
        p4        | other/v1 | treatment   | B       | 2026-02-01
        p8        | test/v1  | holdout     |         | 2026-01-01
        """,
    )
    nobody = carried.limit(0)
    written = new_assignments(nobody, carried, stored)
    assert_table(
        written.where("split = 'test/v1'"),
        SPLIT_ASSIGNMENT,
        """
        person_id | split_group
        ----------+------------
        p2        | holdout
        p3        | holdout
        p4        | holdout
        """,
    )


def test_stored_places_outlive_a_new_share_and_new_persons_are_drawn(spark: SparkSession) -> None:
    """c-2 has bucket 1029: once treated it stays so, though a share of 20 % would hold it out; c-1 has 2416."""
    split = {"salt": "test_v1", "holdout_pct": 0, "variants": {"A": 100}}
    defined = audiences({"a": definition("a", RULE, split=split), "b": RULE})
    stored = table(
        spark,
        SPLIT_ASSIGNMENT,
        f"""
        person_id | split                | split_group | variant | assigned_at
        ----------+----------------------+-------------+---------+------------
        c-2       | holdout_global/{SALT} | treatment   |         | 2026-01-01
        c-3       | holdout_global/{SALT} | holdout     |         | 2026-01-01
        c-1       | a/test_v1            | treatment   | old     | 2026-01-01
        """,
    )
    settings = HoldoutSettings(share=0.2, salt=SALT)
    persons = spark.createDataFrame([("c-1",), ("c-2",), ("c-3",), ("c-7",)], "person_id string")
    assert bucket_of("c-7", SALT) < 2000  # new, and drawn into the holdout
    placed = with_global_holdout(persons, stored, settings)
    members = with_split(
        placed.select(F.explode(F.array(F.lit("a"), F.lit("b"))).alias("audience"), "*"), stored, defined
    )
    assert_table(
        members,
        AUDIENCE_MEMBER,
        """
        audience | person_id | split_group | variant
        ---------+-----------+-------------+--------
        a        | c-1       | treatment   | old
        a        | c-2       | treatment   | A
        a        | c-3       | holdout     |
        a        | c-7       | holdout     |
        b        | c-1       | treatment   |
        b        | c-2       | treatment   |
        b        | c-3       | holdout     |
        b        | c-7       | holdout     |
        """,
    )
    assert_table(
        new_assignments(exposures(members, settings, as_of=DAY), stored, stored),
        SPLIT_ASSIGNMENT,
        f"""
        person_id | split                | split_group | variant | assigned_at
        ----------+----------------------+-------------+---------+------------
        c-1       | holdout_global/{SALT} | treatment   |         | 2026-07-01
        c-7       | holdout_global/{SALT} | holdout     |         | 2026-07-01
        c-2       | a/test_v1            | treatment   | A       | 2026-07-01
        """,
    )


def test_entry_is_kept_while_a_person_stays_also_under_a_new_id(spark: SparkSession) -> None:
    before = table(
        spark,
        AUDIENCE_MEMBER,
        """
        audience | person_id | entered_at
        ---------+-----------+-----------
        a        | p1        | 2026-01-01
        a        | p4        | 2026-02-01
        a        | gone      | 2026-01-01
        b        | stays     | 2026-03-01
        """,
    ).select("audience", "person_id", "entered_at")
    now = table(
        spark,
        AUDIENCE_MEMBER,
        """
        audience | person_id
        ---------+----------
        a        | p4
        a        | new
        b        | stays
        """,
    ).select("audience", "person_id")
    previous = carry_members(before, links(spark, MERGES))
    assert_table(
        with_entry(now, previous, as_of=DAY),
        AUDIENCE_MEMBER,
        """
        audience | person_id | entered_at
        ---------+-----------+-----------
        a        | p4        | 2026-01-01
        a        | new       | 2026-07-01
        b        | stays     | 2026-03-01
        """,
    )
    assert_table(
        membership_changes(now, previous, as_of=DAY),
        AUDIENCE_CHANGE,
        """
        as_of_date | audience | person_id | change
        -----------+----------+-----------+--------
        2026-07-01 | a        | new       | entered
        2026-07-01 | a        | gone      | left
        """,
    )


def test_the_funnel_says_at_which_step_and_why_members_are_lost(spark: SparkSession) -> None:
    statuses = "array<struct<channel:string,status:string>>"
    mail, post = [("email", "ok"), ("post", "no_address")], [("email", "no_consent"), ("post", "no_address")]
    rows = [
        ("a", "p1", "ok", None, mail),
        ("a", "p2", "no_consent", "no consent given", post),
        ("a", "p3", "suppressed", "suppressed: blocked", mail),
        ("a", "p4", "global_holdout", "in the global holdout", mail),
    ]
    schema = f"audience string, person_id string, outcome string, outcome_reason string, statuses {statuses}"
    members = spark.createDataFrame(rows, schema)
    assert_table(
        audience_funnel(members, audiences({"a": RULE, "empty": RULE}), as_of=DAY).replace("", "*"),
        AUDIENCE_FUNNEL,
        """
        audience | step       | channel | reason                     | person_count
        ---------+------------+---------+----------------------------+-------------
        a        | members    | *       | *                          | 4
        a        | suppressed | *       | suppressed: blocked        | 1
        a        | holdout    | *       | in the global holdout      | 1
        a        | no_consent | *       | no consent given           | 1
        a        | exportable | *       | *                          | 1
        a        | exportable | email   | *                          | 1
        a        | no_consent | email   | no consent given           | 1
        a        | no_address | post    | no address for the channel | 2
        empty    | members    | *       | *                          | 0
        empty    | exportable | *       | *                          | 0
        """,
    )


def test_overlaps_count_persons_of_both_audiences(spark: SparkSession) -> None:
    memberships = [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("b", "2"), ("a", "3"), ("c", "4")]
    pairs = audience_overlap(
        spark.createDataFrame(memberships, "audience string, person_id string")
    ).collect()
    found = {(p["audience_a"], p["audience_b"]): p["person_count"] for p in pairs}
    assert found == {("a", "b"): 2, ("a", "c"): 1, ("b", "c"): 1}


def test_a_grant_is_one_persons_and_an_objection_reaches_everybody_whom_it_names(spark: SparkSession) -> None:
    """k1 and k2 share an address, which is k1's. Words that nobody knows let no objection fall."""
    said = table(
        spark,
        CONSENT,
        """
        consent_id | identifiers                  | purpose    | channel    | status    | given_time          | known_time
        -----------+------------------------------+------------+------------+-----------+---------------------+--------------------
        1          | customer_number:k1           | marketing  | any        | denied    | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        2          | email:shared, customer_number:k2 | marketing | any     | granted   | 2026-03-01 00:00:00 | 2026-03-01 00:00:00
        3          | customer_number:k3           | marketing  | any        | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        4          | customer_number:k3           | marketing  | crm_email  | withdrawn | 2026-03-01 00:00:00 | 2026-03-01 00:00:00
        5          | customer_number:k4           | marketing  | post       | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        6          | customer_number:k4           | newsletter | post       | denied    | 2026-03-01 00:00:00 | 2026-03-01 00:00:00
        7          | customer_number:k5           | newsletter | crm_email  | granted   | 2026-03-01 00:00:00 | 2026-03-01 00:00:00
        8          | customer_number:k6           | marketing  | any        | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        9          | customer_number:k6           | marketing  | any        | withdrawn | 2026-07-01 14:00:00 | 2026-07-01 15:00:00
        """,
    )
    owners = table(
        spark,
        IDENTITY_MAP,
        """
        id_type         | id_key | person_id | valid_from
        ----------------+--------+-----------+--------------------
        customer_number | k1     | k1        | 2025-01-01 00:00:00
        email           | shared | k1        | 2025-01-01 00:00:00
        customer_number | k2     | k2        | 2025-01-01 00:00:00
        customer_number | k3     | k3        | 2025-01-01 00:00:00
        customer_number | k4     | k4        | 2025-01-01 00:00:00
        customer_number | k5     | k5        | 2025-01-01 00:00:00
        customer_number | k6     | k6        | 2025-01-01 00:00:00
        """,
    )
    now, settings = datetime(2026, 7, 1, tzinfo=UTC), ConsentSettings()
    rows = current_consent(said, owners, settings, at=now, identity=IdentitySettings()).collect()
    found = {r["person_id"]: r["consent"] for r in rows}

    def everywhere(status: str) -> dict[str, str]:
        return {f"marketing:{channel}": status for channel in settings.channels}

    assert found["k1"] == everywhere("denied")
    assert found["k2"] == everywhere("granted")
    assert found["k3"] == everywhere("withdrawn")
    assert found["k4"] == {f"{purpose}:post": "denied" for purpose in settings.purposes}
    assert found["k5"] == {"newsletter:crm_email": "granted"}  # opens nothing
    assert found["k6"] == everywhere(
        "withdrawn"
    )  # dated this afternoon by some clock, and nobody waits for that


def test_what_was_removed_from_all_records_grants_nothing_and_still_objects(spark: SparkSession) -> None:
    """Ada's record named ben's address for a while: his consent is not hers, and an objection is kept to be safe."""
    said = table(
        spark,
        CONSENT,
        """
        consent_id | identifiers | purpose   | channel | status  | given_time          | known_time
        1          | email:wrong | marketing | email   | granted | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        2          | email:wrong | marketing | post    | denied  | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        """,
    )
    owners = table(spark, IDENTITY_MAP, "id_type | id_key | person_id\nemail | wrong | ada")
    removed = table(spark, IDENTITY_MAP, "id_type | id_key\nemail | wrong", fill=False)
    [row] = current_consent(
        said,
        owners,
        ConsentSettings(),
        at=datetime(2026, 7, 1, tzinfo=UTC),
        identity=IdentitySettings(),
        removed=removed,
    ).collect()
    assert row["consent"] == {"marketing:post": "denied"}


def test_the_latest_consent_counts_whichever_identifier_it_came_with(spark: SparkSession) -> None:
    said = table(
        spark,
        CONSENT,
        """
        consent_id | identifiers  | purpose   | channel | status    | given_time          | known_time
        -----------+--------------+-----------+---------+-----------+---------------------+--------------------
        1          | email:e1     | marketing | email   | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        2          | phone:f1     | marketing | any     | withdrawn | 2026-02-01 00:00:00 | 2026-02-01 00:00:00
        3          | email:e1     | marketing | post    | granted   | 2026-03-01 00:00:00 | 2026-03-01 00:00:00
        4          | email:e2     | marketing | email   | granted   | 2026-02-01 00:00:00 | 2026-02-01 00:00:00
        5          | email:e2     | marketing | email   | denied    | 2026-02-01 00:00:00 | 2026-02-01 00:00:00
        6          | email:e3     | marketing | email   | granted   | 2026-02-01 00:00:00 | 2027-02-01 00:00:00
        7          | email:lost   | marketing | email   | granted   | 2026-02-01 00:00:00 | 2026-02-01 00:00:00
        """,
    )
    owners = table(
        spark,
        IDENTITY_MAP,
        """
        id_type | id_key | person_id | valid_from          | valid_to
        --------+--------+-----------+---------------------+--------------------
        email   | e1     | old       | 2025-01-01 00:00:00 | 2025-06-01 00:00:00
        email   | e1     | ada       | 2025-06-01 00:00:00 |
        phone   | f1     | ada       | 2025-01-01 00:00:00 |
        email   | e2     | ben       | 2025-01-01 00:00:00 |
        email   | e3     | cyd       | 2025-01-01 00:00:00 |
        """,
    )
    now = datetime(2026, 7, 1, tzinfo=UTC)
    found = {
        r["person_id"]: r["consent"]
        for r in current_consent(
            said, owners, ConsentSettings(), at=now, identity=IdentitySettings()
        ).collect()
    }
    withdrawn = {f"marketing:{channel}": "withdrawn" for channel in ConsentSettings().channels}
    assert found == {"ada": withdrawn | {"marketing:post": "granted"}, "ben": {"marketing:email": "denied"}}
