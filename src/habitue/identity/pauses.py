"""Times in which an edge does not link although it is known: blocked, without consent, ended, silent too long.

A pause is a row (edge, start, end, why), `end` being FAR while it lasts. An edge with pauses links in
the spans between them, and every span counts as evidence of its own from its start on, so that a state
never depends on a pause that was not yet known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.edges import PAIR

FAR = "9999-12-31 00:00:00"
BLOCKED = "blocked by a reviewer"
DECISION_ENDED = "the reviewer's decision has ended"
NO_CONSENT = "no consent"
CONSENT_WITHDRAWN = "consent withdrawn"
CHANGED_HANDS = "the device changed hands"
NOT_FOUND = "matching no longer finds it"
STATED_BY_ANOTHER = "the record was corrected, and another one states the value"
RETIRED = (DECISION_ENDED, CONSENT_WITHDRAWN, CHANGED_HANDS, STATED_BY_ANOTHER, NOT_FOUND)
"""Reasons of edges that once linked rightly; all others are refusals."""

PAUSE = (*PAIR, "rule", "start", "end", "why")


def far() -> Column:
    """The end of what lasts."""
    return F.lit(FAR).cast("timestamp")


def without(spans: Column, gaps: Column) -> Column:
    """Spans (array of start, end) less gaps, in the order of time; empty spans are left out."""

    def cut(pieces: Column, gap: Column) -> Column:
        parts = F.transform(
            pieces,
            lambda p: F.array(
                F.struct(p["start"].alias("start"), F.least(p["end"], gap["start"]).alias("end")),
                F.struct(F.greatest(p["start"], gap["end"]).alias("start"), p["end"].alias("end")),
            ),
        )
        return F.filter(F.flatten(parts), lambda p: p["start"] < p["end"])

    return F.array_sort(F.aggregate(gaps, spans, cut))


def span(start: Column, end: Column) -> Column:
    """One span as an array; `end` null while it lasts."""
    return F.array(F.struct(start.alias("start"), F.coalesce(end, far()).alias("end")))


def pauses_of_values(edges: DataFrame, values: DataFrame) -> DataFrame:
    """Pauses of all edges of the values (id_type, id_key, start, end, why), which are few."""
    sides = [
        edges.join(
            F.broadcast(values.withColumnsRenamed({"id_type": f"id_type_{end}", "id_key": f"id_key_{end}"})),
            on=[f"id_type_{end}", f"id_key_{end}"],
            how="inner",
        ).select(*PAUSE)
        for end in ("a", "b")
    ]
    return sides[0].unionByName(sides[1])


def paused(
    edges: DataFrame, pauses: Sequence[DataFrame], *, checkpoint: Checkpoint
) -> tuple[DataFrame, DataFrame]:
    """Edges, and the spans in which those with pauses link (the edge with first_known and until of a span).

    An edge with pauses gets `until` = first_known, since its spans speak for it; `until_why` says why
    it does not link now, and is null where its last span lasts.
    """
    key = [*PAIR, "rule"]
    of_edge = (
        reduce(DataFrame.unionByName, pauses)
        .groupBy(*key)
        .agg(F.array_sort(F.collect_set(F.struct("start", "end", "why"))).alias("_pauses"))
    )
    is_paused = F.col("_pauses").isNotNull()
    lasting = F.filter("_pauses", lambda p: p["end"] == far())
    spans = without(span(F.col("first_known"), F.col("until")), F.col("_pauses"))
    marked = checkpoint(
        edges.join(of_edge, on=key, how="left").withColumns(
            {
                "_spans": F.when(is_paused, spans),
                "until_why": F.coalesce("until_why", F.get(lasting, F.lit(0))["why"]),
                "until": F.when(is_paused, F.col("first_known")).otherwise(F.col("until")),
            }
        )
    )
    linking = (
        marked.where(F.col("_spans").isNotNull())
        .select(*key, "confidence", F.inline("_spans"))
        .select(
            *key,
            "confidence",
            F.col("start").alias("first_known"),
            F.when(F.col("end") < far(), F.col("end")).alias("until"),
        )
    )
    return marked.drop("_pauses", "_spans"), linking
