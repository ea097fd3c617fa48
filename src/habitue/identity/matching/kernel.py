"""Arrow kernels of matching: the pattern of each candidate pair, and the repair of each group of links."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from habitue.identity.matching.comparisons import CLOSE
from habitue.identity.matching.patterns import Pattern
from habitue.identity.matching.repair import Link, repaired

COMPARED = "a bigint, b bigint, conflict boolean, pattern bigint, rarity array<float>"
REPAIRED = "a bigint, b bigint, is_kept boolean"
BATCH = 100_000
"""Pairs compared at once: the more, the more often a pair of values has been met."""


def compare_batches(batches: Iterator[pa.RecordBatch], pattern: Pattern) -> Iterator[pa.RecordBatch]:
    """Pairs with the fields of both sides in; code, conflict, pattern and rarity of what agrees out."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH:
            yield _compared(pa.Table.from_batches(waiting), pattern)
            waiting, rows = [], 0
    if rows:
        yield _compared(pa.Table.from_batches(waiting), pattern)


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


def _compared(pairs: pa.Table, pattern: Pattern) -> pa.RecordBatch:
    sides = [
        {c: pairs.column(f"{c}_{end}").to_numpy(zero_copy_only=False) for c in pattern.columns}
        for end in "ab"
    ]
    levels = pattern.compare(*sides)
    width = len(pattern.columns)
    rarity = np.minimum(
        *(
            pairs.column(f"rarity_{end}").combine_chunks().flatten().to_numpy().reshape(-1, width)
            for end in "ab"
        )
    )
    agrees = np.stack([(levels[c] >= 0) & (levels[c] <= CLOSE) for c in pattern.columns], axis=1)
    flat = np.where(agrees, rarity, 0.0).astype(np.float32).ravel()
    offsets = pa.array(np.arange(0, flat.size + 1, width), pa.int32())
    return pa.RecordBatch.from_arrays(
        [
            pairs.column("a").combine_chunks(),
            pairs.column("b").combine_chunks(),
            pairs.column("conflict").combine_chunks(),
            pa.array(pattern.packed(levels), pa.int64()),
            pa.ListArray.from_arrays(offsets, pa.array(flat, pa.float32())),
        ],
        names=["a", "b", "conflict", "pattern", "rarity"],
    )


def _repaired(links: list[Link]) -> pa.RecordBatch:
    accepted = [link for link in links if link.is_accepted]
    kept = repaired(links)
    arrays = [
        pa.array([link.a for link in accepted], pa.int64()),
        pa.array([link.b for link in accepted], pa.int64()),
        pa.array([(link.a, link.b) in kept for link in accepted], pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(arrays, names=["a", "b", "is_kept"])
