"""Train the value model: purchase and spend models on all that was known, a booster on earlier windows; judge it on the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from habitue.models.patterns import Floats
from habitue.training.baselines import baselines
from habitue.training.boosters import fit_booster
from habitue.training.clv_model import ClvModel
from habitue.training.cutoffs import Cutoffs
from habitue.training.features import feature_matrix, informative
from habitue.training.gate import shortcomings
from habitue.training.judgement import Judgement, judge_value
from habitue.training.purchase_model import PurchaseModel
from habitue.training.sample import Sample, refuse_leaks
from habitue.training.settings import ClvSettings
from habitue.training.train_churn import fit_purchase_models

_UNCORRECTED = "_uncorrected"


@dataclass(frozen=True)
class TrainedClv:
    """The model that goes to the gate, its judgement (None without a test window), and notes on how it came about."""

    model: ClvModel
    judgement: Judgement | None
    notes: tuple[str, ...]


def train_clv(
    samples: Mapping[date, Sample],
    cutoffs: Cutoffs,
    settings: ClvSettings,
    purchase_models: Mapping[date, PurchaseModel] | None = None,
) -> TrainedClv:
    """The refined model if it beats the naive rankings and keeps the level, else the purchase model alone.

    Each with and without the level of an earlier window; the one whose total lies nearer to the test window's is asked first.
    """
    models = purchase_models or fit_purchase_models(samples, cutoffs)
    purchase_level, spend_level, notes = seasonal_levels(samples, cutoffs, models)
    plain = ClvModel(
        horizon_days=settings.horizon_days,
        horizons_days=settings.horizons_days,
        interval=settings.interval,
        purchase_model=models[cutoffs.fit_day],
        purchase_level=purchase_level,
        spend_level=spend_level,
    )
    refined, more = _refine(plain, samples, cutoffs, models, settings)
    notes = (*notes, *more, *plain.purchase_model.warnings)
    if cutoffs.test is None or not samples[cutoffs.test].net_revenue.any():
        return TrainedClv(
            refined or plain, None, (*notes, cutoffs.shortfall or "nothing was bought in the test window")
        )
    test = samples[cutoffs.test]
    candidates = _candidates({"refined": refined, "purchases": plain}, test)
    judged = {name: _judge(candidates, name, test, settings) for name in candidates}
    for name, model in candidates.items():
        problems = shortcomings(judged[name], name, settings.gate)
        if not problems:
            return TrainedClv(model, judged[name], (*notes, *_about(name)))
        notes = (*notes, *(f"{name}: {problem}" for problem in problems))
    # a baseline ranks but forecasts nothing, so value stays with the model that ranks best; the gate flags it
    best = max(candidates, key=lambda name: round(judged[name].value(name), 9))  # twins rank alike: the first
    return TrainedClv(candidates[best], judged[best], (*notes, *_about(best)))


def _candidates(models: Mapping[str, ClvModel | None], test: Sample) -> dict[str, ClvModel]:
    """The models and, where they correct a level, their twins without; of twins the one that keeps the total better first."""
    found: dict[str, ClvModel] = {}
    for name, model in models.items():
        twins = {name: model} if model else {}
        if model and model.is_corrected:
            twins[name + _UNCORRECTED] = replace(model, purchase_level=1.0, spend_level=1.0)
        found |= sorted(twins.items(), key=lambda twin: abs(_total_error(twin[1], test)))
    return found


def _about(name: str) -> tuple[str, ...]:
    is_twin = name.endswith(_UNCORRECTED)
    return ("the test window's total is nearer without that correction: none is made",) if is_twin else ()


def _total_error(model: ClvModel, test: Sample) -> float:
    """Log of forecast over actual revenue."""
    return float(np.log(model.forecast(test.columns).revenue.sum() / max(test.net_revenue.sum(), 1e-6)))


def seasonal_levels(
    samples: Mapping[date, Sample], cutoffs: Cutoffs, models: Mapping[date, PurchaseModel]
) -> tuple[float, float, tuple[str, ...]]:
    """Factors on purchases and spend from the last window before the test, used only if the same rule had helped before.

    The window before the test is corrected by the error of the one before it;
    only where that brought the forecast nearer is the test's forecast corrected.
    """
    if cutoffs.calibration is None:
        return 1.0, 1.0, ()
    before = cutoffs.calibration - timedelta(days=cutoffs.horizon_days)
    if before not in cutoffs.train:
        return 1.0, 1.0, ("level not corrected: no earlier window to validate a correction on",)
    then = _level_errors(samples[before], models[before], cutoffs.horizon_days)
    last = _level_errors(samples[cutoffs.calibration], models[cutoffs.calibration], cutoffs.horizon_days)
    levels, notes = [], []
    for what, old, new in zip(("purchases", "spend"), then, last, strict=True):
        helped = abs(np.log(new / old)) < abs(np.log(new))
        levels.append(float(new) if helped else 1.0)
        notes.append(
            f"level of {what}: actual over forecast was {old:.3f} and then {new:.3f}; "
            + (f"corrected by {new:.3f}" if helped else "a correction would not have helped, none made")
        )
    return levels[0], levels[1], tuple(notes)


def _level_errors(sample: Sample, model: PurchaseModel, horizon_days: int) -> tuple[float, float]:
    """Actual over forecast: purchase days, and revenue per purchase day."""
    btyd = model.features(sample.columns, horizon_days)
    forecast_days, forecast_value = btyd["btyd_expected_purchases"].sum(), btyd["btyd_value"].sum()
    days, revenue = max(sample.purchase_days.sum(), 1.0), max(sample.net_revenue.sum(), 1e-6)
    return float(days / forecast_days), float(revenue / days / (forecast_value / forecast_days))


def _refine(
    plain: ClvModel,
    samples: Mapping[date, Sample],
    cutoffs: Cutoffs,
    models: Mapping[date, PurchaseModel],
    settings: ClvSettings,
) -> tuple[ClvModel | None, tuple[str, ...]]:
    learnt = [samples[day] for day in cutoffs.learnt]
    if not cutoffs.train:
        return None, (cutoffs.shortfall,)
    short = [s.as_of for s in learnt if s.size < settings.min_buyers or not s.net_revenue.any()]
    if short:
        return None, (f"no booster: fewer than {settings.min_buyers} buyers at {', '.join(map(str, short))}",)
    matrices = [_matrix(sample, models[sample.as_of], settings) for sample in learnt]
    for sample, matrix in zip(learnt, matrices, strict=True):
        refuse_leaks(sample, matrix, settings.features)
    stacked = np.vstack(matrices)
    keep = informative(stacked)
    amount = np.maximum(np.concatenate([s.net_revenue for s in learnt]), 0.0)
    objective = {"objective": "reg:tweedie", "tweedie_variance_power": settings.tweedie_power}
    trees = fit_booster(stacked[:, keep], amount / amount.mean(), objective, settings.booster)
    used = tuple(name for name, kept in zip(settings.features, keep, strict=True) if kept)
    model = replace(plain, features=used, booster=trees, booster_weight=settings.booster_weight)
    return _recentred(model, samples[cutoffs.fit_day]), ()


def _recentred(model: ClvModel, today: Sample) -> ClvModel:
    """Scale so that the totals stay the purchase model's on the day of the fit; needs no label."""
    btyd = model.purchase_model.features(today.columns, model.horizon_days)
    total = btyd["btyd_value"].sum()
    scaled = replace(model, amount_scale=float(total / model.amount(today.columns, btyd).sum()))
    shifted = (btyd["btyd_value"] * scaled.shift(today.columns, btyd)).sum()
    return replace(scaled, recentre=float(total / shifted))


def _judge(
    candidates: Mapping[str, ClvModel | None], name: str, test: Sample, settings: ClvSettings
) -> Judgement:
    forecasts = {kind: model.forecast(test.columns) for kind, model in candidates.items() if model}
    naive = {b.name: b.value_score(test.columns) for b in baselines(test.columns, settings.horizon_days)}
    days, expected = test.purchase_days.sum(), forecasts[name].purchases.sum()
    totals = {
        "customers": float(test.size),
        "purchase_days": float(days),
        "purchase_days_forecast": float(expected),
        "purchase_days_bias": float(expected / days - 1) if days else float("nan"),
        "revenue": float(test.net_revenue.sum()),
        "revenue_forecast": float(forecasts[name].revenue.sum()),
    }
    amounts = {kind: forecast.revenue for kind, forecast in forecasts.items()}
    return judge_value(
        test.as_of, settings.horizon_days, test.net_revenue, amounts, naive, name, settings.gate, totals
    )


def _matrix(sample: Sample, model: PurchaseModel, settings: ClvSettings) -> Floats:
    return feature_matrix(
        sample.columns, model.features(sample.columns, settings.horizon_days), settings.features
    )
