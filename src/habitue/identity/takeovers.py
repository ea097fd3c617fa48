"""Devices and cookies that changed hands: after a long absence another owner logs in.

The time to live of an identifier says how long old evidence speaks for it. While nobody else shows up,
an identifier stays with its person however long it was silent. If the first owner to log in after an
absence longer than that is another one, the old edges rest from that moment on, until they are seen
again; so a used telephone is no shared device, and its past stays with whom it was.
"""

from __future__ import annotations

from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, PAIR
from habitue.identity.pauses import CHANGED_HANDS, PAUSE, far
from habitue.identity.settings import IdentitySettings


def absences(sessions: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Visitors that were away longer than they live: id_type, id_key, left_at (last known before), back_at."""
    days = F.create_map(
        *chain.from_iterable((F.lit(t), F.lit(n)) for t, n in sorted(settings.live_days.items()))
    )
    before = (
        Window.partitionBy("visitor_type", "visitor_key")
        .orderBy("session_start", "session_id")
        .rowsBetween(Window.unboundedPreceding, -1)
    )
    visits = sessions.where(F.col("visitor_type").isin(*settings.live_days)).select(
        F.col("visitor_type").alias("id_type"),
        F.col("visitor_key").alias("id_key"),
        F.max("session_end").over(before).alias("seen_until"),
        F.max("known_time").over(before).alias("left_at"),
        F.col("known_time").alias("back_at"),
        "session_start",
    )
    longest = F.make_dt_interval(days=days[F.col("id_type")])
    away = visits.where(F.col("session_start") - F.col("seen_until") > longest)
    return away.where("left_at < back_at").select(*NODE, "left_at", "back_at")


def takeovers(edges: DataFrame, away: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Absences after which another owner came: id_type, id_key, left_at, taken_at, old (its strongest owner)."""
    held = (
        _held(edges, settings)
        .groupBy(*NODE, "owner_type", "owner_key", "rank")  # whatever the rules that tie them
        .agg(F.min("first_known").alias("first_known"), F.max(_seen()).alias("last_seen"))
        .join(F.broadcast(away), on=list(NODE), how="inner")
    )
    old = F.struct("rank", "first_known", "owner_type", "owner_key")
    is_old = F.col("first_known") <= F.col("left_at")
    is_seen_since = F.col("last_seen") > F.col("left_at")
    per_absence = held.groupBy(*NODE, "left_at", "back_at").agg(
        F.min(F.when(is_old & ~is_seen_since, old)).alias("old"),
        F.min(F.when(~is_old, F.col("first_known"))).alias("taken_at"),
    )
    return per_absence.where("old IS NOT NULL AND taken_at IS NOT NULL").select(
        *NODE,
        "left_at",
        "taken_at",
        F.struct(F.col("old.owner_type").alias("id_type"), F.col("old.owner_key").alias("id_key")).alias(
            "old"
        ),
    )


def takeover_pauses(edges: DataFrame, taken: DataFrame) -> DataFrame:
    """Edges of a value that changed hands, known before it left and not seen since: they rest for good."""
    sides = []
    for end in ("a", "b"):
        values = taken.select(
            F.col("id_type").alias(f"id_type_{end}"),
            F.col("id_key").alias(f"id_key_{end}"),
            "left_at",
            "taken_at",
        )
        joined = edges.join(F.broadcast(values), on=[f"id_type_{end}", f"id_key_{end}"], how="inner")
        is_old = (F.col("first_known") <= F.col("left_at")) & (_seen() <= F.col("left_at"))
        sides.append(joined.where(is_old))
    rows = sides[0].unionByName(sides[1])
    return rows.select(
        *PAIR,
        "rule",
        F.col("taken_at").alias("start"),
        far().alias("end"),
        F.lit(CHANGED_HANDS).alias("why"),
    ).select(*PAUSE)


def _seen() -> Column:
    """When an edge was seen last; that a record no longer states it is no sight of it."""
    return F.when(F.col("stated_until").isNull(), F.col("last_seen")).otherwise(F.col("first_known"))


def _held(edges: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Edges between a device and an owner, from the device's side."""
    sides = []
    for device, owner in (("a", "b"), ("b", "a")):
        is_held = F.col(f"id_type_{device}").isin(*settings.live_days) & F.col(f"id_type_{owner}").isin(
            *settings.owner_types
        )
        order = F.array_position(F.array(*(F.lit(t) for t in settings.priority)), F.col(f"id_type_{owner}"))
        sides.append(
            edges.where(is_held).select(
                F.col(f"id_type_{device}").alias("id_type"),
                F.col(f"id_key_{device}").alias("id_key"),
                F.col(f"id_type_{owner}").alias("owner_type"),
                F.col(f"id_key_{owner}").alias("owner_key"),
                order.alias("rank"),
                "first_known",
                "last_seen",
                "stated_until",
            )
        )
    return sides[0].unionByName(sides[1])
