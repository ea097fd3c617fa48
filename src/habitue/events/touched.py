"""What a change of events touches: the islands that hold a new, vanished or altered event, and nothing else.

Stored visits of a visitor and the events that changed are laid on one line of time. Where they lie no further
apart than the longest pause of an island, they belong together; a group with a changed event is read again
from the first of its instants to the last. One such widening is enough, since an event that did not change
lies within a stored visit. No look-back decides what is right.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events.hits import VISITOR
from habitue.events.settings import SessionSettings
from habitue.events.visitor import attending

READ = ("event_id", "event_time", "visitor_type", "visitor_key", "identifiers", "row_hash")
"""Columns of silver.event that a change is seen in."""


def changed_instants(changes: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Visitors and instants whose events differ; takes rows that came (`change` 1) and went (-1).

    A row that went in one file and came in another has not changed. Grain: visitor and instant.
    """
    who = attending(settings)
    rows = changes.select(
        who["visitor_key"].alias("visitor_key"),
        who["visitor_type"].alias("visitor_type"),
        F.unix_micros("event_time").alias("micros"),
        "event_id",
        "row_hash",
        "change",
    )
    return (
        rows.groupBy(*VISITOR, "micros", "event_id", "row_hash")
        .agg(F.sum("change").alias("change"))
        .where("change != 0")
        .select(*VISITOR, "micros")
        .distinct()
    )


def visits_of(visitors: DataFrame, visits: DataFrame) -> DataFrame:
    """The stored visits of these visitors."""
    return visits.join(visitors.select(*VISITOR).distinct(), on=list(VISITOR), how="left_semi")


def touched_spans(instants: DataFrame, stored: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """From when to when each visitor's events are to be read again: `from_micros`, `to_micros`.

    `stored` are all visits of these visitors. Grain: island, as it was or will be.
    """
    visits = stored.select(
        *VISITOR,
        F.unix_micros("session_start").alias("from_micros"),
        F.unix_micros("session_end").alias("to_micros"),
        F.lit(False).alias("is_change"),
    )
    changes = instants.select(
        *VISITOR,
        F.col("micros").alias("from_micros"),
        F.col("micros").alias("to_micros"),
        F.lit(True).alias("is_change"),
    )
    by_time = Window.partitionBy(*VISITOR).orderBy("from_micros", "to_micros", "is_change")
    so_far = F.max("to_micros").over(by_time.rowsBetween(Window.unboundedPreceding, -1))
    is_apart = F.coalesce(F.col("from_micros") - so_far > settings.rules.island_micros, F.lit(True))
    up_to_here = by_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        visits.unionByName(changes)
        .withColumn("is_apart", is_apart)
        .withColumn("island", F.count_if("is_apart").over(up_to_here))
        .groupBy(*VISITOR, "island")
        .agg(
            F.min("from_micros").alias("from_micros"),
            F.max("to_micros").alias("to_micros"),
            F.bool_or("is_change").alias("is_touched"),
        )
        .where("is_touched")
        .select(*VISITOR, "from_micros", "to_micros")
    )


def events_within(events: DataFrame, spans: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The events of the spans' visitors within them."""
    who, micros = attending(settings), F.unix_micros("event_time")
    own = spans.select(*(F.col(name).alias(f"_{name}") for name in spans.columns))
    same = [who[name] == F.col(f"_{name}") for name in VISITOR]
    return events.join(own, on=[*same, *_holds(micros, micros)], how="left_semi")


def visits_within(stored: DataFrame, spans: DataFrame) -> DataFrame:
    """The stored visits that lie in the spans: those made anew."""
    own = spans.select(*(F.col(name).alias(f"_{name}") for name in spans.columns))
    same = [F.col(name) == F.col(f"_{name}") for name in VISITOR]
    held = _holds(F.unix_micros("session_start"), F.unix_micros("session_end"))
    return stored.join(own, on=[*same, *held], how="left_semi")


def others(stored: DataFrame, replaced: DataFrame) -> DataFrame:
    """The stored visits that stay, without their row hash: what looks at other visits may differ."""
    stay = stored.join(replaced.select("session_id"), on="session_id", how="left_anti")
    return stay.select(*(name for name in stored.columns if name != "row_hash"))


def _holds(begin: Column, end: Column) -> tuple[Column, Column]:
    return begin >= F.col("_from_micros"), end <= F.col("_to_micros")
