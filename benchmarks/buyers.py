"""Seeded purchase histories from the BG/NBD process, in whole days: what both btyd benchmarks read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from habitue.models.patterns import Floats

FILES = 4
R, ALPHA, A, B = 0.6, 45.0, 0.9, 3.2
_LONGEST_AGE = 730


def generate_buyers(folder: Path, rows: int) -> int:
    """Write one row per buyer: customer, as_of_date, frequency, recency_days, age_days."""
    x, t_x, age = histories(rows, np.random.default_rng(11))
    table = pa.table(
        {
            "customer": pa.array([f"c{i:09d}" for i in range(rows)]),
            "as_of_date": pa.array(np.full(rows, 20_000, dtype=np.int32), pa.date32()),
            "frequency": x.astype(np.int64),
            "recency_days": t_x.astype(np.int32),
            "age_days": age.astype(np.int32),
        }
    )
    write_parts(table, folder)
    return rows


def write_parts(table: pa.Table, folder: Path) -> None:
    """Several files, so that every engine can read in parallel."""
    step = -(-table.num_rows // FILES)
    for part in range(FILES):
        pq.write_table(table.slice(part * step, step), folder / f"part-{part}.parquet", compression="snappy")


def histories(size: int, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """x, t_x and T: gaps are drawn in days and rounded up, so that no two purchases share a day."""
    rate = random.gamma(R, 1 / ALPHA, size)
    leaves = random.beta(A, B, size)
    age = random.integers(1, _LONGEST_AGE + 1, size).astype(np.float64)
    x, t_x = np.zeros(size), np.zeros(size)
    active = np.arange(size)
    while active.size:
        at = t_x[active] + np.ceil(random.exponential(1.0, active.size) / np.maximum(rate[active], 1e-9))
        active, at = active[at <= age[active]], at[at <= age[active]]
        x[active] += 1
        t_x[active] = at
        active = active[random.random(active.size) >= leaves[active]]
    return x, t_x, age
