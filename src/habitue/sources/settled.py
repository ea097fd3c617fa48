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
    """The entity's columns; the hash holds the stated known time, not the time of arrival."""
    columns = [c.name for c in entity.columns if c.name != ROW_HASH]
    rows = opened.select(*(F.col(f"`{name}`") for name in columns), "_stated_time")
    arrived = rows.withColumn("_known", F.col("known_time")).withColumn("known_time", F.col("_stated_time"))
    hashed = with_row_hash(arrived, entity).withColumn("known_time", F.col("_known"))
    return hashed.select(*entity.column_names)
