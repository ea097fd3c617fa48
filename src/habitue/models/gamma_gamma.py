"""The Gamma-Gamma model: spend per purchase, shrunk to the population by how little is known."""

from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from habitue.models.fit import Fit, log_standard_errors, minimise
from habitue.models.patterns import Floats, group_rows

_START = (2.0, 3.0, 2.0)
_MAX_CORRELATION = 0.3
_LEAST_Q = 1.5  # p v / (q - 1) of a q nearer to 1 hangs on the few largest spenders
_MOST_EXCESS = 0.25  # of the prior mean over what was seen


@dataclass(frozen=True)
class GammaGamma:
    """Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value.

    A purchase is worth Gamma(p, nu), with nu ~ Gamma(q, v) between customers;
    independent of how often the customer buys. `mean_spend` is the mean over
    customers of what each was seen to spend per repeat purchase; it stands in for a
    prior mean that does not exist (q <= 1), hardly does (q < 1.5) or lies more than 25 % above it.
    """

    p: float
    q: float
    v: float
    mean_spend: float
    keeping_share: float = 1.0

    kind: ClassVar[str] = "gamma_gamma"

    def __post_init__(self) -> None:
        wrong = [
            f"{k} = {value}" for k, value in asdict(self).items() if not (np.isfinite(value) and value > 0)
        ]
        if wrong:
            raise ValueError(f"gamma_gamma parameters must be positive and finite: {', '.join(wrong)}")

    @classmethod
    def fit(cls, x: ArrayLike, mean: ArrayLike, weight: ArrayLike | None = None) -> "Fit[Self]":
        """Estimate from customers with x >= 1 repeat purchases and a positive mean spend per repeat purchase.

        Customers without either are left out: they say nothing about spend. How many sent all of it back (a mean of 0)
        is kept as a share, since a new customer may be one of them.
        The first purchase must not be in `mean`, a purchase is one day.
        """
        keeping = _keeping_share(x, mean, weight)
        x, mean, weight = _informative(x, mean, weight)
        unit = float(np.average(mean, weights=weight))
        likelihood = _Likelihood(x, mean / unit, weight)
        found = minimise(likelihood.objective, np.log(_START))
        errors = log_standard_errors(likelihood.objective, found.point, float(weight.sum()))
        scale = np.array([1.0, 1.0, unit])
        p, q, v = (float(value) for value in np.exp(found.point) * scale)
        model = cls(p, q, v, unit, keeping)
        ses = np.exp(found.point) * scale * errors
        return Fit(
            model=model,
            log_likelihood=model.log_likelihood(x, mean, weight),
            converged=found.converged,
            evaluations=found.evaluations,
            warnings=_warnings(model, found.converged, errors, x, mean, weight),
            standard_errors=dict(zip("pqv", (float(value) for value in ses), strict=True)),
        )

    def log_likelihood(self, x: ArrayLike, mean: ArrayLike, weight: ArrayLike | None = None) -> float:
        """Weighted log-likelihood of the mean spends (Fader and Hardie 2013, eq. 1a)."""
        x, mean, weight = _informative(x, mean, weight)
        p, q, v = self.p, self.q, self.v
        density = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) - np.log(mean)
        density += p * x * np.log(x * mean) - (p * x + q) * np.log(x * mean + v)
        return float(density @ weight)

    def expected_spend(self, x: ArrayLike, mean: ArrayLike) -> Floats:
        """Expected spend per future purchase: the prior mean and the customer's own, weighted (q-1) to p x.

        Without an own mean (x = 0, or mean missing or negative) it is the prior
        mean; a mean of 0 is known and draws the expectation down. With q <= 1 the prior
        has the weight of one unit of shape.
        """
        count, own = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(mean, dtype=np.float64))
        known = (count > 0) & np.isfinite(own) & (own >= 0)
        own_weight = np.where(known, self.p * count, 0.0)
        prior_weight = self.q - 1 if self.q > 1 else 1.0
        total = prior_weight * self.keepers_mean + own_weight * np.where(known, own, 0.0)
        return np.where(known, total / (prior_weight + own_weight), self.prior_mean)

    @property
    def prior_mean(self) -> float:
        """Mean spend per purchase of a customer about whom nothing is known, who may be one that keeps nothing.

        A hurdle before the model, which knows no sums of 0.
        """
        return self.keeping_share * self.keepers_mean

    @property
    def keepers_mean(self) -> float:
        """The same of those who keep what they buy: p v / (q - 1) where that can be trusted."""
        return self.mean_spend if self.mistrust else self.p * self.v / (self.q - 1)

    @property
    def mistrust(self) -> str:
        """Why the observed mean stands in for the prior's; empty where it does not."""
        if self.q < _LEAST_Q:
            return f"q = {self.q:.3g} is below {_LEAST_Q}: the prior has no mean or hardly one"
        excess = self.p * self.v / (self.q - 1) / self.mean_spend - 1
        return f"the prior mean is {excess:.0%} above the observed one" if excess > _MOST_EXCESS else ""

    def to_dict(self) -> dict[str, str | float]:
        """Return the model as plain JSON values."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, str | float]) -> Self:
        """Read what `to_dict` wrote; refuse another kind of model."""
        names = ("p", "q", "v", "mean_spend", "keeping_share")
        values = {"keeping_share": 1.0, **values}  # models of before know of none who keeps nothing
        if values.get("kind") != cls.kind or set(values) != {"kind", *names}:
            raise ValueError(
                f"expected a {cls.kind} with {names}, found {values.get('kind')} with {sorted(values)}"
            )
        return cls(*(float(values[name]) for name in names))


class _Likelihood:
    """Mean negative log-likelihood of (log p, log q, log v) with its gradient, on grouped (x, mean)."""

    def __init__(self, x: Floats, mean: Floats, weight: Floats) -> None:
        self._x = x
        self._total = x * mean
        self._share = weight / weight.sum()

    def objective(self, log_parameters: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(log_parameters)
        x, share = self._x, self._share
        shape = p * x + q
        log_total, log_sum = np.log(self._total), np.log(self._total + v)
        value = (
            gammaln(shape) - gammaln(p * x) - gammaln(q) + q * np.log(v) + p * x * log_total - shape * log_sum
        )
        slope = np.array(
            [
                share @ (x * (digamma(shape) - digamma(p * x) + log_total - log_sum)),
                share @ (digamma(shape) - digamma(q) + np.log(v) - log_sum),
                share @ (q / v - shape / (self._total + v)),
            ]
        )
        return -float(share @ value), -slope * np.array([p, q, v])


def _informative(x: ArrayLike, mean: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    count, own = np.asarray(x, dtype=np.float64).ravel(), np.asarray(mean, dtype=np.float64).ravel()
    weights = np.ones_like(count) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if not count.size == own.size == weights.size:
        raise ValueError(f"x, mean and weight differ in length: {count.size}, {own.size}, {weights.size}")
    usable = (count > 0) & np.isfinite(own) & (own > 0) & (weights > 0)
    if not usable.any():
        raise ValueError("no customer has a repeat purchase with a positive value: spend cannot be modelled")
    distinct, summed = group_rows([count[usable], own[usable]], weights[usable])
    return distinct[0], distinct[1], summed


def _keeping_share(x: ArrayLike, mean: ArrayLike, weight: ArrayLike | None) -> float:
    """Share of customers with a positive mean among those with repeat purchases of which nothing or more is left."""
    count, own = np.asarray(x, dtype=np.float64).ravel(), np.asarray(mean, dtype=np.float64).ravel()
    weights = np.ones_like(count) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    with np.errstate(invalid="ignore"):
        known = (count > 0) & (own >= 0)
        total = float(weights[known].sum())
        return float(weights[known & (own > 0)].sum()) / total if total else 1.0


def _warnings(
    model: GammaGamma, converged: bool, log_errors: Floats, x: Floats, mean: Floats, weight: Floats
) -> tuple[str, ...]:
    correlation = _correlation(x, mean, weight)
    checks = (
        (not converged, "the search did not converge"),
        (bool(model.mistrust), f"{model.mistrust}; the observed mean spend takes its place"),
        (not np.all(np.isfinite(log_errors)), "the likelihood is flat: parameters are not identified"),
        (
            abs(correlation) > _MAX_CORRELATION,
            f"spend and frequency correlate by {correlation:.2f}: the model takes them as independent",
        ),
    )
    return tuple(text for holds, text in checks if holds)


def _correlation(x: Floats, mean: Floats, weight: Floats) -> float:
    """Pearson correlation of frequency and mean spend; 0 where either does not vary."""
    covariance = np.cov(np.vstack([x, mean]), aweights=weight, ddof=0)
    spread = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(covariance[0, 1]) / spread if spread > 0 else 0.0
