"""A judgement as one small JSON file: measures beside the baselines, and the curves that reports draw."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from habitue.models.metrics import decile_table, gains_curve
from habitue.models.patterns import Floats
from habitue.training.judgement import Judgement

JUDGEMENT_FILE = "judgement.json"
_GAINS_POINTS = 51


def judgement_content(judgement: Judgement, purchases: tuple[Floats, Floats] | None) -> dict[str, Any]:
    """Aggregates only: measures, tenths and curves; no customer's row."""
    score = judgement.scores[judgement.candidate]
    share, held = gains_curve(judgement.actual, score, points=_GAINS_POINTS)
    return {
        "kind": judgement.candidate,
        "cutoff": judgement.cutoff.isoformat(),
        "horizon_days": judgement.horizon_days,
        "metric": judgement.metric,
        "metrics": {**judgement.table[judgement.candidate], **judgement.totals},
        "baselines": {name: dict(judgement.table[name]) for name in judgement.naive},
        "intervals": {name: asdict(interval) for name, interval in judgement.intervals.items()},
        "tenths": _tenths(judgement.actual, score),
        "gains": [[float(x), float(y)] for x, y in zip(share, held, strict=True)],
        "purchases": _tenths(*purchases) if purchases is not None else [],
    }


def _tenths(actual: Floats, predicted: Floats) -> list[list[float]]:
    return [[row.decile, row.predicted, row.actual] for row in decile_table(actual, predicted)]
