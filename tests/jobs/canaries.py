"""Search a project for the clear identifiers of the small shop's customers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CANARIES = re.compile(rb"@kunden\.de|k4711\d{3}|kd-?4711\d{3}", re.IGNORECASE)
OPEN = ("lake/silver", "lake/gold", "lake/_habitue", "report", "mlartifacts", "mlflow.db")


def files(folder: Path, *places: str) -> Iterator[Path]:
    """All files at or below the places."""
    for place in places:
        path = folder / place
        yield from [path] if path.is_file() else (file for file in sorted(path.rglob("*")) if file.is_file())


def strings(array: pa.Array | pa.ChunkedArray) -> Iterator[bytes]:
    """Every distinct text in a column, into lists, maps and structs."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray) or len(array) == 0:
        return
    kind = array.type
    if pa.types.is_struct(kind):
        for position in range(kind.num_fields):
            yield from strings(pc.struct_field(array, position))
    elif pa.types.is_map(kind):
        yield from strings(array.keys)
        yield from strings(array.items)
    elif pa.types.is_list(kind):
        yield from strings(pc.list_flatten(array))
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        yield from (v if isinstance(v, bytes) else v.encode() for v in pc.unique(array).to_pylist() if v)


def content(file: Path) -> Iterator[bytes]:
    """What a reader of a file can see: the texts of a Parquet file and of its statistics, else its bytes.

    Of a file that a killed run did not live to finish these are all there is.
    """
    if file.suffix == ".parquet" and file.read_bytes().endswith(b"PAR1"):
        table = pq.read_table(file, partitioning=None)
        for column in table.columns:
            yield from strings(column)
    yield file.read_bytes()


def found(folder: Path, *places: str) -> list[str]:
    """Files in which a canary is found."""
    return [
        str(f.relative_to(folder)) for f in files(folder, *places) if any(map(CANARIES.search, content(f)))
    ]
