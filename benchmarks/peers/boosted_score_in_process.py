"""The library without Spark, a file per process: the limit of what any engine around it can reach."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.boosted import COLUMNS, MODEL, PROFILE
from benchmarks.contest import Task
from benchmarks.peers.parts import each_part_in_processes, processes
from habitue.models.patterns import Floats
from habitue.registry.model_files import read_model
from habitue.training.churn_model import ChurnModel

_CHUNK = 50_000


def start(_: Task) -> None:
    """Untimed: the processes stay over all rounds, and the warm-up round finds them importing, as it does Spark's."""
    processes()


def run(task: Task) -> None:
    """Processes, since spelling the reasons is pure Python, of which two threads do one at a time."""
    inner = Task(task.data / PROFILE, task.out, task.rows, task.heap)
    each_part_in_processes(inner, partial(_score, task.data / MODEL), ["person_id", *COLUMNS])


def _score(model: Path, table: pa.Table) -> pa.Table:
    parts = [_scored(_model(model), table.slice(at, _CHUNK)) for at in range(0, table.num_rows, _CHUNK)]
    return pa.concat_tables(parts)


@cache
def _model(path: Path) -> ChurnModel:
    """Read once per process."""
    model, _ = read_model(path, None)
    assert isinstance(model, ChurnModel)
    return model


def _scored(model: ChurnModel, table: pa.Table) -> pa.Table:
    columns: dict[str, Floats] = {
        name: np.asarray(table[name].to_numpy(), np.float64) for name in model.columns
    }
    reasons = model.reasons(columns)
    texts = {f"reason_{i + 1}": [found[i] if i < len(found) else None for found in reasons] for i in range(3)}
    arrays = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    return pa.table({"person_id": table["person_id"], "p_churn": model.predict(columns), **arrays})
