"""Events to visits: all columns of silver.session but its row hash, from Parquet to Parquet."""

from __future__ import annotations

from functools import partial

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import table_differences
from benchmarks.events import generate_events
from habitue.contracts.behaviour import SESSION
from habitue.events.settings import SessionSettings

SETTINGS = SessionSettings()
ZONE = "UTC"
COLUMNS = tuple(name for name in SESSION.column_names if name != "row_hash")


def ours(task: Task) -> None:
    """The product's own transform."""
    from benchmarks import spark
    from habitue.events.sessionize import sessions

    spark.write(sessions(spark.read(task), settings=SETTINGS, zone=ZONE).select(*COLUMNS), task)


def plan(task: Task) -> str:
    """The plan of `ours`."""
    from benchmarks import spark
    from habitue.events.sessionize import sessions

    return spark.plan_of(sessions(spark.read(task), settings=SETTINGS, zone=ZONE).select(*COLUMNS))


_PEERS = "benchmarks.peers"

CONTESTS = (
    Contest(
        name="sessionize",
        ours=Contender("ours", "benchmarks.sessionize:ours", "pyspark", SPARK, "benchmarks.sessionize:plan"),
        peers=(
            Contender(
                "duckdb",
                f"{_PEERS}.sessionize_duckdb:run",
                "duckdb",
                plan=f"{_PEERS}.sessionize_duckdb:plan",
            ),
            Contender(
                "polars",
                f"{_PEERS}.sessionize_polars:run",
                "polars",
                plan=f"{_PEERS}.sessionize_polars:plan",
            ),
            Contender(
                "session_window",
                f"{_PEERS}.sessionize_spark:session_window",
                "pyspark",
                SPARK,
                f"{_PEERS}.sessionize_spark:session_window_plan",
            ),
            Contender(
                "spark_lag",
                f"{_PEERS}.sessionize_spark:lag_and_sum",
                "pyspark",
                SPARK,
                f"{_PEERS}.sessionize_spark:lag_and_sum_plan",
            ),
        ),
        sizes={
            "tiny": (5_000,),
            "small": (100_000,),
            "medium": (1_000_000, 10_000_000),
            "large": (100_000_000,),
        },
        generate=generate_events,
        rows="events",
        differences=partial(
            table_differences,
            keys=("session_id",),
            columns=tuple(name for name in COLUMNS if name != "session_id"),
        ),
    ),
)
