"""The whole run, from raw files to its release, beside the same run on a tenth of the persons."""

from __future__ import annotations

from pathlib import Path

from benchmarks import whole_runs
from benchmarks.contest import SPARK, Contender, Contest, Task

_WHOLE, _TENTH = "whole", "tenth"
_DAYS = 365
_GROWING = ("silver.event", "silver.order_line", "silver.session", "gold.customer_profile")
"""Tables whose rows follow the number of persons."""
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
    """Their tables differ by nature; both must have published, filled the same ones, and grown about tenfold."""
    counted = [
        {name: int(rows) for name, (rows, _) in whole_runs.read_summary(o).items()} for o in (ours, peer)
    ]
    missing = sorted(name for name, rows in counted[1].items() if rows and not counted[0].get(name))
    found = [f"{name} has rows on a tenth of the persons and none on all" for name in missing]
    for name in _GROWING:
        times = counted[0].get(name, 0) / max(1, counted[1].get(name, 0))
        if not 5 <= times <= 20:
            found.append(f"{name} has {times:.1f} times the rows on ten times the persons")
    return found


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
        sizes={
            "tiny": (1_000,),
            "medium": (6_000,),
            "large": (100_000,),
        },  # persons; a tenth is 100 at least
        generate=generate,
        differences=differences,
        rows="raw lines",
    ),
)
