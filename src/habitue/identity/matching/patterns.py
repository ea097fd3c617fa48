"""The comparison pattern of pairs of records: one level per field, packed into one integer.

Values stand for themselves as numbers; two of them are compared once per distinct pair. Where two columns are mixed up
(given and family name, mostly), the pair of columns gets one level for the whole
swap in the first of them, and the second says nothing: their agreement is one fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitue.identity.matching.comparisons import COMPARISONS, UNKNOWN, Levels, agrees
from habitue.identity.matching.settings import MatchField
from habitue.identity.matching.text_codes import Ints
from habitue.identity.matching.value_pairs import ValuePairs

Values = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Numbered:
    """A column of records: the number of each record's value in `texts`, -1 where there is none."""

    number: Ints
    texts: pa.Array


@dataclass(frozen=True)
class Pattern:
    """Fields in their order, and the levels that each can have."""

    fields: tuple[MatchField, ...]
    swaps: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the compared columns."""
        return tuple(f.column for f in self.fields)

    @property
    def area(self) -> frozenset[str]:
        """Columns that agree together, as a postal code and its town do: those that another one implies, and that one."""
        pairs = [(f.column, f.implied_by) for f in self.fields if f.implied_by in self.columns]
        return frozenset(column for pair in pairs for column in pair if column)

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

    def numbered(self, columns: Mapping[str, pa.Array]) -> dict[str, Numbered]:
        """Columns of records as numbers; columns that may be swapped share theirs."""
        found: dict[str, Numbered] = {}
        together = {second: first for first, second in self.swaps}
        heads = [c for c in self.columns if c not in together]
        for head in heads:
            group = [head, *(c for c in self.columns if together.get(c) == head)]
            encoded = pa.concat_arrays([columns[c] for c in group]).dictionary_encode()
            numbers = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
            for column, part in zip(group, np.split(numbers, len(group)), strict=True):
                found[column] = Numbered(part, encoded.dictionary)
        return found

    def compare(self, left: Mapping[str, Values], right: Mapping[str, Values]) -> dict[str, Levels]:
        """Levels of each field for pairs of records given column by column."""
        both = {c: pa.array(np.concatenate([left[c], right[c]]), pa.string()) for c in self.columns}
        place = np.arange(len(left[self.columns[0]]))
        return self.compare_numbered(self.numbered(both), place, place + len(place))

    def compare_numbered(self, records: Mapping[str, Numbered], one: Ints, other: Ints) -> dict[str, Levels]:
        """Levels of each field for pairs of records given by their places in the columns."""
        kinds = {f.column: f.comparison for f in self.fields}

        def levels_of(column: str, against: str) -> Levels:
            a, b = records[column], records[against]
            return _levels(kinds[column], a.number[one], b.number[other], a.texts)

        levels = {c: levels_of(c, c) for c in self.columns}
        for first, second in self.swaps:
            here, there = levels_of(first, second), levels_of(second, first)
            one_way, other_way = agrees(here, kinds[first]), agrees(there, kinds[second])
            straight = agrees(levels[first], kinds[first]).astype(np.int8)
            straight = straight + agrees(levels[second], kinds[second])
            both = one_way & other_way & (straight < 2)
            half = (one_way & (there == UNKNOWN)) | (other_way & (here == UNKNOWN))
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


def _levels(comparison: str, left: Ints, right: Ints, texts: pa.Array) -> Levels:
    """Levels of each pair of numbers; every distinct pair is compared once."""
    result = np.full(len(left), UNKNOWN, dtype=np.int8)
    known = np.flatnonzero((left >= 0) & (right >= 0))
    if known.size == 0:
        return result
    low, high = np.minimum(left[known], right[known]), np.maximum(left[known], right[known])
    pairs, position = np.unique(low * len(texts) + high, return_inverse=True)
    # only values of these pairs are looked at: a bucket of records holds many more
    used, ends = np.unique(np.concatenate(np.divmod(pairs, len(texts))), return_inverse=True)
    compare, _ = COMPARISONS[comparison]
    values = texts.take(pa.array(used)).to_pylist()
    result[known] = compare(ValuePairs(values, ends[: len(pairs)], ends[len(pairs) :]))[position]
    return result
