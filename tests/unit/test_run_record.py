"""The record of a run: whole or not there, read back as written, found again by its fingerprint."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from habitue.job.record import RunRecord, StepRecord, earlier_step, new_run_id, read_record


def record(run_id: str, *steps: StepRecord) -> RunRecord:
    return RunRecord(run_id, "2026-01-31T00:00:00+00:00", "0.1.0", "code", "config", steps=list(steps))


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = record(
        "r1", StepRecord("profile", "done", 1.5, "f1", ["12 persons"], {"persons": 12, "revenue": "9.90"})
    )
    written.inputs.append({"path": "data/orders.csv", "bytes": 10, "digest": "d"})
    written.exports_withheld.append("no consent source")
    written.write(tmp_path)
    assert read_record(tmp_path, "r1") == written


def test_a_record_that_holds_more_than_this_version_knows_is_read_all_the_same(tmp_path: Path) -> None:
    record("r1", StepRecord("score", "done")).write(tmp_path)
    file = tmp_path / "r1.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seed": 0}))
    assert read_record(tmp_path, "r1") == record("r1", StepRecord("score", "done"))


def test_writing_again_replaces_the_record_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    kept = record("r1")
    kept.write(tmp_path / "runs")
    kept.outcome, kept.exit_code = "published", 0
    kept.write(tmp_path / "runs")
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["r1.json"]
    assert json.loads((tmp_path / "runs" / "r1.json").read_text())["outcome"] == "published"


def test_figures_of_all_steps_are_those_of_the_run() -> None:
    run = record(
        "r1", StepRecord("ingest", "done", figures={"a": 1}), StepRecord("score", "done", figures={"b": 2})
    )
    assert run.figures == {"a": 1, "b": 2}


def test_the_newest_step_done_with_the_same_fingerprint_is_found(tmp_path: Path) -> None:
    record("r1", StepRecord("score", "done", 1.0, "same")).write(tmp_path)
    record("r2", StepRecord("score", "done", 2.0, "same")).write(tmp_path)
    record("r3", StepRecord("score", "failed", 3.0, "same"), StepRecord("train", "done", 4.0, "same")).write(
        tmp_path
    )
    record("r4", StepRecord("score", "done", 5.0, "other")).write(tmp_path)
    found = earlier_step(tmp_path, "score", "same")
    assert found is not None and found.seconds == 2.0
    assert earlier_step(tmp_path, "score", "unknown") is None
    assert earlier_step(tmp_path / "nothing", "score", "same") is None


def test_a_record_cut_short_by_a_kill_is_never_read(tmp_path: Path) -> None:
    record("r1", StepRecord("score", "done", 1.0, "same")).write(tmp_path)
    (tmp_path / ".r2.json.new").write_text('{"run_id": "r')
    found = earlier_step(tmp_path, "score", "same")
    assert found is not None and found.seconds == 1.0


def test_run_ids_sort_by_time_and_do_not_repeat() -> None:
    early, late = datetime(2026, 1, 31, 9, 0, tzinfo=UTC), datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
    assert new_run_id(early) < new_run_id(late)
    assert len({new_run_id(early) for _ in range(100)}) == 100
