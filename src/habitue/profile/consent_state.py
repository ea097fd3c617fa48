"""Consent as a cut knows it: the latest status by purpose and channel, unsubscribes, suppression.

Only what a person said is in `consent`; a missing entry is no entry. An
unsubscribe or complaint closes its channel until a later grant opens it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.contacts import UNKNOWN_CHANNEL
from habitue.profile.cuts import Cut
from habitue.profile.facts import KEYS
from habitue.profile.lineage import told_by
from habitue.profile.persons import with_person

MARKETING = "marketing"
ANY_CHANNEL = "any"


def consent_state(statements: DataFrame, owner: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    """One row per cut and person with a statement: `consent` and the dated statements behind it.

    Of two statements of one moment the stricter one holds.
    """
    owned = with_person(statements, owner, cuts).where(F.col("person_id").isNotNull())
    strictness = F.when(F.col("status") == "granted", 0).otherwise(1).alias("strictness")
    newest = F.struct("given_time", strictness, "known_time", "consent_id", "status", "source")
    latest = owned.groupBy(*KEYS, "purpose", "channel").agg(F.max(newest).alias("newest"))
    latest = latest.withColumn("source", F.col("newest.source"))
    statement = F.struct(
        F.concat_ws(":", "purpose", "channel").alias("name"),
        F.col("newest.status").alias("status"),
        "purpose",
        "channel",
        F.col("newest.given_time").alias("time"),
    )
    return (
        latest.groupBy(*KEYS)
        .agg(
            F.array_sort(F.collect_list(statement)).alias("statements"),
            F.max("newest.known_time").alias("consent_known_time"),
            told_by().alias("consent_sources"),
        )
        .withColumn("consent", F.map_from_entries(F.transform("statements", _named_status)))
    )


def suppression() -> dict[str, Column]:
    """Closed channels, whether no marketing may reach the person at all, and the first reason that holds."""
    closed = F.filter("unsubscribes", lambda left: ~_granted_after(left["time"], left["channel"]))
    channels = F.array_sort(F.array_distinct(F.transform(closed, lambda left: left["channel"])))
    reason = (
        F.when(F.col("is_deceased"), "deceased")
        .when(F.col("is_blocked"), "blocked")
        .when(_has_objected(), "objected")
        .when(F.array_contains(channels, UNKNOWN_CHANNEL), "unsubscribed")
    )
    return {
        "unsubscribed_channels": F.when(F.size(channels) > 0, channels),
        "suppression_reason": reason,
        "is_suppressed": reason.isNotNull(),
    }


def _named_status(statement: Column) -> Column:
    return F.struct(statement["name"], statement["status"])


def _has_objected() -> Column:
    """Said no to marketing on any channel, and to no single channel yes since."""

    def objects(said: Column) -> Column:
        is_general = (said["purpose"] == MARKETING) & (said["channel"] == ANY_CHANNEL)
        return is_general & (said["status"] != "granted") & ~_granted_since(said["time"])

    return F.exists("statements", objects)


def _granted_since(time: Column) -> Column:
    return F.exists(
        "statements",
        lambda said: (said["purpose"] == MARKETING) & (said["status"] == "granted") & (said["time"] > time),
    )


def _granted_after(time: Column, channel: Column) -> Column:
    """Whether marketing on the channel (or on all) was granted later than `time`."""

    def grants(said: Column) -> Column:
        fits = (said["channel"] == channel) | (said["channel"] == ANY_CHANNEL)
        return (said["purpose"] == MARKETING) & (said["status"] == "granted") & fits & (said["time"] > time)

    return F.coalesce(F.exists("statements", grants), F.lit(False))
