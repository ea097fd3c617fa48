"""A BG/NBD fit by lifetimes, on distinct histories with their weights, as its manual advises for many buyers."""

from __future__ import annotations

import pandas as pd
from lifetimes import BetaGeoFitter

from benchmarks.btyd_fit import HISTORY, PARAMETERS, read_row, write_row
from benchmarks.contest import Task


def run(task: Task) -> None:
    """Group with pandas, fit, write."""
    counted = _counted(task)
    fitter = BetaGeoFitter(penalizer_coef=0.0)
    fitter.fit(counted["frequency"], counted["recency_days"], counted["age_days"], weights=counted["buyers"])
    write_row(task, {name: float(fitter.params_[name]) for name in PARAMETERS})


def add_likelihood(task: Task) -> None:
    """Untimed, for the comparison alone: the likelihood in days.

    lifetimes scales time before it fits, which moves its own by a constant.
    """
    from habitue.models.bg_nbd import BgNbd
    from habitue.models.patterns import Patterns

    counted = _counted(task)
    x, t_x, age = (counted[name] for name in HISTORY)
    patterns = Patterns.group(x, t_x, age, counted["buyers"])
    found = read_row(task.out)
    parameters = {name: found[name] for name in PARAMETERS}
    write_row(task, parameters, BgNbd(**parameters).log_likelihood(patterns) / patterns.customers)


def _counted(task: Task) -> pd.DataFrame:
    histories = pd.read_parquet(task.data, columns=list(HISTORY))
    return histories.value_counts(sort=False).reset_index(name="buyers")
