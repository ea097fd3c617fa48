"""Naive scores that any model must beat.

Recency (the hiatus rule), frequency, past spend, same as last period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from habitue.models.patterns import Floats

_WINDOWS = (30, 90, 365)


@dataclass(frozen=True)
class Baseline:
    """One profile column read as a score.

    `sign` +1 where more of it means more churn, `scale` its typical size.
    """

    name: str
    column: str
    sign: int
    scale: float = 1.0

    def churn_score(self, columns: Mapping[str, Floats]) -> Floats:
        """A score in [0, 1] in the order of the column: v/(v + scale), or its complement.

        Negative values count as 0.
        """
        value = np.maximum(np.nan_to_num(columns[self.column], nan=0.0), 0.0)
        rising = value / (value + self.scale)
        return rising if self.sign > 0 else 1.0 - rising

    def value_score(self, columns: Mapping[str, Floats]) -> Floats:
        """The column in the order of value: more is better, for recency less."""
        return -self.sign * np.nan_to_num(columns[self.column], nan=0.0)


def baselines(columns: Mapping[str, Floats], horizon_days: int) -> tuple[Baseline, ...]:
    """The naive scores, scaled by the medians of `columns`.

    The last period is the profile window nearest the horizon.
    """
    last = min(_WINDOWS, key=lambda days: abs(days - horizon_days))
    named = (
        ("recency", "days_since_last_order", 1),
        ("frequency", "frequency", -1),
        ("past_spend", "net_revenue", -1),
        ("last_period_spend", f"net_revenue_{last}d", -1),
        ("last_period_orders", f"orders_{last}d", -1),
    )
    return tuple(Baseline(name, column, sign, _typical(columns[column])) for name, column, sign in named)


def baseline_columns(horizon_days: int) -> tuple[str, ...]:
    """Profile columns that the baselines read."""
    last = min(_WINDOWS, key=lambda days: abs(days - horizon_days))
    return ("days_since_last_order", "frequency", "net_revenue", f"net_revenue_{last}d", f"orders_{last}d")


def _typical(values: Floats) -> float:
    positive = values[np.isfinite(values) & (values > 0)]
    return float(np.median(positive)) if positive.size else 1.0
