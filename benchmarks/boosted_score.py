"""Profiles to churn probabilities with their three reasons, by trees and purchase model, from Parquet to Parquet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.boosted import COLUMNS, MODEL, PROFILE, generate_scoring
from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import table_differences

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RESULT = ("p_churn", "reason_1", "reason_2", "reason_3")
_PEERS = "benchmarks.peers.boosted_score"


def ours(task: Task) -> None:
    """The product's Arrow pass; the model travels as bytes and is read once per worker."""
    from benchmarks import spark

    spark.write(_scored(task), task)


def plan(task: Task) -> str:
    """The plan of `ours`."""
    from benchmarks import spark

    return spark.plan_of(_scored(task))


def _scored(task: Task) -> DataFrame:
    from benchmarks import spark
    from habitue.registry.model_files import read_model
    from habitue.scoring.batch import NUMBERS, REASONS, score_batches
    from habitue.scoring.scoring_models import ModelPayload, ScoringModels
    from habitue.training.economics import EconomicsSettings

    model, _ = read_model(task.data / MODEL, None)
    models = ScoringModels(ModelPayload.of(model, "1"), None)
    run = partial(
        score_batches, models=models, economics=EconomicsSettings().economics(), kept=("person_id",)
    )
    numbers = ", ".join(f"{name} double" for name in NUMBERS)
    texts = ", ".join(f"{name} string" for name in (*REASONS, "score_note"))
    profile = spark.read(task, PROFILE).select("person_id", *COLUMNS)
    return profile.mapInArrow(run, f"person_id string, {numbers}, {texts}").select("person_id", *RESULT)


CONTESTS = (
    Contest(
        name="boosted_score",
        ours=Contender(
            "ours", "benchmarks.boosted_score:ours", "pyspark", SPARK, "benchmarks.boosted_score:plan"
        ),
        peers=(
            Contender("spark_udf", f"{_PEERS}_udf:run", "mlflow", SPARK, f"{_PEERS}_udf:plan"),
            Contender(
                "in_process",
                f"{_PEERS}_in_process:run",
                "xgboost-cpu",
                before=f"{_PEERS}_in_process:start",
            ),
        ),
        sizes={"tiny": (2_000,), "small": (20_000,), "medium": (1_000_000,), "large": (10_000_000,)},
        generate=generate_scoring,
        rows="persons",
        differences=partial(
            table_differences, keys=("person_id",), columns=RESULT, relative=1e-6, absolute=1e-9
        ),
    ),
)
