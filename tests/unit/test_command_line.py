"""The command as a person or scheduler calls it: help, options, exit codes, data on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from habitue.cli import main
from habitue.cli.app import globals_first
from habitue.config.project import load_settings
from habitue.contracts.tables import TABLES
from habitue.privacy.keys import key_id

COMMANDS = (
    "run", "ingest", "sessionize", "resolve", "profile", "train", "score", "target", "demo", "init", "map", "check",
    "report", "catalog", "quarantine", "person", "audience", "identity", "release", "model", "mlflow", "bench", "optimize",
)  # fmt: skip
HEAVY = ("pyspark", "mlflow", "xgboost", "sklearn", "scipy", "pandas", "numpy", "pyarrow", "matplotlib")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "shop"
    options = ["--zone", "Europe/Oslo", "--currency", "NOK", "--country", "NO"]
    assert main(["init", str(folder), *options]) == 0
    return folder


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert set(COMMANDS) <= listed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: habitue {command}" in capsys.readouterr().out


def test_help_needs_neither_spark_nor_models() -> None:
    code = f"import sys, habitue.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_benchmarks_are_said_to_be_in_the_repository_where_they_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("habitue.cli.bench.CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["bench"]) == 2
    assert "git clone" in capsys.readouterr().err


def test_the_benchmarks_get_names_size_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("habitue.cli.bench.subprocess.call", lambda command, cwd: called.append(command) or 1)
    assert main(["bench", "sessionize", "audiences", "--size", "medium", "--json"]) == 1
    assert called[0][1:] == ["-m", "benchmarks", "sessionize", "audiences", "--size", "medium", "--json"]


def test_global_options_may_stand_anywhere() -> None:
    words = ["audience", "list", "--project", "p", "--json", "--set=a.b=1", "--set", "c=2", "-q", "name"]
    assert globals_first(words) == [
        "--project", "p", "--json", "--set=a.b=1", "--set", "c=2", "-q", "audience", "list", "name",
    ]  # fmt: skip


def test_a_new_project_is_valid_and_has_its_secret(project: Path) -> None:
    settings = load_settings(project, variables={})
    assert (settings.project.name, settings.project.country, settings.project.zone) == (
        "shop",
        "NO",
        "Europe/Oslo",
    )
    assert len(key_id(settings.privacy.pepper_bytes(project))) == 16
    assert (project / "secrets" / "pepper").stat().st_mode & 0o077 == 0
    assert "secrets/" in (project / ".gitignore").read_text().splitlines()
    assert settings.audiences and not any(a.export for a in settings.audiences.values())
    assert load_settings(project, env="cluster", variables={}).privacy.pepper == "${env:HABITUE_PEPPER}"


def test_a_project_is_not_made_twice(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / "secrets" / "pepper").read_bytes()
    assert main(["init", str(project)]) == 2
    assert "is a habitue project already" in capsys.readouterr().err
    assert (project / "secrets" / "pepper").read_bytes() == before


def test_a_project_with_an_unknown_zone_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "shop"), "--zone", "Berlin", "--currency", "euro"]) == 2
    message = capsys.readouterr().err
    assert "Berlin is not a known time zone" in message and "currency" in message
    assert not (tmp_path / "shop").exists()


def test_a_new_project_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "consent.yaml").write_text("purposes: {marketing: Mine.}\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "conf" / "consent.yaml").read_text() == "purposes: {marketing: Mine.}\n"
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_audiences_are_listed_as_data(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audience", "list", "--json", "--project", str(project)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"churn_prevention", "top_clv"} <= {audience["audience"] for audience in listed}
    assert all(audience["description"] for audience in listed)


def test_the_catalogue_holds_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [table["table"] for table in listed] == [table.name for table in TABLES]
    assert all(column["comment"] for table in listed for column in table["columns"])
    assert main(["catalog"]) == 0
    assert "## gold.customer_profile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nothing"], "No such command"),
        (["run", "--nothing"], "No such option"),
        (["run", "--as-of"], "requires an argument"),
        (["run", "--as-of", "31.01.2026"], "31.01.2026 is not a day"),
        (["run", "--from", "scoring"], "scoring is not a stage"),
        (["run", "--from", "score", "--to", "ingest"], "comes after"),
        (["--set", "gap", "audience", "list"], "expected KEY=VALUE"),
        (["person", "show"], "Name one person"),
        (["person", "show", "p1", "--email", "a@b.de"], "Name one person"),
        (["person", "show", "anybody"], "neither a person nor an identifier"),
        (["identity", "why", "3f2a", "email:77"], "expected a person_id or TYPE:VALUE"),
        (["identity", "link", "email:77", "b"], "expected a person_id or TYPE:VALUE"),
        (["identity", "block", "email:77", "--until", "soon"], "soon is not a day"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(
    project: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--project", str(project), *words]) == 2
    shown = capsys.readouterr()
    assert complaint in shown.err
    assert not shown.out


def test_a_fault_of_the_configuration_ends_with_20_before_anything_starts(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    assert (
        main(["--project", str(project), "--lake", str(lake), "--set", "sesion.gap_minutes=1", "run"]) == 20
    )
    assert "did you mean session?" in capsys.readouterr().err
    assert not lake.exists()


def test_a_folder_that_is_no_project_ends_with_20(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project", str(tmp_path), "audience", "list"]) == 20
    assert "habitue init DIR" in capsys.readouterr().err


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    code = "import sys; from habitue.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--project", str(tmp_path), "audience", "list"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 20
    assert done.stdout == ""
    assert done.stderr.startswith("habitue: ")
