"""Salted buckets: published values, an even spread, and places that follow the shares."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import chi2

from habitue.audiences.holdout import BUCKETS, Draw, bucket, drawn

SALT = "global_holdout_v1"


def people(spark: SparkSession, count: int) -> DataFrame:
    return spark.range(count).select(F.concat(F.lit("p"), "id").alias("person_id"))


def test_buckets_have_their_published_values(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("c-1",), ("c-2",), ("c-3",)], "person_id string")
    found = rows.select("person_id", bucket(F.col("person_id"), SALT).alias("bucket")).collect()
    assert {row["person_id"]: row["bucket"] for row in found} == {"c-1": 2416, "c-2": 1029, "c-3": 7777}


def test_buckets_are_spread_evenly(spark: SparkSession) -> None:
    hundred = F.floor(bucket(F.col("person_id"), SALT) / 100)
    counts = [row["count"] for row in people(spark, 100_000).groupBy(hundred).count().collect()]
    assert len(counts) == 100
    assert chi2.sf(sum((n - 1000) ** 2 / 1000 for n in counts), 99) > 0.001


def test_two_salts_draw_independently(spark: SparkSession) -> None:
    is_in = [bucket(F.col("person_id"), salt) < 1000 for salt in ("one_v1", "two_v1")]
    both = people(spark, 100_000).where(is_in[0] & is_in[1]).count()
    assert both == pytest.approx(1000, abs=100)  # 10 % of 10 %, three standard errors


def test_the_holdout_lies_first_and_the_variants_follow_with_their_shares(spark: SparkSession) -> None:
    draw = Draw("a/a_v1", "a_v1", 1000, (("A", 6000), ("B", 3000)))
    assert sum((1000, 6000, 3000)) == BUCKETS
    placed = people(spark, 50_000).select(drawn(draw, F.col("person_id")).alias("place")).select("place.*")
    counts = {tuple(row)[:2]: row["count"] for row in placed.groupBy(*placed.columns).count().collect()}
    assert set(counts) == {("holdout", None), ("treatment", "A"), ("treatment", "B")}
    assert counts["holdout", None] / 50_000 == pytest.approx(0.1, abs=0.005)
    assert counts["treatment", "A"] / 50_000 == pytest.approx(0.6, abs=0.008)
