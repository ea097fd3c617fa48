"""The value model as pure data: purchases to come times spend, refined by trees, as net present value.

The booster sees what the purchase model leaves out (recent spend, trend, basket),
ranks better and keeps level worse. So it moves each customer's spend only, by the
geometric mean of both values, and is recentred so that the total stays the
purchase model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import xgboost as xgb

from habitue.models.npv import Economics, Worth, net_present_value
from habitue.models.patterns import Floats
from habitue.models.value_interval import Count, value_interval
from habitue.training.boosters import load_booster, predict
from habitue.training.feature_catalogue import profile_columns
from habitue.training.features import feature_matrix
from habitue.training.purchase_model import Histories, PurchaseModel

_FORMAT = 1
_LEAST_VALUE = 1e-6
_MOST_SHIFT = 4.0  # the booster moves a spend by a factor of 4 at most, either way


@dataclass(frozen=True)
class Forecast:
    """Within the model's window, undiscounted.

    Expected purchase days, spend per purchase day, and their product.
    """

    purchases: Floats
    spend: Floats

    @property
    def revenue(self) -> Floats:
        """Expected net revenue."""
        return self.purchases * self.spend


@dataclass(frozen=True)
class ClvModel:
    """A frozen value model.

    `amount_scale` brings the booster's total to the purchase model's, `recentre`
    does so again after both are mixed; both are measured without labels, on the
    day the model was fitted. `purchase_level` and `spend_level` correct
    the totals of the first `horizon_days`, where that proved right before: they were
    measured on one such window and say nothing of the years after it.
    """

    horizon_days: int
    horizons_days: tuple[int, int, int]
    interval: float
    purchase_model: PurchaseModel
    features: tuple[str, ...] = ()
    booster: bytes = b""
    booster_weight: float = 0.0
    amount_scale: float = 1.0
    recentre: float = 1.0
    purchase_level: float = 1.0
    spend_level: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Profile columns that scoring reads."""
        return profile_columns(self.features)

    @property
    def is_corrected(self) -> bool:
        """Whether a level is not 1."""
        return (self.purchase_level, self.spend_level) != (1.0, 1.0)

    @cached_property
    def _trees(self) -> xgb.Booster:
        return load_booster(self.booster)

    def forecast(self, columns: Mapping[str, Floats]) -> Forecast:
        """What is expected within `horizon_days`, of buyers with possible histories."""
        btyd = self.purchase_model.features(columns, self.horizon_days)
        purchases = btyd["btyd_expected_purchases"] * self.purchase_level
        return Forecast(purchases, self._spend(columns, btyd) * self.spend_level)

    def expected_purchases(self, columns: Mapping[str, Floats], days: float) -> Floats:
        """Purchase days to come within `days`."""
        first, later = self._expected(columns)(days)
        return first + later

    def worth(self, columns: Mapping[str, Floats], economics: Economics) -> dict[float, Worth]:
        """Net present value over each horizon, by days."""
        h = Histories.of(columns)
        model, expected = self.purchase_model.purchases, self._expected(columns)
        spend = self._spend(columns, self.purchase_model.features(columns, self.horizon_days))

        def purchases_and_revenue(days: float) -> tuple[Floats, Floats]:
            first, later = expected(days)
            return first + later, (first * self.spend_level + later) * spend

        return net_present_value(
            purchases_and_revenue,
            lambda days: model.p_alive_after(days, h.x, h.t_x, h.age)[h.which],
            economics,
            horizons_days=tuple(float(days) for days in self.horizons_days),
        )

    def value_bounds(self, columns: Mapping[str, Floats], worth: Worth) -> tuple[Floats, Floats]:
        """The central interval of value over that horizon."""
        h = Histories.of(columns)
        model, days = self.purchase_model.purchases, worth.horizon_days
        counts = (
            model.p_no_purchase(days, h.x, h.t_x, h.age),
            model.expected_purchases(days, h.x, h.t_x, h.age),
            model.second_factorial_moment(days, h.x, h.t_x, h.age),
        )
        count = Count(*(values[h.which] for values in counts))
        own = columns["frequency"], columns["monetary_value"]
        return value_interval(worth, count, self.purchase_model.spend, *own, level=self.interval)

    def shift(self, columns: Mapping[str, Floats], btyd: Mapping[str, Floats]) -> Floats:
        """Factor on spend before recentring: (booster value / purchase model's value) ^ weight, from 1/4 to 4."""
        if not self.booster:
            return np.ones_like(btyd["btyd_value"])
        amount = np.maximum(self.amount(columns, btyd) * self.amount_scale, _LEAST_VALUE)
        ratio = (amount / np.maximum(btyd["btyd_value"], _LEAST_VALUE)) ** self.booster_weight
        return np.clip(ratio, 1 / _MOST_SHIFT, _MOST_SHIFT)

    def amount(self, columns: Mapping[str, Floats], btyd: Mapping[str, Floats]) -> Floats:
        """What the booster expects, in multiples of the mean amount it learnt from."""
        return predict(self._trees, feature_matrix(columns, btyd, self.features))

    def _expected(self, columns: Mapping[str, Floats]) -> Callable[[float], tuple[Floats, Floats]]:
        """Purchase days within so many days: those of the first `horizon_days`, at their level, and the later ones."""
        h, model = Histories.of(columns), self.purchase_model.purchases

        def within(days: float) -> Floats:
            return np.asarray(model.expected_purchases(days, h.x, h.t_x, h.age)[h.which])

        first = within(self.horizon_days)

        def expected(days: float) -> tuple[Floats, Floats]:
            if days <= self.horizon_days:
                return self.purchase_level * within(days), np.zeros_like(first)
            return self.purchase_level * first, within(days) - first

        return expected

    def _spend(self, columns: Mapping[str, Floats], btyd: Mapping[str, Floats]) -> Floats:
        """Per purchase day, without the level of any window."""
        return np.asarray(btyd["btyd_expected_spend"] * self.shift(columns, btyd) * self.recentre)

    def to_files(self) -> dict[str, bytes | dict[str, Any]]:
        """The model as files: `model.json` and, where there are trees, `booster.ubj`."""
        content: dict[str, Any] = {
            "format": _FORMAT,
            "model": "clv",
            "horizon_days": self.horizon_days,
            "horizons_days": list(self.horizons_days),
            "interval": self.interval,
            "features": list(self.features),
            "purchase_model": self.purchase_model.to_dict(),
            "booster_weight": self.booster_weight,
            "amount_scale": self.amount_scale,
            "recentre": self.recentre,
            "purchase_level": self.purchase_level,
            "spend_level": self.spend_level,
        }
        return {"model.json": content} | ({"booster.ubj": self.booster} if self.booster else {})

    @classmethod
    def from_files(cls, content: Mapping[str, Any], booster: bytes) -> Self:
        """Read what `to_files` wrote."""
        if content.get("format") != _FORMAT or content.get("model") != "clv":
            found = f"{content.get('model')} of format {content.get('format')}"
            raise ValueError(f"expected a clv model of format {_FORMAT}, found {found}")
        short, year, long = content["horizons_days"]
        return cls(
            horizon_days=int(content["horizon_days"]),
            horizons_days=(int(short), int(year), int(long)),
            interval=float(content["interval"]),
            purchase_model=PurchaseModel.from_dict(content["purchase_model"]),
            features=tuple(content["features"]),
            booster=booster,
            booster_weight=float(content["booster_weight"]),
            amount_scale=float(content["amount_scale"]),
            recentre=float(content["recentre"]),
            purchase_level=float(content["purchase_level"]),
            spend_level=float(content["spend_level"]),
        )
