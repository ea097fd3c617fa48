"""Every format becomes the same rows; keys decide between versions of a row; positions do not depend on Spark."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import CUSTOMER_RECORD, ORDER_LINE, PRODUCT, STOCK_LEVEL
from habitue.contracts.intake import FORMER_RECORD, IDENTIFIER, PERSON_RECORD, QUARANTINE_COUNT
from habitue.lake.source_files import read_input
from habitue.sources.inputs import Input, find
from habitue.stages.ingest import ingest
from tests.jobs.project import NOW, project_run
from tests.tables import assert_table


def orders(format_: str, path: str, **more: Any) -> dict[str, Any]:
    names = {
        "order_number": "nr",
        "quantity": "qty",
        "net_revenue": "net",
        "order_time": "at",
        "product_number": "sku",
    }
    return {
        "entity": "order_line", "format": format_, "path": path, "columns": names | {"currency": {"value": "EUR"}},
        "identifiers": {"email": "who.mail" if format_ == "json" else "mail"}, "history": True,
    } | more  # fmt: skip


def test_csv_json_parquet_and_delta_become_the_same_rows(spark: SparkSession, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    header, second = "nr;qty;net;at;sku;mail\n", "sku;mail;nr;qty;at;net\n"
    (data / "a.csv").write_bytes(
        (header + '1;2;3,50;05.01.2024;"Käse;alt ""x""";Ada@web.de\n').encode("cp1252")
    )
    (data / "b.csv").write_bytes((second + "€;;2;1;06.01.2024;1.000,00\n").encode("cp1252"))
    lines = [
        {"nr": 1, "qty": 2, "net": 3.50, "at": "2024-01-04T23:00:00Z", "sku": 'Käse;alt "x"', "who": {"mail": "ada@web.de"}},
        {"nr": 2, "qty": 1, "net": 1000, "at": "2024-01-05T23:00:00Z", "sku": "€", "NR": 5},
    ]  # fmt: skip
    piped = "\n".join(("nr||qty||net||at||sku||mail", '1||2||3.50||2024-01-04T23:00:00Z||Käse;alt "x"||ada@web.de',
                       "2||1||1000||2024-01-05T23:00:00Z||€||", ""))  # fmt: skip
    (data / "g.txt").write_text(piped, encoding="iso-8859-15")
    odd = piped.replace("||", "\x01").replace('Käse;alt "x"', '"Käse;alt ""x"""')
    (data / "h.txt").write_text(f"# of today\n{odd}", encoding="utf-8")
    (data / "c.json").write_text("\n".join(json.dumps(line) for line in lines) + '\n{"nr": 3, "qty"\n')
    (data / "d.json").write_text(json.dumps(lines, indent=1), encoding="utf-8-sig")
    typed = {
        "nr": [1.0, 2.0], "qty": [2, 1], "net": [3.5, 1000.0], "sku": ['Käse;alt "x"', "€"], "mail": ["ada@web.de", None],
        "at": pa.array([1704409200000000000, 1704495600000000000], pa.timestamp("ns", tz="UTC")),
    }  # fmt: skip
    pq.write_table(pa.table(typed), data / "e.parquet")
    instant = F.expr("timestamp_micros(at div 1000)")  # a Delta table has no nanoseconds
    in_micros = spark.read.parquet(str(data / "e.parquet")).withColumn("at", instant)
    in_micros.write.format("delta").save(str(data / "f"))
    german = {"options": {"delimiter": ";", "encoding": "cp1252"}, "numbers": "de", "zone": "Europe/Berlin"}
    day = {"order_time": {"column": "at", "format": "dd.MM.yyyy"}}
    csv = orders("csv", "data/*.csv", **german)
    sources = {
        "csv": csv | {"columns": csv["columns"] | day},
        "odd": orders("csv", "data/h.txt", options={"Delimiter": "\\u0001", "comment": "#"}),
        "piped": orders("csv", "data/g.txt", options={"delimiter": "||", "encoding": "Latin9", "quote": ""}),
        "json": orders("json", "data/c.json", limits={"max_quarantined_share": 0.4}),
        "array": orders("json", "data/d.json", options={"multiLine": True}),
        "parquet": orders("parquet", "data/e.parquet"),
        "delta": orders("delta", "data/f"),
    }
    run = project_run(spark, tmp_path, sources)
    ingest(run)
    lines_of = run.lake.read(ORDER_LINE).withColumn("mail_count", F.size("identifiers"))
    for source in sources:
        assert_table(lines_of.where(F.col("source") == source), ORDER_LINE, """
            order_number | line_number | quantity | net_revenue | order_time          | product_number | known_time
            -------------+-------------+----------+-------------+---------------------+----------------+--------------------
            1            | 1           | 2        | 3.50        | 2024-01-04 23:00:00 | Käse;alt "x"   | 2024-01-04 23:00:00
            2            | 1           | 1        | 1000.00     | 2024-01-05 23:00:00 | €              | 2024-01-05 23:00:00
        """)  # fmt: skip
    assert lines_of.where("mail_count = 1").count() == len(sources)
    assert [r["clear_value"] for r in run.lake.read(IDENTIFIER).collect()] == ["ada@web.de"]
    broken = (
        run.lake.read(QUARANTINE_COUNT)
        .where("outcome = 'quarantined'")
        .select("source", "reason_code")
        .collect()
    )
    assert [tuple(r) for r in broken] == [("json", "corrupt_record")]


def test_of_rows_with_one_key_the_last_known_stays(spark: SparkSession, tmp_path: Path) -> None:
    for name, rows in {
        "p1.csv": "sku,name,price,seen\nA,old,1.00,2024-01-01\nB,only,2.00,2024-01-01\nA,newer,3.00,2024-03-01\n",
        "p2.csv": "sku,name,price,seen\nA,late file early row,9.00,2024-02-01\n",
        "o1.csv": "nr,sku,qty,net,at\n1,A,1,5.00,2024-01-01\n1,B,1,6.00,2024-01-01\n1,A,2,7.00,2024-01-01\n",
        "s1.csv": "sku,qty,at\nA,5,2024-01-01\nA,6,2024-01-01\n",
    }.items():
        (tmp_path / name).write_text(rows)
    sources: dict[str, Any] = {
        "products": {
            "entity": "product", "format": "csv", "path": "p*.csv",
            "columns": {"product_number": "sku", "name": "name", "price": "price", "known_time": "seen"},
        },
        "orders": {
            "entity": "order_line", "format": "csv", "path": "o*.csv", "key": ["nr", "sku"], "history": True,
            "columns": {"order_number": "nr", "product_number": "sku", "quantity": "qty", "net_revenue": "net",
                        "order_time": "at", "currency": {"value": "EUR"}},
        },
        "stock": {
            "entity": "stock_level", "format": "csv", "path": "s*.csv", "history": True,
            "columns": {"product_number": "sku", "quantity": "qty", "as_of_time": "at"},
        },
    }  # fmt: skip
    run = project_run(spark, tmp_path, sources)
    ingest(run)
    assert_table(run.lake.read(PRODUCT), PRODUCT, """
        product_number | name  | price | known_time
        ---------------+-------+-------+--------------------
        A              | newer | 3.00  | 2024-03-01 00:00:00
        B              | only  | 2.00  | 2024-01-01 00:00:00
    """)  # fmt: skip
    assert_table(run.lake.read(ORDER_LINE), ORDER_LINE, """
        order_number | line_number | product_number | quantity | net_revenue
        -------------+-------------+----------------+----------+------------
        1            | 1           | B              | 1        | 6.00
        1            | 2           | A              | 2        | 7.00
    """)  # fmt: skip
    assert_table(run.lake.read(STOCK_LEVEL), STOCK_LEVEL, """
        product_number | quantity
        ---------------+---------
        A              | 6
    """)  # fmt: skip
    duplicates = (
        run.lake.read(QUARANTINE_COUNT).where("outcome = 'duplicate'").select("source", "row_count").collect()
    )
    assert {r[0]: r[1] for r in duplicates} == {"products": 2, "orders": 1, "stock": 1}
    assert not run.lake.exists(CUSTOMER_RECORD)


def test_a_record_delivered_again_keeps_the_time_since_when_it_is_known(
    spark: SparkSession, tmp_path: Path
) -> None:
    """A full export every day: only who is new or changed becomes known anew, in either table of the record."""
    source = {
        "entity": "customer_record", "format": "csv", "path": "crm*.csv",
        "columns": {"record_id": "nr", "given_name": "name", "city": "city"}, "identifiers": {"customer_number": "nr"},
    }  # fmt: skip
    days = [
        "nr,name,city\n1,Ada,Bonn\n2,Ben,Kiel\n",
        "nr,name,city\n1,Ada,Bonn\n2,Ben,Jena\n3,Cyd,Ulm\n",
    ]
    for day, rows in enumerate(days, start=1):
        (tmp_path / "crm.csv").write_text(rows)
        ingest(project_run(spark, tmp_path, {"crm": source}, run_id=f"r{day}", now=NOW + timedelta(days=day)))
    lake = project_run(spark, tmp_path, {"crm": source}).lake
    people = lake.read(PERSON_RECORD).select("record_id", "record_key", "known_time")
    assert {r["record_id"]: r["known_time"].day for r in people.collect()} == {"1": 2, "2": 3, "3": 3}
    assert sorted(lake.read(CUSTOMER_RECORD).select("record_key", "known_time").collect()) == sorted(
        people.select("record_key", "known_time").collect()
    )
    former = lake.read(FORMER_RECORD).join(people.drop("known_time"), "record_key").collect()
    assert [(r["record_id"], r["known_time"].day, r["ended_time"].day) for r in former] == [("2", 2, 3)]


def test_positions_count_the_rows_of_a_file_however_it_is_cut(spark: SparkSession, tmp_path: Path) -> None:
    for name, rows in {"a [1].csv": 4000, "b+ü.csv": 2500}.items():
        (tmp_path / name).write_text("n,text\n" + "".join(f"{i},{'x' * (i % 37)}\n" for i in range(rows)))
    found = find(Input("rows", "csv", ("*.csv",)), tmp_path)
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "10000")
    try:
        rows = read_input(spark, found)
        assert rows.rdd.getNumPartitions() > 5
        per_file = rows.groupBy("_file").agg(
            F.count("*").alias("rows"),
            F.sum((F.col("n").cast("bigint") != F.col("_position")).cast("int")).alias("wrong"),
        )
        assert {r["_file"]: (r["rows"], r["wrong"]) for r in per_file.collect()} == {
            "a [1].csv": (4000, 0),
            "b+ü.csv": (2500, 0),
        }
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(before))
