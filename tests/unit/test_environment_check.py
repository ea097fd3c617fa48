"""`habitue check`: each finding says what was found, what is expected and what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from habitue.checks import environment
from habitue.lake import machine


def test_this_environment_passes(tmp_path: Path) -> None:
    findings = environment.check_environment(project=tmp_path, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert [finding for finding in findings if not finding.ok] == []
    assert not (tmp_path / "mlflow.db").exists()


def test_too_little_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_gib", lambda: 1.5)
    finding = environment.check_memory()
    assert (finding.ok, finding.found) == (False, "1.5 GiB")
    assert "spark.driver_memory" in finding.remedy


def test_a_full_disk_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "free_disk_gib", lambda path: 0.3)
    finding = environment.check_disk(tmp_path)
    assert (finding.ok, finding.found) == (False, "0.3 GiB free")
    assert str(tmp_path) in finding.remedy


def test_a_server_that_does_not_answer_is_found_and_its_password_is_not_shown() -> None:
    finding = environment.check_mlflow("http://someone:secret@127.0.0.1:9")
    assert not finding.ok
    assert "127.0.0.1:9" in finding.found
    assert "secret" not in finding.found


def test_a_store_that_is_no_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to look like a file with content")
    assert not environment.check_mlflow(f"sqlite:///{tmp_path}/mlflow.db").ok


def test_a_store_with_tables_answers(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("CREATE TABLE runs (id text)")
    store.close()
    store = f"sqlite:///{tmp_path}/mlflow.db"
    assert environment.check_mlflow(store).found == f"{store}: 1 tables"


def test_free_disk_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert machine.free_disk_gib(tmp_path / "to" / "be" / "made") > 0


def test_a_limit_of_the_container_counts_when_it_is_lower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limit").write_text("2147483648\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(
        machine, "_CGROUP_LIMITS", (tmp_path / "none", tmp_path / "limit", tmp_path / "absent")
    )
    assert machine.memory_gib() == 2.0
