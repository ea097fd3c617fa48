"""Are two lakes equal? Same rows; decimals, texts and times exact, doubles to 1e-9 relative, run-scoped columns left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.decision import RELEASE
from habitue.contracts.row_hash import ROW_HASH
from habitue.contracts.run_scoped import RUN_SCOPED_COLUMNS
from habitue.contracts.table import Table
from habitue.contracts.tables import TABLES
from habitue.lake.lake import Lake
from habitue.lake.location import Location

COMPARED = tuple(t for t in TABLES if t.layer in ("silver", "gold") and t.name != RELEASE.name)
"""Tables that hold results; gold.release is the history of runs."""

RELATIVE = 1e-9
_SHOWN = 3


def assert_equal_lakes(spark: SparkSession, left: Location, right: Location) -> None:
    """The heads of all silver and gold tables hold equal rows; else the first differences of each table."""
    found = differences(spark, left, right)
    assert not found, "the lakes differ:\n" + "\n".join(found)


def differences(
    spark: SparkSession,
    left: Location,
    right: Location,
    *,
    tables: Sequence[Table] = COMPARED,
    left_versions: Mapping[str, int] | None = None,
    right_versions: Mapping[str, int] | None = None,
) -> list[str]:
    """What differs, in words; versions may name the commits to compare instead of the heads."""
    lakes = Lake(left, spark), Lake(right, spark)
    found: list[str] = []
    for table in tables:
        if not (lakes[0].exists(table) or lakes[1].exists(table)):
            continue
        sides = [
            _rows(lake.read(table, version=(versions or {}).get(table.name)), table)
            for lake, versions in zip(lakes, (left_versions, right_versions), strict=True)
        ]
        found += _compare(table, *sides)
    return found


def compared_columns(table: Table) -> list[str]:
    """Columns of a result; a row's hash follows from the others, doubles included."""
    return [name for name in table.column_names if name not in RUN_SCOPED_COLUMNS and name != ROW_HASH]


def _rows(df: DataFrame, table: Table) -> list[dict[str, Any]]:
    columns = compared_columns(table)
    plain = [
        F.to_json(F.col(f"`{name}`")).alias(name)
        if table.column(name).type == "variant"
        else F.col(f"`{name}`")
        for name in columns
    ]
    rows = [row.asDict(recursive=True) for row in df.select(*plain).collect()]
    key = [name for name in table.grain if name in columns]
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in key))


def _compare(table: Table, left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> list[str]:
    if len(left) != len(right):
        return [f"{table.name}: {len(left)} rows against {len(right)}"]
    found = [
        text for one, other in zip(left, right, strict=True) for text in _row_differences(table, one, other)
    ]
    more = [f"{table.name}: and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return found[:_SHOWN] + more


def _row_differences(table: Table, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    key = {name: str(one[name]) for name in table.grain if name in one}
    for name in one:
        if not equal(one[name], other[name]):
            yield f"{table.name} {key}: {name} is {one[name]!r} against {other[name]!r}"


def equal(one: Any, other: Any) -> bool:
    """Equal values, into lists, maps and structs; only doubles may differ, by 1e-9 of their size."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=RELATIVE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(*pair) for pair in zip_longest(one, other))
    return type(one) is type(other) and bool(one == other)
