"""Customer lifetime value: the net present value of contribution margin less costs over a stated horizon."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from habitue.models.patterns import Floats

PERIOD_DAYS = 30.0
DAYS_PER_YEAR = 365.0
AtHorizon = Callable[[float], Floats]
Expected = Callable[[float], tuple[Floats, Floats]]


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

    def contribution(self, purchases: Floats, revenue: Floats) -> Floats:
        """What purchases earn: their revenue times margin less order cost and expected return cost."""
        margin = 1.0 if self.margin_rate is None else self.margin_rate
        return revenue * margin - purchases * (self.cost_per_order + self.return_rate * self.cost_per_return)

    def discount(self, days: float) -> float:
        """Present value of one unit paid `days` from now, at an effective yearly rate."""
        return float((1.0 + self.discount_rate_per_year) ** (-days / DAYS_PER_YEAR))


@dataclass(frozen=True)
class Worth:
    """Expected value of customers over one horizon, in parts: contribution - contact_cost.

    Both discounted, arrays over customers: what their purchases are expected
    to earn, and what contacting them costs.
    """

    horizon_days: float
    contribution: Floats
    contact_cost: Floats

    @property
    def value(self) -> Floats:
        """The net present value per customer."""
        return self.contribution - self.contact_cost


def net_present_value(
    expected_within: Expected,
    p_alive_after: AtHorizon,
    economics: Economics,
    *,
    horizons_days: Sequence[float] = (90.0, 365.0, 1095.0),
) -> dict[float, Worth]:
    """Value every customer over each horizon, in one pass.

    `expected_within(days)` gives the cumulative expected purchases and their
    revenue, `p_alive_after(days)` the probability of being alive, all arrays over
    customers. Time is cut into periods of 30 days (the last one before a
    horizon may be shorter); what happens in a period counts at its middle.
    """
    none = np.zeros(1)
    contribution, contact_cost, so_far = none, none, (none, none)
    worth: dict[float, Worth] = {}
    for start, end in pairwise(period_ends(horizons_days)):
        discount = economics.discount((start + end) / 2)
        until_end = expected_within(end)
        purchases, revenue = until_end[0] - so_far[0], until_end[1] - so_far[1]
        contribution = contribution + discount * economics.contribution(purchases, revenue)
        so_far = until_end
        if economics.contact_cost_per_year:
            cost = economics.contact_cost_per_year * (end - start) / DAYS_PER_YEAR
            contact_cost = contact_cost + discount * cost * p_alive_after((start + end) / 2)
        if end in horizons_days:
            worth[end] = Worth(end, contribution, contact_cost)
    return worth


def period_ends(horizons_days: Sequence[float]) -> list[float]:
    """0 and the ends of all periods: multiples of 30 days, and each horizon."""
    if not horizons_days or min(horizons_days) <= 0:
        raise ValueError(f"horizons must be positive days, found {list(horizons_days)}")
    longest = max(horizons_days)
    return sorted({*np.arange(0.0, longest, PERIOD_DAYS).tolist(), *map(float, horizons_days)})
