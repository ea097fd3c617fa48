"""What a merge changes, found before anything is written, and the MERGE that writes only that.

Delta rewrites every file in which a key matches, whether or not the row differs.
Comparing keys and digests first costs one narrow join, leaves equal files alone
and makes no commit at all where nothing changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.row_hash import ROW_HASH, row_digest
from habitue.contracts.table import Table

Deletion = bool | Mapping[str, str | Sequence[str]]
"""Which rows a merge may delete: none, all, or those with these column values."""

CHANGES_VIEW = "habitue_changes"
"""Prefix of the view that a merge reads; each table has its own, since tables may be merged at the same time."""

_DELETE = "_is_delete"
KNOWN = "_is_known"
"""Whether the table has a row with the key of a change."""


@dataclass(frozen=True)
class Reach:
    """How many rows a merge changes, how many of them the table has, and between which days these lie."""

    rows: int
    known: int
    bounds: Mapping[str, tuple[date, date]]


def find_changes(
    rows: DataFrame,
    present: DataFrame,
    table: Table,
    delete_unmatched: Deletion,
    update: bool,
) -> DataFrame:
    """Rows to insert or update, and keys to delete (`_is_delete`), against the table's present rows.

    `_is_known` says whether the table has a row of the key; `_at_...` where it lies.
    """
    new = rows if ROW_HASH in table.column_names else rows.withColumn(ROW_HASH, row_digest(rows, table))
    old_hash = F.col(ROW_HASH) if ROW_HASH in table.column_names else row_digest(present, table)
    keys = [F.col(f"`{name}`").alias(f"_old_{name}") for name in table.grain]
    scope = [F.col(f"`{name}`").alias(f"_scope_{name}") for name in _scope(delete_unmatched)]
    places = [F.col(f"`{name}`").alias(f"_at_{name}") for name in table.dated_by]
    old = present.select(*keys, *scope, *places, old_hash.alias("_old_hash"))
    same_key = [F.col(f"`{name}`").eqNullSafe(F.col(f"_old_{name}")) for name in table.grain]
    both = new.join(old, on=same_key, how="left" if delete_unmatched is False else "full_outer")
    is_new, is_gone = F.col("_old_hash").isNull(), F.col(ROW_HASH).isNull()
    differs = (F.col(ROW_HASH) != F.col("_old_hash")) & F.lit(update)
    wanted = both.where(is_new | (is_gone & _deletable(delete_unmatched)) | differs)
    columns = [_column(name, table, is_gone) for name in table.column_names]
    kept = [f"_at_{name}" for name in table.dated_by]
    return wanted.select(*columns, is_gone.alias(_DELETE), (~is_new).alias(KNOWN), *kept)


def reach_of(changes: DataFrame, table: Table) -> Reach:
    """The reach of changes that are materialised: one small aggregate."""
    bounds = [f(f"_at_{name}") for name in table.dated_by for f in (F.min, F.max)]
    row = changes.agg(F.count(F.lit(1)), F.count_if(KNOWN), *bounds).first()
    rows, known, *edges = row if row else (0, 0)
    pairs = zip(table.dated_by, zip(edges[::2], edges[1::2], strict=True), strict=True)
    return Reach(rows, known, dict(pairs) if known else {})


def merge_statement(
    table: Table,
    uri: str,
    *,
    changes: str,
    bounds: Mapping[str, tuple[date, date]] | None = None,
    inserts: bool = True,
) -> str:
    """The MERGE of a view of changes into the table; without `inserts` all of them are known to the table.

    `bounds` say where the rows that it changes lie. As literals they let Delta leave files of other days closed,
    which it else opens to look for the keys.
    """
    conditions = [f"t.`{name}` <=> s.`{name}`" for name in table.grain]
    conditions += [
        f"t.`{name}` BETWEEN {_literal(low)} AND {_literal(high)}"
        for name, (low, high) in (bounds or {}).items()
    ]
    matches = " AND ".join(conditions)
    columns = [f"`{name}`" for name in table.column_names]
    assignments = ", ".join(f"t.{name} = s.{name}" for name in columns)
    known = (
        f"MERGE INTO delta.`{uri}` t USING {changes} s ON {matches} "
        f"WHEN MATCHED AND s.{_DELETE} THEN DELETE WHEN MATCHED THEN UPDATE SET {assignments}"
    )
    if not inserts:
        return known
    return (
        f"{known} WHEN NOT MATCHED AND NOT s.{_DELETE} THEN INSERT ({', '.join(columns)}) "
        f"VALUES ({', '.join('s.' + name for name in columns)})"
    )


def _literal(day: date) -> str:
    """A day or (in a session in UTC) an instant as SQL spells it."""
    is_instant = isinstance(day, datetime)
    return f"TIMESTAMP'{day:%Y-%m-%d %H:%M:%S.%f}'" if is_instant else f"DATE'{day.isoformat()}'"


def _scope(delete_unmatched: Deletion) -> Mapping[str, str | Sequence[str]]:
    return {} if isinstance(delete_unmatched, bool) else delete_unmatched


def _deletable(delete_unmatched: Deletion) -> Column:
    if isinstance(delete_unmatched, bool):
        return F.lit(delete_unmatched)
    conditions = [
        F.col(f"_scope_{name}").isin([value] if isinstance(value, str) else list(value))
        for name, value in delete_unmatched.items()
    ]
    return reduce(and_, conditions, F.lit(True))


def _column(name: str, table: Table, is_gone: Column) -> Column:
    if name in table.grain:  # a key to delete has only its old half
        return F.when(is_gone, F.col(f"_old_{name}")).otherwise(F.col(f"`{name}`")).alias(name)
    return F.col(f"`{name}`").alias(name)
