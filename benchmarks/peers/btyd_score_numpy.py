"""The product's kernel without Spark, a file per thread: distinct histories once, and every buyer by itself."""

from __future__ import annotations

import pyarrow as pa

from benchmarks.btyd_score import HISTORY, HORIZON_DAYS, MODEL, floats, scores
from benchmarks.contest import Task
from benchmarks.peers.parts import each_part


def grouped(task: Task) -> None:
    """Distinct histories of a file are scored once."""

    def score(table: pa.Table) -> pa.Table:
        columns = {name: floats(table[name]) for name in HISTORY}
        return pa.table({"customer": table["customer"], **scores(columns)})

    each_part(task, score, ["customer", *HISTORY])


def ungrouped(task: Task) -> None:
    """Every buyer is scored by itself."""

    def score(table: pa.Table) -> pa.Table:
        x, t_x, age = (floats(table[name]) for name in HISTORY)
        return pa.table(
            {
                "customer": table["customer"],
                "p_alive": MODEL.p_alive(x, t_x, age),
                "expected_purchases": MODEL.expected_purchases(HORIZON_DAYS, x, t_x, age),
            }
        )

    each_part(task, score, ["customer", *HISTORY])
