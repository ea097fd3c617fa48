"""Expected purchases and probabilities: exact values, laws for any input, simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.models.bg_nbd import BgNbd
from habitue.models.mbg_nbd import MbgNbd
from tests.models import reference_grid as grid

KINDS = [BgNbd, MbgNbd]
positive = st.floats(-7, 7).map(np.exp)
histories = st.tuples(st.integers(0, 20_000), st.floats(1e-3, 1), st.floats(1e-2, 1e4))


@pytest.mark.parametrize(("kind", "expected"), [(BgNbd, grid.BG_EXPECTED), (MbgNbd, grid.MBG_EXPECTED)])
def test_expected_purchases_equal_80_digit_arithmetic(kind, expected) -> None:
    x, t_x, age, horizon = np.array(grid.HISTORIES, dtype=float).T
    for parameters, row in zip(grid.PARAMETERS, expected, strict=True):
        assert kind(*parameters).expected_purchases(horizon, x, t_x, age) == pytest.approx(row, rel=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(r=positive, alpha=positive, a=positive, b=positive, history=histories, horizon=st.floats(0, 1e4))
def test_laws_hold_for_any_parameters_and_history(kind, r, alpha, a, b, history, horizon) -> None:
    x, share, age = history
    model, t_x = kind(r, alpha, a, b), share * age if x else 0.0
    given_history = (x, t_x, age)
    alive, silent = model.p_alive(*given_history), model.p_no_purchase(horizon, *given_history)
    later = model.p_alive_after(horizon, *given_history)
    expected = model.expected_purchases([horizon / 2, horizon, horizon * 2], *given_history)
    assert 0 <= alive <= 1
    assert 0 <= silent <= 1
    assert 0 <= later <= alive * (1 + 1e-9)
    assert np.all(np.isfinite(expected))
    assert np.all(np.diff(expected) >= -1e-8 * expected[1:])
    assert expected[1] * (1 + 1e-8) + 1e-15 >= 1 - silent - 1e-12  # E[N] >= P(N >= 1)
    assert model.p_at_least(1, horizon, *given_history) == pytest.approx(1 - silent, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("a", [0.02, 0.8, 1.0, 3.0])
def test_expected_purchases_are_the_sum_of_the_tail_probabilities(kind, a) -> None:
    model = kind(0.5, 5.0, a, 2.0)
    history = (4, 20.0, 26.0)
    counts = np.arange(1, 2000)
    tail = model.p_at_least(counts, 30.0, *history)
    assert float(model.expected_purchases(30.0, *history)) == pytest.approx(tail.sum(), rel=1e-8)
    assert float(model.second_factorial_moment(30.0, *history)) == pytest.approx(
        2 * ((counts - 1) * tail).sum(), rel=2e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_agree_with_simulated_customers_of_the_same_history(kind) -> None:
    model = kind(0.8, 10.0, 0.9, 2.0)
    x, seen, later = simulate(model, age=30.0, horizon=20.0, customers=400_000, seed=7)
    for repeat in (0, 1, 3):
        t_x = 0.0 if repeat == 0 else 18.0
        alike = (x == repeat) & (np.abs(seen - t_x) < 1.0)
        found = later[alike]
        spread = 4 * found.std() / np.sqrt(found.size)
        history = (repeat, t_x, 30.0)
        assert found.size > 500
        assert float(model.expected_purchases(20.0, *history)) == pytest.approx(
            found.mean(), abs=spread + 0.01
        )
        silent = np.mean(found == 0)
        spread = 4 * np.sqrt(silent * (1 - silent) / found.size)
        assert float(model.p_no_purchase(20.0, *history)) == pytest.approx(silent, abs=spread + 0.005)


def simulate(model, *, age: float | np.ndarray, horizon: float, customers: int, seed: int):
    """Draw customers from the model: repeat purchases by `age`, time of the last one, purchases after it."""
    random = np.random.default_rng(seed)
    rate = random.gamma(model.r, 1 / model.alpha, customers)
    dropout = random.beta(model.a, model.b, customers)
    alive = np.ones(customers, dtype=bool)
    if model.chances_before_first_repeat:
        alive = random.random(customers) >= dropout
    now, seen = np.zeros(customers), np.zeros(customers)
    x, later = np.zeros(customers, dtype=int), np.zeros(customers, dtype=int)
    while alive.any():
        now = now + random.exponential(1, customers) / np.maximum(rate, 1e-300)
        alive &= now <= age + horizon
        x += alive & (now <= age)
        later += alive & (now > age)
        seen = np.where(alive & (now <= age), now, seen)
        alive &= random.random(customers) >= dropout
    return x, seen, later


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [50_000, pytest.param(10_000_000, marks=pytest.mark.accept)])
def test_random_customers_give_no_nan(kind, size) -> None:
    random = np.random.default_rng(3)
    x = np.where(random.random(size) < 0.4, 0, np.floor(10 ** random.uniform(0, 4.3, size)))
    age = random.uniform(0.1, 1500, size)
    t_x = np.where(x > 0, age * random.uniform(0.001, 1, size), 0.0)
    for parameters in grid.PARAMETERS[: 2 if size > 50_000 else None]:
        model = kind(*parameters)
        for values in (
            model.expected_purchases(365, x, t_x, age),
            model.p_no_purchase(91, x, t_x, age),
            model.p_alive_after(1095, x, t_x, age),
        ):
            assert np.all(np.isfinite(values))


@pytest.mark.parametrize("kind", KINDS)
def test_models_survive_json(kind) -> None:
    model = kind(0.24, 4.4, 0.79, 2.4)
    assert kind.from_dict(model.to_dict()) == model
    with pytest.raises(ValueError, match=f"expected a {kind.kind}"):
        kind.from_dict({**model.to_dict(), "kind": "pareto_nbd"})


def test_impossible_input_is_refused_and_not_turned_into_nan() -> None:
    model = BgNbd(0.24, 4.4, 0.79, 2.4)
    with pytest.raises(ValueError, match="finite and not negative"):
        model.expected_purchases(-1, 2, 10, 20)
    with pytest.raises(ValueError, match="alpha = 0"):
        BgNbd(0.24, 0.0, 0.79, 2.4)
