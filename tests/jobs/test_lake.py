"""How the lake writes: merges that commit only changes, guards, days, notes in the log, restore."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from habitue.contracts.behaviour import IDENTITY_CHANGE
from habitue.contracts.decision import AUDIENCE_CHANGE, SPLIT_ASSIGNMENT
from habitue.errors import ContractError
from habitue.lake.changes import made_from
from habitue.lake.commit import UNFINISHED, CommitNote
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import input_version, slice_commit
from habitue.lake.lake import Lake
from tests.tables import assert_table, table

CHANGES = """
    old_person_id | new_person_id | changed_at          | cause
    a             | b             | 2026-01-01 00:00:00 | merge
    c             | d             | 2026-01-02 00:00:00 | split
"""


def test_a_merge_inserts_updates_deletes_and_leaves_equal_content_uncommitted(lake: Lake) -> None:
    rows = table(lake.spark, IDENTITY_CHANGE, CHANGES, fill=False)
    lake.merge(IDENTITY_CHANGE, rows)
    log = lake.location.table(IDENTITY_CHANGE)
    first = DeltaLog(log).data_version()

    lake.merge(IDENTITY_CHANGE, rows.repartition(3), delete_unmatched=True)
    assert DeltaLog(log).data_version() == first

    changed = """
        old_person_id | new_person_id | changed_at          | cause
        a             | b             | 2026-01-01 00:00:00 | manual
        e             | f             | 2026-01-03 00:00:00 | erase
    """
    lake.merge(
        IDENTITY_CHANGE,
        table(lake.spark, IDENTITY_CHANGE, changed, fill=False),
        delete_unmatched={"cause": "split"},
    )
    assert_table(lake.read(IDENTITY_CHANGE), IDENTITY_CHANGE, changed)


def test_many_new_rows_are_appended_behind_the_changed_ones_and_a_death_in_between_notes_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.lake.lake.MANY_NEW", 1)
    lake.note = CommitNote(run_id="r", fingerprints={IDENTITY_CHANGE.name: "before"})
    lake.merge(IDENTITY_CHANGE, table(lake.spark, IDENTITY_CHANGE, CHANGES, fill=False), basis={"day": 1})
    changed = """
        old_person_id | new_person_id | changed_at          | cause
        a             | b             | 2026-01-01 00:00:00 | manual
        e             | f             | 2026-01-03 00:00:00 | erase
    """
    rows = table(lake.spark, IDENTITY_CHANGE, changed, fill=False)
    lake.note = replace(lake.note, fingerprints={IDENTITY_CHANGE.name: "after"})

    def dies(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "_write", dies)
        with pytest.raises(RuntimeError, match="killed"):
            lake.merge(IDENTITY_CHANGE, rows, delete_unmatched=True, basis={"day": 2}, in_two_commits=True)
    assert {row.cause for row in lake.read(IDENTITY_CHANGE).collect()} == {"manual"}
    assert made_from(lake.location, IDENTITY_CHANGE) is None
    # not "before" either: whoever takes the change back must not find everything as it was
    assert slice_commit(lake.location, IDENTITY_CHANGE, None)[1] == UNFINISHED

    lake.merge(IDENTITY_CHANGE, rows, delete_unmatched=True, basis={"day": 2}, in_two_commits=True)
    assert_table(lake.read(IDENTITY_CHANGE), IDENTITY_CHANGE, changed)
    assert made_from(lake.location, IDENTITY_CHANGE) == {"day": 2}
    assert slice_commit(lake.location, IDENTITY_CHANGE, None)[1] == "after"


def test_many_new_rows_beside_changed_ones_make_two_commits_and_the_same_table(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = lake.location.table(IDENTITY_CHANGE)
    monkeypatch.setattr("habitue.lake.lake.MANY_NEW", 2)
    lake.merge(IDENTITY_CHANGE, table(lake.spark, IDENTITY_CHANGE, CHANGES, fill=False))
    for new, cause, commits in (("e", "manual", 1), ("gh", "erase", 2)):
        more = "".join(f"\n    {n} | x | 2026-01-03 00:00:00 | erase" for n in new)
        text = CHANGES.replace("merge", cause).replace("split", cause).rstrip() + more
        before = DeltaLog(log).head() or 0
        rows = table(lake.spark, IDENTITY_CHANGE, text, fill=False)
        lake.merge(IDENTITY_CHANGE, rows, delete_unmatched=True, in_two_commits=True)
        assert DeltaLog(log).head() == before + commits
        assert_table(lake.read(IDENTITY_CHANGE), IDENTITY_CHANGE, text)


def test_whether_a_table_is_empty_is_known_from_its_log_and_from_its_rows_where_the_log_does_not_say(
    lake: Lake, tmp_path: Path
) -> None:
    rows = table(lake.spark, IDENTITY_CHANGE, CHANGES, fill=False)
    assert lake.is_empty(IDENTITY_CHANGE)
    lake.ensure(IDENTITY_CHANGE)
    assert lake.is_empty(IDENTITY_CHANGE)
    assert set(lake.read(IDENTITY_CHANGE).columns) == set(IDENTITY_CHANGE.column_names)
    lake.merge(IDENTITY_CHANGE, rows)
    log = DeltaLog(lake.location.table(IDENTITY_CHANGE))
    assert log.has_rows() is True and not lake.is_empty(IDENTITY_CHANGE)
    filled = log.head()
    lake.merge(IDENTITY_CHANGE, rows.limit(0), delete_unmatched=True)
    assert lake.is_empty(IDENTITY_CHANGE)
    assert lake.read(IDENTITY_CHANGE, version=filled).count() == rows.count()
    assert lake.read(IDENTITY_CHANGE, version=0).isEmpty()

    for counted in tmp_path.rglob("*.crc"):
        counted.unlink()
    assert log.has_rows() is None and lake.is_empty(IDENTITY_CHANGE)


def test_without_update_the_first_row_stays(lake: Lake) -> None:
    text = """
        person_id | split | split_group | variant | assigned_at
        p         | s     | {group}     |         | 2026-01-01
    """
    for group in ("holdout", "treatment"):
        rows = table(lake.spark, SPLIT_ASSIGNMENT, text.format(group=group))
        lake.merge(SPLIT_ASSIGNMENT, rows, update=False)
    assert_table(lake.read(SPLIT_ASSIGNMENT), SPLIT_ASSIGNMENT, text.format(group="holdout"))


def test_rows_that_break_the_contract_are_counted_by_rule_and_nothing_is_written(lake: Lake) -> None:
    bad = table(lake.spark, IDENTITY_CHANGE, """
        old_person_id | new_person_id | changed_at          | cause
        a             | b             | 2026-01-01 00:00:00 | bogus
                      | d             | 2026-01-01 00:00:00 | wrong
    """, fill=False)  # fmt: skip
    with pytest.raises(ContractError) as caught:
        lake.merge(IDENTITY_CHANGE, bad)
    assert caught.value.problems == (
        "old_person_id_not_null: 1 rows break it",
        "known_cause: 2 rows break it",
    )
    assert lake.read(IDENTITY_CHANGE).isEmpty()


def test_a_frame_of_another_shape_is_told_every_difference(lake: Lake) -> None:
    wrong = lake.spark.createDataFrame([("a", 1)], "old_person_id string, changed_at int")
    with pytest.raises(ContractError) as caught:
        lake.merge(IDENTITY_CHANGE, wrong)
    assert "changed_at is int, expected timestamp" in caught.value.problems
    assert "cause is missing (string)" in caught.value.problems


def test_a_day_is_replaced_alone_and_its_commit_is_found_behind_other_days(lake: Lake) -> None:
    text = """
        as_of_date | audience | person_id | change
        {day}      | loyal    | {person}  | entered
    """
    for day, person in (("2026-01-01", "p"), ("2026-01-02", "q"), ("2026-01-01", "r")):
        lake.note = CommitNote(run_id="r", as_of=day, fingerprints={AUDIENCE_CHANGE.name: f"{day}-{person}"})
        rows = table(lake.spark, AUDIENCE_CHANGE, text.format(day=day, person=person))
        lake.replace_day(AUDIENCE_CHANGE, rows, as_of=date.fromisoformat(day))
    assert_table(lake.read(AUDIENCE_CHANGE), AUDIENCE_CHANGE, """
        as_of_date | person_id
        2026-01-01 | r
        2026-01-02 | q
    """)  # fmt: skip
    assert slice_commit(lake.location, AUDIENCE_CHANGE, "2026-01-02")[1] == "2026-01-02-q"
    assert slice_commit(lake.location, AUDIENCE_CHANGE, "2026-01-03") == (None, None)


def test_a_restored_table_remembers_the_fingerprint_of_what_it_holds(lake: Lake) -> None:
    rows = table(lake.spark, IDENTITY_CHANGE, CHANGES, fill=False)
    for fingerprint, content in (("old", rows), ("new", rows.limit(0))):
        lake.note = CommitNote(run_id="r", fingerprints={IDENTITY_CHANGE.name: fingerprint})
        lake.merge(IDENTITY_CHANGE, content, delete_unmatched=True)
    old = input_version(lake.location, IDENTITY_CHANGE, None)
    version = 1
    lake.note = replace(lake.note, fingerprints={}, restored_version=version)
    lake.restore(IDENTITY_CHANGE, version)
    assert lake.read(IDENTITY_CHANGE).count() == 2
    assert slice_commit(lake.location, IDENTITY_CHANGE, None) == (version, "old")
    assert input_version(lake.location, IDENTITY_CHANGE, None) == version != old
