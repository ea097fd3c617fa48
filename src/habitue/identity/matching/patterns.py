"""The comparison pattern of pairs of records: one level per field, packed into one integer.

Values are compared once per distinct pair in a batch. Where two columns are mixed up
(given and family name, mostly), the pair of columns gets one level for the whole
swap in the first of them, and the second says nothing: their agreement is one fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from habitue.identity.matching.comparisons import CLOSE, COMPARISONS, UNKNOWN, Levels
from habitue.identity.matching.settings import MatchField
from habitue.identity.matching.text_codes import Flags, Ints
from habitue.identity.matching.value_pairs import ValuePairs

Values = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Pattern:
    """Fields in their order, and the levels that each can have."""

    fields: tuple[MatchField, ...]
    swaps: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the compared columns."""
        return tuple(f.column for f in self.fields)

    def levels(self, column: str) -> int:
        """Levels of a column; the first of a swapped pair has two more: both crossed, one crossed."""
        field = next(f for f in self.fields if f.column == column)
        return COMPARISONS[field.comparison][1] + (2 if column in {first for first, _ in self.swaps} else 0)

    def packed(self, levels: Mapping[str, Levels]) -> Ints:
        """One integer per pair: digits to mixed bases, a missing value the digit 0."""
        code = np.zeros(len(next(iter(levels.values()))), dtype=np.int64)
        for column in self.columns:
            code = code * (self.levels(column) + 1) + levels[column].astype(np.int64) + 1
        return code

    def unpacked(self, codes: Ints) -> dict[str, Levels]:
        """The levels behind packed integers."""
        found: dict[str, Levels] = {}
        rest = codes.copy()
        for column in reversed(self.columns):
            rest, digit = np.divmod(rest, self.levels(column) + 1)
            found[column] = (digit - 1).astype(np.int8)
        return found

    def compare(self, left: Mapping[str, Values], right: Mapping[str, Values]) -> dict[str, Levels]:
        """Levels of each field for pairs of records given column by column."""
        kinds = {f.column: f.comparison for f in self.fields}
        levels = {c: _levels(kinds[c], left[c], right[c]) for c in self.columns}
        for first, second in self.swaps:
            one = _levels(kinds[first], left[first], right[second])
            other = _levels(kinds[second], left[second], right[first])
            straight = _agrees(levels[first]).astype(np.int8) + _agrees(levels[second])
            both = _agrees(one) & _agrees(other) & (straight < 2)
            half = (_agrees(one) & (other == UNKNOWN)) | (_agrees(other) & (one == UNKNOWN))
            half &= straight == 0
            base = COMPARISONS[kinds[first]][1]
            levels[first] = np.select([both, half], [base, base + 1], levels[first]).astype(np.int8)
            levels[second] = np.where(both | half, UNKNOWN, levels[second]).astype(np.int8)
        return levels


def pattern_of(
    fields: Sequence[MatchField], swaps: Sequence[tuple[str, str]], columns: Sequence[str]
) -> Pattern:
    """The pattern for records with these columns."""
    present = tuple(f for f in fields if f.column in columns)
    return Pattern(present, tuple(pair for pair in swaps if all(c in columns for c in pair)))


def _agrees(levels: Levels) -> Flags:
    return (levels >= 0) & (levels <= CLOSE)


def _levels(comparison: str, left: Values, right: Values) -> Levels:
    """Levels of each pair; every distinct pair of values is compared once."""
    values, texts = pd.factorize(np.concatenate([left, right]))  # a missing value gets -1
    a, b = values[: len(left)].astype(np.int64), values[len(left) :].astype(np.int64)
    result = np.full(len(left), UNKNOWN, dtype=np.int8)
    known = np.flatnonzero((a >= 0) & (b >= 0))
    if known.size == 0:
        return result
    low, high = np.minimum(a[known], b[known]), np.maximum(a[known], b[known])
    pairs, position = np.unique(low * len(texts) + high, return_inverse=True)
    compare, _ = COMPARISONS[comparison]
    result[known] = compare(ValuePairs(texts.tolist(), pairs // len(texts), pairs % len(texts)))[position]
    return result
