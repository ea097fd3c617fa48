"""Bots: which events no person did, by pure rules on what the visitor sent. Flagged, never deleted."""

from __future__ import annotations

import re

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events.settings import BotSettings

USER_AGENT = "user_agent"
BURST = "burst"
DAY_VOLUME = "day_volume"


def user_agent_reason(user_agent: Column, *, settings: BotSettings) -> Column:
    """`user_agent` where the agent names itself a program, else null. An unknown agent proves nothing."""
    text = F.lower(user_agent)
    if settings.not_user_agents:
        text = F.regexp_replace(text, _any_of(settings.not_user_agents), "")
    return F.when(text.rlike(_any_of(settings.user_agents)), F.lit(USER_AGENT))


def flag_bots(events: DataFrame, *, settings: BotSettings) -> DataFrame:
    """Set `is_bot` and `bot_reason` by user agent and by rate. Takes whole days of silver.event rows.

    The rates look at one visitor on one UTC day: all events of that day are flagged when the visitor
    sent too many of them, or too many within a burst. So the flag depends on nothing but the visitor's
    events of that day, in whatever order they arrived; a burst across midnight counts on each side.
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
        user_agent_reason(F.col("device.user_agent"), settings=settings),
        F.when(in_burst, BURST),
        F.when(is_busy, DAY_VOLUME),
    )
    return (
        events.withColumn("_since", since)
        .withColumn("bot_reason", reason)
        .withColumn("is_bot", F.col("bot_reason").isNotNull())
        .drop("_since")
    )


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word.lower()) for word in words)
