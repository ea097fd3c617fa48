"""Events to visits and to which visit each of them belongs, beside the visits alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet, table_differences
from benchmarks.events import generate_events
from benchmarks.sessionize import COLUMNS, SETTINGS, ZONE

_SESSION, _MEMBER = "session", "member"


def ours(task: Task) -> None:
    """Both tables from one materialised pass, as the stage makes them."""
    from benchmarks import spark
    from habitue.events.sessionize import members, present, sessions_with_events

    checkpoint = spark.checkpoint_into(task)
    visits = checkpoint(sessions_with_events(spark.read(task), settings=SETTINGS, zone=ZONE))
    spark.write(members(visits), task, _MEMBER)
    spark.write(present(visits).select(*COLUMNS), task, _SESSION)


def alone(task: Task) -> None:
    """The visits."""
    from benchmarks import spark
    from habitue.events.sessionize import sessions

    spark.write(sessions(spark.read(task), settings=SETTINGS, zone=ZONE).select(*COLUMNS), task, _SESSION)


def differences(ours: Path, peer: Path) -> list[str]:
    """The visits must be equal, and have as many events as name them."""
    rest = tuple(name for name in COLUMNS if name != "session_id")
    compare = partial(table_differences, keys=("session_id",), columns=rest)
    found = compare(ours / _SESSION, peer / _SESSION)
    with connect() as connection:
        row = connection.execute(
            f"""SELECT count(*) FROM (SELECT session_id, event_count FROM {parquet(ours / _SESSION)}) s
                FULL JOIN (SELECT session_id, count(DISTINCT event_id) AS named FROM {parquet(ours / _MEMBER)} GROUP BY ALL) e
                USING (session_id) WHERE event_count IS DISTINCT FROM named"""
        ).fetchone()
    assert row is not None
    return [*found, f"{row[0]:,} visits with another number of events"] if row[0] else found


CONTESTS = (
    Contest(
        name="session_event",
        ours=Contender("ours", "benchmarks.session_event:ours", "pyspark", SPARK),
        peers=(Contender("sessions", "benchmarks.session_event:alone", "pyspark", SPARK),),
        sizes={"tiny": (5_000,), "small": (100_000,), "medium": (10_000_000,)},
        generate=generate_events,
        rows="events",
        differences=differences,
        data="sessionize",
    ),
)
