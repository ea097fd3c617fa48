"""A BG/NBD fit by lifetimes, on distinct histories with their weights, as its manual advises for many buyers."""

from __future__ import annotations

import pandas as pd
from lifetimes import BetaGeoFitter

from benchmarks.btyd_fit import HISTORY, PARAMETERS, write_row
from benchmarks.contest import Task


def run(task: Task) -> None:
    """Group with pandas, fit, write."""
    columns = list(HISTORY)
    counted = pd.read_parquet(task.data, columns=columns).value_counts(sort=False).reset_index(name="buyers")
    fitter = BetaGeoFitter(penalizer_coef=0.0)
    fitter.fit(counted["frequency"], counted["recency_days"], counted["age_days"], weights=counted["buyers"])
    parameters = {name: float(fitter.params_[name]) for name in PARAMETERS}
    write_row(task, parameters, _log_likelihood(parameters, counted))


def _log_likelihood(parameters: dict[str, float], counted: pd.DataFrame) -> float:
    """In days: lifetimes scales time before it fits, which moves the likelihood by a constant."""
    from habitue.models.bg_nbd import BgNbd
    from habitue.models.patterns import Patterns

    x, t_x, age = (counted[name] for name in HISTORY)
    patterns = Patterns.group(x, t_x, age, counted["buyers"])
    return BgNbd(**parameters).log_likelihood(patterns) / patterns.customers
