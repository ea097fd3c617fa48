"""A champion for the report, from its registered judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from habitue.report.facts import ModelFacts


def model_facts(
    name: str, version: str, trained_until: str, flag: str, judgement: Mapping[str, Any]
) -> ModelFacts:
    """Measures, baselines and curves of one champion."""
    return ModelFacts(
        name=name,
        version=version,
        kind=str(judgement["kind"]),
        trained_until=trained_until,
        flag=flag,
        metrics=dict(judgement["metrics"]),
        baselines={baseline: dict(values) for baseline, values in judgement["baselines"].items()},
        curves={curve: judgement[curve] for curve in ("tenths", "gains", "purchases")},
    )
