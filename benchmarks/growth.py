"""The whole run, from raw files to its release, beside the same run on a tenth of the persons."""

from __future__ import annotations

from pathlib import Path

from benchmarks import whole_runs
from benchmarks.contest import SPARK, Contender, Contest, Task

_WHOLE, _TENTH = "whole", "tenth"
_DAYS = 365
_RUN, _SUMMARISE = "benchmarks.whole_runs:run_project", "benchmarks.whole_runs:summarise"


def generate(folder: Path, persons: int) -> int:
    """Two projects; the lines of the large one are counted."""
    tenth = whole_runs.make_project(folder / _TENTH, persons=max(100, persons // 10), days=_DAYS)
    (folder / f"{_TENTH}.lines").write_text(str(tenth))
    return whole_runs.make_project(folder / _WHOLE, persons=persons, days=_DAYS)


def copy_whole(task: Task) -> None:
    """The large project for one round."""
    whole_runs.copy_project(task.data / _WHOLE, task)


def copy_tenth(task: Task) -> None:
    """The small project for one round."""
    whole_runs.copy_project(task.data / _TENTH, task)


def differences(ours: Path, peer: Path) -> list[str]:
    """Their tables differ by nature; both must have published, and filled the same ones."""
    filled = [
        {name for name, (rows, _) in whole_runs.read_summary(o).items() if rows != "0"} for o in (ours, peer)
    ]
    missing = sorted(filled[1] - filled[0])
    return [f"{name} has rows on a tenth of the persons and none on all" for name in missing]


CONTESTS = (
    Contest(
        name="growth",
        ours=Contender(
            "ours", _RUN, "pyspark", SPARK, before="benchmarks.growth:copy_whole", after=_SUMMARISE
        ),
        peers=(
            Contender(
                "tenth", _RUN, "pyspark", SPARK, before="benchmarks.growth:copy_tenth", after=_SUMMARISE
            ),
        ),
        sizes={"tiny": (300,), "medium": (12_000,), "large": (100_000,)},  # persons
        generate=generate,
        differences=differences,
        rows="raw lines",
    ),
)
