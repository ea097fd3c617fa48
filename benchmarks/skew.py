"""One visitor with a fifth of all events, beside the lake whose visitors are alike: worked off as sessionize does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet
from benchmarks.events import FILES, generate_events
from benchmarks.sessionize import COLUMNS, SETTINGS, ZONE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_EVEN, _SKEWED = "even", "skewed"


def generate(folder: Path, rows: int) -> int:
    """The even lake, and the same events with those of every fifth hour given to one visitor.

    Hours and not single events, since a visitor who never pauses would be one visit of a year.
    """
    is_his = "hash(hash(epoch(event_time)::BIGINT // 3600, 1)) % 5 = 0"
    for name in (_EVEN, _SKEWED):
        (folder / name).mkdir()
    generate_events(folder / _EVEN, rows)
    with connect() as connection:
        for part in range(FILES):
            file = f"part-{part}.parquet"
            connection.execute(
                f"COPY (SELECT * REPLACE (CASE WHEN {is_his} THEN sha256('hot') ELSE visitor_key END AS visitor_key, "
                f"CASE WHEN {is_his} THEN 'anonymous_id' ELSE visitor_type END AS visitor_type) "
                f"FROM '{folder / _EVEN / file}') TO '{folder / _SKEWED / file}' (FORMAT parquet)"
            )
    return rows


def ours(task: Task) -> None:
    """The skewed lake."""
    from benchmarks import spark

    spark.write(_visits(task, _SKEWED), task)


def even(task: Task) -> None:
    """The even one."""
    from benchmarks import spark

    spark.write(_visits(task, _EVEN), task)


def _visits(task: Task, name: str) -> DataFrame:
    """Whoever has too many events is worked off in parts, as the stage does it."""
    from benchmarks import spark
    from habitue.events import hot_visitors, touched
    from habitue.events.hits import VISITOR
    from habitue.events.sessionize import followed, present, sessions_with_events

    events, checkpoint = spark.read(task, name), spark.checkpoint_into(task)
    marks = checkpoint(hot_visitors.hot_marks(events, settings=SETTINGS))
    if marks.isEmpty():
        found = sessions_with_events(events, settings=SETTINGS, zone=ZONE)
        return checkpoint(present(found).select(*COLUMNS))
    parts = checkpoint(hot_visitors.hour_parts(events, marks, settings=SETTINGS))
    visits = sessions_with_events(events, settings=SETTINGS, zone=ZONE, parts=parts)
    found = checkpoint(present(visits).select(*COLUMNS))
    hot = parts.select(*VISITOR).distinct()
    whole = found.join(hot, on=list(VISITOR), how="left_anti").select(*COLUMNS)
    return whole.unionByName(followed(touched.visits_of(hot, found), settings=SETTINGS))


def differences(ours: Path, peer: Path) -> list[str]:
    """The lakes differ by nature: both must have all events in visits, and the hot visitor his fifth."""
    with connect() as connection:
        row = connection.execute(
            f"""SELECT (SELECT sum(event_count) FROM {parquet(ours)}), (SELECT sum(event_count) FROM {parquet(peer)}),
                (SELECT sum(event_count) FROM {parquet(ours)} WHERE visitor_key = sha256('hot'))"""
        ).fetchone()
    assert row is not None
    skewed, alike, hot = (int(value or 0) for value in row)
    found = [] if skewed == alike else [f"{skewed:,} events in visits, {alike:,} of the even lake"]
    return found if hot > skewed * 0.15 else [*found, f"the hot visitor has {hot:,} of {skewed:,} events"]


CONTESTS = (
    Contest(
        name="skew",
        ours=Contender("ours", "benchmarks.skew:ours", "pyspark", SPARK),
        peers=(Contender("even", "benchmarks.skew:even", "pyspark", SPARK),),
        sizes={"tiny": (5_000,), "small": (1_000_000,), "medium": (10_000_000,)},
        generate=generate,
        rows="events",
        differences=differences,
    ),
)
