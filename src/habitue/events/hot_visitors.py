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
_MICROS_PER_HOUR = 3_600_000_000


def hot_marks(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Digests of the visitors with more events than the settings call hot; few, whatever the data."""
    marks = (
        events.select(_mark(attending(settings)).alias(_MARK))
        .groupBy(_MARK)
        .agg(F.count("*").alias("events"))
    )
    return marks.where(F.col("events") > settings.hot_visitor_events).select(_MARK)


def hot_marks_of_touched(instants: DataFrame, replaced: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The same of events that are read again, without a look at them: those of visits made anew, and what changed.

    Changed events of one instant count once: whether somebody is taken for hot decides no result.
    """
    counts = instants.select(*VISITOR, F.lit(1).alias("events")).unionByName(
        replaced.select(*VISITOR, F.col("event_count").alias("events"))
    )
    sums = counts.groupBy(*VISITOR).agg(F.sum("events").alias("events"))
    visitor = F.struct(*VISITOR)
    return sums.where(F.col("events") > settings.hot_visitor_events).select(_mark(visitor).alias(_MARK))


def hour_parts(events: DataFrame, marks: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The part that each hour of a hot visitor belongs to, from 1. Grain: visitor and hour."""
    who = attending(settings)
    rows = (
        events.withColumn(_MARK, _mark(who))
        .join(F.broadcast(marks), on=_MARK, how="left_semi")
        .select(
            who["visitor_key"].alias("visitor_key"),
            who["visitor_type"].alias("visitor_type"),
            F.unix_micros("event_time").alias("micros"),
        )
    )
    hours = rows.groupBy(*VISITOR, _hour().alias("hour")).agg(
        F.min("micros").alias("first"), F.max("micros").alias("last")
    )
    by_hour = Window.partitionBy(*VISITOR).orderBy("hour")
    pause = F.col("first") - F.lag("last").over(by_hour)
    is_apart = F.coalesce(pause > settings.rules.island_micros, F.lit(True))
    so_far = by_hour.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return hours.withColumn("is_apart", is_apart).select(
        *VISITOR, "hour", F.count_if("is_apart").over(so_far).alias(PART)
    )


def parted(hits: DataFrame, parts: DataFrame) -> DataFrame:
    """The narrow rows of `hits` with their part, 0 for visitors who are not hot."""
    placed = hits.withColumn("hour", _hour())
    found = placed.join(F.broadcast(parts), on=[*VISITOR, "hour"], how="left")
    return found.select(*hits.columns, F.coalesce(PART, F.lit(0)).alias(PART))


def _hour() -> Column:
    """The hour that an event falls into, counted from 1970; needs its `micros`."""
    return F.expr(f"micros div {_MICROS_PER_HOUR}")


def _mark(who: Column) -> Column:
    return F.xxhash64(who["visitor_key"], who["visitor_type"])
