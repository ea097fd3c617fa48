"""Turn scores into probabilities that come true as often as they say."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from habitue.models.one_thread import one_thread
from habitue.models.patterns import Floats

ENOUGH_POSITIVES = 1_000
_EDGE = 1e-9

Json = dict[str, str | list[float]]


@dataclass(frozen=True)
class Isotonic:
    """Piecewise linear, strictly increasing map through the blocks of an isotonic regression.

    Each block is one knot: its mean score and its share of positives.
    Interpolation between the knots keeps the order inside a block, so that
    equal scores stay equal, unequal ones unequal and the AUC does not move.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    kind: ClassVar[str] = "isotonic"

    @classmethod
    def fit(cls, score: ArrayLike, outcome: ArrayLike) -> Self:
        """Fit on scores in [0, 1] and outcomes 0/1; with n rows nothing is rarer than about 1/(n + 2)."""
        scores, outcomes = _checked(score, outcome)
        distinct, which = np.unique(scores, return_inverse=True)
        weight = np.bincount(which).astype(np.float64)
        rate = np.bincount(which, weights=outcomes) / weight
        starts = isotonic_regression(rate, weights=weight).blocks[:-1]
        size = np.add.reduceat(weight, starts)
        knots = np.add.reduceat(distinct * weight, starts) / size
        values = np.add.reduceat(rate * weight, starts) / size
        return cls(*_with_ends(knots, values, edge=1 / (scores.size + 2)))

    def apply(self, score: ArrayLike) -> Floats:
        """Map scores to probabilities."""
        return np.interp(np.clip(np.asarray(score, dtype=np.float64), 0, 1), self.scores, self.probabilities)

    def to_dict(self) -> Json:
        """Return the map as plain JSON values."""
        return {"kind": self.kind, "scores": list(self.scores), "probabilities": list(self.probabilities)}

    @classmethod
    def from_dict(cls, values: Json) -> Self:
        """Read what `to_dict` wrote."""
        _expect(values, cls.kind, "scores", "probabilities")
        return cls(tuple(map(float, values["scores"])), tuple(map(float, values["probabilities"])))


@dataclass(frozen=True)
class Platt:
    """Logistic map p -> 1 / (1 + exp(-(intercept + slope logit p))); two parameters, for few positives."""

    slope: float
    intercept: float

    kind: ClassVar[str] = "platt"

    @classmethod
    @one_thread
    def fit(cls, score: ArrayLike, outcome: ArrayLike) -> Self:
        """Maximum likelihood on Platt's (1999) smoothed targets; a positive slope keeps the order."""
        scores, outcomes = _checked(score, outcome)
        z = logit(np.clip(scores, _EDGE, 1 - _EDGE))
        positives, negatives = outcomes.sum(), (1 - outcomes).sum()
        target = np.where(outcomes > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))

        def objective(parameters: Floats) -> tuple[float, Floats]:
            log_slope, intercept = parameters
            slope = np.exp(log_slope)
            line = intercept + slope * z
            error = expit(line) - target
            loss = float(np.mean(np.logaddexp(0, line) - target * line))
            return loss, np.array([np.mean(error * z) * slope, np.mean(error)])

        bounds = [(-7.0, 7.0), (None, None)]
        found = minimize(objective, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(float(np.exp(found.x[0])), float(found.x[1]))

    def apply(self, score: ArrayLike) -> Floats:
        """Map scores to probabilities."""
        z = logit(np.clip(np.asarray(score, dtype=np.float64), _EDGE, 1 - _EDGE))
        return np.clip(expit(self.intercept + self.slope * z), _EDGE, 1 - _EDGE)

    def to_dict(self) -> Json:
        """Return the map as plain JSON values."""
        return {"kind": self.kind, "line": [self.slope, self.intercept]}

    @classmethod
    def from_dict(cls, values: Json) -> Self:
        """Read what `to_dict` wrote."""
        _expect(values, cls.kind, "line")
        slope, intercept = map(float, values["line"])
        return cls(slope, intercept)


Calibration = Isotonic | Platt


def fit_calibration(score: ArrayLike, outcome: ArrayLike) -> Calibration:
    """Isotonic where at least 1,000 positives and 1,000 negatives support it, else Platt.

    Use data later than the model's training data.
    """
    outcomes = np.asarray(outcome, dtype=np.float64)
    rarer = min(outcomes.sum(), (1 - outcomes).sum())
    return Isotonic.fit(score, outcome) if rarer >= ENOUGH_POSITIVES else Platt.fit(score, outcome)


def calibration_from_dict(values: Json) -> Calibration:
    """Read either kind."""
    return Isotonic.from_dict(values) if values.get("kind") == Isotonic.kind else Platt.from_dict(values)


def _with_ends(knots: Floats, values: Floats, *, edge: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Hold values off 0 and 1 and add knots at both ends, so that the map rises everywhere."""
    inner = np.clip(values, edge, 1 - edge)
    low, high = inner[0] * 0.5, 1 - (1 - inner[-1]) * 0.5
    scores = np.concatenate([[0.0], knots, [1.0]])
    probabilities = np.concatenate([[low], inner, [high]])
    outside = np.concatenate([[knots[0] > 0], np.ones(knots.size, dtype=bool), [knots[-1] < 1]])
    return tuple(scores[outside].tolist()), tuple(probabilities[outside].tolist())


def _checked(score: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    scores = np.asarray(score, dtype=np.float64).ravel()
    outcomes = np.asarray(outcome, dtype=np.float64).ravel()
    if scores.size != outcomes.size or scores.size == 0:
        raise ValueError(
            f"scores and outcomes must be of one length above 0, found {scores.size}, {outcomes.size}"
        )
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("scores must lie between 0 and 1")
    if not np.all((outcomes == 0) | (outcomes == 1)):
        raise ValueError("outcomes must be 0 or 1")
    return scores, outcomes


def _expect(values: Json, kind: str, *names: str) -> None:
    if values.get("kind") != kind or set(values) != {"kind", *names}:
        raise ValueError(f"expected a {kind} calibration with {names}, found {sorted(values)}")
