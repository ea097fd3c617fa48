"""The funnel of each audience: how many members are lost on the way to an export, at which step and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.definition import Audience
from habitue.audiences.gate import STEPS
from habitue.privacy.consent import OK, WORDS

ALL_CHANNELS = ""


def audience_funnel(members: DataFrame, audiences: Sequence[Audience], *, as_of: date) -> DataFrame:
    """Rows of gold.audience_funnel: per audience, and per channel for those who may be contacted at all.

    `members` and `exportable` always have a row, also with nobody; losses only where there are any.
    """
    steps = F.create_map(*(F.lit(part) for item in STEPS.items() for part in item))
    reasons = F.create_map(*(F.lit(part) for item in ({OK: ""} | WORDS).items() for part in item))
    lost_reason = F.when(F.col("outcome") == OK, F.lit("")).otherwise(F.col("outcome_reason"))
    overall = members.groupBy(
        "audience",
        steps[F.col("outcome")].alias("step"),
        F.lit(ALL_CHANNELS).alias("channel"),
        lost_reason.alias("reason"),
    ).agg(F.count(F.lit(1)).alias("person_count"))
    total = members.groupBy(
        "audience",
        F.lit("members").alias("step"),
        F.lit(ALL_CHANNELS).alias("channel"),
        F.lit("").alias("reason"),
    ).agg(F.count(F.lit(1)).alias("person_count"))
    open_to = members.where(F.col("outcome").isin(OK, *WORDS)).select(
        "audience", F.explode("statuses").alias("s")
    )
    by_channel = open_to.groupBy(
        "audience",
        steps[F.col("s.status")].alias("step"),
        F.col("s.channel").alias("channel"),
        reasons[F.col("s.status")].alias("reason"),
    ).agg(F.count(F.lit(1)).alias("person_count"))
    counted = overall.unionByName(total).unionByName(by_channel).unionByName(_empty(members, audiences))
    keys = ["audience", "step", "channel", "reason"]
    return (
        counted.groupBy(*keys)
        .agg(F.sum("person_count").alias("person_count"))
        .select(F.lit(as_of).alias("as_of_date"), *keys, "person_count")
    )


def _empty(members: DataFrame, audiences: Sequence[Audience]) -> DataFrame:
    """A zero for `members` and `exportable` of every audience, so that an empty one is seen too."""
    names = F.array(*(F.lit(audience.name) for audience in audiences))
    one_row = members.agg(F.lit(0).cast("bigint").alias("person_count"))
    zeros = one_row.select("person_count", F.explode(names).alias("audience"))
    both = F.array(F.lit("members"), F.lit("exportable"))
    return zeros.select(
        "audience",
        F.explode(both).alias("step"),
        F.lit(ALL_CHANNELS).alias("channel"),
        F.lit("").alias("reason"),
        "person_count",
    )
