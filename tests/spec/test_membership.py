"""Membership as text tables: nulls, keys, days, percentiles, references, groups, limits, reasons; one scan for all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.audiences.conditions import Moment
from habitue.audiences.definition import Audience
from habitue.audiences.membership import select_members
from habitue.audiences.percentiles import percentile_cutoffs
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.profile import CUSTOMER_PROFILE
from tests.audience_files import audiences, definition
from tests.tables import table

DAY = Moment(date(2026, 7, 1), datetime(2026, 6, 30, 22, tzinfo=UTC))


def population(spark: SparkSession, profile: str, score: str) -> DataFrame:
    scores = table(spark, CUSTOMER_SCORE, score).drop("as_of_date")
    joined = table(spark, CUSTOMER_PROFILE, profile).join(scores, "person_id", "left")
    return joined.withColumn("is_holdout", F.col("person_id") == "eve")


def found(rows: DataFrame, defined: tuple[Audience, ...]) -> dict[str, dict[str, str]]:
    cutoffs = percentile_cutoffs(rows, defined)
    members = select_members(rows, defined, moment=DAY, cutoffs=cutoffs, keep=("priority_score",))
    by_audience: dict[str, dict[str, str]] = {audience.name: {} for audience in defined}
    for row in members.collect():
        by_audience[row["audience"]][row["person_id"]] = row["reason"]
    return by_audience


PROFILE = """
    person_id | order_count | lifecycle_stage | last_order_date | net_revenue | category_shares               | unsubscribed_channels | open_cart_at
    ----------+-------------+-----------------+-----------------+-------------+-------------------------------+-----------------------+--------------------
    ada       |           5 | loyal           | 2026-06-30      |      100.10 | {"GROCERY": 0.7, "WINE": 0.3} | ["email"]             | 2026-06-30 21:00:00
    ben       |           2 | active          | 2026-06-01      |       50.00 | {"GROCERY": 1.0}              |                       | 2026-06-29 21:59:59
    cyd       |           1 | first_buyer     | 2026-05-31      |        0.00 | {"WINE": 0.1}                 | []                    |
    dan       |             | prospect        |                 |             |                               |                       |
    eve       |           5 | loyal           | 2026-06-30      |      100.10 | {}                            | ["post"]              |
"""
SCORE = """
    person_id | p_churn | priority_score | clv_365d
    ----------+---------+----------------+---------
    ada       |     0.1 |            0.9 |   100.00
    ben       |     0.5 |            0.9 |    80.00
    cyd       |     NaN |                |    60.00
    eve       |     0.9 |            0.2 |    40.00
"""


def test_rules_select_the_persons_that_the_definition_says(spark: SparkSession) -> None:
    few = {"field": "order_count", "lt": 3}
    rules: dict[str, Any] = {
        "few_orders": few,
        "not_few_orders": {"not": few},  # dan has no order count: not few is true
        "other_than_five": {"field": "order_count", "ne": 5},  # a comparison with null is false
        "without_orders": {"field": "order_count", "is_null": True},
        "not_a_number": {"field": "p_churn", "is_null": True},
        "churning": {"field": "p_churn", "gte": 0.5},
        "exact_money": {"field": "net_revenue", "eq": 100.1},
        "wine": {"field": "category_shares[WINE]", "lt": 0.2},
        "stage": {"field": "lifecycle_stage", "in": ["loyal", "prospect"]},
        "stage_like": {"field": "lifecycle_stage", "contains": "buy"},
        "left_mail": {"field": "unsubscribed_channels", "contains": "email"},
        "last_30_days": {"field": "last_order_date", "gte": "-30d"},
        "june": {"field": "last_order_date", "between": ["2026-06-01", "2026-06-29"]},
        "cart_of_the_last_day": {"field": "open_cart_at", "gte": "-24h"},
        "top_half": {"field": "clv_365d", "percentile_gte": 50},
        "bottom": {"field": "clv_365d", "percentile_lt": 50},
        "either": {"any": [few, {"field": "p_churn", "gt": 0.8}]},
        "both": {"all": [few, {"field": "p_churn", "gt": 0.2}]},
        "nested": {"all": [{"audience": "not_few_orders"}, {"not": {"audience": "stage"}}]},
        "held": {"field": "is_holdout", "eq": True},
        "injected": {"field": "lifecycle_stage", "eq": "x' OR '1'='1"},
    }
    members = found(population(spark, PROFILE, SCORE), audiences(rules))
    assert {name: " ".join(sorted(persons)) for name, persons in members.items()} == {
        "few_orders": "ben cyd",
        "not_few_orders": "ada dan eve",
        "other_than_five": "ben cyd",
        "without_orders": "dan",
        "not_a_number": "cyd dan",
        "churning": "ben eve",
        "exact_money": "ada eve",
        "wine": "cyd",
        "stage": "ada dan eve",
        "stage_like": "cyd",
        "left_mail": "ada",
        "last_30_days": "ada ben eve",
        "june": "ben",
        "cart_of_the_last_day": "ada",
        "top_half": "ada ben",
        "bottom": "cyd eve",
        "either": "ben cyd eve",
        "both": "ben",
        "nested": "",
        "held": "eve",
        "injected": "",
    }
    assert members["either"] == {
        "ben": "order_count below 3",
        "cyd": "order_count below 3",
        "eve": "p_churn above 0.8",
    }
    assert members["both"]["ben"] == "order_count below 3 and p_churn above 0.2"


def test_limits_keep_the_best_and_groups_serve_each_person_once(spark: SparkSession) -> None:
    buyers = {"field": "order_count", "gte": 1}
    defined = audiences(
        {
            # ada and ben have the same rank: the smaller id wins; cyd has none and comes last
            "best_one": definition("best_one", buyers, limit=1),
            "best_two": definition("best_two", buyers, limit=2),
            "best_many": definition("best_many", buyers, limit=99),
            "by_value": definition("by_value", buyers, rank_by="clv_365d", limit=3),
            "first_served": definition(
                "first_served", {"field": "p_churn", "gte": 0.5}, exclusive_group="g", priority=1
            ),
            "second_served": definition("second_served", buyers, exclusive_group="g", priority=2),
            "last_served": definition(
                "last_served", {"field": "is_holdout", "is_null": False}, exclusive_group="g", priority=3
            ),
        }
    )
    members = found(population(spark, PROFILE, SCORE), defined)
    assert {name: " ".join(sorted(persons)) for name, persons in members.items()} == {
        "best_one": "ada",
        "best_two": "ada ben",
        "best_many": "ada ben cyd eve",
        "by_value": "ada ben cyd",
        "first_served": "ben eve",
        "second_served": "ada cyd",
        "last_served": "dan",
    }


def test_forty_audiences_read_the_profile_once(spark: SparkSession, tmp_path_factory: Any) -> None:
    folder = str(tmp_path_factory.mktemp("scan") / "profile")
    table(spark, CUSTOMER_PROFILE, PROFILE).write.parquet(folder)
    rows = spark.read.parquet(folder).withColumns(
        {
            "priority_score": F.lit(0.5),
            "p_churn": F.rand(1),
            "clv_365d": F.lit(1.0),
            "is_holdout": F.lit(False),
        }
    )
    rules: dict[str, Any] = {f"a{n}": {"field": "order_count", "gte": n} for n in range(38)}
    rules["b"] = {"all": [{"audience": "a1"}, {"not": {"audience": "a3"}}]}
    rules["c"] = {"any": [{"audience": "b"}, {"audience": "a7"}]}
    members = select_members(rows, audiences(rules), moment=DAY, cutoffs={}, keep=("priority_score",))
    plan = (
        members._jdf.queryExecution().executedPlan().toString()
    )  # only the classic API shows the plan as text
    assert plan.count("FileScan parquet") == 1
    assert plan.count("Exchange") == 0
