"""`habitue optimize`: fewer files, the same rows, no stage stale, and what is kept for releases stays readable."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from habitue.contracts.behaviour import IDENTITY_CHANGE, SESSION_EVENT
from habitue.contracts.decision import RELEASE
from habitue.contracts.entities import EVENT
from habitue.contracts.tables import TABLES
from habitue.lake.commit import CommitNote
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import slice_commit
from habitue.lake.footprint import footprint
from habitue.lake.lake import Lake
from habitue.lake.release import Release, retention
from habitue.pipeline.execute import Request, execute
from tests.jobs.conftest import Shop

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def release(published_at: datetime) -> Release:
    return Release(f"r{published_at:%Y%m%d}", published_at, "r", date(2026, 1, 1), {}, {}, 1)


def test_files_stay_for_as_long_as_a_kept_release_reads_them() -> None:
    week = timedelta(days=7)
    assert retention([], NOW, at_least=week) == week
    young = release(NOW - timedelta(days=1))
    assert retention([young], NOW, at_least=week) == week
    old = release((NOW - timedelta(days=90)).replace(tzinfo=None))  # as a table gives it
    assert retention([young, old], NOW, at_least=week) == timedelta(days=90, hours=1)


def test_a_compaction_changes_neither_rows_nor_data_version_nor_fingerprint(lake: Lake) -> None:
    lake.note = CommitNote(run_id="r", fingerprints={SESSION_EVENT.name: "made"})
    for event in ("a", "b", "c"):
        columns = "event_id string, session_id string, session_date date"
        row = lake.spark.createDataFrame([(event, "s", NOW.date())], columns)
        lake.merge(SESSION_EVENT, row)
    lake.note = CommitNote(run_id="o", step="optimize")
    before, version = footprint(lake, SESSION_EVENT), data_version(lake)
    lake.compact(SESSION_EVENT)
    lake.compact(SESSION_EVENT)
    after = footprint(lake, SESSION_EVENT)
    assert (before.files, after.files, after.kept_files) == (3, 1, before.kept_files + 1)
    assert data_version(lake) == version
    assert slice_commit(lake.location, SESSION_EVENT, None) == (version, "made")
    assert sorted(r["event_id"] for r in lake.read(SESSION_EVENT).collect()) == ["a", "b", "c"]

    lake.vacuum(SESSION_EVENT, keep=timedelta(hours=1))
    assert footprint(lake, SESSION_EVENT).kept_files == after.kept_files
    assert lake.read(SESSION_EVENT, version=version).count() == 3
    lake.vacuum(SESSION_EVENT, keep=timedelta(0))
    assert footprint(lake, SESSION_EVENT) == replace(after, kept_files=after.files, kept_bytes=after.bytes)


def test_what_was_deleted_is_in_no_file_after_a_compaction_and_vacuum(lake: Lake) -> None:
    columns = "event_id string, session_id string, session_date date"
    rows = [(f"event-{i}", "s", NOW.date()) for i in range(100)]
    lake.merge(SESSION_EVENT, lake.spark.createDataFrame(rows, columns))
    lake.merge(SESSION_EVENT, lake.spark.createDataFrame(rows[1:], columns), delete_unmatched=True)

    def kept() -> set[str]:
        files = Path(lake.location.table(SESSION_EVENT).removeprefix("file:")).rglob("*.parquet")
        return {
            v for file in files for v in pq.read_table(file, columns=["event_id"])["event_id"].to_pylist()
        }

    assert "event-0" in kept()  # only marked
    version = data_version(lake)
    lake.compact(SESSION_EVENT)
    lake.vacuum(SESSION_EVENT, keep=timedelta(0))
    assert kept() == {event for event, *_ in rows[1:]}
    assert data_version(lake) == version


def data_version(lake: Lake) -> int | None:
    return DeltaLog(lake.location.table(SESSION_EVENT)).data_version()


def test_a_merge_names_the_days_of_the_rows_it_changes_and_appends_where_it_changes_none(lake: Lake) -> None:
    dated = replace(IDENTITY_CHANGE, cluster_by=("changed_at",))
    rows = lake.spark.createDataFrame(
        [("a", "b", "2026-01-01 00:00:00.000001", "merge"), ("c", "d", "2026-01-05", "merge")],
        "old_person_id string, new_person_id string, changed_at string, cause string",
    ).selectExpr("old_person_id", "new_person_id", "timestamp(changed_at) changed_at", "cause")
    lake.merge(dated, rows)
    lake.merge(dated, rows.replace("c", "e", ["old_person_id"]))
    lake.merge(dated, rows.replace("merge", "split", ["cause"]).where("old_person_id = 'a'"))
    infos = [commit_info(lake, version) for version in (2, 3)]
    assert [info["operation"] for info in infos] == ["WRITE", "MERGE"]
    predicate = infos[1]["operationParameters"]["predicate"]
    assert predicate.count("2026-01-01 00:00:00.000001") == 2
    assert {(r[0], r[3]) for r in lake.read(dated).select(*dated.column_names[:4]).collect()} == {
        ("a", "split"), ("c", "merge"), ("e", "merge"),
    }  # fmt: skip


def commit_info(lake: Lake, version: int) -> dict[str, object]:
    actions = DeltaLog(lake.location.table(IDENTITY_CHANGE)).actions(version)
    return next(a["commitInfo"] for a in actions if "commitInfo" in a)


@pytest.mark.accept
def test_the_command_leaves_every_stage_and_release_as_it_is(
    copied: Callable[[Path], Shop], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = copied(tmp_path / "shop")
    [last] = shop.releases()
    rows = {name: shop.lake.read(t).count() for name, t in named(shop).items()}
    versions = {name: shop.data_version(t) for name, t in named(shop).items()}
    capsys.readouterr()
    assert shop.habitue("--json", "optimize", "--retain-days", "0") == 0
    done = json.loads(capsys.readouterr().out)
    assert {each["table"] for each in done["tables"]} == set(named(shop))
    assert all(each["after"]["files"] <= each["before"]["files"] for each in done["tables"])
    assert {name: shop.lake.read(t).count() for name, t in named(shop).items()} == rows
    assert {name: shop.data_version(t) for name, t in named(shop).items()} == versions
    for name, version in last.versions.items():
        assert shop.lake.read(named(shop)[name], version=version).count() == rows[name]
    assert shop.habitue("run") in (0, 11)
    assert set(shop.outcomes().values()) == {"unchanged"}


def test_an_unknown_table_is_named_with_the_nearest(
    copied: Callable[[Path], Shop], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = copied(tmp_path / "shop")
    assert shop.habitue("optimize", "--table", "silver.evnt") == 2
    assert EVENT.name in capsys.readouterr().err
    assert shop.habitue("--json", "optimize", "--table", RELEASE.name) == 0
    assert [t["table"] for t in json.loads(capsys.readouterr().out)["tables"]] == [RELEASE.name]
    run = execute(Request(shop.folder, quiet=True))  # the report still shows the last release
    assert not run.spark_is_open


def named(shop: Shop) -> dict[str, object]:
    return {t.name: t for t in TABLES if shop.lake.exists(t)}
