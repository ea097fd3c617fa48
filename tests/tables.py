"""Tiny text tables in, expected tables out: types come from the contract, an empty cell is null.

Cells of `identifiers` columns are written `customer_number:ada, email:e1`; maps and
other nested columns as JSON.
"""

from __future__ import annotations

import json

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.table import IDENTIFIERS, Table


def table(spark: SparkSession, contract: Table, text: str, *, fill: bool = True) -> DataFrame:
    """Rows of `contract` written as text; columns not named are null (or left out with fill=False)."""
    header, rows = _parse(text)
    unknown = set(header) - set(contract.column_names)
    assert not unknown, f"{contract.name} has no columns {sorted(unknown)}"
    types = {name: contract.column(name).type for name in header}
    cells = [[_as_json(cell, types[name]) for name, cell in zip(header, row, strict=True)] for row in rows]
    schema = ", ".join(f"`{name}` string" for name in header)
    raw = spark.createDataFrame(cells, schema)
    typed = {name: _typed(F.col(name), types[name]).alias(name) for name in header}
    if not fill:
        return raw.select(*(typed[name] for name in header))
    return raw.select(*(typed.get(c.name, F.lit(None).cast(c.type).alias(c.name)) for c in contract.columns))


def assert_table(df: DataFrame, contract: Table, text: str, *, tolerance: float = 1e-9) -> None:
    """`df` holds exactly the rows of `text`, in any order, in the columns that `text` names."""
    header, _ = _parse(text)
    expected = table(df.sparkSession, contract, text, fill=False)
    found = _canonical(df.select(*header))
    wanted = _canonical(expected)
    assert len(found) == len(wanted), f"{len(found)} rows, expected {len(wanted)}:\n" + _show(header, found)
    for got, want in zip(found, wanted, strict=True):
        same = all(_equal(g, w, tolerance) for g, w in zip(got, want, strict=True))
        assert same, f"found\n{_show(header, found)}\nexpected\n{_show(header, wanted)}"


def _parse(text: str) -> tuple[list[str], list[list[str | None]]]:
    lines = [
        line for line in text.strip().splitlines() if line.strip() and not set(line.strip()) <= set("-+| ")
    ]
    split = [[cell.strip() for cell in line.split("|")] for line in lines]
    if not split:
        return [], []
    header, *rows = split
    padded = [row + [""] * (len(header) - len(row)) for row in rows]
    return header, [[cell or None for cell in row] for row in padded]


def _as_json(cell: str | None, type_: str) -> str | None:
    if cell is None or type_ != IDENTIFIERS or cell.startswith("["):
        return cell
    pairs = [pair.strip().split(":", 1) for pair in cell.split(",") if pair.strip()]
    return json.dumps(
        sorted(({"id_type": t, "id_key": k} for t, k in pairs), key=lambda p: (p["id_type"], p["id_key"]))
    )


def _typed(column: Column, type_: str) -> Column:
    if type_.startswith(("array<", "map<", "struct<")):
        return F.from_json(column, type_)
    if type_ == "variant":
        return F.parse_json(column)
    return column.cast(type_)


def _canonical(df: DataFrame) -> list[tuple[object, ...]]:
    complex_types = {
        f.name for f in df.schema.fields if f.dataType.typeName() in ("array", "map", "struct", "variant")
    }
    plain = df.select(
        *(F.to_json(_sorted_map(df, c)).alias(c) if c in complex_types else F.col(c) for c in df.columns)
    )
    rows = [tuple(row) for row in plain.collect()]
    return sorted(rows, key=lambda row: tuple((value is not None, _sort_key(value)) for value in row))


def _sorted_map(df: DataFrame, name: str) -> Column:
    if df.schema[name].dataType.typeName() != "map":
        return F.col(name)
    return F.map_from_entries(F.array_sort(F.map_entries(name)))


def _sort_key(value: object) -> str:
    # rounded, so that two almost equal doubles sort alike
    return f"{value:020.6f}" if isinstance(value, float) else str(value)


def _equal(got: object, want: object, tolerance: float) -> bool:
    if isinstance(got, float) and isinstance(want, float):
        return abs(got - want) <= tolerance * max(1.0, abs(want))
    return got == want


def _show(header: list[str], rows: list[tuple[object, ...]]) -> str:
    return "\n".join(
        [" | ".join(header), *(" | ".join("" if v is None else str(v) for v in row) for row in rows)]
    )
