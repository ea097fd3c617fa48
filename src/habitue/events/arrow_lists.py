"""Lists of Arrow columns gathered by runs of rows, without touching their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitue.events.runs import Ints, summed


def grouped(values: pa.Array, starts: Ints) -> pa.Array:
    """For each run of rows one list of all that the lists of its rows hold."""
    offsets = np.concatenate([[0], np.cumsum(summed(_sizes(values), starts))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.flatten())


def tagged(lists: pa.Array, values: pa.Array, tags: Mapping[str, npt.NDArray[Any]]) -> pa.Array:
    """The lists that `values` were grouped to, each entry with more fields in front: those of the row it came from."""
    entries = lists.values
    row = np.repeat(np.arange(len(values)), _sizes(values))
    fields = [*(pa.array(tag[row]) for tag in tags.values()), *entries.flatten()]
    names = [*tags, *(field.name for field in entries.type)]
    return pa.ListArray.from_arrays(lists.offsets, pa.StructArray.from_arrays(fields, names=names))


def single(values: pa.Array) -> pa.Array:
    """Lists of one entry as that entry, null where there is no list."""
    is_there = values.is_valid().to_numpy(zero_copy_only=False)
    return values.flatten().take(pa.array(np.cumsum(is_there) - 1, mask=~is_there))


def _sizes(values: pa.Array) -> Ints:
    sizes: Ints = pc.list_value_length(values).fill_null(0).to_numpy().astype(np.int64)
    return sizes
