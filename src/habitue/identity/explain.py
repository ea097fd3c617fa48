"""Why two identifiers are one person, or not: the path of accepted edges, or the edges refused.

Works on the rows of one or two persons, which the cluster limit keeps small.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now
from habitue.identity.edges import PAIR

Identifier = tuple[str, str]


class Evidence(NamedTuple):
    """One edge, as a person reads it."""

    a: Identifier
    b: Identifier
    rule: str
    source: str
    first_known: datetime
    observations: int
    status: str
    reason: str | None
    last_seen: datetime | None = None
    confidence: float | None = None


class Step(NamedTuple):
    """One step of a chain of evidence, in the direction of reading."""

    start: Identifier
    by: Evidence
    end: Identifier


def identifiers_of(identity_map: DataFrame, person_id: str) -> DataFrame:
    """Every validity of every identifier that ever belonged to the person."""
    of_person = identity_map.where(F.col("person_id") == person_id)
    return of_person.orderBy("id_type", "id_key", "valid_from")


def evidence_of(identity_map: DataFrame, edges: DataFrame, persons: Iterable[str]) -> list[Evidence]:
    """All edges that touch identifiers of these persons now, accepted and refused, in a fixed order."""
    members = identity_now(identity_map).where(F.col("person_id").isin(*persons)).select("id_type", "id_key")
    touching = None
    for end in ("a", "b"):
        ends = members.select(
            F.col("id_type").alias(f"id_type_{end}"), F.col("id_key").alias(f"id_key_{end}")
        )
        found = edges.join(F.broadcast(ends), on=[f"id_type_{end}", f"id_key_{end}"], how="left_semi")
        touching = found if touching is None else touching.unionByName(found)
    assert touching is not None
    rows = touching.distinct().orderBy(*PAIR, "rule").collect()
    return [
        Evidence(
            (r["id_type_a"], r["id_key_a"]),
            (r["id_type_b"], r["id_key_b"]),
            *(r[c] for c in ("rule", "source", "first_known", "observations", "status", "reason")),
            *(r[c] for c in ("last_seen", "confidence")),
        )
        for r in rows
    ]


def path(evidence: Iterable[Evidence], start: Identifier, goal: Identifier) -> list[Evidence] | None:
    """The shortest chain of accepted edges from one identifier to the other; None if there is none."""
    neighbours: dict[Identifier, list[tuple[Identifier, Evidence]]] = {}
    for e in sorted(evidence, key=lambda e: (e.a, e.b, e.rule)):
        if e.status == "accepted":
            neighbours.setdefault(e.a, []).append((e.b, e))
            neighbours.setdefault(e.b, []).append((e.a, e))
    came_by: dict[Identifier, tuple[Identifier, Evidence] | None] = {start: None}
    queue = deque([start])
    while queue and goal not in came_by:
        here = queue.popleft()
        for there, by in neighbours.get(here, []):
            if there not in came_by:
                came_by[there] = (here, by)
                queue.append(there)
    return _walk_back(came_by, goal) if goal in came_by else None


def steps(chain: Iterable[Evidence], start: Identifier) -> list[Step]:
    """The chain as it is read from `start` on."""
    walked = []
    for edge in chain:
        end = edge.b if edge.a == start else edge.a
        walked.append(Step(start, edge, end))
        start = end
    return walked


def refused_between(
    evidence: Iterable[Evidence], ours: set[Identifier], theirs: set[Identifier]
) -> list[Evidence]:
    """Edges that would join the two persons but do not link, each with its reason."""
    return [
        e
        for e in evidence
        if e.status != "accepted" and ((e.a in ours and e.b in theirs) or (e.b in ours and e.a in theirs))
    ]


def refused_through(
    evidence: Iterable[Evidence], ours: set[Identifier], theirs: set[Identifier]
) -> list[Evidence]:
    """Edges to an identifier outside that both persons were seen with, but which links not both of them."""
    edges = list(evidence)
    mine, other = (_outer_ends(edges, members) for members in (ours, theirs))
    bridges = (mine.keys() & other.keys()) - ours - theirs
    touching = [e for bridge in sorted(bridges) for e in (*mine[bridge], *other[bridge])]
    return [e for e in touching if e.status != "accepted"]


def _outer_ends(edges: Iterable[Evidence], members: set[Identifier]) -> dict[Identifier, list[Evidence]]:
    found: dict[Identifier, list[Evidence]] = {}
    for e in edges:
        if (e.a in members) != (e.b in members):
            found.setdefault(e.b if e.a in members else e.a, []).append(e)
    return found


def _walk_back(
    came_by: dict[Identifier, tuple[Identifier, Evidence] | None], goal: Identifier
) -> list[Evidence]:
    steps = []
    step = came_by[goal]
    while step is not None:
        steps.append(step[1])
        step = came_by[step[0]]
    return steps[::-1]
