"""Events that arrive again: days that are written anew, sources that overlap, rows whose mapping was mended."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from habitue.commands.quarantine import findings, locked_rows, replay
from habitue.config.template import make_project
from habitue.contracts.entities import EVENT
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.job import Run
from habitue.pipeline.execute import Request, opened
from habitue.stages.ingest import ingest
from tests.golden_events import FOLDER
from tests.jobs.project import NOW, project_run
from tests.jobs.test_ingest_events import call

DAY = FOLDER / "ga4" / "events_20240501.json"


def ga4(**more: Any) -> dict[str, Any]:
    return {"adapter": "ga4", "path": "export", "limits": {"max_quarantined_share": 0.5}} | more


def good_lines() -> list[dict[str, Any]]:
    """The rows of the golden day that become events."""
    lines = [json.loads(line) for line in DAY.read_text().splitlines()[:-1]]
    return [r for r in lines if r.get("event_name") and r["event_timestamp"].isdigit()][:-1]


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows))


def names(run: Run) -> dict[str, int]:
    return {r["event_name"]: r["count"] for r in run.lake.read(EVENT).groupBy("event_name").count().collect()}


def counts(run: Run) -> dict[tuple[str, str], int]:
    rows = run.lake.read(QUARANTINE_COUNT).where("entity = 'event'").collect()
    return {(r["source"], r["outcome"]): r["row_count"] for r in rows}


def test_a_day_written_anew_replaces_the_day_before_it(spark: SparkSession, tmp_path: Path) -> None:
    rows = good_lines()
    export = tmp_path / "export"
    write(export / "events_intraday_20240501.json", rows[:2])
    write(
        export / "events_20240502.json",
        [rows[0] | {"event_date": "20240502", "event_timestamp": "1714644000000000"}],
    )
    # the same day of another property, which no later delivery of this one replaces
    write(export / "other" / "events_20240501.json", [rows[0] | {"stream_id": "other"}])
    first = project_run(spark, tmp_path, {"web": ga4()})
    ingest(first)
    assert names(first) == {"session_start": 3, "page_viewed": 1}
    known = {r["event_id"]: r["known_time"] for r in first.lake.read(EVENT).collect()}
    # the table of the whole day, in two parts; one row of the running day turned out wrong
    write(export / "events_20240501-000000000000.json", rows[1:4])
    write(export / "events_20240501-000000000001.json", rows[4:5])
    later = project_run(spark, tmp_path, {"web": ga4()}, run_id="r2", now=NOW + timedelta(days=1))
    ingest(later)
    assert names(later) == {
        "session_start": 2, "page_viewed": 1, "product_viewed": 1, "product_added": 1, "order_completed": 1,
    }  # fmt: skip
    assert counts(later) == {("web", "read"): 8, ("web", "good"): 6, ("web", "duplicate"): 2}
    # what was known before was not learnt anew
    kept = [r for r in later.lake.read(EVENT).collect() if r["event_id"] in known]
    assert len(kept) == 3
    assert all(r["known_time"] == known[r["event_id"]] for r in kept)
    # and once more, by the same name in a later folder
    write(tmp_path / "again" / "events_20240501-000000000000.json", rows[1:2])
    last = project_run(
        spark,
        tmp_path,
        {"web": ga4(path=None, paths=["export", "again"])},
        run_id="r3",
        now=NOW + timedelta(days=2),
    )
    ingest(last)
    assert names(last) == {"session_start": 2, "page_viewed": 1}


def test_a_delta_table_of_an_export_is_one_delivery_whatever_files_it_is_kept_in(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Its rows lie in files that no one delivered, two of them for one day, written one after the other."""
    rows = good_lines()
    for number, part in enumerate((rows[:2], rows[2:4])):
        file = tmp_path / f"part-{number}.json"
        write(file, part)
        table = spark.read.json(str(file)).write.format("delta").mode("append")
        table.option("mergeSchema", "true").save(str(tmp_path / "export"))
    run = project_run(spark, tmp_path, {"web": ga4(format="delta")})
    ingest(run)
    assert names(run) == {"session_start": 1, "page_viewed": 1, "product_viewed": 1, "product_added": 1}
    assert counts(run) == {("web", "read"): 4, ("web", "good"): 4, ("web", "duplicate"): 0}


@pytest.mark.accept
def test_parquet_and_json_exports_become_the_same_events(spark: SparkSession, tmp_path: Path) -> None:
    rows = good_lines()
    write(tmp_path / "json" / "events.json", rows)
    write(tmp_path / "nulls" / "events.json", [_with_nulls(row) for row in rows])
    whole = tmp_path / "array" / "events.json"
    whole.parent.mkdir()
    whole.write_text(json.dumps(rows, indent=1))
    for row in rows:
        row["event_timestamp"] = int(row["event_timestamp"])
        for name in ("batch_page_id", "batch_ordering_id", "batch_event_index"):
            row[name] = int(row[name]) if name in row else None
    (tmp_path / "parquet").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema(rows)), tmp_path / "parquet" / "events.parquet")
    found = {}
    for form in ("json", "array", "nulls", "parquet"):
        project = tmp_path / f"project_{form}"
        shutil.copytree(tmp_path / form, project / "export")
        source = ga4(format="parquet" if form == "parquet" else "json", history=True)
        run = project_run(spark, project, {"web": source})
        ingest(run)
        columns = [c for c in EVENT.column_names if c not in ("row_hash", "identifiers", "visitor_key")]
        events = run.lake.read(EVENT).selectExpr(f"to_json(struct({', '.join(columns)})) AS event")
        found[form] = sorted(row["event"] for row in events.collect())
    assert len(found["json"]) == 10
    assert found["array"] == found["json"]
    assert found["nulls"] == found["json"]
    assert found["parquet"] == found["json"]


def _with_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """The row as an export spells it that writes empty fields too, in another order."""
    items = [{"item_variant": None} | dict(reversed(item.items())) for item in row.get("items", [])]
    return row | {"items": items, "ecommerce": {"tax_value": None} | row.get("ecommerce", {})}


def _schema(rows: list[dict[str, Any]]) -> pa.Schema:
    """The schema of the rows, where a list that is empty in some is the list that it is in others."""
    schemas = [pa.Table.from_pylist([row]).schema for row in rows]
    fields: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            if field.type not in (pa.null(), pa.list_(pa.null())):
                known = fields.get(field.name)
                both = [pa.schema([f]) for f in (known, field) if f is not None]
                fields[field.name] = pa.unify_schemas(both, promote_options="permissive").field(0)
    return pa.schema(list(fields.values()))


def test_an_event_of_two_sources_is_one_event(spark: SparkSession, tmp_path: Path) -> None:
    app = [call("m1"), call("m2"), call("m3", event="Same Id")]
    warehouse = [call("m1", receivedAt="2024-05-01T10:00:01Z"), call("m3", event="Another Thing"), call("m4")]
    (tmp_path / "app.jsonl").write_text("\n".join(app))
    (tmp_path / "copy.jsonl").write_text("\n".join(warehouse))
    sources = {name: {"adapter": "segment", "path": f"{name}.jsonl"} for name in ("app", "copy")}
    run = project_run(spark, tmp_path, sources)
    ingest(run)
    events = [(r["source"], r["event_id"][:2], r["event_name"]) for r in run.lake.read(EVENT).collect()]
    own = sorted(e for e in events if e[2] == "product_viewed")
    assert own == [
        ("app", "m2", "product_viewed"),
        ("copy", "m1", "product_viewed"),
        ("copy", "m4", "product_viewed"),
    ]
    shared = [r for r in run.lake.read(EVENT).collect() if r["event_name"] in ("same_id", "another_thing")]
    assert len({r["event_id"] for r in shared}) == 2
    assert all(r["event_id"] != "m3" for r in shared)
    assert counts(run) == {
        ("app", "read"): 3, ("app", "good"): 2, ("app", "duplicate"): 1,
        ("copy", "read"): 3, ("copy", "good"): 3, ("copy", "duplicate"): 0,
    }  # fmt: skip


MAPPING = """
source: shop
entity: event
format: csv
path: data/events.csv
columns: {event_id: id, event_name: name, event_time: {column: at, format: "%s"}}
identifiers: {anonymous_id: cookie}
limits: {max_quarantined_share: 1.0}
"""


@pytest.mark.usefixtures("spark")
def test_a_mended_mapping_takes_in_what_was_in_quarantine(tmp_path: Path) -> None:
    make_project(tmp_path, name="shop", zone="UTC", currency="EUR", country="DE")
    mapping = tmp_path / "conf" / "sources" / "shop.yaml"
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "events.csv").write_text(
        "id,name,at,cookie\n1,a,01.05.2024 10:00,c\n2,b,02.05.2024 10:00,c\n3,,03.05.2024 10:00,c\n"
    )
    mapping.write_text(MAPPING % "MM/dd/yyyy HH:mm")
    request = Request(tmp_path, quiet=True, assignments=("spark.shuffle_partitions=2",))
    (locked_in,) = replay(request)
    assert (locked_in.before, locked_in.after, locked_in.changed) == (0, 3, True)
    assert findings(replay(request)) == [
        "3 event rows of shop stay in quarantine: neither their mapping nor their files changed."
    ]
    mapping.write_text(MAPPING % "dd.MM.yyyy HH:mm")
    assert findings(replay(request, "shop")) == ["2 of 3 event rows of shop were taken in; 1 stay."]
    assert replay(request, "another") == []

    with opened(request) as run:
        (left,) = locked_rows(run, "shop")
        assert (left.file, left.reason_code, left.reason, left.rows) == (
            "data/events.csv", "missing_value", "event_name is empty", 1,
        )  # fmt: skip
        assert run.lake.read(EVENT).count() == 2
