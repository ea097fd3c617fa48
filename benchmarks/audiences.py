"""Persons to members: forty audiences decided in the pass that one would need, from Parquet to Parquet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet
from benchmarks.segments import forty_audiences, generate_persons, one_audience

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from habitue.audiences.definition import Audience

_DAY = (date(2026, 7, 1), datetime(2026, 6, 30, 22, tzinfo=UTC))


def ours(task: Task) -> None:
    """Forty audiences."""
    _select(task, forty_audiences())


def plan(task: Task) -> str:
    """The plan of `ours`."""
    from benchmarks import spark

    return spark.plan_of(_members(task, forty_audiences()))


def one(task: Task) -> None:
    """The first of them alone."""
    _select(task, one_audience())


def one_plan(task: Task) -> str:
    """The plan of `one`."""
    from benchmarks import spark

    return spark.plan_of(_members(task, one_audience()))


def _select(task: Task, audiences: tuple[Audience, ...]) -> None:
    from benchmarks import spark

    spark.write(_members(task, audiences), task)


def _members(task: Task, audiences: tuple[Audience, ...]) -> DataFrame:
    """Cut-offs, then members, as target does it."""
    from benchmarks import spark
    from habitue.audiences.conditions import Moment
    from habitue.audiences.membership import select_members
    from habitue.audiences.percentiles import percentile_cutoffs

    persons = spark.read(task)
    cutoffs = percentile_cutoffs(persons, audiences)
    return select_members(persons, audiences, moment=Moment(*_DAY), cutoffs=cutoffs, keep=("priority_score",))


def differences(ours: Path, peer: Path) -> list[str]:
    """Members of the one audience, row by row with rank and reason."""
    columns = "audience, person_id, rank, reason, priority_score"
    with connect() as connection:
        mine = f"SELECT {columns} FROM {parquet(ours)} WHERE audience = 'a00'"
        theirs = f"SELECT {columns} FROM {parquet(peer)}"
        row = connection.execute(
            f"SELECT (SELECT count(*) FROM ({mine} EXCEPT ALL {theirs})), "
            f"(SELECT count(*) FROM ({theirs} EXCEPT ALL {mine})), (SELECT count(*) FROM ({theirs}))"
        ).fetchone()
    assert row is not None
    texts = ("members only among forty", "members only where it is alone")
    found = [f"{n:,} {text}" for n, text in zip(row, texts, strict=False) if n]
    return found if row[2] else ["the audience has no members, so nothing is compared"]


CONTESTS = (
    Contest(
        name="audiences",
        ours=Contender("ours", "benchmarks.audiences:ours", "pyspark", SPARK, "benchmarks.audiences:plan"),
        peers=(
            Contender("one", "benchmarks.audiences:one", "pyspark", SPARK, "benchmarks.audiences:one_plan"),
        ),
        sizes={"tiny": (2_000,), "small": (50_000,), "medium": (1_000_000,), "large": (10_000_000,)},
        generate=generate_persons,
        rows="persons",
        differences=differences,
    ),
)
