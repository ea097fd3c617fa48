"""Which rows came and went between two versions, whatever the writer did in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_CHANGE, SESSION_EVENT
from habitue.contracts.table import Table
from habitue.lake.changes import made_from, row_changes
from habitue.lake.commit import CommitNote
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake

DAY = date(2026, 3, 1)


def merge(lake: Lake, content: dict[str, str]) -> None:
    lake.merge(SESSION_EVENT, memberships(lake, content), delete_unmatched=True)


def memberships(lake: Lake, content: dict[str, str]) -> DataFrame:
    rows = [(event, session, DAY) for event, session in content.items()]
    return lake.spark.createDataFrame(rows, "event_id string, session_id string, session_date date")


def changes(lake: Lake, since: int) -> dict[tuple[str, str], int] | None:
    log = DeltaLog(lake.location.table(SESSION_EVENT))
    head = log.head()
    assert head is not None
    rows = row_changes(lake, SESSION_EVENT, ("event_id", "session_id"), since=since, until=head)
    if rows is None:
        return None
    net: Counter[tuple[str, str]] = Counter()
    for event, session, sign in rows.collect():
        net[event, session] += sign
    return {key: sign for key, sign in net.items() if sign}


def head(lake: Lake, table: Table = SESSION_EVENT) -> int:
    found = DeltaLog(lake.location.table(table)).head()
    assert found is not None
    return found


@pytest.mark.parametrize("marks_deletions", [True, False], ids=["marked rows", "rewritten files"])
def test_rows_that_came_and_went_are_found_through_merge_compaction_and_restore(
    lake: Lake, marks_deletions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = replace(SESSION_EVENT, marks_deletions=marks_deletions)
    monkeypatch.setattr("tests.jobs.test_lake_changes.SESSION_EVENT", plain)
    merge(lake, {"a": "1", "b": "1", "c": "2"})
    first = head(lake)
    assert changes(lake, first) == {}

    merge(lake, {"a": "1", "b": "3", "d": "4"})
    expected = {("b", "1"): -1, ("c", "2"): -1, ("b", "3"): 1, ("d", "4"): 1}
    assert changes(lake, first) == expected

    before = head(lake)
    lake.spark.sql(f"OPTIMIZE delta.`{lake.location.table(SESSION_EVENT)}`")
    assert changes(lake, before) == {}
    assert changes(lake, first) == expected

    lake.note = CommitNote(restored_version=first)
    lake.restore(SESSION_EVENT, first)
    assert changes(lake, first) == {}


def test_without_a_commit_or_a_file_there_is_no_answer(lake: Lake, tmp_path: Path) -> None:
    merge(lake, {"a": "1"})
    first = head(lake)
    lake.append(SESSION_EVENT, memberships(lake, {"b": "2"}))
    assert changes(lake, first) == {("b", "2"): 1}
    assert row_changes(lake, SESSION_EVENT, ("event_id",), since=first, until=head(lake) + 1) is None
    for file in (tmp_path / "lake" / "silver" / "session_event").glob("*.parquet"):
        file.unlink()  # as VACUUM would
    assert changes(lake, first) is None


def test_what_a_table_was_made_from_is_known_until_somebody_else_writes_it(lake: Lake) -> None:
    rows = lake.spark.createDataFrame(
        [("a", "b", "merge")], "old_person_id string, new_person_id string, cause string"
    ).selectExpr("*", "timestamp'2026-01-01' as changed_at")
    assert made_from(lake.location, IDENTITY_CHANGE) is None
    lake.ensure(IDENTITY_CHANGE)
    assert made_from(lake.location, IDENTITY_CHANGE) is None  # an empty table is no result
    for step, cause in enumerate(("merge", "split"), 7):
        lake.merge(IDENTITY_CHANGE, rows.withColumn("cause", F.lit(cause)), basis={"event": step})
        assert made_from(lake.location, IDENTITY_CHANGE) == {"event": step}
    lake.merge(IDENTITY_CHANGE, rows.limit(0), delete_unmatched=True)
    assert made_from(lake.location, IDENTITY_CHANGE) is None
