"""What decides beside the evidence itself whether it links: reviewers, consent, devices, contradicting records.

All of it has known times, so an edge links in spans, and each of them is evidence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.consent import consent_pauses
from habitue.identity.contradictions import contradiction_spaces
from habitue.identity.decisions import LINK, blocked_values, decision_spaces, manual_links
from habitue.identity.edges import node_code
from habitue.identity.pauses import paused, pauses_of_values
from habitue.identity.settings import IdentitySettings


@dataclass(frozen=True)
class Circumstances:
    """Materialised, and None where there is nothing of the kind.

    `decisions` are those of reviewers (`decisions.as_evidence`), `said` statements on the purpose that evidence
    needs (`consent.statements`), `away` devices that were away for long (`takeovers.absences`), `contradicting`
    identifiers whose records name two people (`contradictions.contradictions`), `lost` times in which matching does not
    find a link that it found before (`found_links.lost_pauses`).
    """

    decisions: DataFrame | None = None
    said: DataFrame | None = None
    away: DataFrame | None = None
    contradicting: DataFrame | None = None
    lost: DataFrame | None = None


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
    if circumstances.lost is not None:
        pauses.append(circumstances.lost)
    if settings.consent.purpose is not None and circumstances.said is not None:
        pauses.append(consent_pauses(edges, circumstances.said, rules=settings.consent.rules))
    if not pauses:
        return edges, None
    return paused(edges, pauses, checkpoint=checkpoint)


def kept_apart(circumstances: Circumstances) -> DataFrame | None:
    """Identifiers that do not come into one person: id_type, id_key, start, end, text (equal for those of one pair)."""
    spaces = []
    if circumstances.decisions is not None:
        spaces.append(decision_spaces(circumstances.decisions))
    if circumstances.contradicting is not None:
        spaces.append(contradiction_spaces(circumstances.contradicting))
    return reduce(DataFrame.unionByName, spaces) if spaces else None


def together_despite(circumstances: Circumstances, now: DataFrame) -> DataFrame | None:
    """Persons who hold two identifiers that are kept apart now; there must be none. None where nothing is kept apart.

    Of contradicting records only where no reviewer decided anything, since a reviewer's link overrules them.
    """
    ruled = (
        replace(circumstances, contradicting=None) if circumstances.decisions is not None else circumstances
    )
    apart = kept_apart(ruled)
    if apart is None:
        return None
    members = apart.where(F.col("end").isNull()).join(now, on=["id_type", "id_key"], how="inner")
    held = members.groupBy("person_id", "text").agg(F.count_distinct("id_type", "id_key").alias("n"))
    return held.where("n > 1").select("person_id").distinct()


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
