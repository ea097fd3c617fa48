"""What a customer who is alive now will still buy, when purchases are Poisson and each may be the last.

Given that a customer is alive, both the BG/NBD and the MBG/NBD model leave
the purchase rate lambda ~ Gamma(shape, rate) and the dropout probability
p ~ Beta(a, b), independent of each other. From then on purchases come at rate
lambda and after each one the customer leaves with probability p. Everything
here follows from these two posteriors; no formula mentions the model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, hyp2f1

from habitue.models.dropout_quadrature import EXACT_NODES, average_over_dropout
from habitue.models.patterns import Floats

_EPSILON = float(np.finfo(np.float64).eps)
_TOLERANCE = 1e-10
_NEAR_ONE = 0.01
_NEAR_ZERO = 0.05
_LIMIT_NODES = 1.0 + _NEAR_ONE * np.cos((np.arange(6) + 0.5) * np.pi / 6)
_MOMENT_NODES = 48


@dataclass(frozen=True)
class AliveCustomer:
    """Posterior of customers who are alive: arrays of one shape, `a` shared by all."""

    shape: Floats
    rate: Floats
    a: float
    b: Floats

    def expected_purchases(self, horizon: Floats) -> Floats:
        """Expected purchases within `horizon`, never NaN.

        E = c/(a-1) * [1 - q^(a-1) 2F1(c - shape, a-1; c; z)], c = a + b - 1,
        z = h/(rate+h), q = 1 - z: Euler's transformation of Fader, Hardie and
        Lee (2005), eq. 10, so that no argument grows with x. At a = 1 both
        factors vanish; there the expectation, which is smooth in a, is
        interpolated through six values of a around 1. Where the difference in
        brackets loses too many digits (tiny horizon, huge b) or the function
        fails, quadrature over p takes over.
        """
        with np.errstate(all="ignore"):
            if abs(self.a - 1.0) < _NEAR_ONE:
                expected = _interpolate(lambda a: self._closed_form(a, horizon), self.a)
            else:
                expected = self._closed_form(self.a, horizon)
        without_dropout = self.shape / self.rate * horizon
        lost_to_cancellation = _EPSILON * (self.a + self.b) / max(abs(self.a - 1.0), _NEAR_ONE / 10)
        trusted = (expected <= without_dropout * (1 + 1e-9)) & (expected * _TOLERANCE >= lost_to_cancellation)
        expected = _mend(expected, trusted, self, horizon, AliveCustomer._expected_by_quadrature)
        return np.clip(expected, 0.0, without_dropout)

    def still_alive(self, horizon: Floats) -> Floats:
        """Probability of being alive still after `horizon`.

        E[exp(-lambda p h)] = E[(1 + p h/rate)^-shape]
        = q^a 2F1(a + b - shape, a; a + b; z).
        """
        z = horizon / (self.rate + horizon)
        total = self.a + self.b
        with np.errstate(all="ignore"):
            value = (1 - z) ** self.a * hyp2f1(total - self.shape, self.a, total, z)
        trusted = np.isfinite(value) & (value > 0) & (value <= 1 + 1e-9)
        return np.clip(_mend(value, trusted, self, horizon, AliveCustomer._alive_by_quadrature), 0.0, 1.0)

    def no_purchase(self, horizon: Floats) -> Floats:
        """Probability that the customer, alive now, buys nothing within `horizon`: (rate/(rate+h))^shape."""
        return np.exp(-self.shape * np.log1p(horizon / self.rate))

    def at_least(self, count: Floats, horizon: Floats) -> Floats:
        """P(X(h) >= count): the exact tail of the purchase count.

        `count` purchases need as many arrivals, which are negative binomial,
        and survival of the first count - 1 chances to leave:
        I_z(count, shape) * B(a, b + count - 1) / B(a, b).
        """
        z = horizon / (self.rate + horizon)
        needed = np.maximum(count, 1.0)
        survives = np.exp(betaln(self.a, self.b + needed - 1) - betaln(self.a, self.b))
        return np.where(count < 1, 1.0, betainc(needed, self.shape, z) * survives)

    def second_factorial_moment(self, horizon: Floats) -> Floats:
        """E[X(h) (X(h) - 1)] to about 3 digits, for intervals.

        Given p it is 2(1-p)/p^2 * P(2 arrivals or more of a negative binomial with p h/rate).
        """
        tau = horizon / self.rate
        at_zero = self.shape * (self.shape + 1) * tau**2
        moment = average_over_dropout(
            lambda p: 2 * (1 - p) / p**2 * _two_or_more(p * tau, self.shape),
            at_zero=at_zero,
            at_one=np.zeros_like(at_zero),
            a=self.a,
            b=self.b,
            decay=self.shape * tau,
            nodes=_MOMENT_NODES,
        )
        return np.clip(moment, 0.0, at_zero)

    def _closed_form(self, a: float, horizon: Floats) -> Floats:
        z = horizon / (self.rate + horizon)
        c = a + self.b - 1
        return (c - (1 - z) ** (a - 1) * _c_times_2f1(c - self.shape, a - 1, c, z)) / (a - 1)

    def _expected_by_quadrature(self, horizon: Floats) -> Floats:
        """E[X(h)] from E[X(h) | p] = (1 - (1 + p h/rate)^-shape) / p."""
        tau = horizon / self.rate
        return average_over_dropout(
            lambda p: -np.expm1(-self.shape * np.log1p(p * tau)) / p,
            at_zero=self.shape * tau,
            at_one=-np.expm1(-self.shape * np.log1p(tau)),
            a=self.a,
            b=self.b,
            decay=self.shape * tau,
            nodes=EXACT_NODES,
        )

    def _alive_by_quadrature(self, horizon: Floats) -> Floats:
        tau = horizon / self.rate
        return average_over_dropout(
            lambda p: np.exp(-self.shape * np.log1p(p * tau)),
            at_zero=np.ones_like(tau),
            at_one=self.no_purchase(horizon),
            a=self.a,
            b=self.b,
            decay=self.shape * tau,
            nodes=EXACT_NODES,
        )


def _mend(
    value: Floats,
    trusted: np.ndarray,
    customers: AliveCustomer,
    horizon: Floats,
    by_quadrature: Callable[[AliveCustomer, Floats], Floats],
) -> Floats:
    """Replace by quadrature what the hypergeometric function could not deliver (NaN or out of range)."""
    if trusted.all():
        return value
    wrong = ~trusted
    part = AliveCustomer(customers.shape[wrong], customers.rate[wrong], customers.a, customers.b[wrong])
    mended = np.array(value)
    mended[wrong] = by_quadrature(part, horizon[wrong])
    return mended


def _c_times_2f1(first: Floats, second: float, c: Floats, z: Floats) -> Floats:
    """Return c * 2F1(first, second; c; z), also at c = 0, where the function has a pole that c removes.

    Close to the pole the contiguous relation (DLMF 15.5.18, c raised by one)
    expresses it through c + 1 and c + 2.
    """
    value = np.asarray(c * hyp2f1(first, second, c, z))
    near = np.abs(c) < _NEAR_ZERO
    if near.any():
        first, c, z = first[near], c[near], z[near]
        one_up = hyp2f1(first, second, c + 1, z) * (c - (2 * c + 1 - first - second) * z)
        two_up = hyp2f1(first, second, c + 2, z) * (c + 1 - first) * (c + 1 - second) * z / (c + 1)
        value[near] = (one_up + two_up) / (1 - z)
    return value


def _two_or_more(tau: Floats, shape: Floats) -> Floats:
    """P(N >= 2) for a negative binomial N with success odds tau; by its leading terms where they cancel."""
    w = tau / (1 + tau)
    exponent = shape * np.log1p(tau)
    direct = -np.expm1(-exponent) - shape * w * np.exp(-exponent)
    leading = shape * (shape + 1) / 2 * tau**2 * (1 - 2 * (shape + 2) / 3 * tau)
    return np.where(exponent < 1e-4, leading, direct)


def _interpolate(function: Callable[[float], Floats], at: float) -> Floats:
    """Lagrange interpolation through the Chebyshev nodes around 1."""
    terms = []
    for i, node in enumerate(_LIMIT_NODES):
        others = np.delete(_LIMIT_NODES, i)
        terms.append(float(np.prod((at - others) / (node - others))) * function(float(node)))
    return np.asarray(np.sum(terms, axis=0))
