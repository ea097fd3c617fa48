"""The numeric feature matrix.

Fixed column order, NaN for missing, the same code in training and in scoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from habitue.models.patterns import Floats
from habitue.training.feature_catalogue import BTYD_FEATURES, MIN_RATE_DAYS, RATES

_RATE_DAYS = 90.0


def feature_matrix(columns: Mapping[str, Floats], btyd: Mapping[str, Floats], names: Sequence[str]) -> Floats:
    """One row per customer, one column per name in the order given."""
    return np.column_stack([_feature(columns, btyd, name) for name in names])


def _feature(columns: Mapping[str, Floats], btyd: Mapping[str, Floats], name: str) -> Floats:
    if name in BTYD_FEATURES:
        return btyd[name]
    if name in RATES:
        return _rate(columns[RATES[name]], columns["age_days"])
    return columns[name]


def _rate(total: Floats, age_days: Floats) -> Floats:
    """Per 90 days of age; an age under 14 days counts as 14, so that one early purchase is no high rate."""
    return np.asarray(total / np.maximum(age_days, MIN_RATE_DAYS) * _RATE_DAYS)


def informative(matrix: Floats) -> np.ndarray:
    """Which columns vary at all: a constant or empty one (a shop without web events) only takes the place of others."""
    with np.errstate(invalid="ignore"):
        filled = np.isfinite(matrix)
        low = np.where(filled, matrix, np.inf).min(axis=0)
        high = np.where(filled, matrix, -np.inf).max(axis=0)
        return np.asarray((high > low) | (filled.any(axis=0) & ~filled.all(axis=0)))
