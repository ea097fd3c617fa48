"""Checked rows become rows of their silver table."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.row_hash import ROW_HASH, with_row_hash
from habitue.contracts.table import Table
from habitue.privacy.vault import open_identifiers


def silver_rows(good: DataFrame, entity: Table) -> DataFrame:
    """The entity's columns, with keys for identifiers."""
    has_identifiers = "identifiers" in entity.column_names
    rows = good.withColumn("identifiers", open_identifiers()) if has_identifiers else good
    return hashed_rows(rows, entity)


def hashed_rows(opened: DataFrame, entity: Table) -> DataFrame:
    """The entity's columns; the hash holds the times that are stated, not those of arrival."""
    columns = [c.name for c in entity.columns if c.name != ROW_HASH]
    stated = {"known_time": "_stated_time", "given_time": "_stated_given"}
    stated = {name: own for name, own in stated.items() if own in opened.columns}
    rows = opened.select(*(F.col(f"`{name}`") for name in columns), *stated.values())
    kept = rows.withColumns({f"_kept_{name}": F.col(name) for name in stated})
    hashed = with_row_hash(kept.withColumns({n: F.col(own) for n, own in stated.items()}), entity)
    return hashed.withColumns({n: F.col(f"_kept_{n}") for n in stated}).select(*entity.column_names)
