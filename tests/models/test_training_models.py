"""Churn and value models on a seeded world: better than naive, deterministic, and blind to the future."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from habitue.errors import CheckError
from habitue.models.calibration import Platt
from habitue.models.metrics import roc_auc
from habitue.models.npv import Economics
from habitue.models.patterns import Patterns
from habitue.training.baselines import baselines
from habitue.training.churn_model import ChurnModel
from habitue.training.cutoffs import Cutoffs, plan_cutoffs
from habitue.training.gate import first_champion
from habitue.training.model_bytes import digest_of, from_bytes, to_bytes
from habitue.training.purchase_model import PurchaseModel, is_possible
from habitue.training.sample import Sample
from habitue.training.settings import ChurnSettings, ClvSettings, GateSettings, unknown_features
from habitue.training.train_churn import TrainedChurn, out_of_fold, train_churn
from habitue.training.train_clv import TrainedClv, train_clv
from tests.models.buyers import FIRST_DAY, World, day

Samples = dict[date, Sample]


@pytest.fixture(scope="module")
def cutoffs() -> Cutoffs:
    return plan_cutoffs(FIRST_DAY, day(455), 91, ChurnSettings().cutoffs)


@pytest.fixture(scope="module")
def samples(cutoffs: Cutoffs) -> Samples:
    world = World()
    return {at: world.sample(at, 91) for at in cutoffs.all}


@pytest.fixture(scope="module")
def churn(samples: Samples, cutoffs: Cutoffs) -> TrainedChurn:
    return train_churn(samples, cutoffs, ChurnSettings())


@pytest.fixture(scope="module")
def clv(samples: Samples, cutoffs: Cutoffs) -> TrainedClv:
    return train_clv(samples, cutoffs, ClvSettings())


def test_churn_beats_every_baseline_and_is_calibrated(churn: TrainedChurn) -> None:
    judgement = churn.judgement
    assert judgement is not None and churn.model.kind in ("blend", "purchases")
    assert all(judgement.value(churn.model.kind) > judgement.value(naive) for naive in judgement.naive)
    assert judgement.table[churn.model.kind]["ece"] <= 0.03


def test_a_model_that_ranks_best_serves_though_it_misses_the_limit_of_calibration(
    samples: Samples, cutoffs: Cutoffs
) -> None:
    missed = ChurnSettings(gate=GateSettings(max_ece=1e-6))
    trained = train_churn(samples, cutoffs, missed)
    assert trained.judgement is not None and trained.judgement.candidate == trained.model.kind == "blend"
    assert first_champion(trained.judgement, missed.gate, is_baseline=False).flag == "weak"


def test_value_keeps_the_level_and_the_order(clv: TrainedClv) -> None:
    judgement = clv.judgement
    assert judgement is not None
    assert abs(judgement.totals["purchase_days_bias"]) <= 0.10
    assert judgement.value(judgement.candidate) > judgement.value("recency")


def test_a_level_holds_for_the_window_it_was_measured_on_and_for_no_later_one(
    clv: TrainedClv, samples: Samples, cutoffs: Cutoffs
) -> None:
    columns = samples[cutoffs.fit_day].columns
    plain = replace(clv.model, purchase_level=1.0, spend_level=1.0)
    raised = replace(plain, purchase_level=1.5, spend_level=1.2)
    first = plain.forecast(columns)
    assert np.allclose(raised.forecast(columns).revenue, 1.8 * first.revenue)
    more = raised.expected_purchases(columns, 365) - plain.expected_purchases(columns, 365)
    assert np.allclose(more, 0.5 * first.purchases)
    economics = Economics(discount_rate_per_year=0.0)
    was, now = plain.worth(columns, economics), raised.worth(columns, economics)
    for days in (365, 1095):
        assert np.allclose(now[days].value - was[days].value, 0.8 * first.revenue)


def test_a_level_that_leads_the_forecast_away_from_the_test_window_is_not_taken(
    samples: Samples, cutoffs: Cutoffs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.training.train_clv.seasonal_levels", lambda *_: (1.2, 1.0, ("by 1.2",)))
    trained = train_clv(samples, cutoffs, ClvSettings())
    judgement = trained.judgement
    assert judgement is not None and judgement.candidate.endswith("_uncorrected")
    assert not trained.model.is_corrected and "none is made" in trained.notes[-1]
    corrected = judgement.candidate.removesuffix("_uncorrected")
    assert judgement.value(corrected) == pytest.approx(judgement.value(judgement.candidate))
    assert abs(judgement.table[corrected]["bias"]) > abs(judgement.table[judgement.candidate]["bias"])


def test_models_survive_their_bytes_and_training_twice_gives_the_same_bytes(
    churn: TrainedChurn, clv: TrainedClv, samples: Samples, cutoffs: Cutoffs
) -> None:
    columns = samples[cutoffs.fit_day].columns
    again = from_bytes(to_bytes(churn.model))
    assert np.array_equal(again.predict(columns), churn.model.predict(columns))
    other = from_bytes(to_bytes(clv.model))
    assert np.array_equal(other.forecast(columns).revenue, clv.model.forecast(columns).revenue)
    repeated = train_churn(samples, cutoffs, ChurnSettings())
    assert digest_of(to_bytes(repeated.model)) == digest_of(to_bytes(churn.model))
    assert json.loads(to_bytes(churn.model)["model.json"])["model"] == "churn"


def test_a_planted_future_column_is_refused_by_name(samples: Samples, cutoffs: Cutoffs) -> None:
    planted = {at: _with(sample, "trend_90d", sample.purchase_days) for at, sample in samples.items()}
    with pytest.raises(CheckError, match="trend_90d alone predicts churn"):
        train_churn(planted, cutoffs, ChurnSettings())


def test_facts_known_after_the_cutoff_are_refused(samples: Samples, cutoffs: Cutoffs) -> None:
    late = {at: replace(sample, known_late=3) for at, sample in samples.items()}
    with pytest.raises(CheckError, match="3 profile rows hold facts"):
        train_clv(late, cutoffs, ClvSettings())


def test_shuffled_labels_cannot_be_learnt(samples: Samples, cutoffs: Cutoffs) -> None:
    aucs = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        shuffled = {
            at: replace(s, purchase_days=random.permutation(s.purchase_days)) for at, s in samples.items()
        }
        trained = train_churn(shuffled, cutoffs, ChurnSettings())
        test = shuffled[cutoffs.fit_day]
        aucs.append(roc_auc(test.churned, trained.model.predict(test.columns)))
    assert abs(float(np.mean(aucs)) - 0.5) <= 0.03


def test_without_training_cutoffs_the_purchase_model_is_used_and_says_why(
    samples: Samples, cutoffs: Cutoffs
) -> None:
    short = Cutoffs(cutoffs.as_of, 91, cutoffs.test, None, (), "history is too short to train a booster")
    trained = train_churn(samples, short, ChurnSettings())
    assert trained.model.kind in ("purchases", "baseline")
    assert "history is too short to train a booster" in trained.notes


def test_a_baseline_calibrated_on_the_window_it_is_judged_on_is_judged_out_of_fold(
    samples: Samples, cutoffs: Cutoffs
) -> None:
    test = samples[cutoffs.fit_day]
    recency = baselines(test.columns, 91)[0]
    model = ChurnModel("baseline", 91, PurchaseModel.fit(*_history(test)), Platt(1.0, 0.0), baseline=recency)
    figures = out_of_fold(model, test)
    days = test.purchase_days.copy()
    days[7] = 0.0 if days[7] else 1.0  # another outcome moves the figures of others only
    moved = out_of_fold(model, replace(test, purchase_days=days)) != figures
    assert moved.any() and not moved[7]


def test_unknown_features_are_refused_with_the_nearest_name() -> None:
    assert unknown_features(["net_revenu_30d"]) == [
        "net_revenu_30d is not a feature; did you mean net_revenue_30d?"
    ]
    assert unknown_features(["future_purchase_days"])[0].startswith("future_purchase_days is not a feature")


def test_impossible_histories_are_told_apart() -> None:
    columns = {
        "frequency": np.array([2.0, 2.0, np.nan, -1.0, 0.0, 1.5]),
        "recency_days": np.array([10.0, 99.0, np.nan, 0.0, 0.0, 3.0]),
        "age_days": np.array([20.0, 20.0, np.nan, 9.0, 5.0, 9.0]),
    }
    assert is_possible(columns).tolist() == [True, False, False, False, True, False]


def _history(sample: Sample) -> tuple[Patterns, np.ndarray, np.ndarray]:
    return sample.patterns, sample.columns["frequency"], sample.columns["monetary_value"]


def _with(sample: Sample, name: str, values: np.ndarray) -> Sample:
    return replace(sample, columns={**sample.columns, name: values})
