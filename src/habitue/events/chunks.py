"""Rows of visitors in order, in chunks that tear no visitor apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitue.events.runs import Flags

_ROWS = 1 << 17  # enough that the cost of a step does not count, few enough for any memory


def whole_visitors(batches: Iterator[pa.RecordBatch], rows: int = _ROWS) -> Iterator[pa.Table]:
    """The batches joined to tables of at least `rows` rows, but for the last; each column is one array.

    Needs the columns `visitor_key` and `visitor_type`, and the rows of a visitor next to each other.
    """
    pending: list[pa.RecordBatch] = []
    size, wanted = 0, rows
    for batch in batches:
        pending.append(batch)
        size += batch.num_rows
        if size < wanted:
            continue
        table = pa.Table.from_batches(pending).combine_chunks()
        last = int(np.flatnonzero(begins_visitors(table))[-1])
        if last:
            yield table.slice(0, last)
        pending = table.slice(last).to_batches()
        size -= last
        wanted = max(rows, 2 * size)  # one visitor alone may fill it: doubling keeps the joining linear
    if size:
        yield pa.Table.from_batches(pending).combine_chunks()


def begins_visitors(rows: pa.Table) -> Flags:
    """Whether each row is the first of its visitor."""
    return _changes(rows.column("visitor_key").chunk(0)) | _changes(rows.column("visitor_type").chunk(0))


def _changes(values: pa.Array) -> Flags:
    """Whether each value differs from the one before it; the first does."""
    changes = np.ones(len(values), dtype=bool)
    if len(values) > 1:
        differs = pc.not_equal(values.slice(1), values.slice(0, len(values) - 1))
        changes[1:] = differs.to_numpy(zero_copy_only=False)
    return changes
