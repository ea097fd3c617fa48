"""Gzip files of JSON lines to silver.event: the product's whole take-in of one source, beside the barest plan."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import whole_runs
from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet
from benchmarks.tracked import FOLDER, generate_calls

_SOURCE = "source: web\nadapter: segment\npath: {path}\noptions: {{currency: EUR}}\n"
_LAKES = "lakes"
_rounds = 0


def make_project(task: Task) -> None:
    """A project whose one source are the files, with a lake of its own for each round."""
    global _rounds
    _rounds += 1
    folder = task.out.parent / f"{task.out.name}-{_LAKES}"
    shutil.rmtree(folder, ignore_errors=True)
    project = folder / str(_rounds)
    whole_runs.project_without_sources(project, zone="Europe/Berlin")
    (project / "conf" / "sources" / "web.yaml").write_text(_SOURCE.format(path=task.data / FOLDER))


def ours(task: Task) -> None:
    """Everything that `habitue ingest` does."""
    whole_runs.run_stage(task, _project(task), "ingest")


def export(task: Task) -> str:
    """What is compared, out of the lake."""
    from benchmarks import spark
    from habitue.contracts.entities import EVENT
    from habitue.lake.lake import Lake
    from habitue.lake.location import Location

    lake = Lake(Location(str(_project(task) / "lake")), spark.session(task))
    spark.write(lake.read(EVENT).select("event_id", "event_time", "received_time"), task)
    return ""


def _project(task: Task) -> Path:
    [project] = (task.out.parent / f"{task.out.name}-{_LAKES}").iterdir()
    return project


def differences(ours: Path, peer: Path) -> list[str]:
    """Ids must be the same; the time must be that of one delivery's clocks: received - (sent - original)."""
    with connect() as connection:
        row = connection.execute(
            f"""SELECT count(*) FILTER (o.event_id IS NULL), count(*) FILTER (p.event_id IS NULL),
                count(*) FILTER (epoch_us(o.event_time) <> epoch_us(o.received_time) - epoch_us(p."sentAt")
                    + epoch_us(p."originalTimestamp")), count(*) - count(DISTINCT o.event_id)
            FROM {parquet(ours)} o FULL JOIN {parquet(peer)} p USING (event_id)"""
        ).fetchone()
    assert row is not None
    texts = (
        "events that only the peer has", "events that only ours has", "events with another time", "ids more than once",
    )  # fmt: skip
    return [f"{n:,} {text}" for n, text in zip(row, texts, strict=True) if n]


CONTESTS = (
    Contest(
        name="ingest_json",
        ours=Contender(
            "ours",
            "benchmarks.ingest_json:ours",
            "pyspark",
            SPARK,
            before="benchmarks.ingest_json:make_project",
            after="benchmarks.ingest_json:export",
        ),
        peers=(
            Contender(
                "bare",
                "benchmarks.peers.ingest_bare:run",
                "pyspark",
                SPARK,
                "benchmarks.peers.ingest_bare:plan",
            ),
        ),
        sizes={"tiny": (4_000,), "small": (100_000,), "medium": (1_000_000,), "large": (10_000_000,)},
        generate=generate_calls,
        rows="events",
        differences=differences,
    ),
)
