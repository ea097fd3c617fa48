"""New files of events are read alone, and the lake is what a full read of all files makes."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from habitue.contracts.entities import EVENT
from habitue.contracts.intake import IDENTIFIER, QUARANTINE, QUARANTINE_COUNT, SOURCE_FILE
from habitue.contracts.table import Table
from habitue.contracts.tables import TABLES
from habitue.job import Run
from habitue.job.record import StepRecord
from habitue.lake.deltalog import DeltaLog
from habitue.sources.file_changes import FileChanges, file_changes
from habitue.stages.ingest import ingest, step_name
from tests.conftest import ACCEPT
from tests.jobs.project import project_run

START = datetime(2024, 3, 1, 10, tzinfo=UTC)
AHEAD = "2031-01-01T00:00:00Z"
ABSURD = "+12000-01-01T00:00:00Z"  # beyond what Python's clock can tell
SOURCES: dict[str, dict[str, Any]] = {
    name: {"adapter": "segment", "path": f"{name}/*.json*", "limits": {"max_quarantined_share": 0.9}}
    for name in ("app", "web")
}


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        ({"a": ("1", "read")}, {"a": ("1", "read")}, FileChanges()),
        ({"a": ("1", "read"), "b": ("2", "read")}, {"a": ("1", "read")}, FileChanges(frozenset("b"))),
        ({"a": ("2", "read")}, {"a": ("1", "read")}, FileChanges(why_all="a is changed")),
        # a file of the same content, with a name that comes first
        ({"0": ("1", "read"), "a": ("1", "repeat")}, {"a": ("1", "read")}, FileChanges(why_all="a is changed")),
        ({}, {"a": ("1", "read"), "b": ("1", "repeat")}, FileChanges(why_all="a and 1 more files are gone")),
    ],
)  # fmt: skip
def test_only_a_file_that_came_changes_nothing_else(now: Any, before: Any, found: FileChanges) -> None:
    assert file_changes(now, before) == found


def drawn_lines(draw: random.Random, plan: str = "") -> list[tuple[str, str]]:
    """Source and line of deliveries: repeats, ids used twice, bursts, orders completed again, faulty and future lines.

    Each `plan` has ids, visitors and orders of its own, so that many of them can share a lake.
    """
    lines = []
    for _ in range(60):
        number, visitor = draw.randrange(40), draw.randrange(3)
        kind = draw.random()
        at = START + timedelta(
            seconds=draw.choice([number, 3600 * number, 86_400 * 9 * (number % 3)]) * (kind < 0.9)
        )
        call: dict[str, Any] = {
            "messageId": f"{plan}m{number}", "anonymousId": f"{plan}cookie-{visitor}", "type": "track", "event": "Product Viewed",
            "originalTimestamp": f"{at:%Y-%m-%dT%H:%M:%S}Z", "sentAt": f"{at:%Y-%m-%dT%H:%M:%S}Z",
            "receivedAt": f"{at + timedelta(seconds=draw.randrange(3)):%Y-%m-%dT%H:%M:%S}Z",
            "properties": {"product_id": f"p{number % 2}"},
            "context": {"sessionId": f"s{visitor}"},
        }  # fmt: skip
        if number % 5 == 0:
            call |= {
                "event": "Order Completed",
                "properties": {"order_id": f"{plan}o{number % 3}", "subtotal": 5},
            }
        if number % 11 == 0:
            del call["anonymousId"]
        if number % 13 == 0:
            call["originalTimestamp"] = call["receivedAt"] = None
        if number % 17 == 3:  # a clock far ahead, which must not make every later run read all files
            call |= dict.fromkeys(("originalTimestamp", "sentAt", "receivedAt"), draw.choice([AHEAD, ABSURD]))
        lines.append((draw.choice(["app", "web"]), json.dumps(call)))
    return lines


def write_batch(project: Path, batch: int, lines: list[tuple[str, str]], draw: random.Random) -> None:
    """A file for each source that has lines, whose name comes before or after those of earlier batches."""
    for source in SOURCES:
        own = [line for name, line in lines if name == source]
        folder = project / source
        folder.mkdir(parents=True, exist_ok=True)
        if own:
            (folder / f"{draw.randrange(10)}-{batch}.jsonl").write_text("\n".join(own) + "\n")


def content(run: Run, table: Table, *left_out: str) -> list[str]:
    columns = [f"`{name}`" for name in table.column_names if name not in left_out]
    rows = run.lake.read(table).selectExpr(f"to_json(struct({', '.join(columns)})) AS row")
    return sorted(row["row"] for row in rows.collect())


def assert_equal_lakes(steps: Run, full: Run) -> None:
    """Events, identifiers, faulty rows and figures; who first showed an identifier depends on what came first."""
    assert content(steps, EVENT) == content(full, EVENT)
    assert content(steps, IDENTIFIER, "first_source") == content(full, IDENTIFIER, "first_source")
    assert content(steps, QUARANTINE, "run_id") == content(full, QUARANTINE, "run_id")
    assert content(steps, QUARANTINE_COUNT) == content(full, QUARANTINE_COUNT)


def ingested(spark: SparkSession, project: Path, sources: Any, number: int, **more: Any) -> Run:
    run = project_run(spark, project, sources, run_id=f"r{number}", **more)
    run.record.steps.append(StepRecord(step_name(EVENT.leaf), "done"))
    run.lake.note = replace(run.lake.note, fingerprints={EVENT.name: f"made by {number}"})
    run.settings = run.settings.model_copy(
        update={
            "bots": run.settings.bots.model_copy(
                update={"burst_events": 3, "burst_seconds": 20, "day_events": 8}
            )
        }
    )
    ingest(run)
    return run


def test_any_batches_of_files_give_what_all_files_at_once_give(spark: SparkSession, tmp_path: Path) -> None:
    """Many plans share a lake: 200 of them, in up to 50 batches each, in `make accept`."""
    plans, rounds = (200, 50) if ACCEPT else (12, 3)
    draw = random.Random(plans)
    batches: list[list[tuple[str, str]]] = [[] for _ in range(rounds)]
    for plan in range(plans):
        most = draw.randint(1, rounds)
        for line in drawn_lines(draw, f"{plan}/"):
            batches[draw.randrange(most)].append(line)
    project, whole = tmp_path / "steps", tmp_path / "whole"
    for batch, lines in enumerate(batches):
        write_batch(project, batch, lines, draw)
        steps = ingested(spark, project, SOURCES, batch)
        assert batch == 0 or any("are new" in note for note in notes(steps)), notes(steps)
    for name in (*SOURCES, "secrets"):
        shutil.copytree(project / name, whole / name)
    assert_equal_lakes(steps, ingested(spark, whole, SOURCES, rounds))


def notes(run: Run) -> list[str]:
    return [text for step in run.record.steps for text in step.findings]


@pytest.mark.accept
def test_after_what_is_no_addition_all_files_are_read_with_a_sentence(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [("web", line) for _, line in drawn_lines(random.Random(3))][:16]
    folder = tmp_path / "web"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.jsonl").write_text("\n".join(line for _, line in lines[4 * i : 4 * i + 4]) + "\n")
    sources = SOURCES | {"app": SOURCES["web"] | {"path": "web/0.jsonl"}}  # both deliver the same events
    first = ingested(spark, tmp_path, sources, 0)
    heads = versions(first)

    (folder / "1.jsonl").unlink()
    (folder / "3.jsonl").write_text("\n".join(line for _, line in lines[12:]) + "\n")
    gone = ingested(spark, tmp_path, sources, 1)
    assert "All files of events are read: of web, web/1.jsonl is gone." in notes(gone)
    rows = gone.lake.read(SOURCE_FILE).where("status = 'gone'").collect()
    assert [(row["source"], row["file"]) for row in rows] == [("web", "web/1.jsonl")]
    full = full_read(spark, tmp_path, tmp_path / "without", sources)
    assert_equal_lakes_but_identifiers(gone, full)

    roll_back(gone, heads)
    again = ingested(spark, tmp_path, sources, 2)  # what the files were is brought back too
    assert "All files of events are read: of web, web/1.jsonl is gone." in notes(again)
    assert_equal_lakes_but_identifiers(again, full)

    roll_back(again, {EVENT: heads[EVENT]})  # as where a run dies between the two writes
    torn = ingested(spark, tmp_path, sources, 3)
    assert "All files of events are read: a run ended before all was written." in notes(torn)

    mapped = {name: source | {"options": {"currency": "EUR"}} for name, source in sources.items()}
    other = ingested(spark, tmp_path, mapped, 4)
    assert "All files of events are read: the mappings, the rules or the code are other ones." in notes(other)
    assert_equal_lakes_but_identifiers(other, full_read(spark, tmp_path, tmp_path / "mapped", mapped))


@pytest.mark.accept
def test_an_event_of_the_future_counts_with_the_first_files_after_its_time(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [("web", line) for _, line in drawn_lines(random.Random(5))]
    ahead = {"messageId": "ahead"} | dict.fromkeys(("originalTimestamp", "sentAt", "receivedAt"), AHEAD)
    early = [("web", json.dumps(json.loads(lines[0][1]) | ahead))]
    sources = {"web": SOURCES["web"]}
    write_batch(tmp_path, 0, [*early, *lines[:10]], random.Random(0))
    first = ingested(spark, tmp_path, sources, 0)
    assert first.lake.read(EVENT).where("event_date > '2031-01-01' - INTERVAL 1 DAY").isEmpty()
    write_batch(tmp_path, 1, lines[10:20], random.Random(1))
    second = ingested(spark, tmp_path, sources, 1, now=datetime(2030, 12, 30, tzinfo=UTC))
    assert "of 2 files of web, 1 are new; only these were read" in notes(second)
    write_batch(tmp_path, 2, lines[20:30], random.Random(2))
    third = ingested(spark, tmp_path, sources, 2, now=datetime(2030, 12, 31, tzinfo=UTC))
    assert "All files of events are read: some rows of web were too far in the future." in notes(third)
    assert not third.lake.read(EVENT).where("event_date = '2031-01-01'").isEmpty()


@pytest.mark.accept
def test_files_that_came_after_a_rollback_are_read_beside_the_events_of_then(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [("web", line) for _, line in drawn_lines(random.Random(4))][:24]
    sources = {"web": SOURCES["web"]}
    for batch in range(3):
        write_batch(tmp_path, batch, lines[8 * batch : 8 * batch + 8], random.Random(batch))
        steps = ingested(spark, tmp_path, sources, batch)
        if batch == 0:
            heads = versions(steps)
        if batch == 1:
            roll_back(steps, heads)
    assert "of 3 files of web, 2 are new; only these were read" in notes(steps)
    assert_equal_lakes(steps, full_read(spark, tmp_path, tmp_path / "whole", sources))


def full_read(spark: SparkSession, project: Path, copy: Path, sources: Any) -> Run:
    for name in ("web", "secrets"):
        shutil.copytree(project / name, copy / name)
    return ingested(spark, copy, sources, 9)


def assert_equal_lakes_but_identifiers(steps: Run, full: Run) -> None:
    """The vault keeps identifiers of files that are gone."""
    assert content(steps, EVENT) == content(full, EVENT)
    assert content(steps, QUARANTINE, "run_id") == content(full, QUARANTINE, "run_id")
    assert content(steps, QUARANTINE_COUNT) == content(full, QUARANTINE_COUNT)


def versions(run: Run) -> dict[Table, int]:
    heads = {t: DeltaLog(run.location.table(t)).head() for t in TABLES}
    return {table: head for table, head in heads.items() if head is not None}


def roll_back(run: Run, heads: dict[Table, int]) -> None:
    """As going back to a release does it."""
    for table, version in heads.items():
        if version != DeltaLog(run.location.table(table)).head():
            run.lake.note = replace(run.lake.note, basis=None, restored_version=version)
            run.lake.restore(table, version)
