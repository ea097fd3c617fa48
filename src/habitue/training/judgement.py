"""How good models and naive baselines were on a window that none of them had seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from habitue.models import metrics
from habitue.models.metrics import Interval, Metric
from habitue.models.patterns import Floats
from habitue.training.settings import GateSettings

_BOOTSTRAP_ROWS = 20_000
_CHURN_RANK: dict[str, Metric] = {"auc": metrics.roc_auc, "pr_auc": metrics.pr_auc}
_CHURN_PROBABILITY: dict[str, Metric] = {
    "brier": metrics.brier,
    "log_loss": metrics.log_loss,
    "ece": metrics.expected_calibration_error,
}
_VALUE_RANK: dict[str, Metric] = {"gini": metrics.gini, "spearman": metrics.spearman}
_VALUE_AMOUNT: dict[str, Metric] = {
    "bias": metrics.bias,
    "mae": metrics.mae,
    "rmse": metrics.rmse,
    "decile_mape": metrics.decile_mape,
}


@dataclass(frozen=True)
class Judgement:
    """Scores of one test window: `table` holds metrics by score name, the candidate's under its kind.

    `actual` and `scores` are arrays over the customers of the window, for plots;
    `candidate` names the score that is up for promotion, `naive` the baselines.
    """

    cutoff: date
    horizon_days: int
    metric: str
    candidate: str
    naive: tuple[str, ...]
    table: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Interval]
    actual: Floats
    scores: Mapping[str, Floats]
    totals: Mapping[str, float] = field(default_factory=dict)

    @property
    def best_naive(self) -> str:
        """The baseline with the largest main metric."""
        return max(self.naive, key=lambda name: self.table[name][self.metric])

    def value(self, name: str) -> float:
        """Main metric of a score."""
        return self.table[name][self.metric]

    def flat(self) -> dict[str, float]:
        """Every finite figure under one name, as a registry wants it."""
        figures = {
            f"{name}.{metric}": value for name, row in self.table.items() for metric, value in row.items()
        }
        bounds = {
            f"{name}.{end}": getattr(i, end) for name, i in self.intervals.items() for end in ("low", "high")
        }
        return {name: float(v) for name, v in {**figures, **bounds, **self.totals}.items() if np.isfinite(v)}


def judge_churn(
    cutoff: date,
    horizon_days: int,
    churned: Floats,
    probabilities: Mapping[str, Floats],
    naive: Mapping[str, Floats],
    candidate: str,
    gate: GateSettings,
) -> Judgement:
    """Judge probabilities of churn and naive scores (larger: more likely to churn) on the same customers."""
    table = {
        name: _measure(_CHURN_RANK | _CHURN_PROBABILITY, churned, p) for name, p in probabilities.items()
    }
    table |= {name: _measure(_CHURN_RANK, churned, score) for name, score in naive.items()}
    scores = {**probabilities, **naive}
    for name, score in scores.items():
        table[name]["lift_10"] = metrics.lift_at(churned, score, 0.1)
        table[name]["capture_20"] = metrics.capture_at(churned, score, 0.2)
    totals = {"customers": float(churned.size), "churn_rate": float(churned.mean())}
    return _judged(cutoff, horizon_days, "auc", candidate, naive, table, churned, scores, totals, gate)


def judge_value(
    cutoff: date,
    horizon_days: int,
    revenue: Floats,
    amounts: Mapping[str, Floats],
    naive: Mapping[str, Floats],
    candidate: str,
    gate: GateSettings,
    totals: Mapping[str, float],
) -> Judgement:
    """Judge forecasts of net revenue and naive rankings on the same customers."""
    table = {name: _measure(_VALUE_RANK | _VALUE_AMOUNT, revenue, amount) for name, amount in amounts.items()}
    table |= {name: _measure(_VALUE_RANK, revenue, score) for name, score in naive.items()}
    return _judged(
        cutoff, horizon_days, "gini", candidate, naive, table, revenue, {**amounts, **naive}, totals, gate
    )


def with_score(judgement: Judgement, name: str, score: Floats) -> Judgement:
    """The same judgement with the forecasts of one more model in its table."""
    is_churn = judgement.metric in _CHURN_RANK
    functions = _CHURN_RANK | _CHURN_PROBABILITY if is_churn else _VALUE_RANK | _VALUE_AMOUNT
    table = {**judgement.table, name: _measure(functions, judgement.actual, score)}
    return replace(judgement, table=table, scores={**judgement.scores, name: score})


def paired_difference(judgement: Judgement, other: Floats, gate: GateSettings) -> Interval:
    """Main metric of the candidate less that of `other`, both on the same resampled customers."""
    rows = _some_rows(judgement.actual.size)
    metric = (_CHURN_RANK | _VALUE_RANK)[judgement.metric]
    return metrics.bootstrap_interval(
        metric, judgement.actual[rows], judgement.scores[judgement.candidate][rows], against=other[rows],
        samples=gate.bootstrap_draws, level=gate.confidence, seed=0,
    )  # fmt: skip


def _judged(
    cutoff: date,
    horizon_days: int,
    metric: str,
    candidate: str,
    naive: Mapping[str, Floats],
    table: dict[str, dict[str, float]],
    actual: Floats,
    scores: dict[str, Floats],
    totals: Mapping[str, float],
    gate: GateSettings,
) -> Judgement:
    judged = Judgement(
        cutoff, horizon_days, metric, candidate, tuple(naive), table, {}, actual, scores, totals
    )
    rows = _some_rows(actual.size)
    function = (_CHURN_RANK | _VALUE_RANK)[metric]
    interval = metrics.bootstrap_interval(
        function, actual[rows], scores[candidate][rows], samples=gate.bootstrap_draws, level=gate.confidence
    )
    intervals = {f"{candidate}.{metric}": interval}
    if candidate != judged.best_naive:
        gain = paired_difference(judged, scores[judged.best_naive], gate)
        intervals[f"{candidate}.{metric}_gain_over_{judged.best_naive}"] = gain
    return Judgement(
        cutoff, horizon_days, metric, candidate, tuple(naive), table, intervals, actual, scores, totals
    )


def _measure(functions: Mapping[str, Metric], actual: Floats, score: Floats) -> dict[str, float]:
    return {name: function(actual, score) for name, function in functions.items()}


def _some_rows(size: int) -> npt.NDArray[np.int64]:
    """All rows, or as many drawn by chance: rows may be in any order, also one that says much of them."""
    return np.sort(np.random.default_rng(0).permutation(size)[:_BOOTSTRAP_ROWS])
