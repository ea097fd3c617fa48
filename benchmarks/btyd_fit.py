"""Buyers to the parameters of a BG/NBD model: exact maximum likelihood, from Parquet to one row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.buyers import generate_buyers
from benchmarks.contest import SPARK, Contender, Contest, Task
from habitue.models.bg_nbd import BgNbd
from habitue.models.patterns import Patterns

PARAMETERS = ("r", "alpha", "a", "b")
HISTORY = ("frequency", "recency_days", "age_days")
_LIKELIHOOD = "log_likelihood_per_buyer"
_PEERS = "benchmarks.peers.btyd_fit"


def ours(task: Task) -> None:
    """Histories are counted in the engine, then fitted on the driver, as training does."""
    from pyspark.sql import functions as F

    from benchmarks import spark
    from habitue.training.rows import count_patterns

    rows = spark.read(task).select(
        "as_of_date", *(F.col(name).cast("double").alias(name) for name in HISTORY)
    )
    [patterns] = count_patterns(rows).patterns.values()
    write_fit(task, patterns)


def write_fit(task: Task, patterns: Patterns) -> None:
    """Fit and write."""
    fit = BgNbd.fit(patterns)
    model = fit.model
    parameters = {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b}
    write_row(task, parameters, fit.log_likelihood / patterns.customers)


def write_row(
    task: Task, parameters: Mapping[str, float], log_likelihood_per_buyer: float | None = None
) -> None:
    """The result of any side: one row. Who does not compute the likelihood while it fits adds it afterwards."""
    task.out.mkdir(exist_ok=True)
    row = {name: [float(parameters[name])] for name in PARAMETERS}
    pq.write_table(pa.table(row | {_LIKELIHOOD: [log_likelihood_per_buyer]}), task.out / "fit.parquet")


def read_row(out: Path) -> dict[str, float]:
    """What `write_row` wrote."""
    row: dict[str, float] = pq.read_table(out).to_pylist()[0]
    return row


def differences(ours: Path, peer: Path) -> list[str]:
    """Parameters within 1 %, and a likelihood that is not lower than the peer's by more than 1e-6 per buyer.

    lifetimes stops searching earlier, where the likelihood is as high to six digits.
    """
    found, wanted = (read_row(path) for path in (ours, peer))
    wrong = [
        f"{name}: {found[name]:.6g} against {wanted[name]:.6g}"
        for name in PARAMETERS
        if not np.isclose(found[name], wanted[name], rtol=1e-2)
    ]
    if abs(found[_LIKELIHOOD] - wanted[_LIKELIHOOD]) > 1e-6:
        wrong.append(f"log-likelihood per buyer: {found[_LIKELIHOOD]:.9f} against {wanted[_LIKELIHOOD]:.9f}")
    return wrong


CONTESTS = (
    Contest(
        name="btyd_fit",
        ours=Contender("ours", "benchmarks.btyd_fit:ours", "pyspark", SPARK),
        peers=(
            Contender(
                "lifetimes",
                f"{_PEERS}_lifetimes:run",
                "lifetimes",
                after=f"{_PEERS}_lifetimes:add_likelihood",
            ),
            Contender("numpy", f"{_PEERS}_numpy:grouped", "numpy"),
            Contender("ungrouped", f"{_PEERS}_numpy:ungrouped", "numpy"),
        ),
        sizes={
            "tiny": (5_000,),
            "small": (50_000,),
            "medium": (100_000, 1_000_000, 5_000_000),
            "large": (20_000_000,),
        },
        generate=generate_buyers,
        rows="buyers",
        differences=differences,
        data="buyers",
    ),
)
