"""Scores by lifetimes, a file per thread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from lifetimes import BetaGeoFitter

from benchmarks.btyd_score import HISTORY, HORIZON_DAYS, MODEL, floats
from benchmarks.contest import Task
from benchmarks.peers.parts import each_part


def run(task: Task) -> None:
    """The two methods of its fitter."""
    fitter = BetaGeoFitter()
    fitter.params_ = pd.Series({"r": MODEL.r, "alpha": MODEL.alpha, "a": MODEL.a, "b": MODEL.b})

    def score(table: pa.Table) -> pa.Table:
        x, t_x, age = (floats(table[name]) for name in HISTORY)
        with np.errstate(all="ignore"):  # its formulas overflow for long silences and come out right
            alive = fitter.conditional_probability_alive(x, t_x, age)
            expected = fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON_DAYS, x, t_x, age)
        return pa.table({"customer": table["customer"], "p_alive": alive, "expected_purchases": expected})

    each_part(task, score, ["customer", *HISTORY])
