"""Rows in order, cut into runs: the few array operations that everything about visits is made of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


def first_of_run(starts: Flags) -> Ints:
    """For each row the index of the first row of its run."""
    return np.maximum.accumulate(np.where(starts, np.arange(starts.size), 0))


def last_before(found: Flags, first: Ints) -> Ints:
    """For each row the last row before it, in the same run, where `found` holds; -1 where there is none."""
    latest = np.maximum.accumulate(np.where(found, np.arange(found.size), -1))
    before = np.concatenate([np.array([-1]), latest[:-1]])
    return np.where(before >= first, before, -1)


def next_from(found: Flags, first: Ints) -> Ints:
    """For each row the next row from it on, in the same run, where `found` holds; -1 where there is none."""
    rows = np.where(found, np.arange(found.size), found.size)
    later = np.minimum.accumulate(rows[::-1])[::-1]
    is_same = first[np.minimum(later, found.size - 1)] == first
    return np.where((later < found.size) & is_same, later, -1)


def first_in_run(found: Flags, starts: Ints) -> Ints:
    """For each run its first row where `found` holds, -1 where there is none. `starts` are indices."""
    size = found.size
    first = np.minimum.reduceat(np.where(found, np.arange(size), size), starts)
    return np.where(first < size, first, -1)


def last_in_run(found: Flags, starts: Ints) -> Ints:
    """For each run its last row where `found` holds, -1 where there is none. `starts` are indices."""
    last: Ints = np.maximum.reduceat(np.where(found, np.arange(found.size), -1), starts)
    return last


def counted(found: Flags, starts: Ints) -> Ints:
    """For each run how many rows `found` holds in."""
    return summed(found.astype(np.int64), starts)


def summed(values: npt.NDArray[Any], starts: Ints) -> Ints:
    """For each run the sum of whole numbers."""
    total: Ints = np.add.reduceat(values, starts)
    return total
