"""What the cluster test submits: a small Delta table written and read, and Python on every executor."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.checks.environment import check_executors
from habitue.config.spark import SparkSettings
from habitue.lake.session import open_session, stop

ROWS = 10_000
TASKS = 8


def main() -> int:
    """Write what was seen as JSON to the file named first, a Delta table to the folder named second."""
    answer, table = Path(sys.argv[1]), sys.argv[2]
    log_file = Path(table).parent / "unused.log"
    session = open_session(SparkSettings(shuffle_partitions=3), app_name="probe", log_file=log_file)
    seen = {
        "master": session.conf.get("spark.master"),
        "shuffle_partitions": session.conf.get("spark.sql.shuffle.partitions"),
        "delta": write_and_read(session, table),
        "executors": sorted(tuple(row.asDict().values()) for row in python_on_executors(session).collect()),
        "check": check_executors(session).__dict__,
        "driver": sys.executable,
    }
    answer.write_text(json.dumps(seen, default=list))
    stop(session)
    return 0


def write_and_read(session: SparkSession, table: str) -> dict[str, int]:
    """Write, merge and read back; equal on every run."""
    session.range(0, ROWS, 1, TASKS).withColumn("value", F.col("id") % 97).write.format("delta").save(table)
    session.range(ROWS - 100, ROWS + 100).withColumn(
        "value", F.lit(1).cast("bigint")
    ).createOrReplaceTempView("new")
    session.sql(
        f"MERGE INTO delta.`{table}` AS old USING new ON old.id = new.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    total = (
        session.read.format("delta")
        .load(table)
        .agg(F.count("*").alias("rows"), F.sum("value").alias("value"))
    )
    return dict(total.first().asDict())


def python_on_executors(session: SparkSession) -> DataFrame:
    """One row per executor that took part: where its Python is, and a figure that scipy computed there."""

    def look(batches):  # type: ignore[no-untyped-def]  # runs on the executor
        import os
        import sys
        import time

        import pyarrow as pa
        from scipy.special import gammaln

        import habitue

        rows = sum(batch.num_rows for batch in batches)
        time.sleep(0.5)  # long enough that one executor cannot take every task
        found = [os.path.realpath(sys.executable), os.path.realpath(habitue.__file__), os.getcwd()]
        yield pa.RecordBatch.from_pydict(
            {
                "python": [found[0]],
                "habitue": [found[1]],
                "folder": [os.path.realpath(found[2])],
                "gammaln": [float(gammaln(0.5))],
                "rows": [rows],
            }
        )

    schema = "python string, habitue string, folder string, gammaln double, rows bigint"
    tasks = session.range(0, ROWS, 1, TASKS).mapInArrow(look, schema)
    return tasks.groupBy("python", "habitue", "folder", "gammaln").agg(F.sum("rows").alias("rows"))


if __name__ == "__main__":
    sys.exit(main())
