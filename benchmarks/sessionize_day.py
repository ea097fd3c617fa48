"""Visits after a day of new events, beside visits of all events from the start: the whole stage, on lakes of Delta tables.

One percent of the events are new, and two percent of these are late, by up to a month.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import whole_runs
from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect
from benchmarks.events import generate_events, share
from benchmarks.lanes import BenchmarkError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NEW, _LATE, _LATE_DAYS = 0.01, 0.02, 30
_DAYS = 365  # of all events
_OLD_EVENTS, _NEW_EVENTS = "old", "new"
_GROWN, _WHOLE = "grown", "whole"
_TABLES = ("silver.session", "silver.session_event", "silver.former_session")


def generate(folder: Path, rows: int) -> int:
    """Events in two parts: those that are there, and those that come. A late one is known with the newest."""
    raw = folder / "raw"
    raw.mkdir()
    generate_events(raw, rows)
    source = f"'{raw}/*.parquet'"
    with connect() as connection:
        found = connection.execute(
            f"SELECT quantile_disc(event_time, {1 - _NEW * (1 - _LATE)}), max(known_time) FROM {source}"
        ).fetchone()
        assert found is not None
        connection.execute(
            "CREATE TEMP TABLE edge AS SELECT ?::TIMESTAMPTZ AS since, ?::TIMESTAMPTZ AS latest", found
        )
        is_late = (
            f"event_time < since AND event_time >= since - INTERVAL {_LATE_DAYS} DAY "
            f"AND {share(40, 'event_id')} < {_NEW * _LATE * _DAYS / _LATE_DAYS}"
        )
        for part, where, known in (
            (_OLD_EVENTS, f"event_time < since AND NOT ({is_late})", "known_time"),
            (_NEW_EVENTS, f"event_time >= since OR ({is_late})", f"CASE WHEN {is_late} THEN latest ELSE known_time END"),
        ):  # fmt: skip
            connection.execute(
                f"COPY (SELECT * EXCLUDE (since, latest) REPLACE ({known} AS known_time) FROM {source}, edge WHERE {where}) "
                f"TO '{folder}/{part}.parquet' (FORMAT parquet)"
            )
    shutil.rmtree(raw)
    return rows


def copy_grown(task: Task) -> None:
    """A lake whose visits are those of the old events, and that the new ones have come into."""
    whole_runs.copy_project(_made(task, _GROWN, _make_grown), task)


def copy_whole(task: Task) -> None:
    """A lake with all events and no visits."""
    whole_runs.copy_project(_made(task, _WHOLE, _make_whole), task)


def _made(task: Task, name: str, make: Callable[[Task, Path], None]) -> Path:
    """A lake that serves all rounds; one that other code made, or that was left unfinished, is none."""
    from habitue.lake.fingerprint import code_digest

    made = task.data / f"{name}-{code_digest()[:16]}"
    if not made.exists():
        unfinished = task.data / f"{name}-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        make(task, unfinished)
        unfinished.rename(made)
    return made


def _make_grown(task: Task, project: Path) -> None:
    _make_lake(task, project, _OLD_EVENTS)
    _sessionize(task, project)
    _take_in(task, project, _NEW_EVENTS)


def _make_whole(task: Task, project: Path) -> None:
    _make_lake(task, project, _OLD_EVENTS, _NEW_EVENTS)


def run(task: Task) -> None:
    """`habitue sessionize` on the copy."""
    _sessionize(task, whole_runs.project_of(task))


def _make_lake(task: Task, project: Path, *parts: str) -> None:
    whole_runs.project_without_sources(project, zone="UTC")
    _take_in(task, project, *parts)


def _take_in(task: Task, project: Path, *parts: str) -> None:
    """Merge events into silver.event, as ingest does when it has read them."""
    from benchmarks import spark
    from habitue.contracts.entities import EVENT
    from habitue.lake.lake import Lake
    from habitue.lake.location import Location

    lake = Lake(Location(str(project / "lake")), spark.session(task))
    lake.merge(
        EVENT, _rows(spark.session(task).read.parquet(*(str(task.data / f"{p}.parquet") for p in parts)))
    )


def _rows(events: DataFrame) -> DataFrame:
    """All columns of silver.event; those that visits do not need are null."""
    from pyspark.sql import functions as F

    from habitue.contracts.entities import EVENT
    from habitue.contracts.row_hash import ROW_HASH

    own = {
        "event_date": F.to_date("event_time"),
        "time_quality": F.lit("mapped"),
        **{name: F.col(f"`{name}`") for name in events.columns},
    }
    return events.select(
        *(
            own.get(c.name, F.lit(None)).cast(c.type).alias(c.name)
            for c in EVENT.columns
            if c.name != ROW_HASH
        )
    )


def _sessionize(task: Task, project: Path) -> None:
    record = whole_runs.run_stage(task, project, "sessionize")
    notes = [text for step in record.steps for text in step.findings if "anew" in text]
    if notes:
        raise BenchmarkError(f"not worked off as new events: {notes[0]}")


def differences(ours: Path, peer: Path) -> list[str]:
    """All tables of visits must be equal."""
    grown, whole = whole_runs.read_summary(ours), whole_runs.read_summary(peer)
    return [
        f"{name}: {grown[name][0]} rows after the new events, {whole[name][0]} from the start, or their content differs"
        for name in _TABLES
        if grown[name] != whole[name]
    ]


_RUN, _SUMMARISE = "benchmarks.sessionize_day:run", "benchmarks.whole_runs:summarise"

CONTESTS = (
    Contest(
        name="sessionize_day",
        ours=Contender(
            "ours", _RUN, "pyspark", SPARK, before="benchmarks.sessionize_day:copy_grown", after=_SUMMARISE
        ),
        peers=(
            Contender(
                "full",
                _RUN,
                "pyspark",
                SPARK,
                before="benchmarks.sessionize_day:copy_whole",
                after=_SUMMARISE,
            ),
        ),
        sizes={"tiny": (20_000,), "medium": (10_000_000,), "large": (100_000_000,)},
        generate=generate,
        differences=differences,
        rows="events",
    ),
)
