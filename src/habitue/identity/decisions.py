"""Decisions of reviewers as evidence: links, identifiers kept apart, identifiers that link nobody.

A decision counts from the moment it was taken until it expires or is withdrawn, like any other
evidence with a known time: a state before it never changes, and an unmerge is an `unlink` and the
replay of the component.
"""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.constrained import BY_HAND, MANUAL
from habitue.identity.edges import NODE, PAIR
from habitue.identity.pauses import BLOCKED, DECISION_ENDED, PAUSE, far, span, without
from habitue.identity.settings import IdentitySettings

LINK, UNLINK, BLOCK = "link", "unlink", "block"
REVIEWER = "reviewer"
"""Source of the edges that reviewers made."""


def as_evidence(decisions: DataFrame, now: datetime) -> DataFrame:
    """Decisions taken by `now`, with `start` and `end` (FAR while they hold)."""
    ended = F.least("expires_at", "withdrawn_at")  # nulls are passed over
    rows = decisions.where(F.col("decided_at") <= F.lit(now)).withColumns(
        {"start": F.col("decided_at"), "end": F.when(ended <= F.lit(now), ended).otherwise(far())}
    )
    return rows.where(F.col("start") < F.col("end"))


def manual_links(
    decisions: DataFrame, nodes: DataFrame, *, settings: IdentitySettings
) -> tuple[DataFrame, DataFrame]:
    """Edges that reviewers made between identifiers that are known, and the pauses between their decisions."""
    links = decisions.where(F.col("kind") == LINK)
    for end in ("a", "b"):
        links = links.join(_known(nodes, end), on=[f"id_type_{end}", f"id_key_{end}"], how="inner")
    start = F.greatest("start", "_known_a", "_known_b")
    spans = F.collect_list(F.struct(start.alias("start"), F.col("end").alias("end")))
    pairs = (
        links.where(start < F.col("end"))
        .groupBy(*PAIR)
        .agg(
            F.min(start).alias("first_known"),
            F.max("start").alias("last_seen"),
            F.count(F.lit(1)).alias("observations"),
            F.array_sort(spans).alias("_spans"),
        )
        .withColumn("rule", F.lit(MANUAL))
    )
    gaps = without(span(F.col("first_known"), far()), F.col("_spans"))
    pauses = pairs.select(*PAIR, "rule", F.inline(gaps)).withColumn("why", F.lit(DECISION_ENDED))
    edges = pairs.drop("_spans").withColumns(
        {
            "source": F.lit(REVIEWER),
            "confidence": F.lit(settings.rule_confidence.get(MANUAL, 1.0)),
            "until": F.lit(None).cast("timestamp"),
            "until_why": F.lit(None).cast("string"),
        }
    )
    return edges, pauses.select(*PAUSE)


def blocked_values(decisions: DataFrame) -> DataFrame:
    """Identifiers that a reviewer blocked: id_type, id_key, start, end, why."""
    return decisions.where(F.col("kind") == BLOCK).select(
        *_first(), "start", "end", F.lit(BLOCKED).alias("why")
    )


def decision_spaces(decisions: DataFrame) -> DataFrame:
    """Identifiers as members of a decision: id_type, id_key, start, end (null while it holds), text.

    Two members of one unlink never come into one person. The one member of a block stands for the moment
    only, so that changes of that moment are known as made by hand.
    """
    until = F.when(F.col("end") < far(), F.col("end")).alias("end")
    text = F.concat(F.lit(BY_HAND), F.col("decision_id")).alias("text")
    first = decisions.where(F.col("kind") != LINK).select(*_first(), "start", until, text)
    second = decisions.where(F.col("kind") == UNLINK).select(
        F.col("id_type_b").alias("id_type"), F.col("id_key_b").alias("id_key"), "start", until, text
    )
    return first.unionByName(second)


def _first() -> tuple[Column, ...]:
    return tuple(F.col(f"{name}_a").alias(name) for name in NODE)


def _known(nodes: DataFrame, end: str) -> DataFrame:
    return nodes.select(
        F.col("id_type").alias(f"id_type_{end}"),
        F.col("id_key").alias(f"id_key_{end}"),
        F.col("first_known").alias(f"_known_{end}"),
    )
