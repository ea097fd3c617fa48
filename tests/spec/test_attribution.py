"""Which person a session belongs to, and which rule says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import ATTRIBUTION, FORMER_SESSION, IDENTITY_MAP, SESSION
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
    rows = table(spark, SESSION, sessions).withColumn("logins", _or_none())
    agreed = [(name, datetime(2026, 1, 1)) for name in ("too old", "earlier", "stranger")]
    found = attribute_sessions(
        rows,
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        consented=_agreed(rows, agreed),
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
        stranger   | 2026-06-09 10:10:00 | C2        | anonymous | 2026-07-01 10:10:00
        stranger   | 2026-07-01 10:10:00 | C2        | anonymous |
        newsletter | 2026-07-01 10:10:00 | EVE       | login     | 2026-08-01 00:00:00
        newsletter | 2026-08-01 00:00:00 | ADA       | login     |
        no cookie  | 2026-09-01 10:10:00 | ADA       | login     |
        """,
    )


def test_a_visit_belongs_to_somebody_as_it_was_known_before_a_late_event(spark: SparkSession):
    """The login of `visit` came three days late; `other` was two visits until an event between them came."""
    sessions = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        visit      | anonymous_id | c2          | 2026-07-01 10:00:00 | 2026-07-01 10:30:00 | 2026-07-04 09:00:00 | customer_number:ben
        other      | anonymous_id | c1          | 2026-07-01 10:00:00 | 2026-07-01 10:50:00 | 2026-07-04 09:00:00 |
    """
    former = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | superseded_time     | logins
        visit      | anonymous_id | c2          | 2026-07-01 10:00:00 | 2026-07-01 10:30:00 | 2026-07-01 10:30:00 | 2026-07-04 09:00:00 |
        other      | anonymous_id | c1          | 2026-07-01 10:00:00 | 2026-07-01 10:05:00 | 2026-07-01 10:05:00 | 2026-07-04 09:00:00 |
        second     | anonymous_id | c1          | 2026-07-01 10:45:00 | 2026-07-01 10:50:00 | 2026-07-01 10:50:00 | 2026-07-04 09:00:00 |
    """
    found = attribute_sessions(
        table(spark, SESSION, sessions).withColumn("logins", _or_none()),
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        former=table(spark, FORMER_SESSION, former).withColumn("logins", _or_none()),
    )
    assert_table(
        found.where("rule <> 'anonymous' OR person_id <> 'C1'"),
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule      | valid_to
        visit      | 2026-07-01 10:30:00 | C2        | anonymous | 2026-07-04 09:00:00
        visit      | 2026-07-04 09:00:00 | BEN       | login     |
        other      | 2026-07-01 10:05:00 | ADA       | device    | 2026-07-04 09:00:00
        other      | 2026-07-04 09:00:00 | ADA       | device    |
        second     | 2026-07-01 10:50:00 | ADA       | device    | 2026-07-04 09:00:00
        """,
    )


def test_a_login_of_a_former_visit_speaks_for_no_visit_of_now_that_it_is_not_in(spark: SparkSession):
    """Until the 14th `first` held a login, which is in `rest` since; its browser agreed after `first` of now had ended."""
    sessions = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        june       | anonymous_id | c1          | 2026-06-20 10:00:00 | 2026-06-20 10:05:00 | 2026-06-20 10:05:00 |
        first      | anonymous_id | c1          | 2026-07-10 10:00:00 | 2026-07-10 10:05:00 | 2026-07-14 09:00:00 |
        rest       | anonymous_id | c1          | 2026-07-10 10:20:00 | 2026-07-10 10:25:00 | 2026-07-14 09:00:00 | customer_number:ada
        before     | anonymous_id | c1          | 2026-07-09 10:00:00 | 2026-07-09 10:25:00 | 2026-07-14 09:00:00 | customer_number:ben
    """
    earlier = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | superseded_time     | logins
        first      | anonymous_id | c1          | 2026-07-10 10:00:00 | 2026-07-10 10:25:00 | 2026-07-10 10:25:00 | 2026-07-14 09:00:00 | customer_number:ada
        before     | anonymous_id | c1          | 2026-07-09 10:05:00 | 2026-07-09 10:10:00 | 2026-07-09 10:10:00 | 2026-07-14 09:00:00 | customer_number:ben
    """
    present = table(spark, SESSION, sessions).withColumn("logins", _or_none())
    former = table(spark, FORMER_SESSION, earlier).withColumn("logins", _or_none())
    granted = [("anonymous_id", "c1", datetime(2026, 7, 10, 10, 20), datetime(2026, 7, 10, 10, 20), True)]
    said = spark.createDataFrame(
        granted, "id_type string, id_key string, given_time timestamp, at timestamp, is_granted boolean"
    )
    consented = consented_visits(present.unionByName(former, allowMissingColumns=True), said)
    assert sorted((r.session_id, r.known_time.day) for r in consented.collect()) == [
        ("first", 10),
        ("rest", 14),
    ]
    found = attribute_sessions(
        present, table(spark, IDENTITY_MAP, MAP), None, settings=SETTINGS, consented=consented, former=former
    )
    assert_table(
        found.where("session_id IN ('first', 'rest')"),
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule   | valid_to
        first      | 2026-07-10 10:25:00 | ADA       | login  | 2026-07-14 09:00:00
        first      | 2026-07-14 09:00:00 | ADA       | device |
        rest       | 2026-07-14 09:00:00 | ADA       | login  |
        """,
    )
    alone = attribute_sessions(
        present.where("session_id <> 'before'"),
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        consented=consented,
        former=former.where("session_id <> 'before'"),
    )
    assert_table(
        alone.where("session_id IN ('first', 'june')"),
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule       | valid_to
        june       | 2026-06-20 10:05:00 | ADA       | device     | 2026-07-10 10:25:00
        june       | 2026-07-10 10:25:00 | C1        | no_consent |
        first      | 2026-07-10 10:25:00 | ADA       | login      | 2026-07-14 09:00:00
        first      | 2026-07-14 09:00:00 | C1        | no_consent |
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


def test_a_login_that_arrives_late_counts_from_its_arrival_on(spark: SparkSession):
    """A login of 10 May is known in July only, what `hesitant` agreed to in mid June."""
    sessions = """
        session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
        late       | anonymous_id | c1          | 2026-05-10 10:00:00 | 2026-05-10 10:10:00 | 2026-07-01 00:00:00 | customer_number:ada
        visit      | anonymous_id | c1          | 2026-05-20 10:00:00 | 2026-05-20 10:10:00 | 2026-05-20 10:10:00 |
        hesitant   | anonymous_id | c1          | 2026-05-21 10:00:00 | 2026-05-21 10:10:00 | 2026-05-21 10:10:00 |
        login      | anonymous_id | c1          | 2026-06-01 11:50:00 | 2026-06-01 12:00:00 | 2026-06-01 12:00:00 | customer_number:ada
    """
    agreed = [("visit", datetime(2026, 5, 20)), ("hesitant", datetime(2026, 6, 15))]
    rows = table(spark, SESSION, sessions).withColumn("logins", _or_none())
    found = attribute_sessions(
        rows,
        table(spark, IDENTITY_MAP, MAP),
        None,
        settings=SETTINGS,
        consented=_agreed(rows, agreed),
    )
    assert_table(
        found,
        ATTRIBUTION,
        """
        session_id | valid_from          | person_id | rule       | valid_to
        late       | 2026-07-01 00:00:00 | ADA       | login      |
        visit      | 2026-05-20 10:10:00 | C1        | anonymous  | 2026-06-01 12:00:00
        visit      | 2026-06-01 12:00:00 | ADA       | backfill   | 2026-07-01 00:00:00
        visit      | 2026-07-01 00:00:00 | ADA       | device     |
        hesitant   | 2026-05-21 10:10:00 | C1        | anonymous  | 2026-06-01 12:00:00
        hesitant   | 2026-06-01 12:00:00 | C1        | no_consent | 2026-06-15 00:00:00
        hesitant   | 2026-06-15 00:00:00 | ADA       | backfill   | 2026-07-01 00:00:00
        hesitant   | 2026-07-01 00:00:00 | ADA       | device     |
        login      | 2026-06-01 12:00:00 | ADA       | login      |
        """,
    )


def test_a_grant_counts_from_when_the_first_one_since_the_last_refusal_was_known(spark: SparkSession):
    sessions = """
        session_id | visitor_type | visitor_key | session_end
        twice      | anonymous_id | twice       | 2026-05-20 10:00:00
        again      | anonymous_id | again       | 2026-05-20 10:00:00
        refused    | anonymous_id | refused     | 2026-05-20 10:00:00
        later      | anonymous_id | later       | 2026-05-20 10:00:00
    """
    said = [
        ("twice", 1, 1, True), ("twice", 19, 61, True),  # a second grant, known late, takes nothing away
        ("again", 1, 1, True), ("again", 5, 90, False), ("again", 6, 40, True),  # a refusal known late, too
        ("refused", 1, 1, True), ("refused", 6, 6, True), ("refused", 6, 6, False),
        ("later", 25, 25, True),
    ]  # fmt: skip
    start = datetime(2026, 5, 1)
    rows = [
        ("anonymous_id", who, start + timedelta(days=given - 1), start + timedelta(days=at - 1), is_granted)
        for who, given, at, is_granted in said
    ]
    columns = "id_type string, id_key string, given_time timestamp, at timestamp, is_granted boolean"
    found = consented_visits(table(spark, SESSION, sessions), spark.createDataFrame(rows, columns)).collect()
    assert {row["session_id"]: row["agreed_at"] for row in found} == {
        "twice": datetime(2026, 5, 1), "again": datetime(2026, 6, 9),
    }  # fmt: skip


def test_as_of_any_time_it_says_what_would_have_been_said_then(spark: SparkSession):
    """Visits and logins of 150 browsers, each known up to 60 days late, at four times."""
    draw = Random(7)
    visits, persons, agreed = [], [], []
    for browser in range(150):
        made = _visits(draw, browser)
        first_known = min(known for *_, known in made)
        login = [known for *_, logins, known in made if logins]
        visits += made
        agreed += [
            (v[0], v[-1] + timedelta(days=draw.choice([0, 0, 15, 60]))) for v in made if draw.random() < 0.6
        ]
        switch = min(login, default=None)
        persons.append(("anonymous_id", f"b{browser}", first_known, f"anonymous {browser}", switch))
        if switch:
            persons.append(("anonymous_id", f"b{browser}", switch, f"known {browser}", None))
            persons.append(("customer_number", f"b{browser}", switch, f"known {browser}", None))
    columns = "session_id string, visitor_type string, visitor_key string, session_start timestamp, session_end timestamp"
    logins = "logins array<struct<id_type:string,id_key:string>>"
    sessions = spark.createDataFrame(visits, f"{columns}, {logins}, known_time timestamp")
    mapped = "id_type string, id_key string, valid_from timestamp, person_id string, valid_to timestamp"
    identity_map = spark.createDataFrame(persons, mapped)
    consented = _agreed(sessions, agreed)

    def said(before: datetime | None, at: datetime):
        known = sessions if before is None else sessions.where(F.col("known_time") < F.lit(before))
        map_ = identity_map if before is None else identity_map.where(F.col("valid_from") < F.lit(before))
        rows = attribute_sessions(known, map_, None, settings=SETTINGS, consented=consented)
        then = (F.col("valid_from") < F.lit(at)) & (
            F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(at))
        )
        return sorted(rows.where(then).select("session_id", "person_id", "rule").collect())

    for day in (40, 70, 100, 130):
        at = datetime(2026, 1, 1) + timedelta(days=day)
        found = said(None, at)
        assert found == said(at, at)
        assert {"login", "device", "backfill", "no_consent", "anonymous"} == {row.rule for row in found}


def _visits(draw: Random, browser: int) -> list[tuple]:
    made = []
    for number in range(draw.randint(2, 6)):
        start = datetime(2026, 1, 1) + timedelta(minutes=draw.randrange(90 * 1440))
        logins = [("customer_number", f"b{browser}")] if draw.random() < 0.25 else []
        known = start + timedelta(minutes=draw.randrange(10, 60 * 1440))
        end = start + timedelta(minutes=10)
        made.append((f"{browser}/{number}", "anonymous_id", f"b{browser}", start, end, logins, known))
    return made


def _agreed(sessions: DataFrame, agreed: list[tuple[str, datetime]]) -> DataFrame:
    """Since when it is known of which sessions that their visitor had agreed."""
    named = sessions.sparkSession.createDataFrame(agreed, "session_id string, agreed_at timestamp")
    return named.join(sessions.select("session_id", "known_time"), on="session_id")


def _or_none():
    return F.coalesce("logins", F.from_json(F.lit("[]"), "array<struct<id_type:string,id_key:string>>"))
