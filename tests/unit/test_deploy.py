"""The deployment examples name what exists: scripts, options, exit codes."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from habitue.cli.app import app, globals_first
from habitue.errors import ExitCode

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def accepted(arguments: list[str]) -> bool:
    """Whether the command understands a script's arguments; it is parsed, not run."""
    command = get_command(app)
    words = globals_first(["run", *arguments])
    with command.make_context("habitue", list(words)) as context:
        name, stage, rest = command.resolve_command(context, context._protected_args + context.args)  # type: ignore[attr-defined]
        stage.make_context(name, rest, parent=context).close()
    return True


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def submit_words(text: str) -> list[str]:
    """Words after the script in the one spark-submit of a text."""
    words = shlex.split(text[text.index("jobs/run.py --") :].split("\n")[0])
    return words[1:]


def test_kubernetes_runs_a_job_with_options_that_exist() -> None:
    spec = loaded("kubernetes.yaml")["spec"]
    assert (ROOT / "jobs" / Path(spec["mainApplicationFile"]).name).is_file()
    assert accepted(spec["arguments"])
    assert {mount["name"] for part in ("driver", "executor") for mount in spec[part]["volumeMounts"]} == {
        volume["name"] for volume in spec["volumes"]
    }


def test_databricks_runs_a_job_with_options_that_exist() -> None:
    [task] = loaded("databricks.yml")["resources"]["jobs"]["habitue_run"]["tasks"]
    script = task["spark_python_task"]
    assert (DEPLOY / script["python_file"]).resolve() == ROOT / "jobs" / "run.py"
    assert accepted(script["parameters"])


def test_airflow_compiles_and_skips_on_withheld_exports() -> None:
    source = (DEPLOY / "airflow_dag.py").read_text(encoding="utf-8")
    constants = {
        node.targets[0].id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    compile(source, "airflow_dag.py", "exec")
    assert constants["WITHHELD"] == ExitCode.EXPORTS_WITHHELD
    assert accepted(submit_words(source))


def test_the_standalone_page_submits_what_the_cluster_test_submits() -> None:
    page = (DEPLOY / "standalone.md").read_text(encoding="utf-8")
    tested = (ROOT / "tests" / "cluster" / "standalone.py").read_text(encoding="utf-8")
    for option in (
        "--master",
        "--jars",
        "--archives",
        "--driver-memory",
        "--executor-memory",
        "--executor-cores",
    ):
        assert option in page and option in tested
    assert accepted(submit_words(page))


def test_options_that_do_not_exist_are_found() -> None:
    with pytest.raises(Exception, match="No such option: --nowhere"):
        accepted(["--nowhere=x"])
