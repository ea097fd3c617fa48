"""Repair of one group of linked records, so that a chain of links does not make one person of several.

Links come strongest first. Two parts of the group unite only if all that is known of
pairs across them speaks for it in sum: a weak bridge between two people is outweighed by
the pairs that contradict it. A single contradiction counts little, since two bad copies
of one record contradict each other too; a single link cannot outvote many. Two values
that exclude each other (two customer numbers of one source) never unite.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

FOR, AGAINST = 10.0, 2.0
"""Most that one pair says for or against, in natural log odds."""


class Link(NamedTuple):
    """A scored pair of records of the group."""

    a: int
    b: int
    log_odds: float
    is_conflict: bool
    is_accepted: bool


def repaired(links: Iterable[Link]) -> set[tuple[int, int]]:
    """The accepted links whose ends are in one part when all unions are decided."""
    evidence: dict[int, dict[int, float]] = {}
    accepted = []
    for link in links:
        weight = float("-inf") if link.is_conflict else min(max(link.log_odds, -AGAINST), FOR)
        evidence.setdefault(link.a, {})[link.b] = weight
        evidence.setdefault(link.b, {})[link.a] = weight
        if link.is_accepted:
            accepted.append(link)
    part = {code: code for code in evidence}
    members = {code: [code] for code in evidence}
    for link in sorted(accepted, key=lambda link: (-link.log_odds, link.a, link.b)):
        one, other = part[link.a], part[link.b]
        if one != other and evidence[one].get(other, 0.0) >= 0:
            _unite(one, other, evidence, part, members)
    return {(link.a, link.b) for link in accepted if part[link.a] == part[link.b]}


def _unite(
    one: int,
    other: int,
    evidence: dict[int, dict[int, float]],
    part: dict[int, int],
    members: dict[int, list[int]],
) -> None:
    """Bring the smaller part into the larger one, and add up what is known across parts."""
    small, large = sorted((one, other), key=lambda p: (len(evidence[p]), p))
    for third, weight in evidence.pop(small).items():
        del evidence[third][small]
        if third != large:
            total = evidence[large].get(third, 0.0) + weight
            evidence[large][third] = evidence[third][large] = total
    for code in members.pop(small):
        part[code] = large
        members[large].append(code)
