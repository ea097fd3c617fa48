"""The run after one day of new data, beside a run of everything from the start.

Of 120 days the last one arrives: its events, and its orders at the end of the month's file, are about one
percent of all lines. All else is unchanged. The day that profiles are as of moves on by one.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from benchmarks import whole_runs
from benchmarks.contest import SPARK, Contender, Contest, Task
from habitue.contracts.behaviour import IDENTITY_MAP, SESSION, SESSION_EVENT
from habitue.contracts.entities import EVENT, ORDER_LINE

_ALL, _BEFORE = "all", "before"
_DAYS = 120
_COMPARED = (EVENT, ORDER_LINE, SESSION, SESSION_EVENT, IDENTITY_MAP)
_RUN, _SUMMARISE = "benchmarks.whole_runs:run_project", "benchmarks.whole_runs:summarise"


def generate(folder: Path, persons: int) -> int:
    """A project with all days, and one that has run on all but the last."""
    lines = whole_runs.make_project(folder / _ALL, persons=persons, days=_DAYS)
    shutil.copytree(folder / _ALL, folder / _BEFORE)
    _withhold_last_day(folder / _BEFORE)
    whole_runs.command("run", "--project", str(folder / _BEFORE))
    return lines


def _withhold_last_day(project: Path) -> None:
    events = max((project / "data" / "events").glob("*.json"))
    day = date.fromisoformat(events.stem)
    events.unlink()
    orders = max((project / "data" / "orders").glob("*.csv"))
    mark = f";{day:%d.%m.%Y} ".encode()
    lines = orders.read_bytes().splitlines(keepends=True)
    orders.write_bytes(b"".join(line for line in lines if mark not in line))


def copy_before(task: Task) -> None:
    """The lake of the day before, and the raw files of all days."""
    whole_runs.copy_project(task.data / _BEFORE, task)
    [project] = task.out.parent.glob(f"{task.out.name}-*/project")
    shutil.rmtree(project / "data")
    shutil.copytree(task.data / _ALL / "data", project / "data")


def copy_all(task: Task) -> None:
    """The raw files of all days, and no lake."""
    whole_runs.copy_project(task.data / _ALL, task)


def differences(ours: Path, peer: Path) -> list[str]:
    """Tables that take no day must be equal; dated ones hold another day besides."""
    grown, full = whole_runs.read_summary(ours), whole_runs.read_summary(peer)
    return [
        f"{table.name}: {grown[table.name][0]} rows after the increment, {full[table.name][0]} in a full run, "
        "or their content differs"
        for table in _COMPARED
        if grown[table.name] != full[table.name]
    ]


CONTESTS = (
    Contest(
        name="increment",
        ours=Contender(
            "ours", _RUN, "pyspark", SPARK, before="benchmarks.increment:copy_before", after=_SUMMARISE
        ),
        peers=(
            Contender(
                "full", _RUN, "pyspark", SPARK, before="benchmarks.increment:copy_all", after=_SUMMARISE
            ),
        ),
        sizes={"tiny": (300,), "medium": (6_000,), "large": (100_000,)},  # persons
        generate=generate,
        differences=differences,
        rows="raw lines",
    ),
)
