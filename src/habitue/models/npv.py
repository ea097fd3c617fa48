"""Customer lifetime value: the net present value of contribution margin less costs over a stated horizon."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from habitue.models.patterns import Floats

PERIOD_DAYS = 30.0
DAYS_PER_YEAR = 365.0
AtHorizon = Callable[[float], Floats]


@dataclass(frozen=True)
class Economics:
    """What a purchase earns and what keeping a customer costs, in the currency of the spend.

    margin_rate None means that no margin is known: values are then revenue
    (margin 1), and `basis` says so. Spend is net of discounts and returns;
    `return_rate` is the share of purchases that cause a return, for its
    handling cost only. Contacts cost as long as the customer is alive.
    """

    margin_rate: float | None = None
    discount_rate_per_year: float = 0.1
    cost_per_order: float = 0.0
    return_rate: float = 0.0
    cost_per_return: float = 0.0
    contact_cost_per_year: float = 0.0

    @property
    def basis(self) -> str:
        """`margin` if a margin rate is known, else `revenue`."""
        return "revenue" if self.margin_rate is None else "margin"

    def value_per_purchase(self, spend: Floats) -> Floats:
        """Contribution of one purchase: spend times margin less order cost and expected return cost."""
        margin = 1.0 if self.margin_rate is None else self.margin_rate
        return spend * margin - self.cost_per_order - self.return_rate * self.cost_per_return

    def discount(self, days: float) -> float:
        """Present value of one unit paid `days` from now, at an effective yearly rate."""
        return float((1.0 + self.discount_rate_per_year) ** (-days / DAYS_PER_YEAR))


@dataclass(frozen=True)
class Worth:
    """Expected value of customers over one horizon, in parts: purchases * contribution - contact_cost.

    `purchases` is the discounted expected number of purchases, `contact_cost`
    the discounted expected cost of contacts. Arrays over customers.
    """

    horizon_days: float
    purchases: Floats
    contribution: Floats
    contact_cost: Floats

    @property
    def value(self) -> Floats:
        """The net present value per customer."""
        return self.purchases * self.contribution - self.contact_cost


def net_present_value(
    expected_purchases_within: AtHorizon,
    p_alive_after: AtHorizon,
    spend: Floats,
    economics: Economics,
    *,
    horizons_days: Sequence[float] = (90.0, 365.0, 1095.0),
) -> dict[float, Worth]:
    """Value every customer over each horizon, in one pass.

    `expected_purchases_within(days)` gives the cumulative expected purchases
    and `p_alive_after(days)` the probability of being alive, both arrays over
    customers. Time is cut into periods of 30 days (the last one before a
    horizon may be shorter); what happens in a period counts at its middle.
    """
    spend = np.asarray(spend, dtype=np.float64)
    contribution = economics.value_per_purchase(spend)
    purchases, contact_cost = np.zeros_like(spend), np.zeros_like(spend)
    so_far = np.zeros_like(spend)
    worth: dict[float, Worth] = {}
    for start, end in pairwise(period_ends(horizons_days)):
        discount = economics.discount((start + end) / 2)
        until_end = expected_purchases_within(end)
        purchases = purchases + discount * (until_end - so_far)
        so_far = until_end
        if economics.contact_cost_per_year:
            cost = economics.contact_cost_per_year * (end - start) / DAYS_PER_YEAR
            contact_cost = contact_cost + discount * cost * p_alive_after((start + end) / 2)
        if end in horizons_days:
            worth[end] = Worth(end, purchases, contribution, contact_cost)
    return worth


def period_ends(horizons_days: Sequence[float]) -> list[float]:
    """0 and the ends of all periods: multiples of 30 days, and each horizon."""
    if not horizons_days or min(horizons_days) <= 0:
        raise ValueError(f"horizons must be positive days, found {list(horizons_days)}")
    longest = max(horizons_days)
    return sorted({*np.arange(0.0, longest, PERIOD_DAYS).tolist(), *map(float, horizons_days)})
