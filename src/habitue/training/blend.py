"""Blend two churn probabilities by a logistic regression on their log-odds.

Fitted on a later cut-off than either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from habitue.models.one_thread import one_thread
from habitue.models.patterns import Floats

_EDGE = 1e-6
_PRIOR_ROWS = 10.0  # pull of the weights towards one half each, in rows


@dataclass(frozen=True)
class Blend:
    """p = 1 / (1 + exp(-(intercept + booster logit p_booster + purchases logit p_purchases)))."""

    intercept: float
    booster: float
    purchases: float

    @classmethod
    @one_thread
    def fit(cls, p_booster: Floats, p_purchases: Floats, churned: Floats) -> Blend:
        """Maximum likelihood with weights not below 0, drawn weakly to one half each."""
        z = np.column_stack([log_odds(p_booster), log_odds(p_purchases)])

        def objective(theta: Floats) -> tuple[float, Floats]:
            line = theta[0] + z @ theta[1:]
            error = expit(line) - churned
            off = theta[1:] - 0.5
            loss = float(np.sum(np.logaddexp(0, line) - churned * line) + _PRIOR_ROWS / 2 * off @ off)
            slope = np.concatenate([[error.sum()], error @ z + _PRIOR_ROWS * off])
            return loss / churned.size, slope / churned.size

        bounds = [(None, None), (0.0, None), (0.0, None)]
        found = minimize(objective, np.array([0.0, 0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(*map(float, found.x))

    def apply(self, p_booster: Floats, p_purchases: Floats) -> Floats:
        """The blended probability."""
        line = self.intercept + self.booster * log_odds(p_booster) + self.purchases * log_odds(p_purchases)
        return np.asarray(expit(line))


def log_odds(p: Floats) -> Floats:
    """Log-odds of a probability held 1e-6 off 0 and 1."""
    return np.asarray(logit(np.clip(p, _EDGE, 1 - _EDGE)))
