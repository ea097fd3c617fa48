"""The Spark session of the benchmarks: started as habitue starts its own on two cores."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from benchmarks.contest import THREADS, Task
from habitue.config.spark import SparkSettings
from habitue.lake.session import open_session

_open: list[SparkSession] = []
_folder = tempfile.TemporaryDirectory(prefix="habitue-bench-spark-")


def session(task: Task) -> SparkSession:
    """The session, with the number of shuffle parts that habitue takes on two cores."""
    if not _open:
        settings = SparkSettings(
            master=f"local[{THREADS}]",
            driver_memory=task.heap,
            shuffle_partitions=2 * THREADS,
        )
        _open.append(open_session(settings, app_name="benchmarks", log_file=Path(_folder.name) / "spark.log"))
    return _open[0]


def read(task: Task, name: str = "") -> DataFrame:
    """A table of the input."""
    return session(task).read.parquet(str(task.data / name) if name else str(task.data))


def write(rows: DataFrame, task: Task, name: str = "") -> None:
    """The result as Parquet."""
    rows.write.mode("overwrite").parquet(str(task.out / name) if name else str(task.out))


def checkpoint_into(task: Task) -> Checkpoints:
    """What a stage gets for materialising: a Parquet folder per step, as the lake does it."""
    return Checkpoints(session(task), task.out.with_name(task.out.name + ".steps"))


class Checkpoints:
    """Computes rows once into a folder; their lineage is cut."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark, self._folder, self._count = spark, folder, 0

    def __call__(self, rows: DataFrame) -> DataFrame:
        """The same rows, read back from where they were written."""
        self._count += 1
        path = str(self._folder / f"{self._count:04d}")
        rows.write.mode("overwrite").parquet(path)
        return self._spark.read.schema(rows.schema).parquet(path)


def plan_of(rows: DataFrame) -> str:
    """The physical plan, before adaptive execution changes it."""
    return str(rows._jdf.queryExecution().explainString(_formatted(rows)))


def _formatted(rows: DataFrame) -> object:
    jvm = rows.sparkSession._jvm
    assert jvm is not None
    return jvm.org.apache.spark.sql.execution.ExplainMode.fromString("formatted")


def tidy() -> None:
    """Collect garbage of earlier runs, so that no contender pays for another."""
    for spark in _open:
        spark.catalog.clearCache()
        assert spark._jvm is not None
        spark._jvm.System.gc()


def close() -> None:
    """Stop the session."""
    while _open:
        _open.pop().stop()
