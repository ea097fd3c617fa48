"""Whole runs of a synthetic project: made, copied for each round, run in the session that is there, and compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contest import Task
from benchmarks.lanes import ROOT, BenchmarkError

if TYPE_CHECKING:
    from habitue.job import RunRecord

SUMMARY = "summary.json"
_PROJECT = "project"
_rounds = 0


def make_project(folder: Path, *, persons: int, days: int) -> int:
    """`habitue synth`, without the truth, which no run reads; returns the number of its raw lines."""
    command("synth", "--persons", str(persons), "--days", str(days), "--seed", "1", "--out", str(folder))
    shutil.rmtree(folder / "truth", ignore_errors=True)
    shutil.rmtree(folder / "lake", ignore_errors=True)
    return count_lines(folder)


def project_without_sources(project: Path, *, zone: str) -> None:
    """A new project as `habitue init` makes it, but for its examples of sources."""
    from habitue.config.template import make_project as make

    make(project, name="shop", zone=zone, currency="EUR", country="DE")
    for example in (project / "conf" / "sources").glob("*.yaml"):
        example.unlink()


def run_stage(task: Task, project: Path, stage: str) -> RunRecord:
    """One stage of a project, in the session that is there."""
    from benchmarks import spark
    from habitue.pipeline.execute import Request, execute
    from habitue.pipeline.span import Span

    spark.session(task)  # the run takes the session that is there
    record = execute(Request(project, span=Span(stage, stage), quiet=True)).record
    if record.exit_code:
        raise BenchmarkError(f"{stage} ended with {record.exit_code}: {record.message}")
    return record


def command(*arguments: str) -> None:
    """A command of habitue in a process of its own; only publishing may withhold exports (11)."""
    call = [sys.executable, "-c", "import sys; from habitue.cli import main; sys.exit(main())", *arguments]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 11):
        said = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise BenchmarkError(f"habitue {arguments[0]} ended with {done.returncode}: {said}")


def count_lines(project: Path) -> int:
    """Lines of all raw files."""
    return sum(path.read_bytes().count(b"\n") for path in (project / "data").rglob("*") if path.is_file())


def copy_project(source: Path, task: Task) -> None:
    """A project for one round, at a path of its own: Delta remembers tables by their path.

    Raw files and table files are never written twice, so links to them will do.
    """
    global _rounds
    _rounds += 1
    for old in task.out.parent.glob(f"{task.out.name}-*"):
        shutil.rmtree(old, ignore_errors=True)
    target = task.out.parent / f"{task.out.name}-{_rounds}" / _PROJECT
    shutil.copytree(source, target, copy_function=partial(_link_or_copy, root=source))


def _link_or_copy(source: str, target: str, *, root: Path) -> None:
    """Raw files and Parquet are never written in place; all else may be, and is a copy."""
    is_raw = Path(source).relative_to(root).parts[0] == "data"
    if is_raw or source.endswith(".parquet"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)


def run_project(task: Task) -> dict[str, float]:
    """Run the copy from its sources to its release; seconds by stage."""
    from benchmarks import spark
    from habitue.errors import ExitCode
    from habitue.pipeline.execute import Request, execute

    spark.session(task)  # the run takes the session that is there
    record = execute(Request(project=project_of(task), quiet=True)).record
    if record.exit_code not in (ExitCode.OK, ExitCode.EXPORTS_WITHHELD):
        raise BenchmarkError(f"the run ended with {record.exit_code}: {record.message}")
    stages: dict[str, float] = {}
    for step in record.steps:
        stage = step.name.split(" ")[0].split("/")[0]
        stages[stage] = stages.get(stage, 0.0) + step.seconds
    return stages


def project_of(task: Task) -> Path:
    """The copy of this round."""
    [project] = task.out.parent.glob(f"{task.out.name}-*/{_PROJECT}")
    return project


def summarise(task: Task) -> str:
    """Rows and a digest of each table's exact columns, for the comparison of two lakes.

    Doubles are left out (sums of doubles depend on their order), and so are maps, free JSON and what tells
    a run apart from its result.
    """
    from pyspark.sql import functions as F

    from benchmarks import spark
    from habitue.contracts.row_hash import ROW_HASH
    from habitue.contracts.run_scoped import RUN_SCOPED_COLUMNS
    from habitue.contracts.tables import TABLES
    from habitue.lake.lake import Lake
    from habitue.lake.location import Location

    lake = Lake(Location(str(project_of(task) / "lake")), spark.session(task))
    found: dict[str, list[str]] = {}
    for table in (t for t in TABLES if t.layer in ("silver", "gold") and lake.exists(t)):
        exact = [
            c.name
            for c in table.columns
            if not any(kind in c.type for kind in ("double", "map<", "variant"))
            and c.name not in RUN_SCOPED_COLUMNS
            and c.name != ROW_HASH
        ]
        digest = F.sum(F.xxhash64(*(F.col(f"`{name}`") for name in exact)).cast("decimal(38,0)"))
        row = lake.read(table).agg(F.count(F.lit(1)), digest).first()
        assert row is not None
        found[table.name] = [str(row[0]), str(row[1])]
    task.out.mkdir(parents=True, exist_ok=True)
    (task.out / SUMMARY).write_text(json.dumps(found))
    return ""


def read_summary(out: Path) -> dict[str, list[str]]:
    """What `summarise` wrote."""
    found: dict[str, list[str]] = json.loads((out / SUMMARY).read_text())
    return found
