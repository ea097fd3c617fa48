"""Measures that say how good a score, a probability or a forecast was."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from habitue.models.patterns import Floats

Metric = Callable[[Floats, Floats], float]


def roc_auc(outcome: ArrayLike, score: ArrayLike) -> float:
    """Probability that a positive outranks a negative, ties counted half; NaN if only one class is there."""
    y, s = _pair(outcome, score)
    positives, negatives = y.sum(), (1 - y).sum()
    if positives == 0 or negatives == 0:
        return float("nan")
    return float((rankdata(s) @ y - positives * (positives + 1) / 2) / (positives * negatives))


def pr_auc(outcome: ArrayLike, score: ArrayLike) -> float:
    """Average precision: precision at each distinct score, weighted by the recall it adds."""
    y, s = _pair(outcome, score)
    if y.sum() == 0:
        return float("nan")
    hits, rows = _by_descending_score(y, s)
    cumulative = np.cumsum(hits)
    return float(np.sum(cumulative / np.cumsum(rows) * hits) / y.sum())


def brier(outcome: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared error of a probability."""
    y, p = _pair(outcome, probability)
    return float(np.mean((p - y) ** 2))


def log_loss(outcome: ArrayLike, probability: ArrayLike) -> float:
    """Mean negative log-likelihood; probabilities are held 1e-15 off 0 and 1."""
    y, p = _pair(outcome, probability)
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))


def expected_calibration_error(outcome: ArrayLike, probability: ArrayLike, *, bins: int = 10) -> float:
    """Mean distance between predicted and observed rate over bins of equal size, weighted by size.

    Customers with one prediction share their mean outcome, so that no bin depends on the order of rows.
    """
    y, p = _pair(outcome, probability)
    y = _mean_of_equals(y, p)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return float(sum(part.size * abs(p[part].mean() - y[part].mean()) for part in parts) / y.size)


def capture_at(actual: ArrayLike, score: ArrayLike, share: float) -> float:
    """Share of all outcomes (or money) held by the top `share` of the scores; ties split evenly."""
    y, s = _pair(actual, score)
    if y.sum() == 0:
        return float("nan")
    captured = np.interp(share, *_gains(y, s))
    return float(captured)


def lift_at(actual: ArrayLike, score: ArrayLike, share: float) -> float:
    """How many times the average outcome the top `share` of the scores holds."""
    return capture_at(actual, score, share) / share


def gains_curve(actual: ArrayLike, score: ArrayLike, *, points: int = 101) -> tuple[Floats, Floats]:
    """Share of customers, best scores first, against the share of outcomes they hold."""
    at = np.linspace(0, 1, points)
    return at, np.interp(at, *_gains(*_pair(actual, score)))


def gini(actual: ArrayLike, score: ArrayLike) -> float:
    """Area between gains curve and diagonal over the same area for the perfect order: 1 perfect, 0 random.

    Equals cov(actual, rank of score) / cov(actual, rank of actual); ties share their mean rank.
    """
    y, s = _pair(actual, score)
    perfect = _covariance(y, rankdata(y))
    return _covariance(y, rankdata(s)) / perfect if perfect > 0 else float("nan")


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error."""
    y, f = _pair(actual, predicted)
    return float(np.mean(np.abs(f - y)))


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Root mean squared error."""
    y, f = _pair(actual, predicted)
    return float(np.sqrt(np.mean((f - y) ** 2)))


def bias(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Predicted over actual total, less 1."""
    y, f = _pair(actual, predicted)
    return float(f.sum() / y.sum() - 1) if y.sum() else float("nan")


def correlation(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson correlation; NaN where one side does not vary."""
    y, f = _pair(actual, predicted)
    spread = np.sqrt(_covariance(y, y) * _covariance(f, f))
    return float(_covariance(y, f) / spread) if spread > 0 else float("nan")


def spearman(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Correlation of the ranks, ties at their mean rank."""
    y, f = _pair(actual, predicted)
    return correlation(rankdata(y), rankdata(f))


@dataclass(frozen=True)
class Decile:
    """One tenth of the customers by prediction, 1 the highest: size and mean predicted and actual value."""

    decile: int
    customers: int
    predicted: float
    actual: float


def decile_table(actual: ArrayLike, predicted: ArrayLike) -> list[Decile]:
    """Predicted against actual by tenth, highest prediction first; equal predictions share their mean outcome."""
    y, f = _pair(actual, predicted)
    y = _mean_of_equals(y, f)
    order = np.argsort(-f, kind="stable")
    parts = [part for part in np.array_split(order, 10) if part.size]
    return [
        Decile(i, part.size, float(f[part].mean()), float(y[part].mean())) for i, part in enumerate(parts, 1)
    ]


def decile_mape(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean relative error of the ten decile means, over deciles with an actual value."""
    rows = [row for row in decile_table(actual, predicted) if row.actual]
    return float(np.mean([abs(row.predicted / row.actual - 1) for row in rows])) if rows else float("nan")


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval around the value measured on all customers."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric: Metric,
    actual: ArrayLike,
    score: ArrayLike,
    *,
    against: ArrayLike | None = None,
    samples: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a metric over resampled customers.

    With `against`, of the difference metric(score) - metric(against) on the
    same resampled customers: the paired comparison a gate needs.
    """
    y, s = _pair(actual, score)
    other = None if against is None else _pair(actual, against)[1]

    def measure(rows: np.ndarray | slice) -> float:
        reference = 0.0 if other is None else metric(y[rows], other[rows])
        return metric(y[rows], s[rows]) - reference

    random = np.random.default_rng(seed)
    drawn = np.array([measure(random.integers(0, y.size, y.size)) for _ in range(samples)])
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(measure(slice(None)), float(low), float(high))


def _gains(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Corner points of the gains curve, one per distinct score."""
    held, rows = _by_descending_score(y, score)
    share = np.concatenate([[0.0], np.cumsum(rows) / y.size])
    return share, np.concatenate([[0.0], np.cumsum(held) / y.sum()])


def _by_descending_score(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Sum of `y` and number of rows per distinct score, highest score first."""
    _, which = np.unique(-score, return_inverse=True)
    rows = np.bincount(which).astype(np.float64)
    return np.bincount(which, weights=y).astype(np.float64), rows


def _mean_of_equals(y: Floats, score: Floats) -> Floats:
    _, which = np.unique(score, return_inverse=True)
    mean = np.bincount(which, weights=y) / np.bincount(which)
    return np.asarray(mean[which], dtype=np.float64)


def _covariance(left: Floats, right: Floats) -> float:
    return float(np.mean((left - left.mean()) * (right - right.mean())))


def _pair(actual: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    y = np.asarray(actual, dtype=np.float64).ravel()
    f = np.asarray(predicted, dtype=np.float64).ravel()
    if y.size != f.size or y.size == 0:
        raise ValueError(f"actual and predicted must be of one length above 0, found {y.size} and {f.size}")
    return y, f
