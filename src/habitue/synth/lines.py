"""Lines of raw files: which file, where in it, and the text; put together from Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [("file", pa.string()), ("moment", pa.int64()), ("tie", pa.int64()), ("line", pa.string())]
)
"""A line's file, and its place in the file: by moment, then by tie."""
HEAD = -(2**62)
"""The moment of a file's head."""

Part = Any
"""A column of text, or one text for all rows."""


def joined(*parts: Part) -> pa.Array:
    """The parts side by side, without anything in between."""
    columns = [pa.scalar(p) if isinstance(p, str) else as_text(p) for p in parts]
    return pc.binary_join_element_wise(*columns, "")


def as_text(values: Part) -> pa.Array:
    """Numbers and Python texts as Arrow texts."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def taken(pool: Sequence[str] | np.ndarray[Any, Any], index: np.ndarray[Any, Any]) -> pa.Array:
    """Text of a small pool by its place."""
    return pa.array(pool, pa.string()).take(pa.array(index))


def lines(
    file: Part, moment: np.ndarray[Any, Any], tie: np.ndarray[Any, Any], line: pa.Array
) -> pa.RecordBatch:
    """Lines of one or many files."""
    count = len(line)
    files = pa.array([file] * count, pa.string()) if isinstance(file, str) else as_text(file)
    return pa.RecordBatch.from_arrays(
        [files, pa.array(moment, pa.int64()), pa.array(tie, pa.int64()), line], schema=SCHEMA
    )


def csv(
    file: Part,
    columns: Sequence[Part],
    moment: np.ndarray[Any, Any],
    tie: np.ndarray[Any, Any],
    *,
    delimiter: str = ",",
) -> pa.RecordBatch:
    """Lines of delimited text. The values are our own: none has a delimiter, a quote or a line's end."""
    parts: list[Part] = []
    for column in columns:
        parts += [column, delimiter]
    return lines(file, moment, tie, joined(*parts[:-1]))


def heads(files: Iterable[str], names: Sequence[str], *, delimiter: str = ",") -> pa.RecordBatch:
    """First lines of files with columns of these names."""
    listed = list(files)
    place = np.full(len(listed), HEAD)
    return lines(
        pa.array(listed, pa.string()), place, np.zeros(len(listed), np.int64),
        pa.array([delimiter.join(names)] * len(listed), pa.string()),
    )  # fmt: skip
