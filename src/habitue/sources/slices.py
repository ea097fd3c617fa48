"""Parts of a source that are delivered as a whole: a later delivery replaces every row of an earlier one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from datetime import datetime

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

IS_REPLACED = "_is_replaced"
DELIVERIES = "_file string, _rank int, _base string"
_RUNNING = re.compile(r"(?:^|[^a-z])(?:intraday|fresh)(?:[^a-z]|$)", re.IGNORECASE)
_RUNNING_TABLE = re.compile(r"(?:^|/)events_(?:intraday|fresh)_\d", re.IGNORECASE)
"""A folder named by the table, as an export in several files makes one for each."""

_TABLE = re.compile(r"events_(?:intraday_|fresh_)?[0-9]{8}(?:/.*)?$", re.IGNORECASE)
"""The table in a path, with what lies below it: folders above it are those of deliveries."""
_NAMED = re.compile(r"events_[0-9]{8}", re.IGNORECASE)
_PART = re.compile(
    r"^(.*events_(?:intraday_|fresh_)?[0-9]{8})(?:[-_/][0-9]{12}|[-/]part-[0-9]{5}[^/]*?)(?:\.[a-z0-9.]+)?$",
    re.IGNORECASE,
)
"""A part of a table in several files, as exports number them (`events_20240501-000000000001.json.gz`) and Spark does
(`events_20240501/part-00001-4f.parquet`). Shorter numbers may be times of the day."""

Delivery = tuple[str, int, str]
"""File, rank (a higher one replaces a lower), and name without the folders of deliveries."""


def deliveries(arrivals: Iterable[tuple[str, datetime]]) -> list[Delivery]:
    """Files by name and arrival, ranked: tables of the running day lowest, then by arrival.

    Files that arrived together are parts of one delivery, unless they have the same name in
    different folders (above the table's own, where a folder is named by it): that is one part delivered
    twice, and the last folder counts. Numbered parts of one
    table belong together, though some may not have changed when the table was delivered again.
    """
    found = list(arrivals)
    newest: dict[str, datetime] = {}
    for name, arrived in found:
        newest[_table(name)] = max(arrived, newest.get(_table(name), arrived))
    known = [(name, not _is_running(name), newest[_table(name)]) for name, _ in found]
    ranks = {key: rank for rank, key in enumerate(sorted({(final, arrived) for _, final, arrived in known}))}
    return [(name, ranks[final, arrived], _without_folders(name)) for name, final, arrived in known]


def _table(name: str) -> str:
    """The table that a file is a numbered part of; any other file is a table of its own."""
    return _PART.sub(r"\1", name)


def _without_folders(name: str) -> str:
    table = _TABLE.search(name)
    return table[0] if table else posixpath.basename(name)


def _is_running(name: str) -> bool:
    if _RUNNING.search(posixpath.basename(name)) or _RUNNING_TABLE.search(name):
        return True
    return not _NAMED.search(name) and any(_RUNNING.search(folder) for folder in name.split("/"))


def mark_replaced(rows: DataFrame, files: DataFrame) -> DataFrame:
    """Add `_is_replaced` to rows whose `_slice` a later delivery holds, and take their faults away.

    `files` has the columns of `DELIVERIES`. A row without a slice is never replaced, nor is one of a file that is no
    delivery: a Delta table is one delivery, its present state, whatever files it is kept in.
    """
    held = rows.where(F.col("_slice").isNotNull()).select("_slice", "_file").distinct()
    by_slice = Window.partitionBy("_slice")
    by_name = Window.partitionBy("_slice", "_base")
    is_newest = F.col("_rank") == F.col("_newest")
    replaced = (
        held.join(F.broadcast(files), on="_file", how="inner")
        .withColumn("_newest", F.max("_rank").over(by_slice))
        .withColumn("_last", F.max(F.when(is_newest, F.col("_file"))).over(by_name))
        .where(~(is_newest & (F.col("_file") == F.col("_last"))))
        .select("_slice", "_file", F.lit(True).alias(IS_REPLACED))
    )
    joined = rows.join(F.broadcast(replaced), on=["_slice", "_file"], how="left")
    is_replaced = F.coalesce(F.col(IS_REPLACED), F.lit(False))
    faults = F.when(is_replaced, F.slice("_faults", 1, 0)).otherwise(F.col("_faults"))
    return joined.withColumns({IS_REPLACED: is_replaced, "_faults": faults})
