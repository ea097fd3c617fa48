"""The kernel with its short way for components without trouble gives what the replay of each component gives."""

from __future__ import annotations

import os
import random

import pyarrow as pa
import pytest

from habitue.identity import kernel as kernel_module
from habitue.identity.constrained import BY_HAND, MANUAL, Edge, Limits
from habitue.identity.facts import EDGE, FOUNDER, NODE, SPACE, Chunk
from habitue.identity.kernel import FACTS, replay_partition
from habitue.identity.replay import Facts, History, Space, replay
from tests.oracle.identity_worlds import SETTINGS, Identifier, random_world
from tests.oracle.test_identity_replay import facts_of, founders

SEEDS = range(4000 if os.environ.get("HABITUE_ACCEPT") else 400)
LIMITS = {
    "tight": Limits(
        dict(SETTINGS.per_person),
        SETTINGS.default_per_person,
        SETTINGS.cluster_limit,
        dict(SETTINGS.live_days),
    ),
    "wide": Limits({}, 99, 999),
}
SCHEMA = pa.schema(
    [(name, pa.int64()) for name in FACTS[:6]]
    + [("confidence", pa.float64()), ("until", pa.int64())]
    + [(name, pa.string()) for name in ("id_type", "id_key", "name")]
    + [("is_free", pa.bool_())]
)
STEP = 1_000  # codes of one world lie apart from those of the next


def small_facts(seed: int) -> tuple[Facts, dict[int, Identifier]]:
    """Every third world is a quiet one, with few records and so without trouble."""
    facts, code = facts_of(random_world(seed, records=random.Random(seed).choice([2, 3, None])))
    return facts, {number: identifier for identifier, number in code.items()}


def rows_of(component: int, facts: Facts, names: dict[int, Identifier]) -> list[dict[str, object]]:
    shift = component * STEP
    rows: list[dict[str, object]] = []
    for n in facts.nodes:
        known = {"id_type": n.id_type, "id_key": names[n.code][1], "is_free": n.born_id is not None}
        rows.append({"kind": NODE, "at": n.first_known, "a": n.code + shift, "rank": n.rank} | known)
    for e in facts.edges:
        ends = {"a": e.a + shift, "b": e.b + shift, "until": e.until}
        rows.append(
            {"kind": EDGE, "at": e.first_known, "rank": e.tier, "confidence": e.confidence, "name": e.rule}
            | ends
        )
    rows += [
        {"kind": SPACE, "at": s.at, "a": s.code + shift, "name": s.space, "until": s.until}
        for s in facts.spaces
    ]
    rows += [
        {"kind": FOUNDER, "at": h.valid_from, "a": h.code + shift, "name": h.person_id} for h in facts.hints
    ]
    random.Random(component).shuffle(rows)
    return [dict.fromkeys(FACTS) | row | {"component": component} for row in rows]


def kernel(worlds: list[tuple[Facts, dict[int, Identifier]]], limits: Limits) -> list[dict[str, object]]:
    rows = [row for i, (facts, names) in enumerate(worlds) for row in rows_of(i, facts, names)]
    batches = pa.Table.from_pylist(rows, SCHEMA).to_batches(max_chunksize=97)  # components reach over batches
    found = list(replay_partition(iter(batches), limits=limits, anonymous_rank=5))
    return pa.Table.from_batches(found).to_pylist()


def wanted(worlds: list[tuple[Facts, dict[int, Identifier]]], limits: Limits) -> list[dict[str, object]]:
    rows = []
    for i, (facts, names) in enumerate(worlds):
        history = replay(moved(facts, i * STEP), limits=limits, anonymous_rank=5)
        rows += findings(history, {c + i * STEP: name for c, name in names.items()})
    return rows


def moved(facts: Facts, shift: int) -> Facts:
    return Facts(
        [n._replace(code=n.code + shift) for n in facts.nodes],
        [s._replace(code=s.code + shift) for s in facts.spaces],
        [e._replace(a=e.a + shift, b=e.b + shift) for e in facts.edges],
        [h._replace(code=h.code + shift) for h in facts.hints],
    )


def findings(history: History, names: dict[int, Identifier]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for r in history.rows:
        of = dict(zip(("id_type", "id_key"), names[r.code], strict=True))
        rows.append({"kind": 0, "at": r.valid_from, "until": r.valid_to, "person_id": r.person_id} | of)
    for c in history.changes:
        rows.append({"kind": 1, "at": c.at, "person_id": c.new, "other_id": c.old, "text": c.cause})
    for f in history.refusals:
        rows.append({"kind": 2, "a": f.a, "b": f.b, "text": f.rule, "person_id": f.reason})
    return rows


def as_set(rows: list[dict[str, object]]) -> set[tuple[tuple[str, object], ...]]:
    return {tuple(sorted((k, v) for k, v in row.items() if v is not None)) for row in rows}


def test_each_component_gets_the_history_that_its_replay_gives():
    worlds = [small_facts(seed) for seed in SEEDS]
    for limits in LIMITS.values():
        assert as_set(kernel(worlds, limits)) == as_set(wanted(worlds, limits))


def test_where_batches_and_chunks_end_does_not_matter(monkeypatch: pytest.MonkeyPatch):
    worlds = [small_facts(seed) for seed in SEEDS]
    whole = kernel(worlds, LIMITS["tight"])
    monkeypatch.setattr(kernel_module, "CHUNK", 60)
    assert as_set(kernel(worlds, LIMITS["tight"])) == as_set(whole)


def test_the_same_with_the_map_of_an_earlier_run_of_other_facts():
    """Persons of a run without the last records come back with their ids, and ids that others hold stay theirs."""
    worlds = []
    for seed in SEEDS:
        facts, names = small_facts(seed)
        early = sorted(n.first_known for n in facts.nodes)[len(facts.nodes) // 2]
        known = {n.code for n in facts.nodes if n.first_known >= early}
        before = Facts(
            [n for n in facts.nodes if n.code in known],
            [s for s in facts.spaces if s.code in known],
            [e for e in facts.edges if {e.a, e.b} <= known],
        )
        hints = founders(before, replay(before, limits=LIMITS["wide"], anonymous_rank=5))
        rng = random.Random(seed)
        nodes = [n if rng.random() < 0.8 else n._replace(born_id=None) for n in facts.nodes]
        worlds.append((Facts(nodes, facts.spaces, facts.edges, hints), names))
    for limits in LIMITS.values():
        assert as_set(kernel(worlds, limits)) == as_set(wanted(worlds, limits))


def decided(facts: Facts, rng: random.Random) -> Facts:
    """One fact of reviewers, consent or a change of hands, after which a component is no plain one, or one of none."""
    codes = sorted(n.code for n in facts.nodes)
    first = {n.code: n.first_known for n in facts.nodes}
    spaces, edges = [*facts.spaces], [*facts.edges]
    kind = rng.choice(["link", "unlink", "block", "pause", "later", "none"])
    start, end = rng.randint(1, 20), rng.choice([None, rng.randint(21, 50)])
    if kind == "pause" and edges:  # one edge in two spans
        edge = edges.pop(rng.randrange(len(edges)))
        middle = edge.first_known + 2
        edges += [edge._replace(until=middle), edge._replace(first_known=middle + 3, until=edge.until)]
        edges = [e for e in edges if e.until is None or e.first_known < e.until]
    elif kind == "later" and edges:  # consent came after the record
        edge = edges.pop(rng.randrange(len(edges)))
        edges += [
            e
            for e in [edge._replace(first_known=edge.first_known + 4)]
            if not e.until or e.until > e.first_known
        ]
    elif kind == "link" and len(codes) > 1:
        one, other = rng.sample(codes, 2)
        edges.append(
            Edge(one, other, -1, 1.0, max(start, first[one], first[other]), end and end + 99, MANUAL)
        )
    elif kind in ("unlink", "block"):
        for code in rng.sample(codes, min(len(codes), 2 if kind == "unlink" else 1)):
            spaces.append(Space(max(start, first[code]), code, f"{BY_HAND}d", end and end + 99))
    return Facts(facts.nodes, spaces, edges, facts.hints)


def test_the_same_with_decisions_and_edges_that_pause():
    worlds = []
    for seed in SEEDS:
        facts, names = small_facts(seed)
        worlds.append((decided(facts, random.Random(seed)), names))
    for limits in LIMITS.values():
        found = kernel(worlds, limits)
        assert as_set(found) == as_set(wanted(worlds, limits))
        assert {row["text"] for row in found} >= {MANUAL, "merge"}


def test_worlds_go_both_ways():
    """Guards the tests above: plain components and others both occur, in numbers."""
    rows = [row for i, seed in enumerate(SEEDS) for row in rows_of(i, *small_facts(seed))]
    chunk = Chunk(pa.Table.from_pylist(rows, SCHEMA))
    plain = int(chunk.is_plain(LIMITS["tight"]).sum())
    assert len(SEEDS) / 10 < plain < len(SEEDS) * 9 / 10
