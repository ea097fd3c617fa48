"""A sample: the buyers of one cut-off with their profile columns and what they bought afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from habitue.errors import CheckError
from habitue.models.metrics import roc_auc
from habitue.models.patterns import Floats, Patterns

_GIVEAWAY = 0.995
_OF_RECENCY = 0.3
_ENOUGH = 20


@dataclass(frozen=True)
class Sample:
    """Rows are buyers at `as_of` in a fixed order; labels lie in [as_of, as_of + horizon).

    `patterns` counts the purchase histories of all buyers of the cut-off, also
    of those that a large data set leaves out of the rows. `known_late` counts
    rows that hold a fact which was not known before the cut-off: must be 0.
    """

    as_of: date
    columns: Mapping[str, Floats]
    purchase_days: Floats
    net_revenue: Floats
    patterns: Patterns
    known_late: int = 0

    @property
    def churned(self) -> Floats:
        """1 for buyers without a purchase in the window."""
        return np.asarray(self.purchase_days == 0, dtype=np.float64)

    @property
    def size(self) -> int:
        """Rows."""
        return int(self.purchase_days.size)


def refuse_leaks(sample: Sample, matrix: Floats, names: Sequence[str]) -> None:
    """Stop training on features that know the future.

    Facts known late, or a column that gives the label away.

    No honest feature tells churners apart almost perfectly; one that does is the label in disguise. Unless who left
    is long gone: then the days since the last order tell it, too, and only what leaves far less open than they do
    is the label.
    """
    problems = []
    if sample.known_late:
        problems.append(
            f"{sample.known_late:,} profile rows hold facts that were not known before the cut-off"
        )
    churned = sample.churned
    if min(churned.sum(), (1 - churned).sum()) >= _ENOUGH:
        recency = sample.columns.get("days_since_last_order")
        open_by_recency = 1.0 if recency is None else 1 - _told(churned, recency)
        giveaway = max(_GIVEAWAY, 1 - _OF_RECENCY * open_by_recency)
        for name, column in zip(names, matrix.T, strict=True):
            auc = _told(churned, column)
            if auc >= giveaway:
                problems.append(f"{name} alone predicts churn with AUC {auc:.4f}: it holds the future")
    if problems:
        hint = "Features must be known before the cut-off: check known_time of the sources and the profile."
        raise CheckError(
            f"The training data of {sample.as_of:%Y-%m-%d} leak the future:", problems, hint=hint
        )


def _told(churned: Floats, column: Floats) -> float:
    """How well a column alone tells churners apart, in whichever direction."""
    auc = roc_auc(churned, np.nan_to_num(column, nan=-1e300, posinf=1e300, neginf=-1e300))
    return max(auc, 1 - auc)
