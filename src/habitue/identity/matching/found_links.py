"""Links by matching over time: one that is found later, or is lost again, changes no earlier state.

Matching learns from all records, so that new ones can make it find a link between records that were long there, or lose
one; so can the correction of a record. A link that is found late counts from the newest that is known on. One that is
lost held until then: it is kept, with the spans in which it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import PAIR
from habitue.identity.matching.identity_links import RULE
from habitue.identity.pauses import NOT_FOUND, PAUSE, far

FOUND_SPAN = (*PAIR, "known_from", "known_until")


@dataclass(frozen=True)
class FoundLinks:
    """All links that are found or were once, as edges; of those that were lost once the spans (FOUND_SPAN)."""

    links: DataFrame
    spans: DataFrame


def since_first_found(links: DataFrame, stored: DataFrame) -> DataFrame:
    """Links with the day and the source of the first time: a later change of a record makes no link younger."""
    before = stored.select(*PAIR, F.col("first_known").alias("_known"), F.col("source").alias("_source"))
    is_older = F.coalesce(F.col("_known") < F.col("first_known"), F.lit(False))
    return (
        links.join(before, on=list(PAIR), how="left")
        .withColumn("source", F.when(is_older, F.col("_source")).otherwise(F.col("source")))
        .withColumn("first_known", F.least("first_known", "_known"))
        .select(*stored.columns)
    )


def found_beside(links: DataFrame, stored: DataFrame, spans: DataFrame, *, newest: datetime) -> FoundLinks:
    """What matching found (`identity_links`), beside what it found before by the same rules.

    `stored` are the links of the last time; `spans` (FOUND_SPAN; `known_until` is null while a link is found) those of
    links that were lost once. `newest` is the time of the newest that is known.
    """
    told = _spans(links, stored, spans, newest)
    before = stored.select(*PAIR, F.col("first_known").alias("_known"), F.col("source").alias("_source"))
    late = F.greatest("first_known", F.lit(newest))
    found = links.join(before, on=list(PAIR), how="left").withColumns(
        {
            "source": F.coalesce("_source", "source"),
            "first_known": F.coalesce("_known", "fresh_known", late),
        }
    )
    is_found = F.bool_or(F.col("known_until").isNull()).alias("_is_found")
    lost = told.groupBy(*PAIR).agg(is_found).where("NOT _is_found")
    kept = stored.join(lost, on=list(PAIR), how="left_semi")
    return FoundLinks(found.select(*stored.columns).unionByName(kept), told)


def lost_pauses(spans: DataFrame) -> DataFrame:
    """Times in which links that were found once are lost, as pauses of their edges (PAUSE)."""
    following = F.lead("known_from").over(Window.partitionBy(*PAIR).orderBy("known_from"))
    return (
        spans.withColumn("_next", following)
        .where("known_until IS NOT NULL")
        .select(
            *PAIR,
            F.lit(RULE).alias("rule"),
            F.col("known_until").alias("start"),
            F.coalesce("_next", far()).alias("end"),
            F.lit(NOT_FOUND).alias("why"),
        )
        .select(*PAUSE)
    )


def _spans(links: DataFrame, stored: DataFrame, spans: DataFrame, newest: datetime) -> DataFrame:
    """The spans of links that were lost once, by what is found now."""
    now = links.select(*PAIR, F.lit(True).alias("_now"))
    known = spans.groupBy(*PAIR).agg(
        F.bool_or(F.col("known_until").isNull()).alias("_is_open"), F.max("known_until").alias("_last")
    )
    told = spans.join(now, on=list(PAIR), how="left").withColumn(
        "known_until",
        F.when(_is_lost_now(F.col("known_until")), F.lit(newest)).otherwise(F.col("known_until")),
    )
    lost = (
        stored.join(now, on=list(PAIR), how="left_anti")
        .join(known, on=list(PAIR), how="left_anti")
        .select(*PAIR, F.col("first_known").alias("known_from"), F.lit(newest).alias("known_until"))
    )
    again = (
        known.where("NOT _is_open")
        .join(now, on=list(PAIR), how="left_semi")
        .select(
            *PAIR,
            F.greatest("_last", F.lit(newest)).alias("known_from"),
            F.lit(None).cast("timestamp").alias("known_until"),
        )
    )
    every = told.select(*FOUND_SPAN).unionByName(lost).unionByName(again)
    # what was lost by the time at which it was found never linked
    return every.where("known_until IS NULL OR known_from < known_until")


def _is_lost_now(known_until: Column) -> Column:
    return known_until.isNull() & F.col("_now").isNull()
