"""Bots: which events no person did, by pure rules on what the visitor sent. Flagged, never deleted."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint, as_it_is
from habitue.events.settings import BotSettings

USER_AGENT = "user_agent"
BURST = "burst"
DAY_VOLUME = "day_volume"
LONG_SESSION = "long_session"
LISTED = "listed"  # an enrichment found it in a list of spiders and robots
_MICROS_PER_DAY = 86_400_000_000


def flag_bots(
    events: DataFrame,
    *,
    settings: BotSettings,
    checkpoint: Checkpoint = as_it_is,
) -> DataFrame:
    """Set `is_bot` and `bot_reason` by rate and length of visit. Takes all silver.event rows.

    A reason that a row has already (its source's list of robots, its user agent) stays. The rates look at one visitor
    on one UTC day: all events of that day are flagged when the visitor sent too many of them, or too many
    within a burst; a burst across midnight counts on each side. A session of the tracker's own that lasts
    too long is flagged whole. So the flag depends on nothing but the visitor's events, in whatever order
    they arrived.
    """
    days = checkpoint(_busy_days(events, settings, checkpoint))
    long = checkpoint(_long_sessions(events, settings))
    # few days and sessions are a program's, so that the joins carry almost nothing
    joined = events.join(days, on=list(_DAY), how="left").join(long, on=list(_SESSION), how="left")
    reason = F.coalesce(
        F.col("bot_reason"),
        F.when(F.col("_in_burst"), BURST),
        F.when(F.col("_is_busy"), DAY_VOLUME),
        F.when(F.col("_is_long"), LONG_SESSION),
    )
    flagged = joined.withColumn("bot_reason", reason).withColumn("is_bot", F.col("bot_reason").isNotNull())
    return flagged.select(*events.columns)


# the key of a visitor holds the type
_DAY = ("visitor_key", "event_date")
_SESSION = ("source", "visitor_key", "source_session_id")


def _busy_days(events: DataFrame, settings: BotSettings, checkpoint: Checkpoint) -> DataFrame:
    """Days of visitors with a burst or too many events. Of an event without a visitor no rate can be said.

    Only days with enough events for a burst are looked at event by event.
    """
    least = min(settings.burst_events, settings.day_events)
    known = events.where(F.col("visitor_key").isNotNull())
    many = checkpoint(
        known.groupBy(*_DAY).agg(F.count("event_id").alias("_events")).where(F.col("_events") > least)
    )
    narrow = known.select(*_DAY, "event_time", "event_id", F.unix_micros("event_time").alias("_micros"))
    in_order = Window.partitionBy(*_DAY).orderBy("event_time", "event_id")
    since = F.col("_micros") - F.lag("_micros", settings.burst_events).over(in_order)
    is_burst = F.coalesce(F.col("_since") <= settings.burst_seconds * 1_000_000, F.lit(False))
    return (
        narrow.join(many, on=list(_DAY), how="inner")
        .withColumn("_since", since)
        .groupBy(*_DAY)
        .agg(
            F.bool_or(is_burst).alias("_in_burst"),
            (F.max("_events") > settings.day_events).alias("_is_busy"),
        )
        .where("_in_burst OR _is_busy")
    )


def _long_sessions(events: DataFrame, settings: BotSettings) -> DataFrame:
    """The tracker's sessions that last longer than allowed, with `_is_long`; none where no length is set."""
    micros = F.unix_micros("event_time")
    lasted = F.max(micros) - F.min(micros)
    is_known = F.col("source_session_id").isNotNull() & F.col("visitor_key").isNotNull()
    spans = events.where(is_known & F.lit(settings.session_days > 0)).groupBy(*_SESSION)
    long = spans.agg(lasted.alias("_lasted")).where(
        F.col("_lasted") > settings.session_days * _MICROS_PER_DAY
    )
    return long.select(*_SESSION, F.lit(True).alias("_is_long"))
