"""The library without Spark, a file per thread: the limit of what any engine around it can reach."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa

from benchmarks.boosted import COLUMNS, MODEL, PROFILE
from benchmarks.contest import Task
from benchmarks.peers.parts import each_part
from habitue.models.patterns import Floats
from habitue.registry.model_files import read_model
from habitue.training.churn_model import ChurnModel

_CHUNK = 50_000
_of_thread = threading.local()


def run(task: Task) -> None:
    """Each thread reads the model once; XGBoost lets go of the interpreter while it works."""
    inner = Task(task.data / PROFILE, task.out, task.rows, task.heap)

    def score(table: pa.Table) -> pa.Table:
        parts = [_scored(_model(task), table.slice(at, _CHUNK)) for at in range(0, table.num_rows, _CHUNK)]
        return pa.concat_tables(parts)

    each_part(inner, score, ["person_id", *COLUMNS])


def _model(task: Task) -> ChurnModel:
    if getattr(_of_thread, "data", None) != task.data:
        _of_thread.model, _of_thread.data = read_model(task.data / MODEL, None)[0], task.data
    model = _of_thread.model
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
