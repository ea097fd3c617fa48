"""Constrained union-find: clusters of identifiers that never break a limit.

Edges come strongest first (Kruskal's order: the type of the weaker end, the
stronger end, confidence, age, codes); an edge whose union would break a limit is
left out. Limits are hereditary (a part of a good cluster is good), so an edge
refused once stays refused while clusters grow, and a component without a
violation accepts all its edges in any order.

Cookies are renewed for as long as a person visits: a value with a life counts only
beside those that were first known within that life before or after it. When it was
seen last does not matter, since that would change what was decided earlier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

MANUAL = "manual"
"""Rule of the links that reviewers made; they come before all other evidence."""
BY_HAND = "by hand: "
"""Start of the name of a space that a reviewer's decision opens: its members stay apart, whatever their types."""
TWO_PEOPLE = "two people: "
"""The same of a space whose two members share an identifier, though what their records say names two people."""
WHATEVER_TYPE = (BY_HAND, TWO_PEOPLE)
CONTRADICTING = "their records name two people"
"""Reason of an edge that such a space refuses."""


class Node(NamedTuple):
    """One identifier of a component; times in microseconds."""

    code: int
    id_type: str
    rank: int
    first_known: int
    born_id: str | None  # id of a person born from it; None when another component holds that id


class Edge(NamedTuple):
    """One link; `until` ends it (its value became shared), None: links to this day."""

    a: int
    b: int
    tier: int
    confidence: float
    first_known: int
    until: int | None
    rule: str

    @property
    def strength(self) -> tuple[int, float, int, int, int, str]:
        """Sort key, strongest first; nothing in it may change with later evidence."""
        return (self.tier, -self.confidence, self.first_known, self.a, self.b, self.rule)


@dataclass(frozen=True)
class Limits:
    """What one person may hold."""

    per_person: dict[str, int]
    default_per_person: int
    cluster: int
    life: dict[str, int] = field(default_factory=dict)
    """Microseconds for which a value of a type counts after it was first known; of other types for good."""

    def of(self, id_type: str) -> int:
        """Distinct values of the type."""
        return self.per_person.get(id_type, self.default_per_person)


@dataclass
class Cluster:
    """Identifiers of one person: codes, values per type, number spaces taken by exclusive types.

    `births` are the times at which values with a life were first known, by type.
    """

    members: list[int] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    spaces: set[tuple[str, str]] = field(default_factory=set)
    births: dict[str, list[int]] = field(default_factory=dict)


class Clusters:
    """The current clusters of one component."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.of: dict[int, Cluster] = {}
        self.has_refused = False
        self.last: tuple[int, float, int, int, int, str] | None = None  # weakest edge taken in so far

    def add(self, node: Node) -> None:
        """A new identifier, alone."""
        births = {node.id_type: [node.first_known]} if node.id_type in self.limits.life else {}
        self.of[node.code] = Cluster([node.code], {node.id_type: 1}, births=births)

    def add_space(self, node: Node, space: str) -> bool:
        """An exclusive identifier seen in a number space; False if another of its cluster holds it."""
        cluster = self.of[node.code]
        key = ("" if space.startswith(WHATEVER_TYPE) else node.id_type, space)
        if key in cluster.spaces:
            return False
        cluster.spaces.add(key)
        return True

    def connect(self, edges: Iterable[Edge]) -> list[int]:
        """Take edges in, strongest first; codes at their ends. Says in `has_refused` if one broke a limit."""
        touched = []
        for edge in edges:
            a, b = self.of[edge.a], self.of[edge.b]
            touched.append(edge.a)
            if self.last is None or edge.strength > self.last:
                self.last = edge.strength
            if a is b:
                continue
            if self.broken_limit(a, b):
                self.has_refused = True
                touched.append(edge.b)
            else:
                self._unite(a, b)
        return touched

    def broken_limit(self, a: Cluster, b: Cluster) -> str | None:
        """The limit that a union would break; None if it is allowed."""
        taken = a.spaces & b.spaces
        if taken:
            return _why_apart(taken)
        size = len(a.members) + len(b.members)
        if size > self.limits.cluster and self._at_once(a, b, size) > self.limits.cluster:
            return f"more than {self.limits.cluster} identifiers"
        for id_type in sorted(a.values.keys() & b.values.keys()):
            limit, held = self.limits.of(id_type), a.values[id_type] + b.values[id_type]
            if held > limit and self._at_once(a, b, held, id_type) > limit:
                return f"more than {limit} values of {id_type}"
        return None

    def _at_once(self, a: Cluster, b: Cluster, held: int, only: str | None = None) -> int:
        """Most identifiers (of one type) that both would hold at one moment; `held` is how many there ever were."""
        types = [t for t in self.limits.life if only in (None, t)]
        births = {t: [*a.births.get(t, ()), *b.births.get(t, ())] for t in types}
        spans = [(born, born + self.limits.life[t]) for t in types for born in births[t]]
        return held - len(spans) + most_at_once(spans)

    def _unite(self, a: Cluster, b: Cluster) -> None:
        large, small = (a, b) if len(a.members) >= len(b.members) else (b, a)
        large.members += small.members
        for id_type, n in small.values.items():
            large.values[id_type] = large.values.get(id_type, 0) + n
        for id_type, births in small.births.items():
            large.births.setdefault(id_type, []).extend(births)
        large.spaces |= small.spaces
        for code in small.members:
            self.of[code] = large


def _why_apart(taken: Collection[tuple[str, str]]) -> str:
    """The strongest reason of those for which two clusters hold spaces of one name: a reviewer, numbers, records."""
    if any(space.startswith(BY_HAND) for _, space in taken):
        return "kept apart by a reviewer"
    numbers = sorted(id_type for id_type, _ in taken if id_type)
    return f"two values of {numbers[0]} from one source" if numbers else CONTRADICTING


def follows(edges: list[Edge], clusters: Clusters) -> bool:
    """Whether all these edges are weaker than every edge taken in, so that Kruskal's order goes on."""
    return clusters.last is None or not edges or min(e.strength for e in edges) > clusters.last


def most_at_once(spans: Iterable[tuple[int, int]]) -> int:
    """How many half-open spans hold at the moment at which most do."""
    steps = sorted(step for start, end in spans for step in ((start, 1), (end, -1)))  # who goes makes room
    return max(accumulate(step for _, step in steps), default=0)
