"""Arrow kernels of matching: the pattern of each candidate pair, and the repair of each group of links.

Pairs are compared in buckets. A bucket brings each of its records once, then its pairs as
codes, one record and a list of others: what a record says travels once per bucket and not once
per pair, and is turned into numbers before the first pair is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitue.identity.matching.comparisons import agrees
from habitue.identity.matching.expectation_maximisation import POPULATIONS, follows_chance
from habitue.identity.matching.patterns import Pattern
from habitue.identity.matching.repair import Link, repaired
from habitue.identity.matching.text_codes import Flags, Ints

RECORD, PAIR = 0, 1
ROWS = ("bucket", "kind", "a", "others", "fields", "rarity", "exclusive")
"""What a bucket holds: records (code `a`; fields and rarity in the order of the pattern), then pairs (a with others)."""
RARITIES = tuple(f"rarity_{population}" for population in POPULATIONS)
"""By population, the rarity of all that agrees in a pair and that the population shares, in sum."""
COMPARED = ", ".join(
    ("a bigint", "b bigint", "conflict boolean", "pattern bigint", *(f"{c} float" for c in RARITIES))
)
REPAIRED = "a bigint, b bigint, is_kept boolean"
BATCH = 250_000
"""Pairs compared at once: the more, the more often a pair of values has been met."""


def compare_batches(batches: Iterator[pa.RecordBatch], pattern: Pattern) -> Iterator[pa.RecordBatch]:
    """Rows sorted by bucket and kind in; of each pair its codes, conflict, pattern and rarity out."""
    bucket: int | None = None
    records: list[pa.RecordBatch] = []
    book: _Book | None = None
    for number, kind, part in (run for batch in batches for run in _runs(batch)):
        if number != bucket:
            bucket, records, book = number, [], None
        if kind == RECORD:
            records.append(part)
            continue
        book = book or _Book(pa.Table.from_batches(records), pattern)
        ones, others = _pairs(part)
        for first in range(0, len(ones), BATCH):
            yield book.compared(ones[first : first + BATCH], others[first : first + BATCH])


def repair_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Scored pairs sorted by component in; each accepted link, kept or not, out."""
    current: int | None = None
    links: list[Link] = []
    for batch in batches:
        columns = (
            batch.column(n).to_pylist() for n in ("component", "a", "b", "log_odds", "conflict", "accepted")
        )
        for component, *link in zip(*columns, strict=True):
            if component != current and links:
                yield _repaired(links)
                links = []
            current = component
            links.append(Link(*link))
    if links:
        yield _repaired(links)


def _pairs(rows: pa.RecordBatch) -> tuple[Ints, Ints]:
    """Codes of both records of each pair."""
    others = rows.column("others")
    lengths = pc.list_value_length(others).to_numpy(zero_copy_only=False)
    return np.repeat(rows.column("a").to_numpy(), lengths), others.flatten().to_numpy()


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[int, int, pa.RecordBatch]]:
    """Parts of a batch within one bucket and of one kind."""
    bucket, kind = batch.column("bucket").to_numpy(), batch.column("kind").to_numpy()
    ends = np.flatnonzero((bucket[1:] != bucket[:-1]) | (kind[1:] != kind[:-1])) + 1
    bounds = [0, *ends.tolist(), batch.num_rows]
    for start, end in zip(bounds, bounds[1:], strict=False):
        if end > start:
            yield int(bucket[start]), int(kind[start]), batch.slice(start, end - start)


class _Book:
    """The records of a bucket, as numbers."""

    def __init__(self, records: pa.Table, pattern: Pattern) -> None:
        self.pattern = pattern
        codes = records.column("a").to_numpy()
        self._order = np.argsort(codes)
        self._codes = codes[self._order]
        width = len(pattern.columns)
        flat = _whole(records, "fields").flatten()
        columns = {
            c: flat.take(pa.array(np.arange(i, len(flat), width))) for i, c in enumerate(pattern.columns)
        }
        self._fields = pattern.numbered(columns)
        rarity = _whole(records, "rarity").flatten().to_numpy(zero_copy_only=False)
        self._rarity = rarity.reshape(-1, width).astype(np.float32)
        self._numbers = _numbers(_whole(records, "exclusive"))
        shares = [[not follows_chance(p, f, pattern) for f in pattern.fields] for p in POPULATIONS]
        self._shares = np.array(shares, dtype=np.float32)

    def compared(self, a: Ints, b: Ints) -> pa.RecordBatch:
        """What each pair of records, given by their codes, shows."""
        one, other = self._places(a), self._places(b)
        levels = self.pattern.compare_numbered(self._fields, one, other)
        agreeing = np.stack([agrees(levels[f.column], f.comparison) for f in self.pattern.fields], axis=1)
        rarity = np.where(agreeing, np.minimum(self._rarity[one], self._rarity[other]), np.float32(0))
        totals = np.zeros((len(POPULATIONS), len(one)), dtype=np.float32)
        for field in range(
            rarity.shape[1]
        ):  # a product of matrices adds in an order that depends on their size
            totals += self._shares[:, [field]] * rarity[:, field]
        conflict: Flags = np.zeros(len(one), dtype=bool)
        for number in self._numbers:
            conflict |= (number[one] >= 0) & (number[other] >= 0) & (number[one] != number[other])
        arrays = [
            pa.array(a),
            pa.array(b),
            pa.array(conflict),
            pa.array(self.pattern.packed(levels), pa.int64()),
            *(pa.array(total, pa.float32()) for total in totals),
        ]
        return pa.RecordBatch.from_arrays(arrays, names=["a", "b", "conflict", "pattern", *RARITIES])

    def _places(self, codes: Ints) -> Ints:
        found: Ints = self._order[np.searchsorted(self._codes, codes)]
        return found


def _numbers(exclusive: pa.MapArray) -> list[Ints]:
    """Of each number space the number that every record has in it, as an integer; -1 for none."""
    keys = exclusive.keys.dictionary_encode()
    values = exclusive.items.dictionary_encode().indices.to_numpy()
    offsets = exclusive.offsets.to_numpy()
    record = np.repeat(np.arange(len(exclusive)), np.diff(offsets))
    space = keys.indices.to_numpy()[offsets[0] : offsets[-1]]
    found = []
    for number in range(len(keys.dictionary)):
        held = np.full(len(exclusive), -1, dtype=np.int64)
        spots = np.flatnonzero(space == number)
        held[record[spots]] = values[offsets[0] : offsets[-1]][spots]
        found.append(held)
    return found


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _repaired(links: list[Link]) -> pa.RecordBatch:
    accepted = [link for link in links if link.is_accepted]
    kept = repaired(links)
    arrays = [
        pa.array([link.a for link in accepted], pa.int64()),
        pa.array([link.b for link in accepted], pa.int64()),
        pa.array([(link.a, link.b) in kept for link in accepted], pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(arrays, names=["a", "b", "is_kept"])
