"""A seeded world of customers who buy at their own rate until they leave, looked at from any day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from habitue.models.patterns import Patterns
from habitue.training.feature_catalogue import PROFILE_FEATURES
from habitue.training.sample import Sample

FIRST_DAY = date(2024, 1, 1)


class World:
    """Purchase days and amounts per customer over `days` days."""

    def __init__(self, customers: int = 1500, days: int = 455, seed: int = 7) -> None:
        random = np.random.default_rng(seed)
        rate = random.gamma(1.2, 1 / 20.0, customers)
        p_leave = random.beta(0.6, 8.0, customers)
        spend = 30.0 * random.gamma(4.0, 1.0, customers) / 4.0
        self.histories: list[tuple[np.ndarray, np.ndarray]] = []
        for i in range(customers):
            now, bought = float(random.integers(0, 60)), []
            while now < days:
                bought.append(int(now))
                if random.random() < p_leave[i]:
                    break
                now += max(1.0, random.exponential(1 / max(rate[i], 1e-4)))
            found = np.unique(np.array(bought, dtype=int))
            self.histories.append((found, spend[i] * random.gamma(3.0, 1 / 3.0, found.size)))

    def sample(self, as_of: date, horizon_days: int) -> Sample:
        """Buyers before `as_of`, with a few of the profile's columns; the others are missing."""
        at = (as_of - FIRST_DAY).days
        rows = [
            self._row(days, money, at, horizon_days) for days, money in self.histories if (days < at).any()
        ]
        table = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
        columns = {name: table.get(name, np.full(len(rows), np.nan)) for name in PROFILE_FEATURES}
        patterns = Patterns.group(columns["frequency"], columns["recency_days"], columns["age_days"])
        return Sample(as_of, columns, table["_days"], table["_revenue"], patterns)

    def _row(self, days: np.ndarray, money: np.ndarray, at: int, horizon: int) -> dict[str, float]:
        past, value = days[days < at], money[days < at]
        window = (days >= at) & (days < at + horizon)
        x = past.size - 1
        recent = {w: past >= at - w for w in (30, 90, 365)}
        return {
            "frequency": x,
            "recency_days": past[-1] - past[0],
            "age_days": at - past[0],
            "days_since_last_order": at - past[-1],
            "monetary_value": value[1:].mean() if x else np.nan,
            "net_revenue": value.sum(),
            "order_count": past.size,
            **{f"net_revenue_{w}d": value[keep].sum() for w, keep in recent.items()},
            **{f"orders_{w}d": keep.sum() for w, keep in recent.items()},
            "purchase_days_30d": recent[30].sum(),
            "purchase_days_90d": recent[90].sum(),
            "aov": value.mean(),
            "interpurchase_days": np.diff(past).mean() if x else np.nan,
            "_days": window.sum(),
            "_revenue": money[window].sum(),
        }


def day(offset: int) -> date:
    """Day number `offset` of the world."""
    return FIRST_DAY + timedelta(days=offset)
