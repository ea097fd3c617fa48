"""A judgement as JSON beside the model: figures and curves for reports, without any row of a customer."""

from __future__ import annotations

from typing import Any

from habitue.models.metrics import decile_table, gains_curve
from habitue.models.patterns import Floats
from habitue.registry.record import TrainingRecord

FILE = "judgement.json"


def judgement_content(record: TrainingRecord) -> dict[str, Any]:
    """What the file holds: the judgement's figures, those of the baselines by name, and curves.

    `tenths` and `purchases` are mean prediction and mean outcome by tenth of the prediction.
    """
    judgement = record.judgement
    assert judgement is not None
    score = judgement.scores[judgement.candidate]
    shares, held = gains_curve(judgement.actual, score, points=51)
    return {
        "kind": judgement.candidate,
        "cutoff": judgement.cutoff.isoformat(),
        "horizon_days": judgement.horizon_days,
        "metric": judgement.metric,
        "metrics": {name: _number(value) for name, value in judgement.table[judgement.candidate].items()},
        "baselines": {name: _rounded(judgement.table[name]) for name in judgement.naive},
        "intervals": {name: [i.value, i.low, i.high] for name, i in judgement.intervals.items()},
        "totals": _rounded(judgement.totals),
        "tenths": _tenths(judgement.actual, score),
        "gains": [[float(a), float(b)] for a, b in zip(shares, held, strict=True)],
        "purchases": _tenths(*record.purchases) if record.purchases is not None else [],
        "gate": {
            "outcome": record.verdict.outcome,
            "flag": record.verdict.flag,
            "reasons": list(record.verdict.reasons),
        },
    }


def _tenths(actual: Floats, predicted: Floats) -> list[list[float]]:
    return [[float(row.decile), row.predicted, row.actual] for row in decile_table(actual, predicted)]


def _rounded(figures: Any) -> dict[str, float | None]:
    return {name: _number(value) for name, value in figures.items()}


def _number(value: float) -> float | None:
    return float(value) if value == value else None
