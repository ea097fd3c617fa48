"""Bots: which events no person did, by pure rules on what the visitor sent. Flagged, never deleted."""

from __future__ import annotations

import re

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events.settings import BotSettings

USER_AGENT = "user_agent"
BURST = "burst"
DAY_VOLUME = "day_volume"
LONG_SESSION = "long_session"
LISTED = "listed"  # an enrichment found it in a list of spiders and robots
_MICROS_PER_DAY = 86_400_000_000


def user_agent_reason(user_agent: Column, *, settings: BotSettings) -> Column:
    """`user_agent` where the agent names itself a program, else null. An unknown agent proves nothing."""
    text = F.lower(user_agent)
    if settings.not_user_agents:
        text = F.regexp_replace(text, _any_of(settings.not_user_agents), "")
    return F.when(text.rlike(_any_of(settings.user_agents)), F.lit(USER_AGENT))


def flag_bots(events: DataFrame, *, settings: BotSettings) -> DataFrame:
    """Set `is_bot` and `bot_reason` by user agent, rate and length of visit. Takes all silver.event rows.

    A reason that the source gives (an enrichment's list of robots) stays. The rates look at one visitor
    on one UTC day: all events of that day are flagged when the visitor sent too many of them, or too many
    within a burst; a burst across midnight counts on each side. A session of the tracker's own that lasts
    too long is flagged whole. So the flag depends on nothing but the visitor's events, in whatever order
    they arrived.
    """
    # an event without a visitor is a group of its own: no rate can be said of it
    day = Window.partitionBy("visitor_type", F.coalesce("visitor_key", "event_id"), "event_date")
    in_order = day.orderBy("event_time", "event_id")
    whole = day.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    micros = F.unix_micros("event_time")
    since = micros - F.lag(micros, settings.burst_events).over(in_order)
    in_burst = F.max(F.coalesce(F.col("_since") <= settings.burst_seconds * 1_000_000, F.lit(False))).over(
        whole
    )
    is_busy = F.count("event_id").over(whole) > settings.day_events
    reason = F.coalesce(
        F.col("bot_reason"),
        user_agent_reason(F.col("device.user_agent"), settings=settings),
        F.when(in_burst, BURST),
        F.when(is_busy, DAY_VOLUME),
        F.when(F.col("_is_long"), LONG_SESSION),
    )
    return (
        _with_long_sessions(events, settings)
        .withColumn("_since", since)
        .withColumn("bot_reason", reason)
        .withColumn("is_bot", F.col("bot_reason").isNotNull())
        .drop("_since", "_is_long")
    )


def _with_long_sessions(events: DataFrame, settings: BotSettings) -> DataFrame:
    """Add `_is_long`: whether the tracker's session of an event lasts longer than allowed."""
    if not settings.session_days:
        return events.withColumn("_is_long", F.lit(False))
    key = ("source", "visitor_type", "visitor_key", "source_session_id")
    micros = F.unix_micros("event_time")
    lasted = F.max(micros) - F.min(micros)
    known = events.where(F.col("source_session_id").isNotNull() & F.col("visitor_key").isNotNull())
    spans = known.groupBy(*key).agg(lasted.alias("_lasted"))
    long = spans.where(F.col("_lasted") > settings.session_days * _MICROS_PER_DAY)
    # few visits are that long, so that the join carries almost nothing
    return (
        events.join(long, on=list(key), how="left")
        .withColumn("_is_long", F.col("_lasted").isNotNull())
        .drop("_lasted")
    )


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word.lower()) for word in words)
