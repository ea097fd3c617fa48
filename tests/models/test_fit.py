"""Estimation: known truth is found again, degenerate data are named, size is no obstacle."""

import time

import numpy as np
import pytest
from scipy.optimize import check_grad
from threadpoolctl import threadpool_limits

from habitue.models.bg_nbd import BgNbd
from habitue.models.fit import Likelihood
from habitue.models.gamma_gamma import GammaGamma, _Likelihood
from habitue.models.mbg_nbd import MbgNbd
from habitue.models.patterns import Patterns
from tests.models.cdnow import cdnow
from tests.models.test_purchase_numerics import simulate

KINDS = [BgNbd, MbgNbd]
TRUTH = (0.8, 40.0, 0.7, 2.5)


def population(kind, customers: int, seed: int) -> Patterns:
    """Customers of several cohorts, times in whole days as in real data."""
    parts = [
        (age, simulate(kind(*TRUTH), age=age, horizon=0.0, customers=customers // 4, seed=seed + int(age)))
        for age in (200.0, 400.0, 600.0, 800.0)
    ]
    x = np.concatenate([part[0] for _, part in parts])
    t_x = np.concatenate([part[1] for _, part in parts])
    age = np.concatenate([np.full(part[0].size, age) for age, part in parts])
    return Patterns.group(x, np.ceil(t_x * 1000) / 1000 * (x > 0), age)


@pytest.mark.parametrize("chances", [0, 1])
@pytest.mark.parametrize("parameters", [TRUTH, (0.2, 3.0, 1.0, 0.4), (3.0, 100.0, 0.01, 50.0)])
def test_the_gradient_of_the_purchase_likelihood_is_its_derivative(chances, parameters) -> None:
    data = cdnow()
    likelihood = Likelihood(Patterns.group(data.x, data.t_x, data.age), chances)
    point = np.log(parameters)
    error = check_grad(lambda p: likelihood.objective(p)[0], lambda p: likelihood.objective(p)[1], point)
    assert error < 1e-5


def test_the_gradient_of_the_spend_likelihood_is_its_derivative() -> None:
    likelihood = _Likelihood(np.array([1.0, 3.0]), np.array([10.0, 20.0]), np.array([2.0, 1.0]))
    error = check_grad(
        lambda p: likelihood.objective(p)[0], lambda p: likelihood.objective(p)[1], np.log([2.0, 3.0, 20.0])
    )
    assert error < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_true_parameters_are_found_again(kind) -> None:
    fit = kind.fit(population(kind, 20_000, seed=11))
    model, errors = fit.model, fit.standard_errors
    for name, truth in zip(("r", "alpha", "a", "b"), TRUTH, strict=True):
        assert getattr(model, name) == pytest.approx(truth, abs=4 * errors[name]), name
    assert fit.warnings == ()


@pytest.mark.accept
@pytest.mark.parametrize("kind", KINDS)
def test_true_parameters_of_a_million_customers_are_found_within_2_percent(kind) -> None:
    model = kind.fit(population(kind, 1_000_000, seed=5)).model
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx(TRUTH, rel=0.02)


@pytest.mark.accept
@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_cover_the_truth(kind) -> None:
    covered = []
    for seed in range(60):
        fit = kind.fit(population(kind, 8_000, seed=1000 * seed))
        for name, truth in zip(("r", "alpha", "a", "b"), TRUTH, strict=True):
            z = np.log(getattr(fit.model, name) / truth) / (
                fit.standard_errors[name] / getattr(fit.model, name)
            )
            covered.append(abs(z) < 1.96)
    assert 0.9 < np.mean(covered) < 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_does_not_hang_on_the_number_of_threads(kind) -> None:
    """Sums of several threads differ in their last digits, which a search carries into the ninth."""
    patterns = population(kind, 40_000, seed=3)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found.append(kind.fit(patterns).model)
    assert found[0] == found[1]


def test_customers_who_never_leave_are_reported_and_not_hidden() -> None:
    random = np.random.default_rng(1)
    x = 1 + random.poisson(random.gamma(2, 1 / 20, 3000) * 300)
    t_x = 300.0 - random.integers(0, 3, 3000)  # everybody has just bought
    fit = BgNbd.fit(Patterns.group(x, t_x, np.full(3000, 300.0)))
    assert any("dropout is not identified" in warning for warning in fit.warnings)
    assert np.all(np.isfinite(fit.model.expected_purchases(91, x, t_x, 300)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_time_buyers_alone_give_a_warning_and_no_crash(kind) -> None:
    fit = kind.fit(Patterns.group([0, 0, 0], [0, 0, 0], [10, 20, 30]))
    assert "no customer has a repeat purchase" in fit.warnings
    assert np.isfinite(fit.log_likelihood)


@pytest.mark.accept
def test_700_000_patterns_are_fitted_within_30_seconds() -> None:
    size = 1_250_000
    age = np.random.default_rng(2).integers(30, 1095, size).astype(float)
    x, t_x, _ = simulate(BgNbd(0.8, 200.0, 0.7, 2.5), age=age, horizon=0.0, customers=size, seed=2)
    patterns = Patterns.group(x, t_x, age)
    assert patterns.x.size > 700_000
    start = time.process_time()
    fit = BgNbd.fit(patterns)
    assert time.process_time() - start < 30
    assert fit.converged
    assert fit.warnings == ()


def test_spend_without_a_finite_mean_is_reported_and_replaced_by_the_observed_mean() -> None:
    random = np.random.default_rng(4)
    x = random.integers(1, 4, 4000)
    rate = random.gamma(0.7, 1 / 20, 4000)
    mean = random.gamma(3 * x, 1) / (rate * x)
    fit = GammaGamma.fit(x, mean)
    assert fit.model.q < 1
    assert any("q = " in warning for warning in fit.warnings)
    assert float(fit.model.expected_spend(0, 0)) == pytest.approx(mean.mean())
    assert np.all(np.isfinite(fit.model.expected_spend(x, mean)))


def test_a_prior_mean_that_hangs_on_the_tail_gives_way_to_the_observed_mean_with_a_warning() -> None:
    """Spend of customers is lognormal, mean 112.9; p v / (q - 1) is 167."""
    random = np.random.default_rng(1)
    true = np.exp(random.normal(4, 1.2, 6000))
    x = random.geometric(0.45, 6000) - 1
    fit = GammaGamma.fit(x, random.gamma(1.5 * np.maximum(x, 1), true / (1.5 * np.maximum(x, 1))))
    model = fit.model
    assert 1 < model.q < 1.5 and model.p * model.v / (model.q - 1) > 1.4 * true.mean()
    assert float(model.expected_spend(0, 0)) == pytest.approx(true.mean(), rel=0.1)
    assert any("observed mean spend takes its place" in warning for warning in fit.warnings)


@pytest.mark.parametrize(("mean_spend", "prior_mean"), [(100.0, 100.0), (81.0, 100.0), (79.0, 79.0)])
def test_a_prior_mean_serves_up_to_a_quarter_above_the_observed_one(mean_spend, prior_mean) -> None:
    assert GammaGamma(p=2.0, q=3.0, v=100.0, mean_spend=mean_spend).prior_mean == pytest.approx(prior_mean)


def test_spend_that_goes_with_frequency_is_reported() -> None:
    random = np.random.default_rng(5)
    x = random.integers(1, 30, 2000)
    fit = GammaGamma.fit(x, x * random.gamma(5, 1, 2000))
    assert any("correlate" in warning for warning in fit.warnings)


def test_spend_of_customers_without_usable_history_is_the_prior_mean() -> None:
    model = GammaGamma(6.25, 3.74, 15.44, 36.0)
    assert model.expected_spend([0, 0, 3, 3], [0, np.nan, np.nan, -5]) == pytest.approx(
        6.25 * 15.44 / 2.74 * np.ones(4)
    )
    assert GammaGamma.from_dict(model.to_dict()) == model


def test_who_sent_everything_back_is_expected_to_spend_little() -> None:
    model = GammaGamma(6.25, 3.74, 15.44, 36.0)
    prior, once, often = model.expected_spend([0, 1, 12], [np.nan, 0.0, 0.0])
    assert prior > once > often > 0
    assert often == pytest.approx(prior * 2.74 / (2.74 + 6.25 * 12))


def test_who_sends_everything_back_lowers_what_is_expected_of_newcomers() -> None:
    """A fifth of the repeat buyers keep nothing: a new customer is one of them with that chance."""
    draw = np.random.default_rng(4)
    x = draw.integers(1, 6, 4_000).astype(float)
    mean = draw.gamma(6.0 * x, 10.0 / x) * draw.gamma(4.0, 0.25, x.size)
    kept = GammaGamma.fit(x, mean).model
    some_nothing = GammaGamma.fit(
        np.concatenate([x, np.ones(1_000)]), np.concatenate([mean, np.zeros(1_000)])
    ).model
    assert some_nothing.keeping_share == pytest.approx(0.8)
    assert some_nothing.prior_mean == pytest.approx(0.8 * kept.prior_mean)
    # who is known to keep something is no newcomer
    assert some_nothing.expected_spend(2, 40.0) == pytest.approx(kept.expected_spend(2, 40.0))
    assert GammaGamma.from_dict(some_nothing.to_dict()) == some_nothing
