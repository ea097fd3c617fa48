"""What the report says of identity: sizes, refusals, indicators, and a few clusters as graphs without values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now
from habitue.identity.audit import cluster_sizes, persons_at_limit
from habitue.identity.edges import NODE
from habitue.identity.explain import Evidence, Identifier, evidence_of
from habitue.identity.matching.identity_links import RULE
from habitue.identity.settings import IdentitySettings
from habitue.report.graph import Link

SHOWN = 3  # clusters of each kind
MOST_NODES = 40
LARGE = 50
KINDS = {
    "two values of": "two numbers of one source",
    "more than": "limit of a person",
    "shared": "value of several owners",
    "junk": "value that names nobody",
    "kept apart": "kept apart by a reviewer",
    "their records": "records that name two people",
    "blocked": "blocked by a reviewer",
    "no consent": "no consent to evidence",
    "consent withdrawn": "consent to evidence withdrawn",
    "the reviewer's decision": "a decision has ended",
    "the device changed hands": "device changed hands",
    "the record was corrected, and another one states the value": "value went to another record",
}
"""Beginnings of the reasons of silver.identity_edge, and the kinds that the report counts."""
_REPAIRS = ("two values of", "more than", "kept apart", "their records")


@dataclass(frozen=True)
class Cluster:
    """One person as a graph: types of its identifiers, and links that count or were refused, outer ends included."""

    is_repaired: bool
    size: int
    nodes: tuple[str, ...]
    links: tuple[Link, ...]  # style: the rule, or "refused"


@dataclass(frozen=True)
class IdentityFacts:
    """Aggregates of the identity tables, and a few clusters."""

    sizes: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    over: tuple[tuple[str, int], ...] = ()
    under: tuple[tuple[str, int], ...] = ()
    clusters: tuple[Cluster, ...] = ()


def identity_facts(
    identity_map: DataFrame, edges: DataFrame, reviews: DataFrame, *, settings: IdentitySettings
) -> IdentityFacts:
    """Everything the page says of identity."""
    sizes = cluster_sizes(identity_map)
    refused = _by_kind(edges)
    now = identity_now(identity_map)
    first_known = identity_map.groupBy(*NODE).agg(F.min("valid_from").alias("first_known"))
    limits = (KINDS["two values of"], KINDS["more than"])
    over = (
        (f"persons with more than {LARGE} identifiers", sizes.get("51+", 0)),
        ("persons at the limit of a type", persons_at_limit(now, first_known, settings=settings).count()),
        (
            "links by matching of records alone",
            edges.where((F.col("rule") == RULE) & (F.col("status") == "accepted")).count(),
        ),
    )
    under = (
        ("persons with one identifier", sizes.get("1", 0)),
        ("links refused by a limit", sum(refused.get(kind, 0) for kind in limits)),
        ("pairs of records for review", reviews.where("status = 'review'").count()),
    )
    return IdentityFacts(sizes, refused, over, under, _clusters(identity_map, now, edges))


def _by_kind(edges: DataFrame) -> dict[str, int]:
    """Links that do not count, by kind of reason, most first."""
    found: dict[str, int] = {}
    for row in edges.where("status <> 'accepted'").groupBy("reason").count().collect():
        kind = next((k for start, k in KINDS.items() if row["reason"].startswith(start)), row["reason"])
        found[kind] = found.get(kind, 0) + row["count"]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _clusters(identity_map: DataFrame, now: DataFrame, edges: DataFrame) -> tuple[Cluster, ...]:
    """The largest persons, and those around which most links were refused by a limit."""
    by_size = now.groupBy("person_id").count().where("count > 2").orderBy(F.desc("count"), "person_id")
    largest = [row["person_id"] for row in by_size.limit(SHOWN).collect()]
    repaired = [person for person in _repaired(now, edges) if person not in largest]
    persons = [*largest, *repaired]
    if not persons:
        return ()
    evidence = evidence_of(identity_map, edges, persons)
    rows = now.where(F.col("person_id").isin(persons)).orderBy("id_type", "id_key").collect()
    members = {p: [(r["id_type"], r["id_key"]) for r in rows if r["person_id"] == p] for p in persons}
    return tuple(drawn(members[p], evidence, is_repaired=p in repaired) for p in persons)


def _repaired(now: DataFrame, edges: DataFrame) -> list[str]:
    is_repair = F.lit(False)
    for start in _REPAIRS:
        is_repair = is_repair | F.col("reason").startswith(start)
    refused = edges.where((F.col("status") == "refused") & is_repair)
    ends = [
        refused.select(F.col(f"id_type_{end}").alias("id_type"), F.col(f"id_key_{end}").alias("id_key"))
        for end in ("a", "b")
    ]
    touched = ends[0].unionByName(ends[1]).join(now, on=["id_type", "id_key"], how="inner")
    ranked = touched.groupBy("person_id").count().orderBy(F.desc("count"), "person_id")
    return [row["person_id"] for row in ranked.limit(SHOWN).collect()]


def drawn(members: Iterable[Identifier], evidence: Iterable[Evidence], *, is_repaired: bool) -> Cluster:
    """A person's graph: at most MOST_NODES nodes, its own first; identifiers become numbers."""
    own = list(members)
    number = {identifier: i for i, identifier in enumerate(own[:MOST_NODES])}
    links = []
    inside = set(own)
    for edge in evidence:
        if not inside & {edge.a, edge.b} or (edge.status == "accepted" and not {edge.a, edge.b} <= inside):
            continue
        for end in (edge.a, edge.b):
            if len(number) < MOST_NODES and end not in inside:
                number.setdefault(end, len(number))
        if edge.a in number and edge.b in number:
            style = edge.rule if edge.status == "accepted" else "refused"
            links.append(Link(number[edge.a], number[edge.b], style))
    return Cluster(is_repaired, len(own), tuple(id_type for id_type, _ in number), tuple(links))
