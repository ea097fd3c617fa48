"""Train the churn model on earlier cut-offs, calibrate it on a later one, judge it on the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from habitue.models.calibration import Calibration, Platt, fit_calibration
from habitue.models.patterns import Floats
from habitue.training.baselines import baselines
from habitue.training.blend import Blend
from habitue.training.boosters import fit_booster, load_booster, predict
from habitue.training.churn_model import ChurnModel
from habitue.training.cutoffs import Cutoffs
from habitue.training.features import feature_matrix, informative
from habitue.training.gate import outranks, shortcomings
from habitue.training.judgement import Judgement, judge_churn
from habitue.training.purchase_model import PurchaseModel
from habitue.training.sample import Sample, refuse_leaks
from habitue.training.settings import ChurnSettings

_FOLDS = 5
_AS_IS = Platt(slope=1.0, intercept=0.0)


@dataclass(frozen=True)
class TrainedChurn:
    """The model that goes to the gate, its judgement (None without a test window), and notes on how it came about."""

    model: ChurnModel
    judgement: Judgement | None
    notes: tuple[str, ...]


def train_churn(
    samples: Mapping[date, Sample],
    cutoffs: Cutoffs,
    settings: ChurnSettings,
    purchase_models: Mapping[date, PurchaseModel] | None = None,
) -> TrainedChurn:
    """The best of blend, purchase model and naive baseline, in this order, that the test window lets stand.

    A model that ranks better than every baseline but is badly calibrated gives way to the
    best of them only where that one is better calibrated.
    Each cut-off's features use the purchase model fitted on what was known then
    (fitted here unless the caller has them from another model of the same cut-offs).
    """
    purchase_models = purchase_models or fit_purchase_models(samples, cutoffs)
    blended, notes = _blend(samples, cutoffs, purchase_models, settings)
    plain = _purchases_only(samples, cutoffs, purchase_models)
    candidates = [model for model in (blended, plain) if model is not None]
    notes = (*notes, *purchase_models[cutoffs.fit_day].warnings)
    if cutoffs.test is None or not _has_both(samples[cutoffs.test].churned, 1):
        return TrainedChurn(
            candidates[0], None, (*notes, cutoffs.shortfall or "the test window holds one outcome only")
        )
    judgement = _judge(candidates, samples[cutoffs.test], cutoffs, settings)
    for model in candidates:
        problems = shortcomings(judgement, model.kind, settings.gate)
        if not problems:
            return TrainedChurn(model, _about(model.kind, judgement, settings), notes)
        notes = (*notes, *(f"{model.kind}: {problem}" for problem in problems))
    fallback = _baseline_model(judgement.best_naive, samples, cutoffs, purchase_models)
    test = samples[cutoffs.test]
    unseen = fallback.predict(test.columns) if cutoffs.calibration else out_of_fold(fallback, test)
    judgement = _with_baseline(fallback.kind, unseen, judgement, settings)
    for model in candidates:
        if outranks(judgement, model.kind, fallback.kind):
            return TrainedChurn(model, _about(model.kind, judgement, settings), notes)
    return TrainedChurn(fallback, judgement, notes)


def fit_purchase_models(samples: Mapping[date, Sample], cutoffs: Cutoffs) -> dict[date, PurchaseModel]:
    """One purchase model per cut-off, fitted on what was known then.

    All are of one kind: the likelier one at the calibration cut-off, or the day of the fit if there is none.
    """
    days = sorted({*cutoffs.all, cutoffs.fit_day})
    eve = cutoffs.calibration or cutoffs.fit_day
    decided = _fit(samples[eve])
    kind = decided.purchases.kind
    return {day: decided if day == eve else _fit(samples[day], kind) for day in days}


def _fit(sample: Sample, kind: str = "") -> PurchaseModel:
    columns = sample.columns
    return PurchaseModel.fit(sample.patterns, columns["frequency"], columns["monetary_value"], kind=kind)


def _blend(
    samples: Mapping[date, Sample],
    cutoffs: Cutoffs,
    models: Mapping[date, PurchaseModel],
    settings: ChurnSettings,
) -> tuple[ChurnModel | None, tuple[str, ...]]:
    if cutoffs.calibration is None or not cutoffs.train:
        return None, (cutoffs.shortfall,)
    learnt, later = [samples[day] for day in cutoffs.train], samples[cutoffs.calibration]
    short = [
        s.as_of
        for s in (*learnt, later)
        if s.size < settings.min_buyers or not _has_both(s.churned, settings.min_churners)
    ]
    if short:
        needs = f"{settings.min_buyers} buyers with {settings.min_churners} churners"
        return None, (f"no booster: fewer than {needs} at {', '.join(map(str, short))}",)
    matrices = [_matrix(sample, models[sample.as_of], settings) for sample in (*learnt, later)]
    for sample, matrix in zip((*learnt, later), matrices, strict=True):
        refuse_leaks(sample, matrix, settings.features)
    stacked = np.vstack(matrices[:-1])
    keep = informative(stacked)
    trees = fit_booster(
        stacked[:, keep],
        np.concatenate([s.churned for s in learnt]),
        {"objective": "binary:logistic"},
        settings.booster,
    )
    blend, calibration = _calibrate(
        trees, matrices[-1][:, keep], later, models[later.as_of], settings.horizon_days
    )
    used = tuple(name for name, kept in zip(settings.features, keep, strict=True) if kept)
    dropped = [name for name in settings.features if name not in used]
    notes = (f"features without any variation left out: {', '.join(dropped)}",) if dropped else ()
    with np.errstate(invalid="ignore"):
        medians = tuple(float(np.nanmedian(column)) for column in stacked[:, keep].T)
    purchase_model = models[cutoffs.fit_day]
    model = ChurnModel(
        "blend", settings.horizon_days, purchase_model, calibration, used, medians, trees, blend
    )
    return model, notes


def _calibrate(
    trees: bytes, matrix: Floats, later: Sample, model: PurchaseModel, horizon_days: int
) -> tuple[Blend, Calibration]:
    """Weights and calibration from a later cut-off than those that the trees have learnt from."""
    p_booster = predict(load_booster(trees), matrix)
    p_purchases = model.features(later.columns, horizon_days)["btyd_p_no_purchase"]
    blend = Blend.fit(p_booster, p_purchases, later.churned)
    return blend, fit_calibration(blend.apply(p_booster, p_purchases), later.churned)


def _purchases_only(
    samples: Mapping[date, Sample], cutoffs: Cutoffs, models: Mapping[date, PurchaseModel]
) -> ChurnModel:
    calibration: Calibration = _AS_IS
    if cutoffs.calibration is not None and _has_both(samples[cutoffs.calibration].churned, 10):
        later = samples[cutoffs.calibration]
        score = models[later.as_of].features(later.columns, cutoffs.horizon_days)["btyd_p_no_purchase"]
        calibration = fit_calibration(score, later.churned)
    return ChurnModel("purchases", cutoffs.horizon_days, models[cutoffs.fit_day], calibration)


def _baseline_model(
    name: str, samples: Mapping[date, Sample], cutoffs: Cutoffs, models: Mapping[date, PurchaseModel]
) -> ChurnModel:
    """The baseline as a model, calibrated at the calibration cut-off; where there is none, on the test window itself."""
    later = samples[cutoffs.calibration or cutoffs.fit_day]
    baseline = next(b for b in baselines(later.columns, cutoffs.horizon_days) if b.name == name)
    calibration = fit_calibration(baseline.churn_score(later.columns), later.churned)
    return ChurnModel(
        "baseline", cutoffs.horizon_days, models[cutoffs.fit_day], calibration, baseline=baseline
    )


def _judge(
    candidates: list[ChurnModel], test: Sample, cutoffs: Cutoffs, settings: ChurnSettings
) -> Judgement:
    probabilities: dict[str, Floats] = {model.kind: model.predict(test.columns) for model in candidates}
    naive = {b.name: b.churn_score(test.columns) for b in baselines(test.columns, settings.horizon_days)}
    first = candidates[0].kind
    return judge_churn(
        test.as_of, settings.horizon_days, test.churned, probabilities, naive, first, settings.gate
    )


def _about(kind: str, judgement: Judgement, settings: ChurnSettings) -> Judgement:
    """The same judgement with another candidate."""
    if judgement.candidate == kind:
        return judgement
    naive = {name: judgement.scores[name] for name in judgement.naive}
    others = {name: score for name, score in judgement.scores.items() if name not in naive}
    return judge_churn(
        judgement.cutoff, judgement.horizon_days, judgement.actual, others, naive, kind, settings.gate
    )


def _with_baseline(
    kind: str, probabilities: Floats, judgement: Judgement, settings: ChurnSettings
) -> Judgement:
    naive = {name: judgement.scores[name] for name in judgement.naive}
    others = {name: score for name, score in judgement.scores.items() if name not in naive}
    others[kind] = probabilities
    return judge_churn(
        judgement.cutoff,
        judgement.horizon_days,
        judgement.actual,
        others,
        naive,
        kind,
        settings.gate,
    )


def out_of_fold(model: ChurnModel, test: Sample) -> Floats:
    """A baseline's probabilities by calibrations that had not seen the customer's own outcome.

    The model itself is calibrated on the whole window; judged on it, it would look better than it is.
    """
    assert model.baseline is not None
    score = model.baseline.churn_score(test.columns)
    fold = np.random.default_rng(0).permutation(np.arange(test.size) % _FOLDS)
    found = np.empty(test.size)
    for held_out in range(min(_FOLDS, test.size)):
        own, others = fold == held_out, fold != held_out
        found[own] = fit_calibration(score[others], test.churned[others]).apply(score[own])
    return found


def _matrix(sample: Sample, model: PurchaseModel, settings: ChurnSettings) -> Floats:
    return feature_matrix(
        sample.columns, model.features(sample.columns, settings.horizon_days), settings.features
    )


def _has_both(outcome: Floats, at_least: int) -> bool:
    return bool(min(outcome.sum(), (1 - outcome).sum()) >= at_least)
