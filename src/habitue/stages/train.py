"""Train: learn on earlier cut-offs, judge on the last complete window, register, let the gate decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.entities import ORDER_LINE
from habitue.job import Run
from habitue.lake.fingerprint import code_digest, data_version, digest, input_version
from habitue.lake.whole_file import write_whole
from habitue.profile.cuts import instant, local_date
from habitue.registry.record import InputTable, LoadedModel, TrainingRecord
from habitue.sources.adapters import sources_of
from habitue.stages.profile import build_profiles, conventions_of, cuts_of
from habitue.training.baselines import baseline_columns
from habitue.training.clv_model import ClvModel
from habitue.training.cutoffs import FEWEST_REPEAT_BUYERS, Cutoffs, plan_cutoffs, without
from habitue.training.feature_catalogue import profile_columns
from habitue.training.gate import Verdict, challenge, doubts, first_champion, unjudged
from habitue.training.judgement import Judgement, paired_difference
from habitue.training.labels import LabelWindow, labels
from habitue.training.purchase_model import PurchaseModel
from habitue.training.rows import count_patterns, draw, samples, training_rows
from habitue.training.sample import Sample
from habitue.training.settings import ChurnSettings, ClvSettings, is_stale
from habitue.training.train_churn import TrainedChurn, fit_purchase_models, train_churn
from habitue.training.train_clv import TrainedClv, train_clv

Definition = ChurnSettings | ClvSettings
Trained = TrainedChurn | TrainedClv

PurchaseModels = Mapping[date, PurchaseModel]

_SILENT_DAYS = 7
"""Days without any order after which a person is told; small shops have pauses of some days."""
_TRAINERS: Mapping[str, Callable[[Mapping[date, Sample], Cutoffs, Any, PurchaseModels], Trained]] = {
    "churn": train_churn,
    "clv": train_clv,
}


def train(run: Run) -> None:
    """Train and register every model of the project; each is judged beside the naive baselines."""
    # read
    span = _order_days(run)
    if span is None:
        run.note(f"No model is trained: {_why_no_order(run)}.")
        write_whole(_untrained_file(run), json.dumps({name: _material(run, name) for name in _TRAINERS}))
        return
    plans = [_plan(run, name, span) for name in _TRAINERS]
    # transform
    profiles = run.lake.checkpoint(build_profiles(run, sorted({day for plan in plans for day in plan.days})))
    fitted: dict[Cutoffs, PurchaseModels] = {}  # models with the same cut-offs share their purchase models
    drawn: dict[tuple[Cutoffs, int], dict[date, Sample]] = {}  # and those of the same size their rows
    untrained: dict[str, str] = {}
    for plan in plans:
        if plan.rows not in drawn:
            drawn[plan.rows] = _samples(run, [p for p in plans if p.rows == plan.rows], profiles)
        found = drawn[plan.rows]
        thin = [day for day in plan.days if _repeat_buyers(found.get(day)) < FEWEST_REPEAT_BUYERS]
        if plan.cutoffs.fit_day in thin:
            run.note(
                f"No {plan.name} model: fewer than {FEWEST_REPEAT_BUYERS} customers have paid for something "
                "on a second day."
            )
            untrained[plan.name] = _material(run, plan.name)
            continue
        plan = replace(plan, cutoffs=without(plan.cutoffs, thin, FEWEST_REPEAT_BUYERS))
        if plan.cutoffs not in fitted:
            fitted[plan.cutoffs] = fit_purchase_models(found, plan.cutoffs)
        trained = _TRAINERS[plan.name](found, plan.cutoffs, plan.definition, fitted[plan.cutoffs])
        # write
        _register(run, plan, trained, found)
    write_whole(_untrained_file(run), json.dumps(untrained))


def champions(run: Run) -> dict[str, str | None]:
    """The versions that score the run's day, by model; None where none has been trained."""
    found = {name: run.registry.usable(name, run.as_of) for name in _TRAINERS}
    return {name: version.sha256 if version else None for name, version in found.items()}


def champions_are_current(run: Run) -> bool:
    """Whether each model was last trained by its present definition, on data that are fresh enough for the day.

    A model for which there was too little to learn from is current as long as there is no more.
    """
    file = _untrained_file(run)
    untrained = json.loads(file.read_text()) if file.exists() else {}
    return all(_is_current(run, name) or untrained.get(name) == _material(run, name) for name in _TRAINERS)


def _is_current(run: Run, name: str) -> bool:
    definition = _definition(run, name)
    made_for = [v for v in run.registry.versions(name) if v.data_cut <= run.as_of]
    newest = max(made_for, key=lambda v: (v.data_cut, int(v.version)), default=None)
    return (
        newest is not None
        and newest.config_digest == _digest(run, definition)
        and not is_stale(newest.data_cut, run.as_of, definition.stale_after_days)
    )


@dataclass(frozen=True)
class _Plan:
    """What one model is trained on, and the champion it has to beat: one with the same horizon, else none."""

    name: str
    definition: Definition
    cutoffs: Cutoffs
    champion: LoadedModel | None
    is_backfill: bool  # a champion that has seen later data keeps its alias

    @property
    def days(self) -> tuple[date, ...]:
        """Every cut-off with a profile."""
        return tuple(sorted({*self.cutoffs.all, self.cutoffs.fit_day}))

    @property
    def rows(self) -> tuple[Cutoffs, int]:
        """What says which rows it learns from."""
        return self.cutoffs, self.definition.max_rows

    @property
    def columns(self) -> tuple[str, ...]:
        """Profile columns that the features, the baselines and the champion read."""
        own = (*self.definition.features, *baseline_columns(self.definition.horizon_days))
        return tuple(
            dict.fromkeys((*profile_columns(own), *(self.champion.model.columns if self.champion else ())))
        )


def _plan(run: Run, name: str, span: tuple[date, date]) -> _Plan:
    definition = _definition(run, name)
    cutoffs = plan_cutoffs(*span, definition.horizon_days, definition.cutoffs)
    version = run.registry.champion(name)
    is_backfill = version is not None and version.data_cut > run.as_of
    is_rival = version is not None and not is_backfill and version.horizon_days == definition.horizon_days
    champion = run.registry.load(version) if version is not None and is_rival else None
    return _Plan(name, definition, cutoffs, champion, is_backfill)


def _definition(run: Run, name: str) -> Definition:
    return run.settings.models.churn if name == "churn" else run.settings.models.clv


def _digest(run: Run, definition: Definition) -> str:
    """Of the definition and of every setting that gives its inputs their meaning: money, days, persons, sources."""
    settings = run.settings
    sections = (definition, settings.profile, settings.economics, settings.identity)
    sources = [s.model_dump(mode="json") for s in sources_of(ORDER_LINE.leaf, settings.sources)]
    spelt = [section.model_dump(mode="json") for section in sections]
    return digest([*spelt, settings.project.meaning, sources])


def _material(run: Run, name: str) -> str:
    """Digest of all that a model would be trained on."""
    versions = {table.name: input_version(run.location, table, None) for table in (ORDER_LINE, IDENTITY_MAP)}
    return digest([code_digest(), run.as_of.isoformat(), versions, _digest(run, _definition(run, name))])


def _untrained_file(run: Run) -> Path:
    """Notes by model what it could not be trained on."""
    return run.location.records() / "untrained.json"


def _repeat_buyers(sample: Sample | None) -> int:
    """Customers of a cut-off whose repeat purchases are worth something: what both purchase models learn from."""
    if sample is None:
        return 0
    columns = sample.columns
    with np.errstate(invalid="ignore"):
        return int(((columns["frequency"] > 0) & (columns["monetary_value"] > 0)).sum())


def _order_days(run: Run) -> tuple[date, date] | None:
    """The first day with an order and the day after the last one, by what was known; None without orders.

    Where events are newer than orders, the days between say nothing: nobody bought in them as far as is known.
    """
    known, zone = instant(run.cut), run.settings.project.zone
    lines = run.lake.read(ORDER_LINE).where((F.col("order_time") < known) & (F.col("known_time") < known))
    # a load without `history` brings old orders that no earlier day knew
    first = local_date(F.min(F.greatest("order_time", "known_time")), zone)
    last = local_date(F.max("order_time"), zone)
    row = lines.agg(first.alias("first"), F.date_add(last, 1).alias("end")).first()
    if row is None or row["first"] is None:
        return None
    end = min(row["end"], run.as_of)
    if (run.as_of - end).days > _SILENT_DAYS:
        run.note(
            f"The newest order is of the day before {end}, {(run.as_of - end).days} days before {run.as_of}: "
            "models are judged on the days until then, and scores take everybody to have stayed away since. "
            "Deliver the orders that are missing, or take that day as the day of the run (--as-of)."
        )
    return row["first"], end


def _why_no_order(run: Run) -> str:
    if run.lake.is_empty(ORDER_LINE):
        return "there are no orders yet"
    return (
        f"no order was known before {run.as_of}; a first load of old orders counts from their own days "
        "where its source says `history: true`"
    )


def _samples(run: Run, plans: Sequence[_Plan], profiles: DataFrame) -> dict[date, Sample]:
    """Features and labels of every cut-off of plans with the same rows, brought to the driver up to `max_rows` rows."""
    plan, columns = plans[0], dict.fromkeys(chain.from_iterable(p.columns for p in plans))
    rows = run.lake.checkpoint(
        training_rows(
            profiles.where(F.col("as_of_date").isin(*(F.lit(day) for day in plan.days))),
            _labels(run, plan.cutoffs, profiles),
            cuts_of(run, plan.days),
            plan.cutoffs.all,
            tuple(columns),
        )
    )
    buyers = count_patterns(rows)
    if buyers.total > plan.definition.max_rows:
        names = " and ".join(p.name for p in plans)
        run.note(f"{names}: {plan.definition.max_rows:,} of {buyers.total:,.0f} rows drawn by a hash.")
    return samples(draw(rows, buyers, plan.definition.max_rows), buyers)


def _labels(run: Run, cutoffs: Cutoffs, profiles: DataFrame) -> DataFrame:
    if not cutoffs.all:
        kinds = (
            "as_of_date date, person_id string, future_purchase_days bigint, future_net_revenue decimal(18,2)"
        )
        return run.spark.createDataFrame([], kinds)
    starts = cuts_of(run, cutoffs.all)
    ends = cuts_of(run, [cutoffs.label_end(day) for day in cutoffs.all])
    return labels(
        run.lake.read(ORDER_LINE),
        run.lake.read(IDENTITY_MAP),
        [LabelWindow(cut, end) for cut, end in zip(starts, ends, strict=True)],
        known_before=run.cut,
        conventions=conventions_of(run),
    )


def _register(run: Run, plan: _Plan, trained: Trained, found: Mapping[date, Sample]) -> None:
    test = found.get(plan.cutoffs.test) if plan.cutoffs.test else None
    verdict = _verdict(run, plan, trained, test)
    version = run.registry.register(
        TrainingRecord(
            name=plan.name,
            model=trained.model,
            judgement=trained.judgement,
            verdict=verdict,
            data_cut=run.as_of,
            cutoffs=_roles(plan.cutoffs),
            notes=trained.notes,
            parameters=_parameters(plan.definition),
            inputs=_inputs(run),
            config_digest=_digest(run, plan.definition),
            run_id=run.run_id,
            moves_alias=not plan.is_backfill,
            purchases=_purchases(trained, test),
        )
    )
    _report(run, plan, version.version, trained, verdict)


def _verdict(run: Run, plan: _Plan, trained: Trained, test: Sample | None) -> Verdict:
    judgement = trained.judgement
    if judgement is None or test is None:
        return unjudged(
            plan.cutoffs.shortfall or "nothing to judge on", has_champion=plan.champion is not None
        )
    is_baseline = judgement.candidate == "baseline"
    if plan.champion is None:
        return first_champion(judgement, plan.definition.gate, is_baseline=is_baseline)
    rival = _champion_score(plan.champion, test)
    gain = paired_difference(judgement, rival, plan.definition.gate)
    missing = _missing(trained, test)
    version = plan.champion.version
    against = doubts(
        judgement, rival, plan.definition.gate, kind=version.kind, flag=version.flag,
        is_same_definition=version.config_digest == _digest(run, plan.definition),
    )  # fmt: skip
    return challenge(
        judgement,
        gain,
        missing,
        plan.definition.gate,
        is_baseline=is_baseline,
        doubts=against,
        champion=rival,
    )


def _champion_score(champion: LoadedModel, test: Sample) -> Any:
    model = champion.model
    return (
        model.forecast(test.columns).revenue if isinstance(model, ClvModel) else model.predict(test.columns)
    )


def _missing(trained: Trained, test: Sample) -> list[str]:
    """Profile columns the model learnt from that hold nothing at all in the test window."""
    empty = [name for name in trained.model.columns if np.isnan(test.columns[name]).all()]
    return [f"input {name} has no values any more" for name in empty]


def _purchases(trained: Trained, test: Sample | None) -> Any:
    if test is None or trained.judgement is None or not isinstance(trained.model, ClvModel):
        return None
    return test.purchase_days, trained.model.forecast(test.columns).purchases


def _roles(cutoffs: Cutoffs) -> dict[str, str]:
    return {
        "learnt at": ", ".join(map(str, cutoffs.train)) or "no labels",
        "calibrated at": str(cutoffs.calibration or "nothing"),
        "judged at": str(cutoffs.test or "nothing"),
    }


def _parameters(definition: Definition) -> dict[str, str | int | float]:
    """Settings under dotted names; features by number, since the card lists them."""
    flat: dict[str, str | int | float] = {}
    for name, value in definition.model_dump(mode="json").items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": entry for inner, entry in value.items()}
        else:
            flat[name] = len(value) if name == "features" else str(value)
    return flat


def _inputs(run: Run) -> Sequence[InputTable]:
    found = []
    for table in (ORDER_LINE, IDENTITY_MAP):
        version = data_version(run.location, table)
        if version is not None:
            found.append(InputTable(table.name, run.location.table(table), version))
    return found


def _report(run: Run, plan: _Plan, version: str, trained: Trained, verdict: Verdict) -> None:
    judgement: Judgement | None = trained.judgement
    figures = f": {_sentence(judgement)}" if judgement else ""
    flag = f", flagged {verdict.flag}" if verdict.flag else ""
    run.note(f"{plan.name} version {version} ({verdict.outcome}{flag}){figures}")
    for reason in (
        *trained.notes,
        *(verdict.reasons if verdict.outcome == "challenger" or verdict.flag else ()),
    ):
        if reason:
            run.note(f"{plan.name}: {reason}")
    if judgement:
        naive = judgement.best_naive
        run.count(f"{plan.name}_{judgement.metric}", round(judgement.value(judgement.candidate), 4))
        run.count(f"{plan.name}_best_baseline", naive)
        run.count(f"{plan.name}_best_baseline_{judgement.metric}", round(judgement.value(naive), 4))


def _sentence(judgement: Judgement) -> str:
    own, naive = judgement.table[judgement.candidate], judgement.best_naive
    text = (
        f"{judgement.metric} {own[judgement.metric]:.3f}, best baseline {naive} {judgement.value(naive):.3f}"
    )
    if "ece" in own:
        return f"{text}; calibration error {own['ece']:.3f}"
    days = judgement.totals.get("purchase_days_bias", float("nan"))
    return f"{text}; purchase days forecast {days:+.1%}, spend {own['bias']:+.1%} of actual"
