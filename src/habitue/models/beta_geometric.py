"""What the BG/NBD and the MBG/NBD model share: purchases at a Gamma rate until a geometric dropout.

A customer buys at rate lambda ~ Gamma(r, alpha) and leaves after a purchase
with probability p ~ Beta(a, b). The two models differ in one thing only: how
often a customer with x repeat purchases has had the chance to leave. In the
BG/NBD that is x times, in the MBG/NBD x + 1 times, because there the first
purchase may already be the last.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln

from habitue.models.alive_customer import AliveCustomer
from habitue.models.fit import Fit, maximise
from habitue.models.patterns import Floats, Patterns

PARAMETERS = ("r", "alpha", "a", "b")


@dataclass(frozen=True)
class BetaGeometric:
    """Purchase model with parameters r, alpha (purchase rate; alpha in the unit of time) and a, b (dropout).

    All methods take arrays that broadcast; x, t_x and age as in `Patterns`.
    """

    r: float
    alpha: float
    a: float
    b: float

    kind: ClassVar[str]
    chances_before_first_repeat: ClassVar[int]

    def __post_init__(self) -> None:
        wrong = [f"{k} = {v}" for k, v in asdict(self).items() if not (np.isfinite(v) and v > 0)]
        if wrong:
            raise ValueError(f"{self.kind} parameters must be positive and finite: {', '.join(wrong)}")

    @classmethod
    def fit(cls, patterns: Patterns) -> "Fit[Self]":
        """Estimate by exact maximum likelihood with analytic gradient; the unit of time does not matter."""
        unit = float(np.average(patterns.age, weights=patterns.weight)) or 1.0
        estimate = maximise(patterns.in_unit(unit), cls.chances_before_first_repeat)
        scale = np.array([1.0, unit, 1.0, 1.0])
        model = cls(*(float(value) for value in estimate.parameters * scale))
        return Fit(
            model=model,
            log_likelihood=model.log_likelihood(patterns),
            converged=estimate.converged,
            evaluations=estimate.evaluations,
            warnings=estimate.warnings,
            standard_errors=dict(
                zip(PARAMETERS, (float(v) for v in estimate.standard_errors * scale), strict=True)
            ),
        )

    def log_likelihood(self, patterns: Patterns) -> float:
        """Weighted log-likelihood (Fader, Hardie and Lee 2005, eq. 6; MBG/NBD: Batislam et al. 2007)."""
        x, age = patterns.x, patterns.age
        chances = x + self.chances_before_first_repeat
        arrivals = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        stayed = betaln(self.a, self.b + chances) - betaln(self.a, self.b)
        alive = arrivals + stayed - (self.r + x) * np.log(self.alpha + age)
        either = alive + np.logaddexp(0.0, self._log_odds_gone(x, patterns.t_x, age))
        return float(either @ patterns.weight)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
        """Probability of being alive now. No churn score: it has no window; see `p_no_purchase`."""
        x, t_x, age = _as_floats(x, t_x, age)
        return np.asarray(expit(-self._log_odds_gone(x, t_x, age)))

    def expected_purchases(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
        """Expected purchases within the next `horizon` (same unit as age), given the history."""
        horizon, x, t_x, age = _as_floats(horizon, x, t_x, age)
        return self.p_alive(x, t_x, age) * self._if_alive(x, age).expected_purchases(horizon)

    def expected_purchases_new(self, horizon: ArrayLike) -> Floats:
        """Expected repeat purchases of a random new customer within `horizon` of the first purchase."""
        return self.expected_purchases(horizon, 0.0, 0.0, 0.0)

    def p_no_purchase(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
        """P(no purchase within `horizon` | history): the churn probability for a stated window.

        A customer leaves only right after a purchase. Who is alive now
        therefore stays so until the next purchase, which comes at rate lambda
        with lambda | history, alive ~ Gamma(r + x, alpha + T). Hence
        P = 1 - P(alive) * [1 - ((alpha + T)/(alpha + T + h))^(r + x)], exactly.
        """
        horizon, x, t_x, age = _as_floats(horizon, x, t_x, age)
        buys_if_alive = -np.expm1(-(self.r + x) * np.log1p(horizon / (self.alpha + age)))
        return np.asarray(1.0 - self.p_alive(x, t_x, age) * buys_if_alive)

    def p_alive_after(self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
        """Probability of being alive still `horizon` from now, given the history."""
        horizon, x, t_x, age = _as_floats(horizon, x, t_x, age)
        return self.p_alive(x, t_x, age) * self._if_alive(x, age).still_alive(horizon)

    def p_at_least(
        self, count: ArrayLike, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
    ) -> Floats:
        """P(at least `count` purchases within `horizon` | history), exact for any count."""
        count, horizon, x, t_x, age = _as_floats(count, horizon, x, t_x, age)
        tail = self.p_alive(x, t_x, age) * self._if_alive(x, age).at_least(count, horizon)
        return np.where(count < 1, 1.0, tail)

    def second_factorial_moment(
        self, horizon: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
    ) -> Floats:
        """E[N (N - 1)] of the purchases N within `horizon` | history, to about 3 digits."""
        horizon, x, t_x, age = _as_floats(horizon, x, t_x, age)
        return self.p_alive(x, t_x, age) * self._if_alive(x, age).second_factorial_moment(horizon)

    def to_dict(self) -> dict[str, str | float]:
        """Return the model as plain JSON values."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, str | float]) -> Self:
        """Read what `to_dict` wrote; refuse another kind of model."""
        found = set(values)
        if values.get("kind") != cls.kind or found != {"kind", *PARAMETERS}:
            raise ValueError(
                f"expected a {cls.kind} with {PARAMETERS}, found {values.get('kind')} with {sorted(found)}"
            )
        return cls(*(float(values[name]) for name in PARAMETERS))

    def _if_alive(self, x: Floats, age: Floats) -> AliveCustomer:
        return AliveCustomer(
            self.r + x, self.alpha + age, self.a, self.b + x + self.chances_before_first_repeat
        )

    def _log_odds_gone(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Log of P(gone)/P(alive); minus infinity where there was no chance to leave."""
        chances = x + self.chances_before_first_repeat
        silence = (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        last_chance = np.log(self.a) - np.log(self.b + np.maximum(chances, 1.0) - 1)
        return np.where(chances > 0, last_chance + silence, -np.inf)


def _as_floats(*values: ArrayLike) -> tuple[Floats, ...]:
    """Broadcast to one shape; refuse negative or non-finite input instead of returning NaN."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    if not all(np.all((array >= 0) & (array < np.inf)) for array in arrays):
        raise ValueError("horizon, count, x, t_x and T must be finite and not negative")
    return tuple(np.array(array) for array in np.broadcast_arrays(*arrays))
