"""The product's kernel without Spark: the limit in one process, with histories grouped and as they are."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from benchmarks.btyd_fit import HISTORY, write_fit
from benchmarks.contest import Task
from habitue.models.patterns import Floats, Patterns


def grouped(task: Task) -> None:
    """Distinct histories with their number of buyers."""
    write_fit(task, Patterns.group(*_columns(task)))


def ungrouped(task: Task) -> None:
    """Every buyer is a history of its own."""
    x, t_x, age = _columns(task)
    write_fit(task, Patterns(x, t_x, age, np.ones_like(x)))


def _columns(task: Task) -> list[Floats]:
    table = pq.read_table(task.data, columns=list(HISTORY))
    return [table[name].to_numpy().astype(np.float64) for name in HISTORY]
