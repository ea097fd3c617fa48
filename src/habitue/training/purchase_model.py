"""The buy-till-you-die core of all models.

Purchases by MBG/NBD or BG/NBD, spend by Gamma-Gamma, on distinct histories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from habitue.models.beta_geometric import BetaGeometric
from habitue.models.bg_nbd import BgNbd
from habitue.models.gamma_gamma import GammaGamma
from habitue.models.mbg_nbd import MbgNbd
from habitue.models.patterns import Floats, Patterns

PURCHASE_MODELS: dict[str, type[BetaGeometric]] = {model.kind: model for model in (MbgNbd, BgNbd)}


@dataclass(frozen=True)
class Histories:
    """Purchase histories of customers, each distinct (x, t_x, T) kept once.

    `which` leads back to the customers.
    """

    x: Floats
    t_x: Floats
    age: Floats
    which: np.ndarray

    @classmethod
    def of(cls, columns: Mapping[str, Floats]) -> Self:
        """Group the profile columns frequency, recency_days and age_days; they must be possible (see `is_possible`)."""
        stacked = np.column_stack([columns[name] for name in ("frequency", "recency_days", "age_days")])
        distinct, which = np.unique(stacked, axis=0, return_inverse=True)
        return cls(distinct[:, 0], distinct[:, 1], distinct[:, 2], which.reshape(-1))


def is_possible(columns: Mapping[str, Floats]) -> np.ndarray:
    """Rows whose purchase history can be: whole x >= 0, 0 <= t_x <= T < infinity, t_x = 0 exactly where x = 0."""
    x, t_x, age = (columns[name] for name in ("frequency", "recency_days", "age_days"))
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(x) & (x >= 0) & (x == np.floor(x))
        ordered = (t_x >= 0) & (t_x <= age) & np.isfinite(age) & ((x == 0) == (t_x == 0))
    return np.asarray(whole & ordered)


@dataclass(frozen=True)
class PurchaseModel:
    """Fitted purchase and spend models; time in days, money in the project's currency."""

    purchases: BetaGeometric
    spend: GammaGamma
    warnings: tuple[str, ...] = ()

    @classmethod
    def fit(cls, patterns: Patterns, x: Floats, monetary_value: Floats, *, kind: str = "") -> Self:
        """Fit on what was known at a cut-off; without `kind` the likelier of MBG/NBD and BG/NBD.

        Both have four parameters, so the larger likelihood decides; a fit at the
        edge of its parameter space (see the warnings) loses to one inside.
        """
        kinds = (kind,) if kind else tuple(PURCHASE_MODELS)
        fits = [PURCHASE_MODELS[name].fit(patterns) for name in kinds]
        best = min(fits, key=lambda fit: (bool(fit.warnings), -fit.log_likelihood))
        spend = GammaGamma.fit(x, monetary_value)
        warnings = (
            *(f"{best.model.kind}: {w}" for w in best.warnings),
            *(f"gamma_gamma: {w}" for w in spend.warnings),
        )
        return cls(best.model, spend.model, warnings)

    def features(self, columns: Mapping[str, Floats], horizon_days: float) -> dict[str, Floats]:
        """The features named btyd_*, for customers with possible histories."""
        h = Histories.of(columns)
        alive = self.purchases.p_alive(h.x, h.t_x, h.age)
        no_purchase = self.purchases.p_no_purchase(horizon_days, h.x, h.t_x, h.age)
        expected = self.purchases.expected_purchases(horizon_days, h.x, h.t_x, h.age)
        spend = self.spend.expected_spend(columns["frequency"], columns["monetary_value"])
        return {
            "btyd_p_alive": alive[h.which],
            "btyd_p_no_purchase": no_purchase[h.which],
            "btyd_expected_purchases": expected[h.which],
            "btyd_expected_spend": spend,
            "btyd_value": expected[h.which] * spend,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain JSON values."""
        return {
            "purchases": self.purchases.to_dict(),
            "spend": self.spend.to_dict(),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        kind = str(values["purchases"].get("kind"))
        if kind not in PURCHASE_MODELS:
            raise ValueError(f"unknown purchase model {kind}; known: {', '.join(PURCHASE_MODELS)}")
        purchases = PURCHASE_MODELS[kind].from_dict(values["purchases"])
        return cls(purchases, GammaGamma.from_dict(values["spend"]), tuple(map(str, values["warnings"])))
