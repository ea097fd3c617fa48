"""The digest of a row, by which a merge leaves equal rows alone."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table

ROW_HASH = "row_hash"


def with_row_hash(rows: DataFrame, table: Table) -> DataFrame:
    """Add the digest of all other contract columns, where the contract asks for one and `rows` lack it."""
    if ROW_HASH not in table.column_names or ROW_HASH in rows.columns:
        return rows
    parts = [
        _canonical(c.name, c.type) for c in table.columns if c.name != ROW_HASH and c.name in rows.columns
    ]
    # a struct as JSON keeps null apart from empty and leaves no way to shift text between columns
    return rows.withColumn(ROW_HASH, F.sha2(F.to_json(F.struct(*parts)), 256))


def _canonical(name: str, type_: str) -> SparkColumn:
    column = F.col(f"`{name}`")
    if type_.startswith("map<"):  # maps have no order of their own
        return F.array_sort(F.map_entries(column)).alias(name)
    if type_ == "variant":
        return F.to_json(column).alias(name)
    return column.alias(name)
