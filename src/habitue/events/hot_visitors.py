"""Visitors with very many events: parted where no island spans, so that no single task gets them whole.

First pass: only the first and the last instant of each hour are found, which is quick and adds up in any
order. An hour that begins later than the longest pause after the hour before it begins a part. Second pass:
the parts are worked off like visitors of their own. Any parting at pauses gives equal visits, so it does not
matter which visitors are taken for hot.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events.hits import VISITOR
from habitue.events.settings import SessionSettings
from habitue.events.visitor import attending

PART = "visitor_part"
_MARK = "_visitor_mark"


def hot_marks(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Digests of the visitors with more events than the settings call hot; few, whatever the data."""
    marks = events.select(_mark(settings).alias(_MARK)).groupBy(_MARK).agg(F.count("*").alias("events"))
    return marks.where(F.col("events") > settings.hot_visitor_events).select(_MARK)


def hour_parts(events: DataFrame, marks: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The part that each hour of a hot visitor belongs to, from 1. Grain: visitor and hour."""
    who, micros = attending(settings), F.unix_micros("event_time")
    rows = (
        events.withColumn(_MARK, _mark(settings))
        .join(F.broadcast(marks), on=_MARK, how="left_semi")
        .select(
            who["visitor_key"].alias("visitor_key"),
            who["visitor_type"].alias("visitor_type"),
            _hour().alias("hour"),
            micros.alias("micros"),
        )
    )
    hours = rows.groupBy(*VISITOR, "hour").agg(F.min("micros").alias("first"), F.max("micros").alias("last"))
    by_hour = Window.partitionBy(*VISITOR).orderBy("hour")
    pause = F.col("first") - F.lag("last").over(by_hour)
    is_apart = F.coalesce(pause > settings.rules.island_micros, F.lit(True))
    so_far = by_hour.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return hours.withColumn("is_apart", is_apart).select(
        *VISITOR, "hour", F.count_if("is_apart").over(so_far).alias(PART)
    )


def parted(events: DataFrame, parts: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The events with their part, 0 for visitors who are not hot."""
    who = attending(settings)
    own = parts.select(*(F.col(name).alias(f"_{name}") for name in (*VISITOR, "hour")), PART)
    same = [who[name] == F.col(f"_{name}") for name in VISITOR]
    hour = _hour() == F.col("_hour")
    found = events.join(F.broadcast(own), on=[*same, hour], how="left")
    return found.withColumn(PART, F.coalesce(PART, F.lit(0))).drop(*(f"_{n}" for n in (*VISITOR, "hour")))


def _hour() -> Column:
    """The hour that an event falls into, as seconds since 1970."""
    return F.unix_seconds(F.date_trunc("hour", "event_time"))


def _mark(settings: SessionSettings) -> Column:
    who = attending(settings)
    return F.xxhash64(who["visitor_key"], who["visitor_type"])
