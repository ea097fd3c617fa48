"""The same model through `mlflow.pyfunc.spark_udf`, in the session's own environment."""

from __future__ import annotations

import mlflow
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks import spark
from benchmarks.boosted import COLUMNS, PROFILE, SERVED
from benchmarks.boosted_score import RESULT
from benchmarks.contest import Task

_TYPE = "p_churn double, reason_1 string, reason_2 string, reason_3 string"


def run(task: Task) -> None:
    """One struct per row."""
    spark.write(_scored(task), task)


def plan(task: Task) -> str:
    """Its plan."""
    return spark.plan_of(_scored(task))


def _scored(task: Task) -> DataFrame:
    score = mlflow.pyfunc.spark_udf(
        spark.session(task), str(task.data / SERVED), result_type=_TYPE, env_manager="local"
    )
    profile = spark.read(task, PROFILE).select("person_id", *COLUMNS)
    scored = profile.select("person_id", score(F.struct(*COLUMNS)).alias("score"))
    return scored.select("person_id", *(f"score.{name}" for name in RESULT))
