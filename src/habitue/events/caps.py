"""Splits that depend on where the visit began: the longest visit, the most events, bursts, another login.

They are taken greedily from the first event on. Few runs of events need any, so only those are walked,
and each step of a walk jumps to the next split.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from habitue.events.runs import Flags, Ints, first_of_run
from habitue.events.split_rules import SplitRules


def capped(starts: Flags, micros: Ints, rules: SplitRules, switched_since: Ints | None) -> Flags:
    """The starts with those added that the caps ask for."""
    is_bursting = _bursting(micros, rules)
    exceeds = _exceeds(starts, micros, rules, is_bursting, switched_since)
    if not exceeds.any():
        return starts
    bounds = np.append(np.flatnonzero(starts), starts.size)
    runs = np.unique(np.searchsorted(bounds, np.flatnonzero(exceeds), side="right") - 1)
    result = starts.copy()
    for run in runs:
        walk = _Walk(int(bounds[run]), int(bounds[run + 1]), micros, rules, is_bursting, switched_since)
        result[list(walk.splits())] = True
    return result


def _bursting(micros: Ints, rules: SplitRules) -> Flags:
    """Whether an event and as many before it as a burst may hold lie within the burst's length."""
    found = np.zeros(micros.size, dtype=bool)
    n = rules.burst_events
    if 0 < n < micros.size:
        found[n:] = micros[n:] - micros[:-n] <= rules.burst_micros
    return found


def _exceeds(
    starts: Flags, micros: Ints, rules: SplitRules, is_bursting: Flags, switched_since: Ints | None
) -> Flags:
    first = first_of_run(starts)
    place = np.arange(starts.size) - first
    found = is_bursting & (place >= rules.burst_events)
    if rules.most_events:
        found |= place >= rules.most_events
    if rules.longest_micros:
        found |= micros - micros[first] > rules.longest_micros
    if switched_since is not None:
        found |= switched_since >= first
    return found


class _Walk:
    """One run of events, walked from split to split."""

    def __init__(
        self,
        begin: int,
        end: int,
        micros: Ints,
        rules: SplitRules,
        is_bursting: Flags,
        switched_since: Ints | None,
    ) -> None:
        self._begin, self._end, self._micros, self._rules = begin, end, micros, rules
        self._bursts = np.flatnonzero(is_bursting[begin:end]) + begin
        self._since = switched_since
        switches = (
            np.flatnonzero(switched_since[begin:end] >= begin) + begin if switched_since is not None else ()
        )
        self._switches = [int(row) for row in switches]
        self._next_switch = 0

    def splits(self) -> Iterator[int]:
        """The rows at which a visit ends and the next begins."""
        begin = self._next_after(self._begin)
        while begin < self._end:
            yield begin
            begin = self._next_after(begin)

    def _next_after(self, begin: int) -> int:
        rules, candidates = self._rules, [self._end]
        if rules.most_events:
            candidates.append(begin + rules.most_events)
        if rules.longest_micros:
            latest = self._micros[begin] + rules.longest_micros
            own = self._micros[begin : self._end]
            candidates.append(begin + int(np.searchsorted(own, latest, side="right")))
        place = int(np.searchsorted(self._bursts, begin + rules.burst_events))
        if place < self._bursts.size:
            candidates.append(int(self._bursts[place]))
        return min(*candidates, self._switch_after(begin))

    def _switch_after(self, begin: int) -> int:
        """The next event with another login than the visit's; what is passed over once is never needed again."""
        if self._since is None:
            return self._end
        while self._next_switch < len(self._switches):
            row = self._switches[self._next_switch]
            if row > begin and self._since[row] >= begin:
                return row
            self._next_switch += 1
        return self._end
