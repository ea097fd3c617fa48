"""What is kept of former visits is what a lake of the day before had said, for events that become known in any order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import FORMER_SESSION
from habitue.events.sessionize import former, present, sessions_with_events
from habitue.events.settings import SessionSettings
from habitue.identity.attribution import attribute_sessions
from habitue.identity.settings import AttributionSettings, IdentitySettings
from tests.jobs.test_sessionize_increment import DAY, EVERY_RULE, ZONE, event_rows, plan

CUTS = 12
# of orders in visits of other islands it is not known since when they are
NOT_COMPARED = ("row_hash", "superseded_time", "session_id", "abandoned_at")


def random_lake(seeds: range) -> list[tuple[object, ...]]:
    """Events known at once, a little later, after midnight or days later."""
    draw = random.Random(len(seeds))
    rows = []
    for seed in range(8 * len(seeds)):
        for planned in plan(seed, 1):
            event, visitor, micros, *rest, _ = planned.row
            late = draw.choice((0, 0, 2_000_000, DAY // 3, DAY, 5 * DAY))
            rows.append((event, visitor or "none", micros, *rest[:-1], False, micros + late))
    return rows


@pytest.mark.parametrize(
    "settings",
    [*(SessionSettings(preset=preset) for preset in ("ga4", "adobe", "mapp", "source")), EVERY_RULE],
    ids=["ga4", "adobe", "mapp", "source", "ua with every rule"],
)
def test_visits_as_known_at_a_cut_are_those_of_the_events_known_before_it(
    spark: SparkSession, seeds: range, settings: SessionSettings
) -> None:
    rows = random_lake(seeds)
    events = event_rows(spark, rows).localCheckpoint()
    cuts = spark.createDataFrame([(cut,) for cut in _cuts(rows)], "cut timestamp").localCheckpoint()

    made = sessions_with_events(events, settings=settings, zone=ZONE).localCheckpoint()
    seen = made.join(cuts, on=F.col("known_time") < F.col("cut")).where(
        "superseded_time IS NULL OR superseded_time >= cut"
    )
    # the lake of each cut has visitors of its own
    apart = F.concat_ws("@", F.unix_micros("cut").cast("string"), "visitor_key")
    of_then = events.join(cuts, on=F.col("known_time") < F.col("cut")).withColumn("visitor_key", apart)
    then = present(sessions_with_events(of_then.drop("cut"), settings=settings, zone=ZONE))

    assert made.where("superseded_time IS NOT NULL").count() > 50
    assert _rows(seen.withColumn("visitor_key", apart)) == _rows(then)


def test_who_a_visit_belonged_to_at_a_cut_is_what_the_lake_of_then_said(
    spark: SparkSession, seeds: range
) -> None:
    """Persons are known all along; what becomes known are visits and the logins in them."""
    rows = random_lake(seeds)
    events = event_rows(spark, rows).localCheckpoint()
    cuts = spark.createDataFrame([(cut,) for cut in _cuts(rows)], "cut timestamp").localCheckpoint()
    known_then = events.join(cuts, on=F.col("known_time") < F.col("cut"))
    micros = F.unix_micros("cut").cast("string")
    apart = known_then.withColumn("visitor_key", F.concat_ws("@", micros, "visitor_key")).drop("cut")

    now = _owned(events).join(cuts).withColumn("visitor_key", F.concat_ws("@", micros, "visitor_key"))
    then = _owned(apart).join(cuts, on=F.substring_index("visitor_key", "@", 1) == micros)
    found, expected = (_at_cut(owned) for owned in (now, then))
    assert found == expected
    assert {row[-1] for row in found} == {"login", "device", "backfill", "anonymous"}


def _owned(events: DataFrame) -> DataFrame:
    """All forms of visits with whom they belong to, and from when to when."""
    made = sessions_with_events(events, settings=SessionSettings(), zone=ZONE).localCheckpoint()
    seed = F.regexp_extract("visitor_key", r"plan(\d+)-", 1)
    since = F.lit("2000-01-01").cast("timestamp").alias("valid_from")
    never = F.lit(None).cast("timestamp").alias("valid_to")
    devices = made.where(seed != "").select(
        "visitor_type", "visitor_key", F.concat(seed, F.lit("x")).alias("person_id"), since, never
    )
    logins = made.select(F.inline("logins")).where("id_type = 'user_id'")
    identity_map = (
        logins.select("id_type", "id_key", F.col("id_key").alias("person_id"), since, never)
        .union(devices)
        .distinct()
    )
    settings = IdentitySettings(attribution=AttributionSettings(backfill_purpose=None))
    attribution = attribute_sessions(
        present(made), identity_map, None, settings=settings, former=former(made)
    )
    visits = made.select("session_id", "visitor_key", "session_start", "known_time", "superseded_time")
    return visits.join(attribution, on="session_id")


def _at_cut(owned: DataFrame) -> list[tuple[object, ...]]:
    """Visits that are seen at the cut, with their owner where it is a known person."""
    seen = owned.where(
        "known_time < cut AND (superseded_time IS NULL OR superseded_time >= cut) "
        "AND valid_from < cut AND (valid_to IS NULL OR valid_to >= cut)"
    )
    person = F.when(F.col("rule") != "anonymous", F.col("person_id"))
    columns = ("visitor_key", "session_start", person.alias("person"), "rule")
    return sorted(map(tuple, seen.select(*columns).collect()), key=str)


def _cuts(rows: list[tuple[object, ...]]) -> list[datetime]:
    """Midnights in the zone behind days on which something became known."""
    known = {
        datetime.fromtimestamp(int(str(row[-1])) // 1_000_000, UTC).astimezone(ZoneInfo(ZONE)).date()
        for row in rows
    }
    days = random.Random(1).sample(sorted(known), CUTS)
    return [datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(ZONE)) for day in days]


def _rows(visits: DataFrame) -> list[str]:
    names = [name for name in FORMER_SESSION.column_names if name not in NOT_COMPARED]
    text = F.to_json(F.struct(*names), {"ignoreNullFields": "false"})
    return sorted(row[0] for row in visits.select(text).collect())
