"""The churn model as pure data: trees, purchase model, blend and calibration.

P(no purchase within the horizon).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import xgboost as xgb

from habitue.models.calibration import Calibration, calibration_from_dict
from habitue.models.patterns import Floats
from habitue.training.baselines import Baseline
from habitue.training.blend import Blend, log_odds
from habitue.training.boosters import contributions, load_booster, predict
from habitue.training.feature_catalogue import profile_columns
from habitue.training.features import feature_matrix
from habitue.training.purchase_model import PurchaseModel

Kind = Literal["blend", "purchases", "baseline"]
_FORMAT = 1
_PURCHASE_REASON = "btyd_p_no_purchase"


@dataclass(frozen=True)
class ChurnModel:
    """A frozen churn model. `kind` says what makes the score that `calibration` turns into a probability.

    blend: booster and purchase model; purchases: P(no purchase) of the purchase
    model alone; baseline: one profile column. `medians` are those of the
    features when training ended, to call a value high or low.
    """

    kind: Kind
    horizon_days: int
    purchase_model: PurchaseModel
    calibration: Calibration
    features: tuple[str, ...] = ()
    medians: tuple[float, ...] = ()
    booster: bytes = b""
    blend: Blend | None = None
    baseline: Baseline | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Profile columns that scoring reads."""
        own = (self.baseline.column,) if self.baseline else ()
        return profile_columns((*self.features, *own))

    @cached_property
    def _trees(self) -> xgb.Booster:
        return load_booster(self.booster)

    def predict(self, columns: Mapping[str, Floats]) -> Floats:
        """P(no purchase within the horizon) of buyers with possible histories."""
        return self.calibration.apply(self.raw(columns))

    def raw(self, columns: Mapping[str, Floats]) -> Floats:
        """The score before calibration, in [0, 1]."""
        if self.baseline:
            return self.baseline.churn_score(columns)
        btyd = self.purchase_model.features(columns, self.horizon_days)
        if self.blend is None:
            return btyd["btyd_p_no_purchase"]
        matrix = feature_matrix(columns, btyd, self.features)
        return self.blend.apply(predict(self._trees, matrix), btyd["btyd_p_no_purchase"])

    def reasons(self, columns: Mapping[str, Floats], count: int = 3) -> list[list[str]]:
        """The `count` strongest reasons per row.

        Field, whether it is high, low or missing, what it does to p_churn.

        Strength is the share of the field in the log-odds (TreeSHAP times the
        booster's weight); the purchase model counts as one field.
        """
        if self.baseline:
            return self._only(
                self.baseline.column, columns[self.baseline.column], self.baseline.scale, self.baseline.sign
            )
        btyd = self.purchase_model.features(columns, self.horizon_days)
        if self.blend is None:
            return self._only(_PURCHASE_REASON, btyd[_PURCHASE_REASON], 0.5, 1)
        matrix = feature_matrix(columns, btyd, self.features)
        effect = contributions(self._trees, matrix) * self.blend.booster
        names = [*self.features]
        if _PURCHASE_REASON in names:
            at = names.index(_PURCHASE_REASON)
            usual = log_odds(np.array([self.medians[at]]))
            effect[:, at] += self.blend.purchases * (log_odds(btyd[_PURCHASE_REASON]) - usual)
        return _spell(matrix, effect, names, np.asarray(self.medians), count)

    def _only(self, name: str, value: Floats, usual: float, sign: int) -> list[list[str]]:
        effect = sign * (value - usual)
        return _spell(value[:, None], effect[:, None], [name], np.array([usual]), 1)

    def to_files(self) -> dict[str, bytes | dict[str, Any]]:
        """The model as files: `model.json` with every parameter and, where there are trees, `booster.ubj`."""
        content: dict[str, Any] = {
            "format": _FORMAT,
            "model": "churn",
            "kind": self.kind,
            "horizon_days": self.horizon_days,
            "features": list(self.features),
            "medians": [None if np.isnan(m) else m for m in self.medians],
            "purchase_model": self.purchase_model.to_dict(),
            "calibration": self.calibration.to_dict(),
            "blend": asdict(self.blend) if self.blend else None,
            "baseline": asdict(self.baseline) if self.baseline else None,
        }
        return {"model.json": content} | ({"booster.ubj": self.booster} if self.booster else {})

    @classmethod
    def from_files(cls, content: Mapping[str, Any], booster: bytes) -> Self:
        """Read what `to_files` wrote."""
        if content.get("format") != _FORMAT or content.get("model") != "churn":
            found = f"{content.get('model')} of format {content.get('format')}"
            raise ValueError(f"expected a churn model of format {_FORMAT}, found {found}")
        return cls(
            kind=content["kind"],
            horizon_days=int(content["horizon_days"]),
            purchase_model=PurchaseModel.from_dict(content["purchase_model"]),
            calibration=calibration_from_dict(content["calibration"]),
            features=tuple(content["features"]),
            medians=tuple(np.nan if m is None else float(m) for m in content["medians"]),
            booster=booster,
            blend=Blend(**content["blend"]) if content["blend"] else None,
            baseline=Baseline(**content["baseline"]) if content["baseline"] else None,
        )


def _spell(matrix: Floats, effect: Floats, names: list[str], medians: Floats, count: int) -> list[list[str]]:
    """Texts like `days_since_last_order high raises`, strongest first; rows may have fewer than `count`."""
    order = np.argsort(-np.abs(effect), axis=1, kind="stable")[:, :count]
    with np.errstate(invalid="ignore"):
        level = np.where(np.isnan(matrix), 2, np.where(matrix > medians, 1, 0))
    words = ("low", "high", "missing")
    return [
        [
            f"{names[j]} {words[level[i, j]]} {'raises' if effect[i, j] > 0 else 'lowers'}"
            for j in row
            if effect[i, j] != 0
        ]
        for i, row in enumerate(order)
    ]
