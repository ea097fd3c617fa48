"""Score one Arrow batch: numpy in, numpy out.

A row that cannot be scored gets nulls and a note, never an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from habitue.models.npv import Economics
from habitue.models.patterns import Floats
from habitue.scoring.scoring_models import ScoringModels, churn_model, clv_model
from habitue.training.churn_model import ChurnModel
from habitue.training.clv_model import ClvModel
from habitue.training.purchase_model import is_possible

NO_PURCHASE = "never bought"
IMPOSSIBLE = "impossible purchase history"
NOT_FINITE = "score is not finite"
REASONS = ("reason_1", "reason_2", "reason_3")
NUMBERS = (
    "p_churn", "p_alive", "expected_orders_365d", "expected_spend", "clv_90d", "clv_365d", "clv_1095d",
    "clv_365d_low", "clv_365d_high",
)  # fmt: skip
_BOUNDED_DAYS = 365.0


def score_batches(
    batches: Iterator[pa.RecordBatch], models: ScoringModels, economics: Economics, kept: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """The body of the one pass over the profile: `kept` columns go through untouched, before the scores."""
    for batch in batches:
        scores = score_batch(
            {name: _floats(batch.column(name)) for name in models.columns}, models, economics
        )
        through = {name: batch.column(name) for name in kept}
        yield pa.RecordBatch.from_pydict(
            through | {name: _arrow(name, values) for name, values in scores.items()}
        )


def score_batch(columns: Mapping[str, Floats], models: ScoringModels, economics: Economics) -> dict[str, Any]:
    """Every score column for these profile columns; NaN (None for texts) where there is none."""
    possible = is_possible(columns)
    notes = np.where(np.isnan(columns["frequency"]), NO_PURCHASE, np.where(possible, None, IMPOSSIBLE))  # type: ignore[call-overload]  # object array of text or None
    scored = {name: np.full(possible.size, np.nan) for name in NUMBERS}
    reasons: list[list[str]] = [[] for _ in range(possible.size)]
    rows = np.flatnonzero(possible)
    if rows.size:
        buyers = {name: values[rows] for name, values in columns.items()}
        churn, clv = churn_model(models.churn), clv_model(models.clv)
        if churn:
            scored["p_churn"][rows] = churn.predict(buyers)
            for row, found in zip(rows, churn.reasons(buyers), strict=True):
                reasons[row] = found
        if clv:
            for name, values in _values(clv, buyers, economics).items():
                scored[name][rows] = values
        notes[rows] = _notes(scored, rows, churn, clv, models.missing_reason)
    texts = {
        name: [found[i] if i < len(found) else None for found in reasons] for i, name in enumerate(REASONS)
    }
    return {**_all_or_nothing(scored), **texts, "score_note": notes.tolist()}


def _values(clv: ClvModel, columns: Mapping[str, Floats], economics: Economics) -> dict[str, Floats]:
    worth = clv.worth(columns, economics)
    short, year, long = (float(days) for days in clv.horizons_days)
    low, high = clv.value_bounds(columns, worth[year])
    btyd = clv.purchase_model.features(columns, _BOUNDED_DAYS)
    return {
        "p_alive": btyd["btyd_p_alive"],
        "expected_orders_365d": clv.expected_purchases(columns, _BOUNDED_DAYS),
        "expected_spend": clv.forecast(columns).spend,
        "clv_90d": worth[short].value,
        "clv_365d": worth[year].value,
        "clv_1095d": worth[long].value,
        "clv_365d_low": low,
        "clv_365d_high": high,
    }


def _notes(
    scored: Mapping[str, Floats],
    rows: np.ndarray,
    churn: ChurnModel | None,
    clv: ClvModel | None,
    missing: str,
) -> np.ndarray:
    """Why a buyer lacks a score: a model is missing or its number is not finite; None where all is there."""
    names = [name for name in NUMBERS if (churn if name == "p_churn" else clv) is not None]
    finite = (
        np.all([np.isfinite(scored[name][rows]) for name in names], axis=0)
        if names
        else np.ones(rows.size, bool)
    )
    complete: Any = None if churn is not None and clv is not None else missing
    return np.where(finite, complete, NOT_FINITE)


def _all_or_nothing(scored: dict[str, Floats]) -> dict[str, Floats]:
    """Infinite becomes missing, so that no table ever holds it."""
    return {name: np.where(np.isfinite(values), values, np.nan) for name, values in scored.items()}


def _floats(column: pa.Array) -> Floats:
    """Doubles with NaN for null and for infinite: trees read NaN as missing and refuse infinity."""
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan)


def _arrow(name: str, values: Any) -> pa.Array:
    if name in NUMBERS:
        return pa.array(values, pa.float64(), from_pandas=True)
    return pa.array(values, pa.string())
