"""The replay of one component: state at every moment, ids, changes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from habitue.identity.constrained import BY_HAND, MANUAL, Edge, Limits, Node
from habitue.identity.replay import Change, Facts, Hint, History, MapRow, Space, born_id, replay

A, B, E, V, W = 1, 2, 30, 60, 61
RANKS = {A: 0, B: 0, E: 3, V: 6, W: 6}
TYPES = {0: "customer_number", 3: "email", 6: "anonymous_id"}
LIMITS = Limits(per_person={"anonymous_id": 2}, default_per_person=5, cluster=200)


def node(code: int, at: int) -> Node:
    return Node(code, TYPES[RANKS[code]], RANKS[code], at, f"p{code}")


def edge(a: int, b: int, at: int, until: int | None = None) -> Edge:
    weak, strong = max(RANKS[a], RANKS[b]), min(RANKS[a], RANKS[b])
    return Edge(min(a, b), max(a, b), weak * 100 + strong, 0.99, at, until, "same_record")


def history(
    nodes: list[Node], edges: list[Edge], spaces: Sequence[Space] = (), hints: Sequence[Hint] = ()
) -> History:
    return replay(Facts(nodes, list(spaces), edges, list(hints)), limits=LIMITS, anonymous_rank=5)


def test_an_identifier_is_its_own_person_until_the_evidence_is_known():
    found = history([node(A, 1), node(E, 2)], [edge(A, E, 5)])
    assert sorted(found.rows) == [MapRow(A, "p1", 1, None), MapRow(E, "p1", 5, None), MapRow(E, "p30", 2, 5)]
    assert found.changes == [Change("p30", "p1", 5, "merge")]


def test_a_customer_number_survives_an_older_email():
    found = history([node(E, 1), node(A, 3)], [edge(A, E, 5)])
    assert MapRow(E, "p1", 5, None) in found.rows


def test_a_known_person_is_born_when_a_device_first_logs_in():
    found = history([node(V, 1), node(A, 4)], [edge(A, V, 4)])
    assert sorted(found.rows) == [MapRow(A, "p1", 4, None), MapRow(V, "p1", 4, None), MapRow(V, "p60", 1, 4)]


def test_an_email_that_gets_a_customer_number_keeps_its_person():
    found = history([node(E, 1), node(A, 4)], [edge(A, E, 4)])
    assert sorted(found.rows) == [MapRow(A, "p30", 4, None), MapRow(E, "p30", 1, None)]
    assert found.changes == []


def test_a_cookie_counts_in_the_limits_for_as_long_as_its_type_lives():
    """Two cookies at once, each for 10 days: a third within them is refused, one that is first known as the first dies is not."""
    for at, is_taken in ((19, False), (20, True)):
        cookies = [
            Node(code, "anonymous_id", 6, born, f"p{code}") for code, born in ((60, 10), (61, 12), (62, at))
        ]
        edges = [Edge(A, c.code, 600, 0.99, c.first_known, None, "login") for c in cookies]
        limits = Limits({"anonymous_id": 2}, default_per_person=5, cluster=200, life={"anonymous_id": 10})
        found = replay(Facts([node(A, 1), *cookies], [], edges), limits=limits, anonymous_rank=5)
        assert [refusal.b for refusal in found.refusals] == ([] if is_taken else [62])


def test_a_value_that_becomes_shared_leaves_its_person_with_a_logged_split():
    found = history([node(A, 1), node(V, 1), node(W, 2)], [edge(A, V, 1, until=7), edge(V, W, 2, until=7)])
    assert MapRow(A, "p1", 1, None) in found.rows
    now = {(r.code, r.person_id) for r in found.rows if r.valid_to is None}
    assert now == {(A, "p1"), (V, "p60"), (W, "p61")}
    assert set(found.changes) == {Change("p1", "p60", 7, "split"), Change("p1", "p61", 7, "split")}


def test_two_customer_numbers_of_one_source_never_merge_and_the_limit_is_named():
    spaces = [Space(1, A, "crm"), Space(2, B, "crm")]
    found = history([node(A, 1), node(B, 2), node(E, 1)], [edge(A, E, 1), edge(B, E, 3)], spaces)
    assert {r.code: r.person_id for r in found.rows if r.valid_to is None} == {A: "p1", E: "p1", B: "p2"}
    assert [r.reason for r in found.refusals] == ["two values of customer_number from one source"]


def test_customer_numbers_part_when_one_turns_up_in_the_others_source():
    spaces = [Space(1, A, "crm"), Space(1, B, "shop"), Space(9, B, "crm")]
    found = history([node(A, 1), node(B, 1), node(E, 1)], [edge(A, E, 1), edge(B, E, 3)], spaces)
    assert {MapRow(B, "p1", 3, 9), MapRow(A, "p1", 1, None), MapRow(E, "p1", 1, None)} <= set(found.rows)
    (split,) = [c for c in found.changes if c.at == 9]
    assert (split.old, split.cause) == ("p1", "split")


def test_older_evidence_that_arrives_later_moves_the_birth_back_and_keeps_the_id():
    first = history([node(E, 9)], [])
    assert first.rows == [MapRow(E, "p30", 9, None)]
    found = history([node(A, 2), node(E, 2)], [edge(A, E, 2)], hints=[Hint(E, 9, "p30")])
    assert sorted(found.rows) == [MapRow(A, "p30", 2, None), MapRow(E, "p30", 2, None)]


def test_the_order_of_facts_does_not_matter():
    rng = random.Random(7)
    nodes = [node(c, rng.randint(1, 5)) for c in RANKS]
    edges = [edge(*rng.sample(sorted(RANKS), 2), rng.randint(5, 9)) for _ in range(8)]
    spaces = [Space(5, A, "crm"), Space(5, B, "crm")]
    results = []
    for _ in range(5):
        for facts in (nodes, edges, spaces):
            rng.shuffle(facts)
        found = history(list(nodes), list(edges), list(spaces))
        results.append((sorted(found.rows, key=str), sorted(found.changes), sorted(found.refusals)))
    assert all(r == results[0] for r in results)


def test_a_hub_of_100_000_values_takes_seconds():
    nodes = [node(A, 0)] + [Node(1000 + i, "anonymous_id", 6, i, f"p{i}") for i in range(100_000)]
    edges = [Edge(A, 1000 + i, 600, 0.95, i, None, "login") for i in range(100_000)]
    found = history(nodes, edges)
    assert len(found.refusals) == 100_000 - 2


def test_a_born_id_is_a_digest_of_type_and_key():
    assert born_id("email", "x") == born_id("email", "x") != born_id("emai", "lx")


def test_a_link_by_hand_is_strongest_but_takes_nothing_from_two_customers_of_one_source():
    spaces = [Space(1, A, "crm"), Space(1, B, "crm")]
    nodes = [node(A, 1), node(B, 1), node(E, 1)]
    link = edge(A, E, 5)._replace(tier=-1, rule=MANUAL)
    alone = history(nodes, [link], spaces)
    assert MapRow(E, "p1", 5, None) in alone.rows and alone.changes == [Change("p30", "p1", 5, MANUAL)]
    for stated in (3, 7):  # before and after the decision
        found = history(nodes, [link, edge(B, E, stated)], spaces)
        now = {r.code: r.person_id for r in found.rows if r.valid_to is None}
        assert now == {A: "p1", B: "p2", E: "p2"}
        assert [(r.rule, r.reason) for r in found.refusals] == [
            (MANUAL, "two values of customer_number from one source")
        ]


def test_two_kept_apart_by_hand_part_for_as_long_as_the_decision_lasts():
    spaces = [Space(4, V, BY_HAND + "d1", 8), Space(4, A, BY_HAND + "d1", 8)]
    found = history([node(A, 1), node(E, 1), node(V, 1)], [edge(A, E, 1), edge(E, V, 2)], spaces)
    rows = [r for r in found.rows if r.code == V]
    together = [(r.valid_from, r.valid_to) for r in rows if r.person_id == "p1"]
    assert together == [(2, 4), (8, None)]
    assert {c.cause for c in found.changes if c.at in (4, 8)} == {MANUAL}
