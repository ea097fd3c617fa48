"""Deliveries as shops really make them: corrected logs, optional keys, columns that change their type, moved files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT, ORDER_LINE, PRODUCT
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.table import Table
from habitue.job import Run
from habitue.stages.ingest import ingest
from tests.jobs.project import NOW, project_run


def taken_in(
    spark: SparkSession, project: Path, sources: Mapping[str, Mapping[str, Any]], *, day: int = 0
) -> Run:
    run = project_run(spark, project, sources, run_id=f"r{day}", now=NOW + timedelta(days=day))
    ingest(run)
    return run


def rows(run: Run, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    found = run.lake.read(table).selectExpr(*columns)
    return sorted((tuple(row) for row in found.collect()), key=str)


def write(file: Path, text: str, encoding: str = "utf-8") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding=encoding)


def test_of_events_with_one_key_the_one_delivered_last_counts(spark: SparkSession, tmp_path: Path) -> None:
    log = {
        "entity": "event", "format": "csv", "path": "log/*.csv", "key": ["nr"],
        "columns": {"event_name": "name", "event_time": "at"}, "identifiers": {"anonymous_id": "cookie"},
    }  # fmt: skip
    head = "nr,name,at,cookie\n"
    write(tmp_path / "log/a.csv", f"{head}1,page_viewed,2024-05-01 10:00,c1\n")
    taken_in(spark, tmp_path, {"log": log})
    later = "1,page_viewed,2024-05-01 10:05,c1\n2,page_viewed,2024-05-01 10:06,c1\n"
    write(tmp_path / "log/b.csv", head + later)
    run = taken_in(spark, tmp_path, {"log": log}, day=1)
    assert rows(run, EVENT, "minute(event_time)") == [(5,), (6,)]
    assert rows(run, QUARANTINE_COUNT, "outcome", "row_count") == [
        ("duplicate", 1), ("good", 2), ("read", 3)
    ]  # fmt: skip


def test_a_key_that_new_files_leave_out_is_null_and_an_empty_list_is_an_empty_object(
    spark: SparkSession, tmp_path: Path
) -> None:
    log = {
        "entity": "event", "format": "json", "path": "log/*.jsonl",
        "columns": {
            "event_id": "id", "event_name": "name", "event_time": "at", "order.order_number": "order.nr",
            "order.value": "order.worth.net",
        },
        "identifiers": {"user_id": "user.id"},
    }  # fmt: skip
    first = [
        {"id": "1", "name": "order_completed", "at": "2024-05-01T10:00:00Z", "user": {"id": "u1"},
         "order": {"nr": "A1", "worth": {"net": 9.5}}},
        {"id": "2", "name": "page_viewed", "at": "2024-05-01T10:01:00Z", "user": [], "order": None},
    ]  # fmt: skip
    write(tmp_path / "log/a.jsonl", "\n".join(map(json.dumps, first)))
    taken_in(spark, tmp_path, {"log": log})
    second = [{"id": "3", "name": "page_viewed", "at": "2024-05-02T10:00:00Z", "user": []}]
    write(tmp_path / "log/b.jsonl", "\n".join(map(json.dumps, second)))
    run = taken_in(spark, tmp_path, {"log": log}, day=1)
    assert rows(run, EVENT, "event_id", "order.order_number", "cast(order.value as string)", "size(identifiers)") == [
        ("1", "A1", "9.50", 1), ("2", None, None, 0), ("3", None, None, 0)
    ]  # fmt: skip


def test_a_column_that_is_text_in_one_file_and_a_number_in_another_keeps_what_each_says(
    spark: SparkSession, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    same = {
        "net": [1.5],
        "currency": ["EUR"],
        "at": pa.array([1_714_550_400_000_000], pa.timestamp("us", tz="UTC")),
    }
    number = {"nr": ["a"], "sku": [123], "note": [float("nan")], "qty": pa.array(["2"])}
    text = {"nr": ["b"], "sku": ["00123"], "note": ["by hand"], "qty": pa.array([1])}
    for name, columns in (("one", number), ("two", text | {"at": ["2024-05-01 10:00:00"]})):
        pq.write_table(pa.table({**same, **columns}), data / f"{name}.parquet")
    nested = pa.table({**same, "nr": ["c"], "sku": ["9"], "qty": [3], "who": [{"card": {"no": "L1"}}]})
    pq.write_table(nested, tmp_path / "nested.parquet")
    names = {"order_number": "nr", "quantity": "qty", "net_revenue": "net", "currency": "currency", "order_time": "at",
             "product_number": "sku"}  # fmt: skip
    orders = {"entity": "order_line", "format": "parquet", "columns": names}
    sources = {
        "shop": orders | {"path": "data/*.parquet"},
        "store": orders | {"path": "nested.parquet", "identifiers": {"loyalty_number": "who.card.no"}},
    }
    run = taken_in(spark, tmp_path, sources)
    assert rows(run, ORDER_LINE, "order_number", "product_number", "int(quantity)", "hour(order_time)", "size(identifiers)") == [
        ("a", "123", 2, 8, 0), ("b", "00123", 1, 10, 0), ("c", "9", 3, 8, 1)
    ]  # fmt: skip


def test_a_file_that_was_moved_did_not_arrive_again(spark: SparkSession, tmp_path: Path) -> None:
    prices = {
        "entity": "product", "format": "csv", "path": "prices/**/*.csv",
        "columns": {"product_number": "nr", "price": "price"},
    }  # fmt: skip
    write(tmp_path / "prices/jan.csv", "nr,price\n1,10.00\n")
    taken_in(spark, tmp_path, {"shop": prices})
    write(tmp_path / "prices/feb.csv", "nr,price\n1,12.00\n")
    taken_in(spark, tmp_path, {"shop": prices}, day=1)
    (tmp_path / "prices/archive").mkdir()
    (tmp_path / "prices/jan.csv").rename(tmp_path / "prices/archive/jan.csv")
    run = taken_in(spark, tmp_path, {"shop": prices}, day=2)
    assert rows(run, PRODUCT, "cast(price as string)") == [("12.00",)]


def test_text_of_two_bytes_a_letter_is_read_to_its_last_cell(spark: SparkSession, tmp_path: Path) -> None:
    prices = {
        "entity": "product", "format": "csv", "path": "prices.csv", "options": {"delimiter": "\t", "encoding": "utf-16"},
        "columns": {"product_number": "nr", "category": "name"},
    }  # fmt: skip
    write(tmp_path / "prices.csv", "nr\tname\r\n1\tKäse\r\n2\tÖl\r\n", encoding="utf-16")
    run = taken_in(spark, tmp_path, {"shop": prices})
    assert rows(run, PRODUCT, "product_number", "category") == [("1", "Käse"), ("2", "Öl")]


def test_decimals_with_zeros_behind_the_point_are_the_numbers_of_other_systems(
    spark: SparkSession, tmp_path: Path
) -> None:
    numbers = spark.range(1).select(F.lit("17850.0000000000").cast("decimal(38,10)").alias("nr"))
    numbers.write.parquet(str(tmp_path / "prices"))
    prices = {
        "entity": "product",
        "format": "parquet",
        "path": "prices/*.parquet",
        "columns": {"product_number": "nr"},
    }
    run = taken_in(spark, tmp_path, {"shop": prices})
    assert rows(run, PRODUCT, "product_number") == [("17850",)]
