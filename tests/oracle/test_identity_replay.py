"""Identity at any moment equals clustering anew what was known before: replay against a slow oracle."""

from __future__ import annotations

import os

import pytest

from habitue.identity.constrained import Edge, Limits, Node
from habitue.identity.replay import Facts, Hint, History, Space, born_id, replay
from tests.oracle import identity_worlds as worlds
from tests.oracle.identity_worlds import SETTINGS, Record, clusters_before

SEEDS = range(5000 if os.environ.get("HABITUE_ACCEPT") else 300)
LIMITS = Limits(
    dict(SETTINGS.per_person), SETTINGS.default_per_person, SETTINGS.cluster_limit, dict(SETTINGS.live_days)
)
FOREVER = 10**6


def facts_of(world: list[Record]) -> tuple[Facts, dict[worlds.Identifier, int]]:
    """The facts of a world as one component; shared values end their edges at the right moment."""
    everyone = sorted({i for r in world for i in r.identifiers}, key=lambda i: "\0".join(i))
    code = {i: n for n, i in enumerate(everyone)}
    first = {i: min(r.known for r in world if i in r.identifiers) for i in everyone}
    nodes = [Node(code[i], i[0], SETTINGS.rank(i[0]), first[i], born_id(*i)) for i in everyone]
    spaces = {}
    for r in world:
        for i in r.identifiers:
            if i[0] == "customer_number":
                key = (code[i], r.source)
                spaces[key] = min(spaces.get(key, r.known), r.known)
    shared_at = {}
    for cut in sorted({r.known for r in world}):
        known = [r for r in world if r.known <= cut]
        for i in worlds._shared(known, worlds._edges(known, SETTINGS), SETTINGS):
            shared_at.setdefault(i, cut)
    edges = []
    for (a, b, rule), known in worlds._edges(world, SETTINGS).items():
        until = min(shared_at.get(a, FOREVER), shared_at.get(b, FOREVER))
        ranks = sorted([SETTINGS.rank(a[0]), SETTINGS.rank(b[0])])
        tier = ranks[1] * 100 + ranks[0]
        confidence = SETTINGS.rule_confidence[rule]
        if known < until:
            end = None if until == FOREVER else until
            edges.append(Edge(code[a], code[b], tier, confidence, known, end, rule))
    return Facts(nodes, [Space(at, *key) for key, at in spaces.items()], edges), code


def state(history: History, cut: int) -> dict[int, str]:
    rows = [r for r in history.rows if r.valid_from < cut and (r.valid_to is None or r.valid_to >= cut)]
    assert len({r.code for r in rows}) == len(rows), "an identifier belongs to one person at a time"
    return {r.code: r.person_id for r in rows}


def grouped(persons: dict[int, str]) -> set[frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for code, person in persons.items():
        groups.setdefault(person, set()).add(code)
    return {frozenset(g) for g in groups.values()}


@pytest.mark.parametrize("block", range(4))
def test_identity_at_any_moment_is_the_clustering_of_what_was_known_before(block: int):
    for seed in SEEDS[block::4]:
        world = worlds.random_world(seed)
        facts, code = facts_of(world)
        found = replay(facts, limits=LIMITS, anonymous_rank=5)
        for cut in range(0, max(r.known for r in world) + 2):
            wanted = {frozenset(code[i] for i in g) for g in clusters_before(world, cut)}
            assert grouped(state(found, cut)) == wanted, f"seed {seed}, cut {cut}"


def test_every_change_of_an_identifier_is_logged_and_ids_are_never_reused():
    for seed in SEEDS:
        found = replay(facts_of(worlds.random_world(seed))[0], limits=LIMITS, anonymous_rank=5)
        logged = {(c.old, c.new, c.at) for c in found.changes}
        rows = sorted(found.rows, key=lambda r: (r.code, r.valid_from))
        for before, after in zip(rows, rows[1:], strict=False):
            if before.code == after.code:
                assert before.valid_to == after.valid_from
                assert (before.person_id, after.person_id, after.valid_from) in logged
        ended = {c.old: c.at for c in found.changes if c.cause == "merge"}
        assert all(r.valid_from < ended[r.person_id] for r in rows if r.person_id in ended), f"seed {seed}"


def founders(facts: Facts, found: History) -> list[Hint]:
    strength = {n.code: (n.rank, n.first_known, n.code) for n in facts.nodes}
    first: dict[str, tuple] = {}
    for r in found.rows:
        mine = (r.valid_from, *strength[r.code])
        first[r.person_id] = min(first.get(r.person_id, mine), mine)
    return [Hint(f[-1], f[0], person) for person, f in first.items()]


def test_a_second_replay_with_the_first_map_changes_nothing():
    for seed in SEEDS:
        facts, _ = facts_of(worlds.random_world(seed))
        once = replay(facts, limits=LIMITS, anonymous_rank=5)
        hinted = Facts(facts.nodes, facts.spaces, facts.edges, founders(facts, once))
        again = replay(hinted, limits=LIMITS, anonymous_rank=5)
        assert sorted(again.rows, key=str) == sorted(once.rows, key=str), f"seed {seed}"
        assert sorted(again.changes) == sorted(once.changes)


def test_two_customer_numbers_of_one_source_are_never_one_person():
    for seed in SEEDS:
        world = worlds.random_world(seed)
        facts, code = facts_of(world)
        numbers = {(code[i], r.source) for r in world for i in r.identifiers if i[0] == "customer_number"}
        final = state(replay(facts, limits=LIMITS, anonymous_rank=5), FOREVER)
        held = [(final[c], source) for c, source in numbers]
        assert len(held) == len(set(held)), f"seed {seed}"
