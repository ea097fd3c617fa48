"""Net present value: small examples worked by hand, and the coverage of the interval."""

from collections.abc import Callable

import numpy as np
import pytest

from habitue.models.gamma_gamma import GammaGamma
from habitue.models.mbg_nbd import MbgNbd
from habitue.models.npv import Economics, Worth, net_present_value, period_ends
from habitue.models.value_interval import Count, spend_quantiles, value_interval


def one_purchase_a_month(spend: float) -> Callable[[float], tuple[np.ndarray, np.ndarray]]:
    return lambda days: (np.array([days / 30]), np.array([days / 30 * spend]))


def half_alive(days: float) -> np.ndarray:
    return np.array([0.5])


def test_periods_are_30_days_and_end_at_each_horizon() -> None:
    assert period_ends([90, 100]) == [0, 30, 60, 90, 100]
    assert period_ends([45]) == [0, 30, 45]
    with pytest.raises(ValueError, match="positive days"):
        period_ends([0])


def test_value_without_discount_is_purchases_times_contribution_less_contacts() -> None:
    economics = Economics(0.25, 0.0, 2.0, 0.1, 5.0, 7.3)
    worth = net_present_value(one_purchase_a_month(40.0), half_alive, economics, horizons_days=[90])
    # 3 purchases * (40 * .25 - 2 - .1 * 5) = 22.50; contacts 7.30 * 90/365 * .5 = .90
    assert worth[90].value == pytest.approx([21.6])


def test_purchases_are_discounted_from_the_middle_of_their_month() -> None:
    economics = Economics(1.0, 0.21)
    worth = net_present_value(one_purchase_a_month(10.0), half_alive, economics, horizons_days=[45])
    # days 0-30 count at day 15, days 30-45 (half a purchase) at day 37.5
    by_hand = 10 * 1.21 ** (-15 / 365) + 5 * 1.21 ** (-37.5 / 365)
    assert worth[45].value == pytest.approx([by_hand])


def test_several_horizons_equal_each_alone_where_periods_agree() -> None:
    economics = Economics(0.3, 0.1, contact_cost_per_year=4.0)
    both = net_present_value(one_purchase_a_month(10.0), half_alive, economics, horizons_days=[90, 360])
    alone = net_present_value(one_purchase_a_month(10.0), half_alive, economics, horizons_days=[90])
    assert both[90].value == pytest.approx(alone[90].value)
    assert both[360].value > both[90].value


def test_without_a_margin_the_value_is_revenue_and_says_so() -> None:
    assert Economics().basis == "revenue"
    assert Economics(0.3).basis == "margin"
    assert Economics().contribution(np.array([3.0]), np.array([12.0])) == pytest.approx([12.0])


def counted(model: MbgNbd, horizon: float, x, t_x, age) -> Count:
    return Count(
        model.p_no_purchase(horizon, x, t_x, age),
        model.expected_purchases(horizon, x, t_x, age),
        model.second_factorial_moment(horizon, x, t_x, age),
    )


@pytest.mark.parametrize(
    "history", [(2, 200.0, 260.0, 25.0), (8, 350.0, 360.0, 40.0), (40, 358.0, 360.0, 30.0)]
)
def test_the_interval_covers_80_percent_of_simulated_spend(history) -> None:
    x, t_x, age, mean = history
    model, spend_model = MbgNbd(1.4, 30.0, 0.2, 3.0), GammaGamma(2.0, 4.0, 50.0, 33.0)
    total = simulated_spend(model, spend_model, history, horizon=365.0, draws=60_000)
    expected = float(model.expected_purchases(365, x, t_x, age)) * float(spend_model.expected_spend(x, mean))
    assert total.mean() == pytest.approx(expected, rel=0.03)
    count = counted(model, 365.0, [x], [t_x], [age])
    low, high = (
        expected * float(part[0])
        for part in spend_quantiles(count, spend_model, np.array([x]), np.array([mean]), 0.1, 0.9)
    )
    assert np.mean(total <= low) == pytest.approx(max(0.1, float(count.p_none[0])), abs=0.02)
    assert np.mean(total > high) == pytest.approx(0.1, abs=0.03)


def simulated_spend(
    model: MbgNbd, spend_model: GammaGamma, history, *, horizon: float, draws: int
) -> np.ndarray:
    """Draw what a customer with this history will spend, from the posterior of rate, dropout and spend."""
    x, t_x, age, mean = history
    random = np.random.default_rng(9)
    rate = random.gamma(model.r + x, 1 / (model.alpha + age), draws)
    dropout = random.beta(model.a, model.b + x + 1, draws)
    alive = random.random(draws) < float(model.p_alive(x, t_x, age))
    arrivals = random.poisson(rate * horizon)
    count = np.where(alive, np.minimum(arrivals, random.geometric(dropout)), 0)
    nu = random.gamma(spend_model.p * x + spend_model.q, 1 / (spend_model.v + x * mean), draws)
    return np.where(count > 0, random.gamma(spend_model.p * np.maximum(count, 1)) / nu, 0.0)


def test_bounds_enclose_the_value_and_are_never_nan() -> None:
    random = np.random.default_rng(0)
    size = 20_000
    x = np.where(random.random(size) < 0.5, 0, random.integers(1, 300, size))
    age = random.uniform(1, 900, size)
    t_x = np.where(x > 0, age * random.uniform(0.001, 1, size), 0)
    mean = np.where(x > 0, random.gamma(2, 20, size) + 0.01, np.nan)
    model, spend_model = MbgNbd(0.3, 20.0, 0.9, 0.5), GammaGamma(0.5, 1.2, 10.0, 25.0)
    economics = Economics(0.2, 0.1, cost_per_order=4.0, contact_cost_per_year=3.0)
    spend = spend_model.expected_spend(x, mean)

    def expected(days: float) -> tuple[np.ndarray, np.ndarray]:
        purchases = model.expected_purchases(days, x, t_x, age)
        return purchases, purchases * spend

    worth: Worth = net_present_value(
        expected,
        lambda days: model.p_alive_after(days, x, t_x, age),
        economics,
        horizons_days=[365],
    )[365]
    low, high = value_interval(worth, counted(model, 365.0, x, t_x, age), spend_model, x, mean)
    assert np.all(np.isfinite(low) & np.isfinite(high) & np.isfinite(worth.value))
    assert np.all((low <= worth.value) & (worth.value <= high))
    assert np.mean(low < high) > 0.5
