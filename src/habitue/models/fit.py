"""Exact maximum likelihood for the beta-geometric purchase models on grouped patterns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln

from habitue.models.one_thread import one_thread
from habitue.models.patterns import Floats, Patterns

Model = TypeVar("Model", covariant=True)
Objective = Callable[[Floats], tuple[float, Floats]]

_STARTS = ((0.5, 0.5, 1.0, 2.0), (0.25, 0.1, 0.3, 3.0), (2.0, 2.0, 0.1, 1.0))
_LOG_BOUND = 12.0
_SAMPLE = 20_000
_STEP = 1e-4


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model with what is needed to trust it or not.

    `warnings` are sentences; an empty tuple means that nothing was found.
    `standard_errors` come from the inverse Hessian of the log-likelihood in
    log parameters (delta method); NaN where the likelihood is flat.
    """

    model: Model
    log_likelihood: float
    converged: bool
    evaluations: int
    warnings: tuple[str, ...]
    standard_errors: dict[str, float]


@dataclass(frozen=True)
class Estimate:
    """Parameters (r, alpha, a, b) at the maximum, in the unit of the patterns given."""

    parameters: Floats
    standard_errors: Floats
    converged: bool
    evaluations: int
    warnings: tuple[str, ...]


def maximise(patterns: Patterns, chances_before_first_repeat: int) -> Estimate:
    """Find the maximum: several starts on a sample of the patterns, then the best of them on all."""
    whole = Likelihood(patterns, chances_before_first_repeat)
    step = -(-patterns.x.size // _SAMPLE)
    sample = Likelihood(patterns.every(step), chances_before_first_repeat) if step > 1 else whole
    tries = [minimise(sample.objective, np.log(start)) for start in _STARTS]
    best = min(tries, key=lambda attempt: attempt.value)
    final = minimise(whole.objective, best.point)
    errors = log_standard_errors(whole.objective, final.point, patterns.customers)
    return Estimate(
        parameters=np.exp(final.point),
        standard_errors=np.exp(final.point) * errors,
        converged=final.converged,
        evaluations=final.evaluations,
        warnings=_boundary_warnings(final, errors, patterns),
    )


class Likelihood:
    """Mean negative log-likelihood of (log r, log alpha, log a, log b) with its gradient.

    The terms that hold x alone are summed over the distinct x, so that gamma
    functions are evaluated a few hundred times and not once per pattern.
    """

    def __init__(self, patterns: Patterns, chances_before_first_repeat: int) -> None:
        self._p = patterns
        self._share = patterns.weight / patterns.customers
        self._x, which = np.unique(patterns.x, return_inverse=True)
        self._x_share = np.bincount(which, weights=self._share)
        self._chances = self._x + chances_before_first_repeat
        chances = patterns.x + chances_before_first_repeat
        self._had_chance = chances > 0
        self._earlier_chances = np.maximum(chances, 1.0) - 1

    def objective(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Return the value to minimise and its gradient."""
        r, alpha, a, b = np.exp(log_parameters)
        by_x, by_x_slope = self._terms_in_x(r, alpha, a, b)
        x, t_x, age = self._p.x, self._p.t_x, self._p.age
        log_now, log_then = np.log(alpha + age), np.log(alpha + t_x)
        silence = log_now - log_then
        last_chance = b + self._earlier_chances
        odds = np.where(self._had_chance, np.log(a) - np.log(last_chance) + (r + x) * silence, -np.inf)
        gone = expit(odds) * self._share
        value = by_x + self._share @ (np.logaddexp(0.0, odds) - (r + x) * log_now)
        slope = by_x_slope + np.array(
            [
                gone @ silence - self._share @ log_now,
                gone @ ((r + x) * (1 / (alpha + age) - 1 / (alpha + t_x)))
                - self._share @ ((r + x) / (alpha + age)),
                gone.sum() / a,
                -(gone @ (1 / last_chance)),
            ]
        )
        return -float(value), -slope * np.array([r, alpha, a, b])

    def _terms_in_x(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
        x, n, share = self._x, self._chances, self._x_share
        arrivals = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        stayed = gammaln(b + n) - gammaln(b) - (gammaln(a + b + n) - gammaln(a + b))
        both = digamma(a + b) - digamma(a + b + n)
        slope = np.array(
            [
                share @ (digamma(r + x) - digamma(r) + np.log(alpha)),
                r / alpha,
                share @ both,
                share @ (both + digamma(b + n) - digamma(b)),
            ]
        )
        return float(share @ (arrivals + stayed)), slope


@dataclass(frozen=True)
class Minimum:
    """Where the search ended, in log parameters."""

    point: Floats
    value: float
    converged: bool
    evaluations: int


@one_thread
def minimise(objective: Objective, start: Floats) -> Minimum:
    """Search with L-BFGS-B between exp(-12) and exp(12) until nothing can be gained any more."""
    bounds = [(-_LOG_BOUND, _LOG_BOUND)] * start.size
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 500, "maxcor": 20},
    )
    inside = np.abs(found.x) < _LOG_BOUND
    flat = bool(np.max(np.abs(found.jac[inside]), initial=0.0) < 1e-5)
    return Minimum(np.asarray(found.x), float(found.fun), flat, int(found.nfev))


@one_thread
def log_standard_errors(objective: Objective, point: Floats, customers: float) -> Floats:
    """Standard errors of the log parameters from differences of the gradient; NaN if singular."""
    rows = [
        (objective(point + _STEP * unit)[1] - objective(point - _STEP * unit)[1]) / (2 * _STEP)
        for unit in np.eye(point.size)
    ]
    hessian = customers * (np.array(rows) + np.array(rows).T) / 2
    values, vectors = np.linalg.eigh(hessian)
    if values.min() <= 1e-10 * values.max():
        return np.full(point.size, np.nan)
    return np.asarray(np.sqrt((vectors**2) @ (1 / values)))


def _boundary_warnings(found: Minimum, log_errors: Floats, patterns: Patterns) -> tuple[str, ...]:
    """Say when the maximum lies at the edge, where the model tells nothing about dropout."""
    r, _, a, b = np.exp(found.point)
    checks = (
        (not found.converged, "the search did not converge"),
        (bool(np.any(np.abs(found.point) >= _LOG_BOUND - 1e-6)), "a parameter lies at its bound"),
        (a < 1e-3, f"a = {a:.3g} is below 0.001: hardly anybody ever leaves; dropout is not identified"),
        (b > 1e3, f"b = {b:.3g} is above 1000: dropout does not vary between customers"),
        (r > 1e3, f"r = {r:.3g} is above 1000: purchase rates do not vary between customers"),
        (not np.all(np.isfinite(log_errors)), "the likelihood is flat: parameters are not identified"),
        (bool(np.any(log_errors > 3)), "a parameter is uncertain by more than a factor of 20"),
        (not np.any(patterns.x > 0), "no customer has a repeat purchase"),
    )
    return tuple(text for holds, text in checks if holds)
