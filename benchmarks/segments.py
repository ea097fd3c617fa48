"""Forty audiences and persons to choose from: the fields that rules read, from seeded numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.equality import connect
from benchmarks.events import share
from habitue.audiences.definition import Audience, AudienceDefinition
from habitue.audiences.holdout import HoldoutSettings
from habitue.audiences.reading import read_audiences
from habitue.privacy.consent import ConsentSettings

COUNT = 40
_STAGES = ("prospect", "evaluating", "first_buyer", "active", "loyal", "at_risk", "dormant", "lost")
_USE_CASE = {
    "problem": "They leave.",
    "goal": {"metric": "reorder_rate", "target": 0.2},
    "approach": "Write to them.",
    "test": "Holdout.",
}


def generate_persons(folder: Path, rows: int) -> int:
    """Write one row per person: profile and score fields side by side, as target joins them."""
    stages = ", ".join(f"'{stage}'" for stage in _STAGES)
    with connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT concat('p', lpad(i::VARCHAR, 9, '0')) AS person_id,
                list_extract([{stages}], 1 + (hash(hash(i, 1)) % {len(_STAGES)})::INT) AS lifecycle_stage,
                (hash(hash(i, 2)) % 40)::BIGINT AS order_count, (hash(hash(i, 3)) % 12)::BIGINT AS orders_90d,
                (hash(hash(i, 4)) % 900)::INT AS days_since_last_order, {share(5, "i")} * 200 AS aov,
                (hash(hash(i, 6)) % 500000 / 100)::DECIMAL(18, 2) AS net_revenue,
                (hash(hash(i, 7)) % 200000 / 100)::DECIMAL(18, 2) AS clv_365d,
                (hash(hash(i, 8)) % 400000 / 100)::DECIMAL(18, 2) AS clv_historic,
                {share(9, "i")} AS p_churn, {share(10, "i")} AS p_alive, {share(11, "i")} AS discount_share,
                (hash(hash(i, 12)) % 15)::BIGINT AS category_breadth, {share(13, "i")} * 3 AS overdue_ratio,
                {share(14, "i")} AS priority_score, {share(15, "i")} < 0.7 AS is_known,
                {share(16, "i")} < 0.5 AS has_email, hash(hash(i, 17)) % 20 = 0 AS is_holdout,
                DATE '2026-07-01' - (hash(hash(i, 3)) % 900)::INT AS last_order_date
            FROM range({rows}) t(i)) TO '{folder}' (FORMAT parquet, PER_THREAD_OUTPUT, OVERWRITE_OR_IGNORE)
            """
        )
    return rows


def forty_audiences() -> tuple[Audience, ...]:
    """Ten kinds of rules, each with four bounds; two in five have a limit, one in ten an alternative."""
    return _read({f"a{number:02d}": _definition(number) for number in range(COUNT)})


def one_audience() -> tuple[Audience, ...]:
    """The first of the forty."""
    return _read({"a00": _definition(0)})


def _read(definitions: Mapping[str, dict[str, Any]]) -> tuple[Audience, ...]:
    found = {
        name: AudienceDefinition.model_validate(
            {"audience": name, "description": "Measured.", "use_case": _USE_CASE, **content}
        )
        for name, content in definitions.items()
    }
    return read_audiences(found, ConsentSettings(), HoldoutSettings())


def _definition(number: int) -> dict[str, Any]:
    kind, step = number % 10, number // 10
    limit = {"limit": 500 * (step + 1)} if kind in (1, 4, 6, 8) else {}
    return {"where": _rule(kind, step), **limit}


def _rule(kind: int, step: int) -> dict[str, Any]:
    rules: tuple[dict[str, Any], ...] = (
        {"field": "clv_365d", "percentile_gte": 80 + step},
        {"all": [_at_least("p_churn", 0.5 + step / 10), _at_least("clv_365d", 500)]},
        {"field": "lifecycle_stage", "in": list(_STAGES[step : step + 3])},
        {
            "all": [
                {"field": "orders_90d", "percentile_gte": 50 + step},
                {"field": "aov", "percentile_lt": 50},
            ]
        },
        {
            "all": [
                {"field": "days_since_last_order", "between": [60 + step, 400]},
                {"field": "is_known", "eq": True},
            ]
        },
        {"any": [_at_least("discount_share", 0.8 + step / 50), {"field": "category_breadth", "lte": 2}]},
        {
            "all": [
                {"field": "overdue_ratio", "gt": 1 + step / 2},
                {"not": {"field": "is_holdout", "eq": True}},
            ]
        },
        {"field": "last_order_date", "gte": f"-{30 * (step + 1)}d"},
        {
            "all": [
                {"field": "clv_historic", "percentile_gte": 25 + step},
                {"field": "lifecycle_stage", "ne": "lost"},
            ]
        },
        {"all": [{"audience": f"a{10 * step:02d}"}, {"field": "has_email", "eq": True}]},
    )
    return rules[kind]


def _at_least(field: str, bound: float) -> dict[str, Any]:
    return {"field": field, "gte": bound}
