"""Which person a session belongs to, and which rule says so."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import ATTRIBUTION, IDENTITY_MAP, SESSION
from habitue.contracts.entities import CONSENT, EVENT
from habitue.identity.attribution import attribute_sessions
from habitue.identity.consent import consented_visits, statements
from habitue.identity.settings import AttributionSettings, IdentitySettings
from tests.tables import assert_table, table

SETTINGS = IdentitySettings(attribution=AttributionSettings(last_login_minutes=60, backfill_days=30))
MAP = """
    id_type         | id_key | valid_from          | person_id | valid_to
    customer_number | ada    | 2026-01-01 00:00:00 | ADA       |
    customer_number | ben    | 2026-01-01 00:00:00 | BEN       |
    email           | e      | 2026-01-01 00:00:00 | EVE       | 2026-08-01 00:00:00
    email           | e      | 2026-08-01 00:00:00 | ADA       |
    anonymous_id    | c1     | 2026-03-01 00:00:00 | C1        | 2026-06-01 12:00:00
    anonymous_id    | c1     | 2026-06-01 12:00:00 | ADA       |
    anonymous_id    | c2     | 2026-06-01 00:00:00 | C2        |
    device_id       | tv     | 2026-06-01 00:00:00 | ADA       | 2026-06-05 09:00:00
    device_id       | tv     | 2026-06-05 09:00:00 | TV        |
"""


def test_logins_decide_then_the_device_and_history_only_within_its_window(spark: SparkSession):
    sessions = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        too old    | anonymous_id | c1          | 2026-04-01 10:00:00 | 2026-04-01 10:10:00 | 2026-04-01 10:10:00 |
        earlier    | anonymous_id | c1          | 2026-05-20 10:00:00 | 2026-05-20 10:10:00 | 2026-05-20 10:10:00 | anonymous_id:c1
        login      | anonymous_id | c1          | 2026-06-01 11:50:00 | 2026-06-01 12:00:00 | 2026-06-01 12:00:00 | anonymous_id:c1, customer_number:ada
        later      | anonymous_id | c1          | 2026-06-09 10:00:00 | 2026-06-09 10:10:00 | 2026-06-09 10:10:00 | anonymous_id:c1
        stranger   | anonymous_id | c2          | 2026-06-09 10:00:00 | 2026-06-09 10:10:00 | 2026-06-09 10:10:00 | anonymous_id:c2
        newsletter | anonymous_id | c2          | 2026-07-01 10:00:00 | 2026-07-01 10:10:00 | 2026-07-01 10:10:00 | email:e
        no cookie  | email        | e           | 2026-09-01 10:00:00 | 2026-09-01 10:10:00 | 2026-09-01 10:10:00 | email:e
    """
    found = attribute_sessions(
        table(spark, SESSION, sessions).withColumn("logins", _or_none()),
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        consented=spark.createDataFrame([("too old",), ("earlier",), ("stranger",)], "session_id string"),
    )
    assert_table(
        found,
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule      | valid_to
        too old    | 2026-04-01 10:10:00 | C1        | anonymous | 2026-06-01 12:00:00
        too old    | 2026-06-01 12:00:00 | C1        | anonymous |
        earlier    | 2026-05-20 10:10:00 | C1        | anonymous | 2026-06-01 12:00:00
        earlier    | 2026-06-01 12:00:00 | ADA       | backfill  |
        login      | 2026-06-01 12:00:00 | ADA       | login     |
        later      | 2026-06-09 10:10:00 | ADA       | device    |
        stranger   | 2026-06-09 10:10:00 | C2        | anonymous |
        newsletter | 2026-07-01 10:10:00 | EVE       | login     | 2026-08-01 00:00:00
        newsletter | 2026-08-01 00:00:00 | ADA       | login     |
        no cookie  | 2026-09-01 10:10:00 | ADA       | login     |
        """,
    )


def test_history_goes_to_a_login_only_where_the_browser_had_agreed_by_then(spark: SparkSession):
    """c1 logs in on 1 June. Its visits of May: before it agreed, after it did, after it withdrew, never asked."""
    sessions = table(
        spark,
        SESSION,
        """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        silent     | anonymous_id | c1          | 2026-05-10 10:00:00 | 2026-05-10 10:10:00 | 2026-05-10 10:10:00 |
        agreed     | anonymous_id | c1          | 2026-05-20 10:00:00 | 2026-05-20 10:10:00 | 2026-05-20 10:10:00 |
        withdrawn  | anonymous_id | c1          | 2026-05-28 10:00:00 | 2026-05-28 10:10:00 | 2026-05-28 10:10:00 |
        login      | anonymous_id | c1          | 2026-06-01 11:50:00 | 2026-06-01 12:00:00 | 2026-06-01 12:00:00 | customer_number:ada
        after      | anonymous_id | c1          | 2026-06-02 11:50:00 | 2026-06-02 12:00:00 | 2026-06-02 12:00:00 |
        """,
    ).withColumn("logins", _or_none())
    events = table(
        spark,
        EVENT,
        """
        event_id | visitor_type | visitor_key | event_time          | event_date | known_time          | consent
        1        | anonymous_id | c1          | 2026-05-20 10:05:00 | 2026-05-20 | 2026-05-20 10:05:00 | {"profiling":"granted"}
        2        | anonymous_id | c1          | 2026-05-20 10:06:00 | 2026-05-20 | 2026-05-20 10:06:00 | {"marketing":"denied"}
        """,
    )
    consents = table(
        spark,
        CONSENT,
        """
        consent_id | purpose   | channel | status    | given_time          | identifiers     | known_time
        1          | profiling | any     | withdrawn | 2026-05-28 09:00:00 | anonymous_id:c1 | 2026-05-28 09:00:00
        2          | marketing | any     | granted   | 2026-05-01 09:00:00 | anonymous_id:c1 | 2026-05-01 09:00:00
        """,
    )
    said = statements(consents, events, purpose="profiling")
    found = attribute_sessions(
        sessions,
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        consented=consented_visits(sessions, said),
    )
    rows = {r.session_id: (r.rule, r.person_id) for r in found.where("valid_to IS NULL").collect()}
    assert rows == {
        "silent": ("no_consent", "C1"),
        "agreed": ("backfill", "ADA"),
        "withdrawn": ("no_consent", "C1"),
        "login": ("login", "ADA"),
        "after": ("device", "ADA"),
    }


def test_on_a_shared_device_a_fresh_login_speaks_for_the_next_visit_and_nobody_else(spark: SparkSession):
    sessions = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        before     | device_id    | tv          | 2026-06-03 10:00:00 | 2026-06-03 10:10:00 | 2026-06-03 10:10:00 |
        ben        | device_id    | tv          | 2026-06-05 08:00:00 | 2026-06-05 09:00:00 | 2026-06-05 09:00:00 | customer_number:ben
        soon after | device_id    | tv          | 2026-06-05 09:59:00 | 2026-06-05 10:10:00 | 2026-06-05 10:10:00 |
        an hour    | device_id    | tv          | 2026-06-06 09:00:00 | 2026-06-06 09:10:00 | 2026-06-06 09:10:00 |
    """
    shared = table(spark, IDENTITY_MAP, "id_type | id_key\ndevice_id | tv").select("id_type", "id_key")
    shared = shared.withColumn("shared_at", F.lit(datetime(2026, 6, 5, 9)))
    found = attribute_sessions(
        table(spark, SESSION, sessions).withColumn("logins", _or_none()),
        table(spark, IDENTITY_MAP, MAP),
        shared,
        settings=SETTINGS,
    )
    assert_table(
        found.where("session_id <> 'before' OR valid_to IS NULL"),
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule       | valid_to
        before     | 2026-06-05 09:00:00 | TV        | anonymous  |
        ben        | 2026-06-05 09:00:00 | BEN       | login      |
        soon after | 2026-06-05 10:10:00 | BEN       | last_login |
        an hour    | 2026-06-06 09:10:00 | TV        | anonymous  |
        """,
    )


def _or_none():
    return F.coalesce("logins", F.from_json(F.lit("[]"), "array<struct<id_type:string,id_key:string>>"))
