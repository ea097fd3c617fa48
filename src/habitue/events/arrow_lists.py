"""Lists of Arrow columns gathered by runs of rows, without touching their values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitue.events.runs import Ints, summed


def grouped(values: pa.Array, starts: Ints) -> pa.Array:
    """For each run of rows one list of all that its rows hold: the entries of lists, or values that are there."""
    sizes = _sizes(values)
    offsets = np.concatenate([[0], np.cumsum(summed(sizes, starts))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _entries(values))


def positioned(lists: pa.Array, values: pa.Array, *, at: int) -> pa.Array:
    """The same lists of structs with the row that each entry came from as field `position`."""
    entries = lists.values
    rows = pa.array(np.repeat(np.arange(len(values)), _sizes(values)))
    names = [field.name for field in entries.type]
    fields = list(entries.flatten())
    names.insert(at, "position")
    fields.insert(at, rows)
    return pa.ListArray.from_arrays(lists.offsets, pa.StructArray.from_arrays(fields, names=names))


def _sizes(values: pa.Array) -> Ints:
    if pa.types.is_list(values.type):
        sizes = pc.list_value_length(values).fill_null(0).to_numpy()
    else:
        sizes = values.is_valid().to_numpy(zero_copy_only=False)
    whole: Ints = sizes.astype(np.int64)
    return whole


def _entries(values: pa.Array) -> pa.Array:
    return values.flatten() if pa.types.is_list(values.type) else values.drop_null()
