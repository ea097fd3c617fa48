"""Which rows of a table came and went between two versions, read from the files that came and went.

The log names the files that each commit added and removed; only those are read. It needs no property of the
table, sees nothing in a compaction, and costs what changed. Where the history is gone (log cleaned, files
vacuumed), there is no answer, and the reader starts from all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake
from habitue.lake.location import Location

CHANGE = "change"
"""1 for a row that came, -1 for one that went."""


def row_changes(
    lake: Lake, table: Table, columns: Sequence[str], *, since: int, until: int
) -> DataFrame | None:
    """Rows of files that came or went after version `since` up to `until`, with `change`; None without history.

    A row that only moved to another file is there twice, with both signs.
    """
    log = DeltaLog(lake.location.table(table))
    files = _files(log, since, until)
    if files is None:
        return None
    if any(vector for _, vector in files):
        return _by_versions(lake, table, columns, since, until)
    if not all(log.has_file(path) for path, _ in files):
        return None
    root = lake.location.table(table)
    came = [f"{root}/{path}" for (path, _), sign in files.items() if sign > 0]
    went = [f"{root}/{path}" for (path, _), sign in files.items() if sign < 0]
    return _rows(lake, table, columns, came, 1).unionByName(_rows(lake, table, columns, went, -1))


def made_from(location: Location, table: Table) -> dict[str, Any] | None:
    """What the table's present content was made from, as its writer noted; None where another write followed."""
    for commit in DeltaLog(location.table(table)).history():
        if commit.restored_version is not None:
            continue
        if commit.metadata.get("basis") or commit.changes_data:
            return commit.metadata.get("basis")
    return None


def _files(log: DeltaLog, since: int, until: int) -> dict[tuple[str, str], int] | None:
    """Net number of times that each file (with its deletion vector) came; None where a commit is missing."""
    net: Counter[tuple[str, str]] = Counter()
    for version in range(since + 1, until + 1):
        if not log.holds(version):
            return None
        for action in log.actions(version):
            for kind, sign in (("add", 1), ("remove", -1)):
                if kind in action and action[kind].get("dataChange", True):
                    net[_key(action[kind])] += sign
    return {key: sign for key, sign in net.items() if sign}


def _key(file: dict[str, Any]) -> tuple[str, str]:
    vector = file.get("deletionVector")
    return unquote(file["path"]), f"{vector['pathOrInlineDv']}@{vector.get('offset', 0)}" if vector else ""


def _rows(lake: Lake, table: Table, columns: Sequence[str], files: list[str], sign: int) -> DataFrame:
    wanted = [table.column(name) for name in columns]
    if not files:
        rows = lake.read(table).limit(0)
    else:
        ddl = ", ".join(f"`{column.name}` {column.type}" for column in wanted)
        rows = lake.spark.read.schema(ddl).parquet(*files)
    return rows.select(*columns, F.lit(sign).alias(CHANGE))


def _by_versions(lake: Lake, table: Table, columns: Sequence[str], since: int, until: int) -> DataFrame:
    """All rows of both versions: rows marked as deleted within a file cannot be read without Delta."""
    new, old = (lake.read(table, version=version) for version in (until, since))
    came = new.select(*columns, F.lit(1).alias(CHANGE))
    return came.unionByName(old.select(*columns, F.lit(-1).alias(CHANGE)))
