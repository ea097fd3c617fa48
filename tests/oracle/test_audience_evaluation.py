"""Random rules on random persons: Spark and the pure Python evaluation select the same people."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from habitue.audiences.conditions import Moment
from habitue.audiences.evaluation import evaluate_all
from habitue.audiences.membership import select_members
from habitue.audiences.percentiles import percentile_cutoffs
from tests.audience_files import audiences

DAY = Moment(date(2026, 7, 1), datetime(2026, 6, 30, 22, tzinfo=UTC))
SCHEMA = """
    person_id string, order_count bigint, days_since_last_order int, net_revenue decimal(18,2), p_churn double,
    lifecycle_stage string, is_known boolean, last_order_date date, open_cart_at timestamp,
    unsubscribed_channels array<string>, category_shares map<string,double>, attributes map<string,string>,
    priority_score double
"""
TEXTS = ["active", "loyal", "at_risk", "Ä%_'\"", ""]
KEYS = ["A", "B", "it's"]


def person(draw: random.Random, number: int) -> dict[str, Any]:
    def maybe(value: Any) -> Any:
        return None if draw.random() < 0.25 else value

    shares = {key: draw.choice([0.0, -0.0, 0.25, 0.5, float("nan")]) for key in KEYS if draw.random() < 0.5}
    row = {
        "order_count": draw.randrange(4),
        "days_since_last_order": draw.randrange(5),
        "net_revenue": Decimal(draw.choice(["0.10", "0.30", "-5.00", "1e4"])).quantize(Decimal("0.01")),
        "p_churn": draw.choice([0.1, 0.3, -0.0, 0.0, float("nan"), float("inf"), 0.1 + 0.2]),
        "lifecycle_stage": draw.choice(TEXTS),
        "is_known": draw.random() < 0.5,
        "last_order_date": DAY.day + timedelta(days=draw.randrange(-3, 2)),
        "open_cart_at": DAY.cut
        + timedelta(hours=draw.choice([-48, -24, -1, 0]), microseconds=draw.randrange(2)),
        "unsubscribed_channels": draw.sample(["email", "post"], draw.randrange(3)),
        "category_shares": shares,
        "attributes": {key: draw.choice(TEXTS) for key in KEYS if draw.random() < 0.5},
        "priority_score": draw.random(),
    }
    return {"person_id": f"p{number}"} | {name: maybe(value) for name, value in row.items()}


NUMBERS = [
    "order_count",
    "days_since_last_order",
    "net_revenue",
    "p_churn",
    "category_shares[A]",
    "category_shares[Z]",
]
PLAIN = ["lifecycle_stage", "attributes[it's]", "is_known", "last_order_date", "open_cart_at"]
BOUNDS = [0, 1, 2, 0.1, 0.3, -5, 10000, 0.25, -0.0]
ORDER = ["gt", "gte", "lt", "lte"]


def comparison(draw: random.Random) -> dict[str, Any]:
    def some(values: list[Any], most: int = 14) -> list[Any]:
        return [draw.choice(values) for _ in range(draw.randrange(1, most))]

    if draw.random() < 0.15:
        field = draw.choice([*NUMBERS, *PLAIN, "unsubscribed_channels", "category_shares", "attributes"])
        return {"field": field, "is_null": draw.random() < 0.5}
    if draw.random() < 0.5:
        op = draw.choice([*ORDER, "eq", "ne", "in", "not_in", "between", "percentile_gte", "percentile_lt"])
        values = {
            "in": some(BOUNDS),
            "not_in": some(BOUNDS),
            "between": sorted([draw.choice(BOUNDS), draw.choice(BOUNDS)]),
        }
        value = (
            draw.choice([0, 33.3, 50, 100])
            if op.startswith("percentile")
            else values.get(op, draw.choice(BOUNDS))
        )
        return {"field": draw.choice(NUMBERS), op: value}
    days = ["-2d", "0d", "+1d", "2026-06-30", DAY.day]  # of one form in their order
    span = sorted(draw.choices(range(len(days)), k=2))
    return draw.choice(
        [
            {
                "field": "lifecycle_stage",
                draw.choice(["eq", "ne", "contains"]): draw.choice([*TEXTS, "a", "%"]),
            },
            {"field": "lifecycle_stage", draw.choice(["in", "not_in"]): some(TEXTS)},
            {"field": "attributes[it's]", draw.choice(["eq", "ne", "contains"]): draw.choice(TEXTS)},
            {"field": "is_known", draw.choice(["eq", "ne"]): draw.random() < 0.5},
            {"field": "last_order_date", draw.choice([*ORDER, "eq", "ne"]): draw.choice(days)},
            {"field": "last_order_date", draw.choice(["in", "not_in"]): some(days)},
            {"field": "last_order_date", "between": [days[i] for i in span]},
            {"field": "open_cart_at", draw.choice(ORDER): draw.choice(["-1d", "-1h", "0d"])},
            {"field": "open_cart_at", "between": ["-2d", "-1h"]},
            {"field": "unsubscribed_channels", "contains": draw.choice(["email", "post", "x"])},
        ]
    )


def rule(draw: random.Random, earlier: list[str], depth: int = 0) -> dict[str, Any]:
    kind = draw.random()
    if earlier and kind < 0.15:
        return {"audience": draw.choice(earlier)}
    if depth == 3 or kind < 0.5:
        return comparison(draw)
    if kind < 0.65:
        return {"not": rule(draw, earlier, depth + 1)}
    joined = [rule(draw, earlier, depth + 1) for _ in range(draw.randrange(1, 4))]
    return {draw.choice(["all", "any"]): joined}


def test_spark_and_python_select_the_same_persons(spark: SparkSession, seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        persons = [person(draw, number) for number in range(80)]
        rules: dict[str, Any] = {}
        for number in range(60):
            rules[f"a{number}"] = rule(draw, list(rules)[-5:])
        defined = audiences(rules)
        rows = spark.createDataFrame([tuple(p.values()) for p in persons], SCHEMA)
        cutoffs = percentile_cutoffs(rows, defined)
        members = select_members(rows, defined, moment=DAY, cutoffs=cutoffs, keep=("priority_score",))
        by_spark = {(row["audience"], row["person_id"]) for row in members.collect()}
        by_python = {
            (name, p["person_id"])
            for p in persons
            for name, finding in evaluate_all(defined, p, moment=DAY, cutoffs=cutoffs).items()
            if finding.holds
        }
        differing = sorted(by_spark ^ by_python)[:3]
        assert not differing, [
            (a, p, rules[a], next(q for q in persons if q["person_id"] == p)) for a, p in differing
        ]
        assert 0 < len(by_spark) < 80 * 60


def test_cutoffs_are_the_exact_percentiles_of_those_who_have_a_value(spark: SparkSession) -> None:
    draw = np.random.default_rng(5)
    values = draw.gamma(2, 3, 5000)
    cells = [
        (f"p{n}", None if n % 7 == 0 else float("nan") if n % 11 == 0 else float(v))
        for n, v in enumerate(values)
    ]
    rows = spark.createDataFrame(cells, "person_id string, p_churn double")
    ranks = [0, 1, 50, 99.5, 100]
    defined = audiences(
        {f"a{n}": {"field": "p_churn", "percentile_gte": rank} for n, rank in enumerate(ranks)}
    )
    exact = percentile_cutoffs(rows.repartition(7), defined)
    known = [value for _, value in cells if value is not None and not np.isnan(value)]
    for rank in ranks:
        assert exact["p_churn", float(rank)] == pytest.approx(np.percentile(known, rank), rel=1e-12)
    sampled = percentile_cutoffs(rows, defined, one_in=4)
    assert sampled == percentile_cutoffs(rows.repartition(5), defined, one_in=4)
    share = np.mean([value >= sampled["p_churn", 50.0] for value in known])
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(known) / 4))
