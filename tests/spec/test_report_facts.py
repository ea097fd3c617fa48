"""Figures of the report from small profiles."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from habitue.report.collect import pareto_points


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0] * 7, {0.02: 0.02, 0.5: 0.5, 1.0: 1.0}),  # all are equal: so is the curve
        ([0.6, 0.9, 0.96, 1.0], {0.24: 0.576, 0.5: 0.9, 0.74: 0.9576, 1.0: 1.0}),
        ([0.4] + [1.0] * 3, {0.24: 0.384, 0.5: 0.6, 1.0: 1.0}),  # one leads, three are equal
    ],
)
def test_the_pareto_curve_rises_evenly_among_equals(
    spark: SparkSession, shares: list[float], expected: dict[float, float]
) -> None:
    profile = spark.createDataFrame([(share,) for share in [*shares, None]], "pareto_share double")
    found = dict(pareto_points(profile))
    assert {x: found[x] for x in expected} == pytest.approx(expected)
    assert list(found) == sorted(found) and len(found) == round(1 / min(found))
