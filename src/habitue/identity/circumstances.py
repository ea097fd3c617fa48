"""What is no record but decides whether evidence links: reviewers' decisions, consent, devices that changed hands.

All of it has known times, so an edge links in spans, and each of them is evidence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.consent import consent_pauses
from habitue.identity.decisions import LINK, blocked_values, manual_links
from habitue.identity.edges import node_code
from habitue.identity.pauses import paused, pauses_of_values
from habitue.identity.settings import IdentitySettings


@dataclass(frozen=True)
class Circumstances:
    """Materialised, and None where there is nothing of the kind.

    `decisions` are those of reviewers (`decisions.as_evidence`), `said` statements on the purpose that evidence
    needs (`consent.statements`), `away` devices that were away for long (`takeovers.absences`).
    """

    decisions: DataFrame | None = None
    said: DataFrame | None = None
    away: DataFrame | None = None


NONE = Circumstances()
"""Records alone decide."""


def linking_spans(
    edges: DataFrame,
    nodes: DataFrame,
    circumstances: Circumstances,
    resting: DataFrame | None,
    *,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
) -> tuple[DataFrame, DataFrame | None]:
    """Edges (with `until`) and those of reviewers, and the spans in which edges with pauses link; None without.

    `resting` are the pauses of edges whose device changed hands.
    """
    pauses = [] if resting is None else [resting]
    decisions = circumstances.decisions
    if decisions is not None:
        by_hand, ended = manual_links(decisions, nodes, settings=settings)
        edges = edges.unionByName(by_hand)
        pauses += [ended, pauses_of_values(edges, blocked_values(decisions))]
    if settings.consent.purpose is not None and circumstances.said is not None:
        pauses.append(consent_pauses(edges, circumstances.said, rules=settings.consent.rules))
    if not pauses:
        return edges, None
    return paused(edges, pauses, checkpoint=checkpoint)


def linked_by_hand(decisions: DataFrame, nodes: DataFrame) -> DataFrame:
    """Codes (`node`) of the other ends of reviewers' links of the nodes, so that no part is resolved without them."""
    links = decisions.where(F.col("kind") == LINK).select(
        node_code(F.col("id_type_a"), F.col("id_key_a")).alias("a"),
        node_code(F.col("id_type_b"), F.col("id_key_b")).alias("b"),
    )
    sides = [
        links.withColumnRenamed(one, "node").join(nodes, on="node", how="left_semi").select(other)
        for one, other in (("a", "b"), ("b", "a"))
    ]
    return sides[0].union(sides[1]).toDF("node")
