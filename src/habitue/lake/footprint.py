"""How many files a table has, and how much room it takes."""

from __future__ import annotations

from dataclasses import dataclass

from pyarrow import fs

from habitue.contracts.table import Table
from habitue.lake.lake import Lake
from habitue.lake.location import open_filesystem


@dataclass(frozen=True)
class Footprint:
    """Files that the table's newest version reads with their bytes, and all files that are kept for it."""

    files: int
    bytes: int
    kept_files: int
    kept_bytes: int


def footprint(lake: Lake, table: Table) -> Footprint:
    """The footprint of a table that exists. Its log is left out."""
    uri = lake.location.table(table)
    detail = lake.spark.sql(f"DESCRIBE DETAIL delta.`{uri}`").select("numFiles", "sizeInBytes").first()
    files, size = (int(detail[0]), int(detail[1])) if detail else (0, 0)
    system, path = open_filesystem(uri)
    found = system.get_file_info(fs.FileSelector(path, recursive=True))
    kept = [i for i in found if i.type == fs.FileType.File and _holds_rows(i, i.path[len(path) :])]
    return Footprint(files, size, len(kept), sum(i.size for i in kept))


def _holds_rows(info: fs.FileInfo, relative: str) -> bool:
    """Neither the log nor the checksum that a local file system keeps beside each file."""
    return not (relative.lstrip("/").startswith("_delta_log/") or info.base_name.startswith("."))
