"""Measures: hand-worked values, ties, agreement with scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from habitue.models import metrics


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    score = np.round(random.random(2_000), 2)
    return (random.random(2_000) < score**2).astype(float), np.clip(score, 0.01, 0.99)


def test_measures_of_probabilities_equal_those_of_scikit_learn(scored) -> None:
    outcome, score = scored
    assert metrics.roc_auc(outcome, score) == pytest.approx(reference.roc_auc_score(outcome, score))
    assert metrics.pr_auc(outcome, score) == pytest.approx(reference.average_precision_score(outcome, score))
    assert metrics.brier(outcome, score) == pytest.approx(reference.brier_score_loss(outcome, score))
    assert metrics.log_loss(outcome, score) == pytest.approx(reference.log_loss(outcome, score))


def test_equal_scores_count_half() -> None:
    assert metrics.roc_auc([1, 0], [0.5, 0.5]) == 0.5
    assert metrics.gini([5, 1, 0], [2, 2, 2]) == 0
    assert metrics.capture_at([1, 1, 0, 0], [1, 1, 1, 1], 0.25) == 0.25


def test_one_class_alone_has_no_auc() -> None:
    assert np.isnan(metrics.roc_auc([1, 1], [0.1, 0.2]))
    assert np.isnan(metrics.pr_auc([0, 0], [0.1, 0.2]))


def test_gains_lift_and_capture_of_a_small_example() -> None:
    actual, score = [6, 0, 3, 1], [9, 1, 8, 2]
    assert metrics.capture_at(actual, score, 0.25) == pytest.approx(0.6)
    assert metrics.lift_at(actual, score, 0.25) == pytest.approx(2.4)
    at, held = metrics.gains_curve(actual, score, points=5)
    assert at.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert held == pytest.approx([0, 0.6, 0.9, 1, 1])


def test_gini_is_1_for_the_perfect_order_and_minus_1_for_its_reverse() -> None:
    assert metrics.gini([0, 2, 5, 9], [1, 2, 3, 4]) == pytest.approx(1)
    assert metrics.gini([0, 2, 5, 9], [4, 3, 2, 1]) == pytest.approx(-1)


def test_calibration_error_is_the_mean_distance_over_equal_bins() -> None:
    outcome = np.tile([1, 0, 0, 0], 50)
    assert metrics.expected_calibration_error(outcome, np.full(200, 0.25)) == pytest.approx(0)
    assert metrics.expected_calibration_error(outcome, np.full(200, 0.75), bins=1) == pytest.approx(0.5)


def test_bins_do_not_depend_on_the_order_of_equal_predictions() -> None:
    """Rows come churners first; a bin that cuts a group of equal predictions would part them by what came."""
    outcome, probability = np.repeat([1, 0], [300, 700]), np.full(1000, 0.3)
    assert metrics.expected_calibration_error(outcome, probability) == pytest.approx(0)
    assert [row.actual for row in metrics.decile_table(outcome, probability)] == pytest.approx([0.3] * 10)


def test_forecast_errors_of_a_small_example() -> None:
    actual, forecast = [0, 2, 4], [1, 2, 6]
    assert metrics.mae(actual, forecast) == pytest.approx(1)
    assert metrics.rmse(actual, forecast) == pytest.approx(np.sqrt(5 / 3))
    assert metrics.bias(actual, forecast) == pytest.approx(0.5)
    assert metrics.spearman(actual, forecast) == pytest.approx(1)


def test_deciles_run_from_the_highest_prediction_down() -> None:
    table = metrics.decile_table(np.arange(100), np.arange(100) * 2)
    assert len(table) == 10
    assert table[0] == metrics.Decile(1, 10, 189.0, 94.5)
    assert metrics.decile_mape(np.arange(100), np.arange(100) * 2) == pytest.approx(1)


def test_a_paired_bootstrap_sees_a_difference_that_two_single_ones_would_miss(scored) -> None:
    outcome, score = scored
    worse = score + np.random.default_rng(1).normal(0, 0.05, score.size)
    single = metrics.bootstrap_interval(metrics.roc_auc, outcome, score, samples=200)
    other = metrics.bootstrap_interval(metrics.roc_auc, outcome, worse, samples=200)
    paired = metrics.bootstrap_interval(metrics.roc_auc, outcome, score, against=worse, samples=200)
    assert single.low < other.high
    assert paired.low > 0
    assert paired.value == pytest.approx(single.value - other.value)
    again = metrics.bootstrap_interval(metrics.roc_auc, outcome, score, against=worse, samples=200)
    assert again == paired
