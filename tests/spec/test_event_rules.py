"""Clocks, repeats, bots and visitors: rules on events before they become visits."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.events.bots import flag_bots
from habitue.events.clock import corrected_time, is_too_early
from habitue.events.duplicates import fingerprint, mark_repeats
from habitue.events.repeated_orders import name_repeated_orders
from habitue.events.settings import BotSettings, ClockSettings, SessionSettings
from habitue.events.user_agent import is_program, read_agents
from habitue.events.visitor import visitor
from habitue.sources.event_rows import by_agent, with_agent
from tests.tables import assert_table, table

CLOCK = ClockSettings()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seconds_after_noon(time: datetime | None) -> float | None:
    return None if time is None else (time.replace(tzinfo=UTC) - NOON).total_seconds()


def clock_rows(spark: SparkSession, clocks: list[tuple[float | None, ...]]) -> list[Row]:
    """What each (original, sent, received, stated), in seconds after noon, is corrected to, in that order."""
    times = [tuple(None if c is None else NOON + timedelta(seconds=c) for c in row) for row in clocks]
    schema = "i int, original timestamp, sent timestamp, received timestamp, stated timestamp"
    df = spark.createDataFrame([(i, *row) for i, row in enumerate(times)], schema)
    names = ("original", "sent", "received", "stated")
    corrected = corrected_time(*(F.col(name) for name in names), settings=CLOCK)
    return df.select("i", corrected.alias("c")).orderBy("i").select("c.*").collect()


def test_the_skew_formula_its_clamp_and_missing_clocks(spark: SparkSession) -> None:
    cases: dict[tuple[float | None, ...], tuple[float | None, str | None]] = {
        (-3600, -3590, 5, None): (-5, "corrected"),  # the device is an hour slow, the event waited 10 s
        (7200, 7260, 5, -1): (-55, "corrected"),  # the device is fast; the formula beats the stated time
        (300, 0, 5, None): (305, "corrected"),  # 5 minutes ahead of the receipt are believed
        (300.000001, 0, 5, None): (5, "clamped"),
        (None, 0, 5, -7): (-7, "mapped"),
        (None, 0, 5, 306): (5, "clamped"),  # nor is what the source states believed beyond the receipt
        (None, None, None, 306): (306, "mapped"),
        (None, 0, 5, None): (5, "missing"),
        (-9, None, 5, None): (5, "missing"),
        (-9, -3, None, None): (-9, "missing"),
        (None, None, None, None): (None, None),
    }
    found = clock_rows(spark, list(cases))
    assert [(seconds_after_noon(r.event_time), r.time_quality) for r in found] == list(cases.values())


def test_a_clock_of_an_absurd_year_stops_nothing(spark: SparkSession) -> None:
    rows = [
        ("+290000-01-01", "-290000-01-01", "2026-03-01"),
        ("-290000-01-01", "+290000-01-01", "2026-03-01"),
    ]
    clocks = spark.createDataFrame(rows, "original string, sent string, received string")
    times = [F.col(name).cast("timestamp") for name in clocks.columns]
    found = corrected_time(*times, F.lit(None).cast("timestamp"), settings=CLOCK)
    assert clocks.select(found.alias("c")).where("c.event_time IS NOT NULL").count() == 0


def test_a_library_may_have_a_policy_of_its_own(spark: SparkSession) -> None:
    settings = ClockSettings(libraries={"early-sender": "device", "no-clock": "server"})
    cases = {
        # an hour offline: sent is stamped at once, so that the formula would lead to the receipt
        ("Early-Sender", 0, 1, 3600): (0, "device"),
        ("early-sender", 4000, 4001, 3600): (3600, "clamped"),
        ("early-sender", None, 1, 3600): (3600, "missing"),
        ("no-clock", 0, 1, 3600): (3600, "clamped"),
        ("another", 0, 1, 3600): (3599, "corrected"),
        (None, 0, 1, 3600): (3599, "corrected"),
    }
    rows = [
        (i, library, *(None if t is None else NOON + timedelta(seconds=t) for t in times))
        for i, (library, *times) in enumerate(cases)
    ]
    schema = "i int, library string, original timestamp, sent timestamp, received timestamp"
    clocks = [F.col(n) for n in ("original", "sent", "received")]
    time = corrected_time(*clocks, F.lit(None).cast("timestamp"), settings=settings, library=F.col("library"))
    found = (
        spark.createDataFrame(rows, schema).select("i", time.alias("c")).orderBy("i").select("c.*").collect()
    )
    assert [(seconds_after_noon(r.event_time), r.time_quality) for r in found] == list(cases.values())


def test_a_time_that_the_source_made_by_the_formula_is_believed_but_not_beyond_the_receipt(
    spark: SparkSession,
) -> None:
    cases = {
        (0, 1, 10, 9): (9, "corrected"),
        (0, 1, 10, 7): (7, "corrected"),
        (0, 1, 10, 400): (10, "clamped"),
        (0, 1, 10, None): (9, "corrected"),
        (None, None, 10, 10): (10, "missing"),
    }
    times = [tuple(None if c is None else NOON + timedelta(seconds=c) for c in row) for row in cases]
    schema = "i int, original timestamp, sent timestamp, received timestamp, stated timestamp"
    rows = spark.createDataFrame([(i, *row) for i, row in enumerate(times)], schema)
    clocks = [F.col(n) for n in ("original", "sent", "received", "stated")]
    time = corrected_time(*clocks, settings=CLOCK, is_computed=True)
    found = rows.select("i", time.alias("c")).orderBy("i").select("c.*").collect()
    assert [(seconds_after_noon(r.event_time), r.time_quality) for r in found] == list(cases.values())


def test_the_corrected_time_rises_with_the_receipt_and_is_never_far_beyond_it(spark: SparkSession) -> None:
    draw = random.Random(7)
    pairs = [(draw.randint(-(10**6), 10**6), draw.randint(-(10**6), 10**6)) for _ in range(200)]
    received = (0, 0.000001, 60)
    found = clock_rows(spark, [(original, sent, r, None) for original, sent in pairs for r in received])
    times = [seconds_after_noon(row.event_time) or 0.0 for row in found]
    for start, (original, sent) in zip(range(0, len(times), 3), pairs, strict=True):
        own = times[start : start + 3]
        assert own == sorted(own)
        assert all(time <= at + 300 for time, at in zip(own, received, strict=True))
        if original <= sent:
            assert own[0] == original - sent


def test_a_clock_before_the_floor_is_told_from_one_at_it(spark: SparkSession) -> None:
    times = spark.sql(
        "SELECT timestamp'1999-12-31 23:59:59.999999' AS t UNION ALL SELECT timestamp'2000-01-01'"
    )
    found = times.orderBy("t").select(is_too_early(F.col("t"), settings=CLOCK)).collect()
    assert [row[0] for row in found] == [True, False]


def with_clocks(rows: DataFrame) -> DataFrame:
    """Rows with the clocks that they do not have, empty."""
    times = ("event_time", "original_time", "received_time")
    clocks = {name: F.lit(None).cast("timestamp") for name in times if name not in rows.columns}
    return rows.withColumns({"time_quality": F.lit("missing")} | clocks | {n: F.col(n) for n in rows.columns})


def test_the_time_that_a_column_states_alone_is_content(spark: SparkSession) -> None:
    rows = [
        ("e1", "2026-03-01 10:00:00", "mapped", 0),
        ("e1", "2026-03-01 10:40:00", "mapped", 1),
        ("e1", "2026-03-01 10:40:00", "mapped", 2),
        ("e2", "2026-03-01 10:00:00", "missing", 3),  # the time of the delivery, say
        ("e2", "2026-03-01 10:40:00", "missing", 4),
    ]
    schema = "event_id string, event_time string, time_quality string, _position bigint"
    df = with_clocks(spark.createDataFrame(rows, schema)).withColumn("_file", F.lit("f"))
    marked = mark_repeats(df, fingerprint=fingerprint(df))
    survivors = {row["_position"] for row in marked.where("NOT _is_repeat").collect()}
    assert survivors == {0, 1, 3}


def test_the_first_received_of_equal_events_survives_and_different_ones_get_ids_of_their_own(
    spark: SparkSession,
) -> None:
    rows = [
        ("same", "page_viewed", "2026-03-01 10:00:09", "b", 0),
        ("same", "page_viewed", "2026-03-01 10:00:05", "c", 7),
        ("same", "page_viewed", "2026-03-01 10:00:05", "c", 2),
        ("shared", "page_viewed", "2026-03-01 10:00:00", "a", 0),
        ("shared", "product_viewed", "2026-03-01 10:00:00", "a", 1),
        ("shared", "product_viewed", None, "a", 2),
        ("alone", "page_viewed", None, "a", 3),
    ]
    schema = "event_id string, event_name string, received_time string, _file string, _position bigint"
    answers = []
    for arrived in (rows, rows[::-1]):
        df = with_clocks(spark.createDataFrame(arrived, schema))
        marked = mark_repeats(df, fingerprint=fingerprint(df)).collect()
        answers.append({(r["_file"], r["_position"]): (r.event_id, r["_is_repeat"]) for r in marked})
    found = answers[0]
    assert answers[1] == found
    survivors = {place for place, (_, is_repeat) in found.items() if not is_repeat}
    assert survivors == {("c", 2), ("a", 0), ("a", 1), ("a", 3)}
    assert {found[p][0] for p in (("b", 0), ("c", 7), ("c", 2))} == {"same"}
    assert found["a", 3][0] == "alone"
    assert len({"shared", found["a", 0][0], found["a", 1][0]}) == 3
    assert found["a", 1][0] == found["a", 2][0]


def test_of_two_loads_of_one_event_the_first_stays_whatever_the_files_are_called(spark: SparkSession) -> None:
    rows = [
        ("e", "2026-03-01 10:00:00", "2026-03-01 11:00:00", "a", 0),
        ("e", "2026-03-01 10:00:00", "2026-03-01 10:30:00", "b", 0),
    ]
    schema = "event_id string, received_time string, known_time string, _file string, _position bigint"
    df = with_clocks(spark.createDataFrame(rows, schema))
    [stays] = mark_repeats(df, fingerprint=fingerprint(df)).where("NOT _is_repeat").collect()
    assert stays["_file"] == "b"


def test_a_row_that_is_not_sound_hides_no_sound_one(spark: SparkSession) -> None:
    rows = [("same", "2026-03-01 10:00:00", 0, False), ("same", "2026-03-01 10:00:05", 1, True)]
    schema = "event_id string, received_time string, _position bigint, is_sound boolean"
    df = spark.createDataFrame(rows, schema).withColumn("_file", F.lit("f"))
    marked = mark_repeats(df, fingerprint=F.lit("x"), sound=F.col("is_sound"))
    assert {(r["_position"], r["_is_repeat"], r["event_id"]) for r in marked.collect()} == {
        (0, False, "same"),
        (1, False, "same"),
    }


def test_any_batches_order_and_repetition_of_deliveries_leave_the_same_events(
    spark: SparkSession, seeds: range
) -> None:
    """Many plans in one job: each has its own ids, told apart by the plan's number."""
    base = [
        (f"e{i % 40}", f"content{(i * 7) % 3 if i % 5 == 0 else 0}", 1000 + (i * 37) % 400, i)
        for i in range(120)
    ]
    rows = []
    for plan in range(200 if len(seeds) > 3 else 20):
        draw = random.Random(plan)
        drawn = base + draw.choices(base, k=draw.randint(0, 60)) if plan else list(base)
        draw.shuffle(drawn)
        batches = draw.randint(1, 50)
        for position, (event, content, received, sent) in enumerate(drawn):
            file = f"batch-{draw.randrange(batches):02d}"
            rows.append(
                (f"{plan}/{event}", content, NOON + timedelta(seconds=received), sent, file, position)
            )
    schema = "event_id string, content string, received_time timestamp, sent_time int, _file string, _position bigint"
    df = spark.createDataFrame(rows, schema)
    marked = mark_repeats(df, fingerprint=F.col("content")).where("NOT _is_repeat")
    plan = F.split("_tracker_id", "/")
    own_id = F.when(F.col("event_id") == F.col("_tracker_id"), "own").otherwise("derived")
    survivor = F.struct(plan[1].alias("event"), "content", "received_time", "sent_time", own_id.alias("id"))
    survivors = marked.groupBy(plan[0].alias("plan")).agg(
        F.to_json(F.array_sort(F.collect_list(survivor))).alias("events")
    )
    assert len({row["events"] for row in survivors.collect()}) == 1


def test_an_order_is_completed_once_by_its_first_event_whatever_the_visit(spark: SparkSession) -> None:
    rows = table(
        spark,
        EVENT,
        """
        source | event_id | event_name      | event_time          | event_sequence | order                 | visitor_key
        -------+----------+-----------------+---------------------+----------------+-----------------------+------------
        web    | z        | order_completed | 2026-03-01 10:00:00 | 0              | {"order_number": "1"}
        web    | a        | order_completed | 2026-03-01 10:00:00 | 1              | {"order_number": "1"}
        web    | b        | order_completed | 2026-03-05 10:00:00 | 0              | {"order_number": "1"}
        app    | c        | order_completed | 2026-03-05 10:00:00 | 0              | {"order_number": "1"}
        web    | d        | order_refunded  | 2026-03-05 10:00:00 | 0              | {"order_number": "1"}
        web    | e        | order_completed | 2026-03-05 10:00:00 | 0              | {"value": 5}
        web    | f        | order_completed | 2026-03-06 10:00:00 | 0              | {"value": 5}
        web    | server   | order_completed | 2026-03-07 09:59:58 | 0              | {"order_number": "2"} |
        web    | device   | order_completed | 2026-03-07 10:00:00 | 0              | {"order_number": "2"} | cookie
    """,
    )
    found = {r["event_id"]: r["event_name"] for r in name_repeated_orders(rows).collect()}
    assert found == {
        "z": "order_completed", "a": "order_repeated", "b": "order_repeated", "c": "order_completed",
        "d": "order_refunded", "e": "order_completed", "f": "order_completed",
        "server": "order_repeated", "device": "order_completed",
    }  # fmt: skip


def test_a_session_of_the_tracker_that_lasts_for_days_is_a_programs(spark: SparkSession) -> None:
    rows = table(
        spark,
        EVENT,
        """
        source | event_id | visitor_key | event_time          | event_date | source_session_id | bot_reason
        -------+----------+-------------+---------------------+------------+-------------------+-----------
        web    | a1       | a           | 2026-03-01 10:00:00 | 2026-03-01 | s                 |
        web    | a2       | a           | 2026-03-04 10:00:00 | 2026-03-04 | s                 |
        web    | b1       | b           | 2026-03-01 10:00:00 | 2026-03-01 | s                 |
        web    | b2       | b           | 2026-03-04 10:00:01 | 2026-03-04 | s                 |
        web    | b3       | b           | 2026-03-04 10:00:01 | 2026-03-04 | t                 |
        web    | c1       | c           | 2026-03-01 10:00:00 | 2026-03-01 |                   | listed
        web    | c2       | c           | 2026-03-09 10:00:00 | 2026-03-09 |                   |
    """,
    ).withColumn("visitor_type", F.lit("anonymous_id"))
    flagged = flag_bots(rows, settings=BotSettings()).where("is_bot").select("event_id", "bot_reason")
    assert {tuple(row) for row in flagged.collect()} == {
        ("b1", "long_session"), ("b2", "long_session"), ("c1", "listed"),
    }  # fmt: skip
    assert flag_bots(rows, settings=BotSettings(session_days=0)).where("is_bot").count() == 1


def test_bots_are_flagged_by_agent_burst_and_volume_of_a_day(spark: SparkSession) -> None:
    settings = BotSettings(burst_events=2, burst_seconds=10, day_events=3)
    rows = table(
        spark,
        EVENT,
        """
        event_id | visitor_key | event_time          | event_date | device
        ---------+-------------+---------------------+------------+----------------------------
        a1       | agent       | 2026-03-01 10:00:00 | 2026-03-01 | {"user_agent": "Googlebot"}
        a2       | agent       | 2026-03-01 11:00:00 | 2026-03-01 | {"user_agent": "Firefox"}
        b1       | burst       | 2026-03-01 10:00:00 | 2026-03-01 |
        b2       | burst       | 2026-03-01 10:00:05 | 2026-03-01 |
        b3       | burst       | 2026-03-01 10:00:10 | 2026-03-01 |
        b4       | burst       | 2026-03-02 10:00:00 | 2026-03-02 |
        s1       | slow        | 2026-03-01 10:00:00 | 2026-03-01 |
        s2       | slow        | 2026-03-01 10:00:05 | 2026-03-01 |
        s3       | slow        | 2026-03-01 10:00:11 | 2026-03-01 |
        d1       | day         | 2026-03-01 10:00:00 | 2026-03-01 |
        d2       | day         | 2026-03-01 11:00:00 | 2026-03-01 |
        d3       | day         | 2026-03-01 12:00:00 | 2026-03-01 |
        d4       | day         | 2026-03-01 13:00:00 | 2026-03-01 |
        n1       |             | 2026-03-01 10:00:00 | 2026-03-01 |
        n2       |             | 2026-03-01 10:00:00 | 2026-03-01 |
        n3       |             | 2026-03-01 10:00:00 | 2026-03-01 |
    """,
    )
    flagged = flag_bots(by_agent(with_agent(rows, bots=settings)), settings=settings).where("is_bot")
    assert {tuple(row) for row in flagged.select("event_id", "bot_reason").collect()} == {
        ("a1", "user_agent"), ("b1", "burst"), ("b2", "burst"), ("b3", "burst"),
        ("d1", "day_volume"), ("d2", "day_volume"), ("d3", "day_volume"), ("d4", "day_volume"),
    }  # fmt: skip


def test_a_phone_is_not_a_bot_for_its_name() -> None:
    agents = ("CUBOT_NOTE Mobile", "AhrefsBot", "a Cubot's Googlebot", "Mozilla/5.0")
    assert [is_program(agent, BotSettings()) for agent in agents] == [False, True, True, False]
    assert is_program("CUBOT_NOTE Mobile", BotSettings(not_user_agents=()))


def test_what_an_agent_tells_of_the_device() -> None:
    windows, android = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla/5.0 (Linux; Android 14; SM-X)"
    agents = {
        f"{windows} AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36": ("desktop", "chrome"),
        f"{windows} AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0": ("desktop", "edge"),
        f"{windows} AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0": ("desktop", "opera"),
        f"{windows} Gecko/20100101 Firefox/121.0": ("desktop", "firefox"),
        f"{android} AppleWebKit/537.36 SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36": ("mobile", "samsung"),
        f"{android} AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36": ("tablet", "chrome"),
        "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) CriOS/120.0 Mobile/15E148 Safari/604.1": ("tablet", "chrome"),
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1": ("mobile", "safari"),
        "ShopApp/3.1": ("desktop", None),
        "": (None, None),
    }  # fmt: skip
    told = read_agents(pa.array([*agents, None, *agents]), BotSettings()).to_pylist()
    found = [each and (each["device_type"], each["browser"]) for each in told]
    assert found == [*agents.values(), None, *agents.values()]


def test_a_stated_kind_of_device_is_believed_and_a_stated_browser_where_the_agent_names_none(
    spark: SparkSession,
) -> None:
    rows = table(
        spark,
        EVENT,
        """
        event_id | device
        ---------+----------------------------------------------------------------------
        stated   | {"type": "tv", "browser": "own", "user_agent": "Chrome/120.0 Mobile"}
        agent    | {"type": "smart fridge", "user_agent": "ShopApp Mobile"}
        own      | {"browser": "own", "user_agent": "ShopApp"}
        neither  | {"type": "smart fridge"}
        nothing  |
    """,
    )
    found = by_agent(with_agent(rows, bots=BotSettings())).select("event_id", "device.type", "device.browser")
    assert {row[0]: tuple(row)[1:] for row in found.collect()} == {
        "stated": ("tv", "chrome"), "agent": ("mobile", None), "own": ("desktop", "own"),
        "neither": ("smart fridge", None), "nothing": (None, None),
    }  # fmt: skip


def test_the_visitor_is_the_first_type_and_the_smallest_key(spark: SparkSession) -> None:
    rows = table(
        spark,
        EVENT,
        """
        event_id | identifiers
        ---------+---------------------------------------
        a        | anonymous_id:z, device_id:a, device_id:b
        b        | anonymous_id:y, anonymous_id:z, user_id:1
        c        | user_id:1
        d        |
    """,
    )
    own = visitor(F.col("identifiers"), settings=SessionSettings())
    named = [own[part].alias(part) for part in ("visitor_type", "visitor_key")]
    assert_table(
        rows.select("event_id", *named),
        EVENT,
        """
        event_id | visitor_type | visitor_key
        ---------+--------------+------------
        a        | device_id    | a
        b        | anonymous_id | y
        c        |              |
        d        |              |
    """,
    )
