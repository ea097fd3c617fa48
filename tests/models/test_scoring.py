"""Scoring in Spark: the numbers of the model itself, one pass, one load per worker, no shuffle, no poison."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.conform import violations
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.scoring import scoring_models
from habitue.scoring.batch import score_batch, score_batches
from habitue.scoring.score import Batch, model_scores, score_customers
from habitue.scoring.scoring_models import ModelPayload, ScoringModels
from habitue.training.cutoffs import plan_cutoffs
from habitue.training.economics import EconomicsSettings
from habitue.training.sample import Sample
from habitue.training.settings import ChurnSettings, ClvSettings
from habitue.training.train_churn import train_churn
from habitue.training.train_clv import train_clv
from tests.models.buyers import FIRST_DAY, World, day

_ECONOMICS = EconomicsSettings(margin=0.3, order_cost=1.0, contact_cost_per_year=2.0)


@pytest.fixture(scope="module")
def today() -> Sample:
    return World(customers=500).sample(day(455), 91)


@pytest.fixture(scope="module")
def models() -> ScoringModels:
    cutoffs = plan_cutoffs(FIRST_DAY, day(455), 91, ChurnSettings().cutoffs)
    world = World(customers=600)
    samples = {at: world.sample(at, 91) for at in cutoffs.all}
    churn = train_churn(samples, cutoffs, ChurnSettings(min_churners=10)).model
    clv = train_clv(samples, cutoffs, ClvSettings()).model
    return ScoringModels(ModelPayload.of(churn, "3"), ModelPayload.of(clv, "5"))


def _profile(spark: SparkSession, sample: Sample) -> DataFrame:
    """The sample as profile rows, a person who never bought, one with an impossible history.

    One with infinite values.
    """
    size = sample.size
    names = [name for name in sample.columns if not np.isnan(sample.columns[name]).all()]
    rows = [[f"p{i:04d}", *(float(sample.columns[n][i]) for n in names)] for i in range(size)]
    impossible = {"frequency": 3.0, "recency_days": 99.0, "age_days": 9.0}
    infinite = {name: float(sample.columns[name][0]) for name in names} | {
        "net_revenue_90d": 9e15,
        "aov": float("inf"),
    }
    rows += [["never", *([None] * len(names))], ["impossible", *(impossible.get(n) for n in names)]]
    rows += [["infinite", *(infinite[n] for n in names)], ["objected", *rows[0][1:]]]
    raw = spark.createDataFrame(rows, ", ".join(["person_id string", *(f"{n} double" for n in names)]))
    clean = {n: F.when(~F.isnan(n), F.col(n)).cast(CUSTOMER_PROFILE.column(n).type).alias(n) for n in names}
    given = clean | {
        "person_id": F.col("person_id"),
        "as_of_date": F.lit(day(455)),
        "overdue_ratio": F.lit(0.8),
        "consent": F.when(
            F.col("person_id") == "objected",
            F.create_map(F.lit("marketing:email"), F.lit("granted"), F.lit("profiling:any"), F.lit("denied")),
        ),
    }
    return raw.select(
        *(given.get(c.name, F.lit(None).cast(c.type)).alias(c.name) for c in CUSTOMER_PROFILE.columns)
    )


def test_spark_gives_the_numbers_of_the_model_and_every_person_one_honest_row(
    spark: SparkSession, today: Sample, models: ScoringModels
) -> None:
    profile = _profile(spark, today).repartition(5)
    scored = score_customers(
        profile,
        models=models,
        batch=Batch(day(455), "run1"),
        settings=_ECONOMICS,
        checkpoint=lambda df: df.localCheckpoint(),
    )
    assert violations(scored, CUSTOMER_SCORE) == {}
    rows = {row["person_id"]: row for row in scored.collect()}
    assert len(rows) == today.size + 4
    direct = score_batch(_as_stored(today), models, _ECONOMICS.economics())
    for i in range(today.size):
        row = rows[f"p{i:04d}"]
        for name in ("p_churn", "p_alive", "expected_orders_365d", "expected_spend"):
            assert row[name] == pytest.approx(direct[name][i], rel=1e-9, abs=1e-12)
        assert abs(row["clv_365d"] - Decimal(repr(float(direct["clv_365d"][i])))) <= Decimal("0.005000001")
        assert row["clv_365d_low"] <= row["clv_365d"] <= row["clv_365d_high"]
        assert row["reason_1"].split()[-1] in ("raises", "lowers")
    assert (rows["never"]["p_churn"], rows["never"]["score_note"]) == (None, "never bought")
    assert (rows["impossible"]["clv_365d"], rows["impossible"]["score_note"]) == (
        None,
        "impossible purchase history",
    )
    assert rows["infinite"]["p_churn"] is not None
    objected = rows["objected"]
    assert (objected["p_churn"], objected["clv_365d"], objected["priority_score"]) == (None, None, 0.0)
    assert objected["score_note"] == "objected to profiling"
    assert (rows["p0000"]["churn_model_version"], rows["p0000"]["clv_basis"]) == ("3", "margin")
    _assert_ranked(list(rows.values()))


def _assert_ranked(rows: list) -> None:  # type: ignore[type-arg]  # rows of Spark
    """The priority is in the order of value times urgency and fills 0 to 1."""
    stake = np.array([max(float(r["clv_365d"] or 0), 0.0) * (r["urgency"] or 0.0) for r in rows])
    rank = np.array([r["priority_score"] for r in rows])
    large = np.flatnonzero(stake > 5)  # stored money is rounded to cents
    order = large[np.argsort(stake[large], kind="stable")]
    assert large.size > 50 and np.all(np.diff(rank[order]) >= -1e-3)
    assert rank.max() > 0.95 and rank.min() == 0.0


def _as_stored(sample: Sample) -> dict[str, np.ndarray]:
    """Columns as the profile keeps them: money in cents."""
    money = {c.name for c in CUSTOMER_PROFILE.columns if c.type == "decimal(18,2)"}
    return {n: np.round(v, 2) if n in money else v for n, v in sample.columns.items()}


def test_who_objects_since_the_profiles_day_is_not_scored_either(
    spark: SparkSession, today: Sample, models: ScoringModels
) -> None:
    profile = _profile(spark, today).where("person_id IN ('p0001', 'p0002', 'objected')")
    since = spark.createDataFrame([("p0001",), ("stranger",)], "person_id string")
    scored = model_scores(profile, models=models, settings=_ECONOMICS, objected=since).collect()
    assert {r["person_id"]: r["score_note"] for r in scored} == {
        "p0001": "objected to profiling",
        "p0002": None,
        "objected": "objected to profiling",
    }
    silent = [r for r in scored if r["score_note"]]
    assert all(r["p_churn"] is None and r["expected_next_order_date"] is None for r in silent)


def test_no_shuffle_and_no_needless_column_between_profile_and_score(
    spark: SparkSession, today: Sample, models: ScoringModels, tmp_path: object
) -> None:
    path = f"{tmp_path}/profile"
    _profile(spark, today).write.parquet(path)
    scored = model_scores(spark.read.parquet(path), models=models, settings=_ECONOMICS)
    plan = scored._jdf.queryExecution().executedPlan().toString()
    assert "MapInArrow" in plan and "Exchange" not in plan
    assert "category_shares" not in plan and "lifecycle_stage" not in plan


def test_a_worker_reads_each_model_once_however_many_batches_and_tasks(
    spark: SparkSession, today: Sample, models: ScoringModels
) -> None:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        before = scoring_models.load_count()
        for _ in score_batches(batches, models, _ECONOMICS.economics(), ("person_id",)):
            pass
        loads = scoring_models.load_count() - before
        yield pa.RecordBatch.from_pydict({"pid": [os.getpid()], "loads": [loads]})

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "50")
    try:
        inputs = _profile(spark, today).select(
            "person_id", *(F.col(n).cast("double").alias(n) for n in models.columns)
        )
        counted = inputs.repartition(8).mapInArrow(run, "pid bigint, loads bigint").collect()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert len(counted) == 8
    by_process: Counter[int] = Counter()
    for row in counted:
        by_process[row["pid"]] += row["loads"]
    # A worker that scored in an earlier test has both models already.
    assert set(by_process.values()) <= {0, 2}


def test_a_batch_without_any_buyer_and_a_day_without_models_are_scored_empty(models: ScoringModels) -> None:
    nobody = {name: np.array([np.nan]) for name in models.columns}
    assert score_batch(nobody, models, _ECONOMICS.economics())["score_note"] == ["never bought"]
    none = ScoringModels(None, None)
    assert score_batch({name: np.array([np.nan]) for name in none.columns}, none, _ECONOMICS.economics())[
        "score_note"
    ] == ["never bought"]
    history = {"frequency": np.array([1.0]), "recency_days": np.array([5.0]), "age_days": np.array([9.0])}
    scored = partial(score_batch, models=none, economics=_ECONOMICS.economics())(history)
    assert scored["score_note"] == ["no model"] and np.isnan(scored["p_churn"]).all()
