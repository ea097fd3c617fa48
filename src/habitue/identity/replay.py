"""History of one component: which person each identifier belonged to, at every known time.

The evidence of a component is replayed in the order in which it became known. At
each moment the clusters are those that all evidence known by then gives, so a
state never depends on what came later; ids of persons are carried from moment to
moment. Pure Python on the facts of one component: Spark hands components over,
and tests call it directly.

A person whose evidence falls apart keeps its id in the part with its strongest
identifier. Where persons meet, the one with the strongest identifier survives,
then the older one, then the smaller id. A person known by devices alone never
survives the arrival of a name: the known person is born anew, so that anonymous
history can be given to it within a window instead of as a whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeVar

from habitue.identity.constrained import (
    BY_HAND,
    MANUAL,
    TWO_PEOPLE,
    Cluster,
    Clusters,
    Edge,
    Limits,
    Node,
    follows,
)

ID_DIGITS = 32  # hex digits of a person id: 128 bits

_T = TypeVar("_T")


class Space(NamedTuple):
    """An exclusive identifier in a number space, or one that a decision or contradiction keeps apart, until it ends."""

    at: int
    code: int
    space: str
    until: int | None = None


class Hint(NamedTuple):
    """A person of the previous map and when it began, at the identifier that founded it."""

    code: int
    valid_from: int
    person_id: str


class MapRow(NamedTuple):
    """One validity of one identifier; `valid_to` None while it holds."""

    code: int
    person_id: str
    valid_from: int
    valid_to: int | None


class Change(NamedTuple):
    """A person id that went over into another."""

    old: str
    new: str
    at: int
    cause: str


class Refusal(NamedTuple):
    """An edge left out, and the limit it would break."""

    a: int
    b: int
    rule: str
    reason: str


@dataclass
class Facts:
    """All that is known of one component."""

    nodes: list[Node] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)


@dataclass
class History:
    """What the replay found."""

    rows: list[MapRow]
    changes: list[Change]
    refusals: list[Refusal]


def born_id(id_type: str, id_key: str) -> str:
    """Id of a person born from this identifier; `persons.born_id` is the same in Spark."""
    return hashlib.sha256(f"{id_type}\0{id_key}".encode()).hexdigest()[:ID_DIGITS]


def reborn_id(code: int, at: int, used: Container[str] = ()) -> str:
    """Id of a person split off at a known time, when the identifier's own id is taken; none of the `used`.

    It may be used itself: by the person that had it in an earlier map, which later evidence gave an earlier birth.
    """
    again = (f"\0{n}" if n else "" for n in count())
    found = (hashlib.sha256(f"reborn\0{code}\0{at}{a}".encode()).hexdigest()[:ID_DIGITS] for a in again)
    return next(person_id for person_id in found if person_id not in used)


def replay(facts: Facts, *, limits: Limits, anonymous_rank: int) -> History:
    """History of one component; from `anonymous_rank` on types name devices, not persons."""
    graph = _Graph(facts, limits)
    people = _People(facts, anonymous_rank)
    for at in graph.moments():
        touched = graph.advance(at)
        people.step(touched, at)
    return History(people.rows(), people.changes, graph.refusals())


class _Graph:
    """Clusters at the moment reached."""

    def __init__(self, facts: Facts, limits: Limits) -> None:
        self.node = {n.code: n for n in facts.nodes}
        self.facts = facts
        self.limits = limits
        self.clusters = Clusters(limits)
        self.nodes_at = _by(facts.nodes, lambda n: n.first_known)
        self.spaces_at = _by(facts.spaces, lambda s: s.at)
        self.edges_at = _by(facts.edges, lambda e: e.first_known)
        self.has_manual = any(e.rule == MANUAL for e in facts.edges)
        ends = (*(e.until for e in facts.edges), *(s.until for s in facts.spaces))
        self.ends = {until for until in ends if until is not None}

    def moments(self) -> list[int]:
        return sorted({*self.nodes_at, *self.spaces_at, *self.edges_at, *self.ends})

    def advance(self, at: int) -> list[Cluster]:
        """Take in what became known at this moment; the clusters that it may have changed."""
        arrived = self.nodes_at.get(at, [])
        for node in arrived:
            self.clusters.add(node)
        fits = [self.clusters.add_space(self.node[s.code], s.space) for s in self.spaces_at.get(at, [])]
        edges = sorted((e for e in self.edges_at.get(at, ()) if _links(e, at)), key=_strength)
        in_order = follows(edges, self.clusters) and not self.has_manual
        if at in self.ends or not all(fits) or (self.clusters.has_refused and not in_order):
            return self._rebuild(at)
        touched = self.clusters.connect(edges)
        if self.clusters.has_refused and not in_order:
            return self._rebuild(at)
        return _distinct(self.clusters.of[c] for c in (*touched, *(n.code for n in arrived)))

    def _rebuild(self, at: int) -> list[Cluster]:
        """Clusters of all evidence known by now, from the start, strongest first."""
        known = (e for e in self.facts.edges if e.first_known <= at and _links(e, at))
        in_turn, lifted = self._in_turn(sorted(known, key=_strength), at)
        self.clusters = self._apart(at, lifted)
        self.clusters.connect(in_turn)
        self.clusters.has_refused |= bool(lifted)  # what is lifted is judged anew at every later moment
        return _distinct(self.clusters.of.values())

    def _apart(self, at: int, lifted: Container[str] = ()) -> Clusters:
        """All identifiers known by now, each alone; spaces that are `lifted` keep nobody apart."""
        clusters = Clusters(self.limits)
        for node in self.facts.nodes:
            if node.first_known <= at:
                clusters.add(node)
        for space in self.facts.spaces:
            holds = space.at <= at and (space.until is None or at < space.until)
            if holds and space.space not in lifted:
                clusters.add_space(self.node[space.code], space.space)
        return clusters

    def _in_turn(self, edges: list[Edge], at: int) -> tuple[list[Edge], set[str]]:
        """Reviewers' links first; last of all those that would join what may never be one by other evidence.

        So a link between two customers of one source takes nothing from either of them; it counts once
        a reviewer has parted one of them from what it is linked by. A link between people whose records contradict
        each other says that they are one: these contradictions are lifted.
        """
        manual = [e for e in edges if e.rule == MANUAL]
        if not manual:
            return edges, set()
        others = [e for e in edges if e.rule != MANUAL]
        without = self._apart(at)
        without.connect(others)
        against: list[Edge] = []
        joined: list[list[Cluster]] = []  # clusters that reviewers' links join, by group
        for e in manual:
            a, b = without.of[e.a], without.of[e.b]
            if any(not space.startswith(TWO_PEOPLE) for _, space in a.spaces & b.spaces):
                against.append(e)
            elif a is not b:
                meeting = [g for g in joined if any(c is a or c is b for c in g)]
                joined = [g for g in joined if g not in meeting]
                joined.append(_distinct([a, b, *(c for g in meeting for c in g)]))
        lifted = {space for group in joined for space in _held_twice(group)}
        return [*(e for e in manual if e not in against), *others, *against], lifted

    def refusals(self) -> list[Refusal]:
        """Edges that would still link but lie across two clusters, with the limit they break."""
        found = []
        for e in self.facts.edges:
            a, b = self.clusters.of[e.a], self.clusters.of[e.b]
            if e.until is None and a is not b:
                reason = self.clusters.broken_limit(a, b)
                assert reason is not None, "an edge was left out without a limit"
                found.append(Refusal(e.a, e.b, e.rule, reason))
        return found


@dataclass(frozen=True)
class _Person:
    person_id: str
    born_at: int


class _People:
    """Ids of the persons at the moment reached, and the rows closed so far."""

    def __init__(self, facts: Facts, anonymous_rank: int) -> None:
        self.strength = {n.code: (n.rank, n.first_known, n.code) for n in facts.nodes}
        self.born = {n.code: n.born_id for n in facts.nodes}
        self.hints = _by(facts.hints, lambda h: h.code)
        self.anonymous_rank = anonymous_rank
        self.now: dict[int, tuple[_Person, int]] = {}  # code -> person, since
        self.size: dict[str, int] = defaultdict(int)
        self.used: set[str] = set()
        self.decided = _decided(facts)
        self.closed: list[MapRow] = []
        self.changes: list[Change] = []

    def step(self, clusters: Sequence[Cluster], at: int) -> None:
        """Give every cluster its person; `clusters` hold all members of every person they touch."""
        heirs = self._heirs(clusters)
        moved: set[tuple[str, str]] = set()
        for i, cluster in enumerate(clusters):
            person = self._survivor(cluster, heirs.get(i, []), at)
            for code in cluster.members:
                self._assign(code, person, at, moved)
        for old, new in sorted(moved):
            cause = MANUAL if at in self.decided else "split" if self.size[old] else "merge"
            self.changes.append(Change(old, new, at, cause))

    def rows(self) -> list[MapRow]:
        """All validities, the open ones with `valid_to` None."""
        still = [MapRow(code, person.person_id, since, None) for code, (person, since) in self.now.items()]
        return [*self.closed, *still]

    def _heirs(self, clusters: Sequence[Cluster]) -> dict[int, list[tuple[int, int, _Person]]]:
        """Per cluster the persons that live on in it: (rank of their strongest identifier, born, person)."""
        strongest: dict[_Person, tuple[tuple[int, int, int], int]] = {}
        for i, cluster in enumerate(clusters):
            for code in cluster.members:
                if code in self.now:
                    person = self.now[code][0]
                    mine = (self.strength[code], i)
                    strongest[person] = min(strongest.get(person, mine), mine)
        heirs: dict[int, list[tuple[int, int, _Person]]] = defaultdict(list)
        for person, (strength, i) in strongest.items():
            heirs[i].append((strength[0], person.born_at, person))
        return heirs

    def _survivor(self, cluster: Cluster, inherited: list[tuple[int, int, _Person]], at: int) -> _Person:
        if inherited:
            rank, _, person = min(inherited, key=lambda i: (i[0], i[1], i[2].person_id))
            is_anonymous = rank >= self.anonymous_rank
            if not is_anonymous or all(self.strength[c][0] >= self.anonymous_rank for c in cluster.members):
                return person
        return self._birth(cluster, at)

    def _birth(self, cluster: Cluster, at: int) -> _Person:
        """A new person: the id it had in the previous map, else from its strongest, oldest identifier."""
        by_strength = sorted(cluster.members, key=self.strength.__getitem__)
        known = [person_id for code in by_strength for person_id in self._hinted(code, at)]
        candidates = [*known, self.born[by_strength[0]], reborn_id(by_strength[0], at, self.used)]
        person_id = next(c for c in candidates if c is not None and c not in self.used)
        self.used.add(person_id)
        return _Person(person_id, at)

    def _hinted(self, code: int, at: int) -> list[str]:
        """Persons that this identifier founded before: the one of this moment first, then later ones."""
        if code not in self.hints:
            return []
        hints = sorted(self.hints[code], key=lambda h: h.valid_from)
        begun = [h.person_id for h in hints if h.valid_from <= at]
        return [*reversed(begun), *(h.person_id for h in hints if h.valid_from > at)]

    def _assign(self, code: int, person: _Person, at: int, moved: set[tuple[str, str]]) -> None:
        if code in self.now:
            old, since = self.now[code]
            if old is person:
                return
            self.closed.append(MapRow(code, old.person_id, since, at))
            self.size[old.person_id] -= 1
            moved.add((old.person_id, person.person_id))
        self.now[code] = (person, at)
        self.size[person.person_id] += 1


def _decided(facts: Facts) -> set[int]:
    """Moments at which a reviewer's decision begins or ends."""
    edges = [(e.first_known, e.until) for e in facts.edges if e.rule == MANUAL]
    spaces = [(s.at, s.until) for s in facts.spaces if s.space.startswith(BY_HAND)]
    return {moment for span in (*edges, *spaces) for moment in span if moment is not None}


def _links(edge: Edge, at: int) -> bool:
    return edge.until is None or at < edge.until


def _strength(edge: Edge) -> tuple[int, float, int, int, int, str]:
    return edge.strength


def _held_twice(clusters: Iterable[Cluster]) -> set[str]:
    """Contradictions between two of the clusters."""
    names = [space for cluster in clusters for _, space in cluster.spaces if space.startswith(TWO_PEOPLE)]
    return {name for name, times in Counter(names).items() if times > 1}


def _distinct(clusters: Iterable[Cluster]) -> list[Cluster]:
    return list({id(c): c for c in clusters}.values())


def _by(items: Iterable[_T], key: Callable[[_T], int]) -> dict[int, list[_T]]:
    grouped: dict[int, list[_T]] = defaultdict(list)
    for item in items:
        grouped[key(item)].append(item)
    return grouped
