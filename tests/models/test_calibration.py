"""Calibration maps: order kept, probabilities come true, JSON and back."""

import numpy as np
import pytest

from habitue.models.calibration import Isotonic, Platt, calibration_from_dict, fit_calibration
from habitue.models.metrics import expected_calibration_error, roc_auc


def overconfident(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose true probability is score squared."""
    random = np.random.default_rng(seed)
    score = random.random(size)
    return score, (random.random(size) < score**2).astype(float)


@pytest.mark.parametrize(("size", "kind", "error"), [(20_000, Isotonic, 0.015), (1_500, Platt, 0.05)])
def test_calibrated_probabilities_come_true_on_later_data(size, kind, error) -> None:
    calibration = fit_calibration(*overconfident(size, seed=1))
    assert isinstance(calibration, kind)
    score, outcome = overconfident(50_000, seed=2)
    assert expected_calibration_error(outcome, score) > 0.1
    assert expected_calibration_error(outcome, calibration.apply(score)) < error


@pytest.mark.parametrize("kind", [Isotonic, Platt])
def test_calibration_keeps_the_order_and_so_the_auc(kind) -> None:
    calibration = kind.fit(*overconfident(3_000, seed=3))
    score, outcome = overconfident(5_000, seed=4)
    score = np.round(score, 2)  # with ties
    assert roc_auc(outcome, calibration.apply(score)) == roc_auc(outcome, score)
    assert np.all(np.diff(calibration.apply(np.linspace(0, 1, 1001))) > 0)


@pytest.mark.parametrize("kind", [Isotonic, Platt])
def test_calibrated_probabilities_stay_off_0_and_1(kind) -> None:
    score = np.linspace(0, 1, 200)
    calibration = kind.fit(score, score > 0.5)
    probability = calibration.apply([0, 0.2, 0.5, 0.9, 1])
    assert np.all((probability > 0) & (probability < 1))
    assert np.all(np.diff(probability) > 0)


@pytest.mark.parametrize("kind", [Isotonic, Platt])
def test_a_map_survives_json(kind) -> None:
    calibration = kind.fit(*overconfident(500, seed=5))
    assert calibration_from_dict(calibration.to_dict()) == calibration


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_calibration([0.5, 1.2], [0, 1])
    with pytest.raises(ValueError, match="0 or 1"):
        fit_calibration([0.5, 0.7], [0, 2])
