"""Rows as a source file holds them, written as a text table: every cell text, an empty cell null."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.events.settings import BotSettings
from habitue.sources.draft import Draft
from habitue.sources.event_rows import by_agent, with_agent
from habitue.sources.validation import checked


def raw_rows(spark: SparkSession, text: str, *, file: str = "orders.csv") -> DataFrame:
    """What reading gives a mapping: the cells, `_file`, `_position`, `_raw`, `_corrupt`."""
    lines = [line.strip() for line in text.strip().splitlines() if set(line.strip()) - set("-+| ")]
    header, *rows = [[cell.strip() or None for cell in line.split("|")] for line in lines]
    names = [str(name) for name in header]
    cells = [[*row, *[None] * (len(names) - len(row)), file, i] for i, row in enumerate(rows)]
    schema = ", ".join(f"`{name}` string" for name in names) + ", _file string, _position bigint"
    frame = spark.createDataFrame(cells, schema)
    return frame.withColumns(
        {"_raw": F.to_json(F.struct(*(f"`{n}`" for n in names))), "_corrupt": F.lit(False)}
    )


def as_ingested(draft: Draft) -> DataFrame:
    """Events of a draft with all columns, checked, and with what their user agents tell."""
    return by_agent(with_agent(checked(draft, now=datetime.now(UTC)), bots=BotSettings()))
