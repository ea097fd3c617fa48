"""Paths of evidence between two identifiers."""

from __future__ import annotations

from datetime import datetime

from habitue.identity.explain import Evidence, path, refused_between

A, B, E, C = ("customer_number", "ada"), ("customer_number", "ben"), ("email", "e"), ("anonymous_id", "c")


def evidence(
    a: tuple[str, str], b: tuple[str, str], status: str = "accepted", reason: str | None = None
) -> Evidence:
    return Evidence(*sorted([a, b]), "same_record", "crm", datetime(2026, 1, 1), 1, status, reason)


def test_the_path_is_the_shortest_chain_of_accepted_edges():
    found = path([evidence(A, E), evidence(E, C), evidence(A, B, "refused", "limit")], A, C)
    assert found is not None
    assert [(e.a, e.b) for e in found] == [(A, E), (C, E)]


def test_a_refused_edge_is_no_path_but_the_reason():
    edges = [evidence(A, E), evidence(B, E, "refused", "two values of customer_number from one source")]
    assert path(edges, A, B) is None
    assert [e.reason for e in refused_between(edges, {A, E}, {B})] == [
        "two values of customer_number from one source"
    ]


def test_an_identifier_leads_to_itself_without_evidence():
    assert path([], A, A) == []
