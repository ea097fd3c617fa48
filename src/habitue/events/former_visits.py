"""Visits as they were known on an earlier day, before events of theirs were delivered that came late.

What is known of an island of events changes with each day on which some of them become known. Cuts are the
starts of days, so one state per day is all that any profile can ask for: the events known by the end of
the day. A visit that is the same in several states is one row, from when it was known so until the first event was
known of the day that changed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from habitue.events.runs import Flags, Ints, first_of_run

# an island has a state per day and up to a row per event in each: a device that hardly pauses for months is a machine,
# and would fill the memory
MOST_ROWS = 1 << 20
_AT_A_TIME = 1 << 18


@dataclass(frozen=True)
class Versions:
    """Which of the visits in the states differ from the last state, and since when the last ones were known.

    `former` are indices of visits, `known` and `superseded` the instants that each of them held from and to.
    `last_first` are rows of the first events of visits in last states, `last_known` since when those were as they are.
    """

    former: Ints
    known: Ints
    superseded: Ints
    last_first: Ints
    last_known: Ints


@dataclass(frozen=True)
class States:
    """The events of islands that were not known in one day, once per such day: those known by its end.

    States of an island follow each other. `rows` are the events, `state` the state of each.
    """

    rows: Ints
    state: Ints
    since: Ints  # per state: the first instant at which an event of its day was known
    is_first: Flags  # per state: the first of its island
    is_last: Flags

    @property
    def begins(self) -> Flags:
        """Whether each of the rows is the first of its state."""
        begins: Flags = np.diff(self.state, prepend=-1) != 0
        return begins

    def versions(self, starts: Ints, known: Ints) -> Versions:
        """The states' visits, which begin at `starts`, told apart; `known` is when each event was.

        In a state there are all events of the island that were known by then, so two visits from the same event to
        the same event with as many of them are the same.
        """
        ends = np.append(starts[1:], self.rows.size)
        first, last, count = self.rows[starts], self.rows[ends - 1], ends - starts
        state = self.state[starts]
        own = np.maximum.reduceat(known[self.rows], starts)
        order = np.lexsort((state, count, last, first))
        alike = [np.diff(key[order]) == 0 for key in (first, last, count)]
        goes_on = np.append(False, np.logical_and.reduce([*alike, np.diff(state[order]) == 1]))
        born = order[first_of_run(~goes_on)]  # the same visit in the first state that has it
        ends_here = np.append(~goes_on[1:], True)
        visit, born = order[ends_here], born[ends_here]
        since = np.where(
            self.is_first[state[born]], own[visit], np.maximum(own[visit], self.since[state[born]])
        )
        is_last = self.is_last[state[visit]]
        former = ~is_last
        return Versions(
            visit[former],
            since[former],
            self.since[state[visit[former]] + 1],
            first[visit[is_last]],
            since[is_last],
        )


def earlier_states(islands: Flags, day: Ints, known: Ints) -> Iterator[States]:
    """What was known of each island at the end of each day, some islands at a time; those known in one day are left out.

    `islands` says where they begin, `day` and `known` are the local day and the instant at which each event was known.
    """
    starts = np.flatnonzero(islands)
    sizes = np.diff(np.append(starts, islands.size))
    late = np.maximum.reduceat(day, starts) > np.minimum.reduceat(day, starts)
    held: list[_State] = []
    rows = 0
    for start, size in zip(starts[late], sizes[late], strict=True):
        island = _of_island(start, day[start : start + size], known[start : start + size])
        held += island
        rows += sum(state.rows.size for state in island)
        if rows >= _AT_A_TIME:
            yield _joined(held)
            held, rows = [], 0
    if held:
        yield _joined(held)


@dataclass(frozen=True)
class _State:
    """One state: see `States`."""

    rows: Ints
    since: int
    is_first: bool
    is_last: bool


def _of_island(start: int, day: Ints, known: Ints) -> list[_State]:
    """The states of an island in order; none where they would be too large."""
    days, rank = np.unique(day, return_inverse=True)
    if day.size * days.size > MOST_ROWS:
        return []
    return [
        _State(
            start + np.flatnonzero(rank <= number),
            int(known[rank == number].min()),
            number == 0,
            number == days.size - 1,
        )
        for number in range(days.size)
    ]


def _joined(states: list[_State]) -> States:
    return States(
        np.concatenate([state.rows for state in states]),
        np.repeat(np.arange(len(states)), [state.rows.size for state in states]),
        np.array([state.since for state in states]),
        np.array([state.is_first for state in states]),
        np.array([state.is_last for state in states]),
    )
