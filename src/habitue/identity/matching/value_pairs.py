"""Pairs of values by their places in a list, so that what concerns one value is worked out once, not per pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from habitue.identity.matching.edit_distance import edit_distance
from habitue.identity.matching.jaro_winkler import jaro_winkler
from habitue.identity.matching.text_codes import Flags, Floats, Ints, text_codes

FAR = 99
"""Edits reported for pairs that certainly need more than was asked for."""


class ValuePairs:
    """Values, and which two of them each pair compares.

    Most pairs that blocking brings share one key and nothing else. A set of the letters
    in each value, kept as the bits of one integer, bounds both the edits and the letters
    in common, so that the exact kernels only see the few pairs that may pass.
    """

    def __init__(self, values: Sequence[str], left: Ints, right: Ints) -> None:
        self.values = list(values)
        self.left = left
        self.right = right

    def of(self, change: Callable[[str], str]) -> ValuePairs:
        """The same pairs of another form of the values."""
        return ValuePairs([change(value) for value in self.values], self.left, self.right)

    def where(self, spots: Ints) -> ValuePairs:
        """Some of the pairs."""
        return ValuePairs(self.values, self.left[spots], self.right[spots])

    @cached_property
    def lengths(self) -> Ints:
        """Letters of each value."""
        return np.fromiter((len(value) for value in self.values), dtype=np.int64, count=len(self.values))

    @property
    def shorter(self) -> Ints:
        """Letters of the shorter value of each pair."""
        return np.minimum(self.lengths[self.left], self.lengths[self.right])

    @property
    def longer(self) -> Ints:
        """Letters of the longer value of each pair."""
        return np.maximum(self.lengths[self.left], self.lengths[self.right])

    @cached_property
    def same(self) -> Flags:
        """Pairs of equal values that are not empty."""
        _, number = np.unique(np.array([*self.values, ""], dtype=object), return_inverse=True)
        is_filled = number != number[-1]
        equal: Flags = (number[self.left] == number[self.right]) & is_filled[self.left]
        return equal

    def edits_up_to(self, limit: Ints) -> Ints:
        """Edits between the values of each pair; FAR where there are more than its limit."""
        differing = np.bitwise_count(self._letters[self.left] ^ self._letters[self.right]).astype(np.int64)
        # an edit changes the length by one at most, and the set of letters by two
        may = (self.longer - self.shorter <= limit) & (differing <= 2 * limit)
        result = np.full(self.left.size, FAR, dtype=np.int64)
        spots = np.flatnonzero(may)
        if spots.size:
            result[spots] = edit_distance(self.values, self.left[spots], self.right[spots])
        return np.where(result <= limit, result, FAR)

    def similarity_from(self, least: float) -> Floats:
        """Similarity of Jaro and Winkler; 0 for pairs that cannot reach `least` (above 0.82)."""
        a, b = self._letters[self.left], self._letters[self.right]
        a_length, b_length = self.lengths[self.left], self.lengths[self.right]
        common = np.minimum(a_length - np.bitwise_count(a & ~b), b_length - np.bitwise_count(b & ~a))
        jaro = (common / np.maximum(a_length, 1) + common / np.maximum(b_length, 1) + 1) / 3
        may: Flags = (common > 0) & (jaro + 0.4 * (1 - jaro) >= least)  # with the whole bonus for the prefix
        result = np.zeros(self.left.size, dtype=np.float64)
        spots = np.flatnonzero(may)
        if spots.size:
            result[spots] = jaro_winkler(*self._texts(spots))
        return result

    @cached_property
    def _letters(self) -> NDArray[np.uint64]:
        """Set of letters of each value as bits; letters that share a bit only loosen the bound."""
        codes, _ = text_codes(self.values)
        bits = np.uint64(1) << (codes.astype(np.uint64) & np.uint64(63))
        sets: NDArray[np.uint64] = np.bitwise_or.reduce(np.where(codes > 0, bits, np.uint64(0)), axis=1)
        return sets

    def _texts(self, spots: Ints) -> tuple[list[str], list[str]]:
        ones = [self.values[i] for i in self.left[spots].tolist()]
        return ones, [self.values[i] for i in self.right[spots].tolist()]
