"""Buyers to P(alive) and expected purchases within a year, by a BG/NBD model of given parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from benchmarks.buyers import ALPHA, A, B, R, generate_buyers
from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import table_differences
from habitue.models.bg_nbd import BgNbd
from habitue.models.patterns import Floats
from habitue.training.purchase_model import Histories

HISTORY = ("frequency", "recency_days", "age_days")
HORIZON_DAYS = 365.0
MODEL = BgNbd(R, ALPHA, A, B)
_PEERS = "benchmarks.peers.btyd_score"
_SCHEMA = "customer string, p_alive double, expected_purchases double"


def ours(task: Task) -> None:
    """One Arrow pass; distinct histories of a batch are scored once, as the product's models do."""
    from benchmarks import spark

    spark.write(spark.read(task).select("customer", *HISTORY).mapInArrow(_batches, _SCHEMA), task)


def plan(task: Task) -> str:
    """The plan of `ours`."""
    from benchmarks import spark

    return spark.plan_of(spark.read(task).select("customer", *HISTORY).mapInArrow(_batches, _SCHEMA))


def _batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = {name: floats(batch.column(name)) for name in HISTORY}
        yield pa.RecordBatch.from_pydict({"customer": batch.column("customer"), **scores(columns)})


def scores(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Both columns, each distinct history worked out once."""
    h = Histories.of(columns)
    return {
        "p_alive": MODEL.p_alive(h.x, h.t_x, h.age)[h.which],
        "expected_purchases": MODEL.expected_purchases(HORIZON_DAYS, h.x, h.t_x, h.age)[h.which],
    }


def floats(column: pa.Array | pa.ChunkedArray) -> Floats:
    """A column without nulls as doubles."""
    values: Floats = np.asarray(column).astype(np.float64)
    return values


CONTESTS = (
    Contest(
        name="btyd_score",
        ours=Contender("ours", "benchmarks.btyd_score:ours", "pyspark", SPARK, "benchmarks.btyd_score:plan"),
        peers=(
            Contender("lifetimes", f"{_PEERS}_lifetimes:run", "lifetimes"),
            Contender("numpy", f"{_PEERS}_numpy:grouped", "numpy"),
            Contender("ungrouped", f"{_PEERS}_numpy:ungrouped", "numpy"),
        ),
        sizes={"tiny": (5_000,), "small": (50_000,), "medium": (1_000_000,), "large": (20_000_000,)},
        generate=generate_buyers,
        rows="buyers",
        differences=partial(
            table_differences,
            keys=("customer",),
            columns=("p_alive", "expected_purchases"),
            relative=1e-8,
            absolute=1e-9,
        ),
        data="buyers",
    ),
)
