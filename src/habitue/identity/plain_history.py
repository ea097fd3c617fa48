"""History of a component that breaks no limit and knows no decision: clusters only grow, so persons only meet.

Gives what `replay` gives for such components, without keeping clusters, limits and
refusals; a test compares the two. Nodes are places in a Chunk, the stronger in front.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from habitue.identity.facts import Chunk
from habitue.identity.replay import Change, Refusal, reborn_id


@dataclass
class Findings:
    """What replays found: validities of nodes column by column, changes of ids, refused edges."""

    place: list[int] = field(default_factory=list)
    person: list[str] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    until: list[int | None] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def row(self, place: int, person: str, since: int, until: int | None) -> None:
        """One validity."""
        self.place.append(place)
        self.person.append(person)
        self.since.append(since)
        self.until.append(until)


class _Person:
    """A person while its component is replayed; `top` is its strongest node."""

    __slots__ = ("born", "members", "person_id", "top")

    def __init__(self, person_id: str, born: int) -> None:
        self.person_id = person_id
        self.born = born
        self.top = -1
        self.members: list[int] = []


class _Cluster:
    """Nodes that are linked by now; `fresh` ones have no person yet."""

    __slots__ = ("fresh", "members", "persons", "top")

    def __init__(self, node: int) -> None:
        self.top = node
        self.members = [node]
        self.fresh = [node]
        self.persons: list[_Person] = []


def plain_history(chunk: Chunk, component: int, found: Findings, *, anonymous_rank: int) -> None:
    """Add the history of one component to the findings."""
    history = _History(chunk, component, found, anonymous_rank)
    first, arrival, edges = chunk.first, chunk.arrival, chunk.edges
    node, last_node = chunk.nodes_of(component)
    edge, last_edge = edges.of(component)
    of = history.of
    while node < last_node or edge < last_edge:
        at = first[arrival[node]] if node < last_node else edges.at[edge]
        if edge < last_edge and edges.at[edge] < at:
            at = edges.at[edge]
        touched = []
        while node < last_node and first[arrival[node]] == at:
            cluster = of[arrival[node]] = _Cluster(arrival[node])
            touched.append(cluster)
            node += 1
        while edge < last_edge and edges.at[edge] == at:
            one, other = of[edges.left[edge]], of[edges.right[edge]]
            if one is not other:
                touched.append(history.unite(one, other))
            edge += 1
        for cluster in touched:
            if cluster.fresh or len(cluster.persons) > 1:
                history.settle(cluster, at)
    history.finish()


class _History:
    """Clusters and persons of one component at the moment reached."""

    def __init__(self, chunk: Chunk, component: int, found: Findings, anonymous_rank: int) -> None:
        self.chunk = chunk
        self.rank = chunk.rank
        self.found = found
        self.anonymous_rank = anonymous_rank
        self.of: dict[int, _Cluster] = {}
        self.since: dict[int, int] = {}
        self.used: set[str] = set()
        self.hints: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for at, code, person_id, _ in chunk.hints_of(component):
            self.hints[code].append((at, person_id))

    def unite(self, one: _Cluster, other: _Cluster) -> _Cluster:
        """The larger cluster with all that the smaller one held, which is left empty."""
        large, small = (one, other) if len(one.members) >= len(other.members) else (other, one)
        for node in small.members:
            self.of[node] = large
        large.top = min(large.top, small.top)
        large.members += small.members
        large.fresh += small.fresh
        large.persons += small.persons
        small.fresh, small.persons = [], []
        return large

    def settle(self, cluster: _Cluster, at: int) -> None:
        """Give a changed cluster its person."""
        person = self._survivor(cluster) or self._birth(cluster, at)
        for old in cluster.persons:
            if old is not person:
                for node in old.members:
                    self.found.row(node, old.person_id, self.since[node], at)
                    self.since[node] = at
                person.members += old.members
                self.found.changes.append(Change(old.person_id, person.person_id, at, "merge"))
        for node in cluster.fresh:
            self.since[node] = at
        person.members += cluster.fresh
        person.top = cluster.top
        cluster.fresh, cluster.persons = [], [person]

    def finish(self) -> None:
        """The validities that are still open."""
        for cluster in {id(c): c for c in self.of.values()}.values():
            [person] = cluster.persons
            for node in person.members:
                self.found.row(node, person.person_id, self.since[node], None)

    def _survivor(self, cluster: _Cluster) -> _Person | None:
        """Who lives on in the cluster; a person known by devices alone does not where a name arrived."""
        persons, rank = cluster.persons, self.rank
        if not persons:
            return None
        best = persons[0]
        if len(persons) > 1:
            best = min(persons, key=lambda p: (rank[p.top], p.born, p.person_id))
        is_anonymous = rank[best.top] >= self.anonymous_rank
        return None if is_anonymous and rank[cluster.top] < self.anonymous_rank else best

    def _birth(self, cluster: _Cluster, at: int) -> _Person:
        """A new person: the id it had in the previous map, else from its strongest identifier."""
        chosen = next((p for p in self._hinted(cluster, at) if p not in self.used), None)
        if chosen is None and self.chunk.is_free[cluster.top]:
            born = self.chunk.born_id(cluster.top)
            chosen = None if born in self.used else born
        if chosen is None:
            chosen = reborn_id(self.chunk.code[cluster.top], at, self.used)
        self.used.add(chosen)
        return _Person(chosen, at)

    def _hinted(self, cluster: _Cluster, at: int) -> list[str]:
        """Persons that its identifiers founded before: of each the one of this moment first, then later ones."""
        if not self.hints:
            return []
        named = []
        for node in sorted(cluster.members):
            hints = sorted(self.hints.get(self.chunk.code[node], ()), key=lambda h: h[0])
            named += [p for since, p in reversed(hints) if since <= at]
            named += [p for since, p in hints if since > at]
        return named
