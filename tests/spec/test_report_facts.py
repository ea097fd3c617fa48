"""Figures of the report from small profiles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import SESSION
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.report.collect import fill_rates, pareto_points
from habitue.report.visit_facts import VisitFacts, visit_facts
from tests.tables import table


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


def test_of_nobody_no_share_of_columns_is_filled(spark: SparkSession) -> None:
    nobody = table(spark, CUSTOMER_PROFILE, "person_id").limit(0)
    assert set(fill_rates(nobody).values()) == {0.0}


def test_visits_of_a_month_are_counted_by_how_far_they_came_and_what_they_left(spark: SparkSession) -> None:
    """The fourth may still be followed by an order, the fifth is not known yet, the sixth is long ago, then a bot's and a server's."""
    visits = table(
        spark,
        SESSION,
        """
        session_start       | known_time          | furthest_step | abandoned_step | abandoned_at        | lost_value | is_returning | is_engaged | is_bot
        2026-03-20 10:00:00 | 2026-03-20 11:00:00 | order         |                |                     |            | true         | true       | false
        2026-03-21 10:00:00 | 2026-03-21 11:00:00 | cart          | cart           | 2026-03-21 12:00:00 |      12.50 | false        | true       | false
        2026-03-22 10:00:00 | 2026-03-22 11:00:00 | cart          | cart           | 2026-03-22 12:00:00 |            | true         | false      | false
        2026-03-30 23:30:00 | 2026-03-30 23:40:00 | checkout      | checkout       | 2026-03-31 00:40:00 |      99.00 | false        | true       | false
        2026-03-30 10:00:00 | 2026-04-09 11:00:00 | cart          | cart           | 2026-03-30 12:00:00 |      50.00 | false        | true       | false
        2026-02-01 10:00:00 | 2026-02-01 11:00:00 | browse        | browse         | 2026-02-01 12:00:00 |       1.00 | false        | true       | false
        2026-03-21 10:00:00 | 2026-03-21 11:00:00 | visit         |                |                     |            | true         | true       | true
        2026-03-22 02:00:00 | 2026-03-22 02:00:01 | visit         |                |                     |            | true         | true       | false
        """,
    ).withColumns(
        {
            "visitor_type": F.when(F.hour("session_start") == 2, "user_id").otherwise("anonymous_id"),
            **dict.fromkeys(("view_count", "product_view_count", "search_count"), F.lit(0)),
        }
    )
    assert visit_facts(visits, datetime(2026, 3, 31, tzinfo=UTC), ("anonymous_id",)) == VisitFacts(
        visits=4,
        returning=2,
        engaged=3,
        bots=1,
        steps={"cart": 2, "checkout": 1, "order": 1},
        left=(("cart", 2, 12.5),),
    )
