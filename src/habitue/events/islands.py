"""Where visits begin among the events of visitors in order.

An island is a run of one visitor's events without a pause longer than the timeout. Every other split
(midnight, campaign, login, the tracker's own session, caps) is a function of the events of one island, so
that late, removed or repeated events never matter beyond the island they fall into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from habitue.events.caps import capped
from habitue.events.runs import Flags, Ints, first_of_run, last_before, next_from
from habitue.events.split_rules import SplitRules


@dataclass(frozen=True)
class Track:
    """Events of visitors, sorted by visitor, time and id; codes are -1 where an event has none.

    Only what the rules look at has to be there.
    """

    begins_visitor: Flags
    micros: Ints
    day: Ints | None = None  # local day
    campaign: Ints | None = None
    source_session: Ints | None = None
    logins: Sequence[Ints] = ()  # one array per type of login


def island_starts(begins_visitor: Flags, micros: Ints, rules: SplitRules) -> Flags:
    """Whether each event is the first of its visitor or comes after a pause that no visit spans."""
    islands: Flags = begins_visitor | (np.diff(micros, prepend=micros[:1]) > rules.island_micros)
    return islands


def visit_starts(track: Track, rules: SplitRules) -> Flags:
    """Whether each event begins a visit."""
    since = np.diff(track.micros, prepend=track.micros[:1])
    islands = island_starts(track.begins_visitor, track.micros, rules)
    first = first_of_run(islands)
    starts = islands.copy()
    if rules.by_source and track.source_session is not None:
        starts |= _leaves_source_session(track.source_session, since, first, rules)
    if rules.at_midnight and track.day is not None:
        starts |= np.diff(track.day, prepend=track.day[:1]) != 0
    if rules.by_campaign and track.campaign is not None:
        starts |= _changes(track.campaign, first, from_none=True) & ~islands
    switched_since = _switched_since(track.logins, first) if rules.by_login else None
    return capped(starts, track.micros, rules, switched_since)


def _changes(codes: Ints, first: Ints, *, from_none: bool) -> Flags:
    """Where a code differs from the last one in the island; `from_none`: also where there was none before."""
    before = last_before(codes >= 0, first)
    differs = np.where(before >= 0, codes != codes[before], from_none)
    changes: Flags = (codes >= 0) & differs
    return changes


def _leaves_source_session(codes: Ints, since: Ints, first: Ints, rules: SplitRules) -> Flags:
    """Another session of the tracker begins, or a pause is too long that no session of it spans.

    An event that names no session lies within one if it comes between two events of that.
    """
    before, following = last_before(codes >= 0, first), next_from(codes >= 0, first)
    is_same = (before >= 0) & (following >= 0) & (codes[following] == codes[before])
    leaves: Flags = _changes(codes, first, from_none=False) | (~is_same & (since > rules.gap_micros))
    return leaves


def _switched_since(logins: Sequence[Ints], first: Ints) -> Ints:
    """For each event the last one before it, in its island, with another login of the same type; -1 if none.

    A visit that began at or before that event would hold two different people.
    """
    latest = np.full(first.size, -1, dtype=np.int64)
    for codes in logins:
        has = codes >= 0
        before = last_before(has, first)
        differs = has & (before >= 0) & (codes != codes[before])
        # where it does not differ from the one before, what differed from that one does
        known = np.maximum.accumulate(np.where(differs, before, -1))
        mine = np.where(has & (known >= first), known, -1)
        latest = np.maximum(latest, mine)
    return latest
