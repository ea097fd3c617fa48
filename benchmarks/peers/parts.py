"""Work of one process spread over two threads: one Parquet file of the input each, until none is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contest import THREADS, Task


def each_part(task: Task, work: Callable[[pa.Table], pa.Table], columns: list[str] | None = None) -> None:
    """Read each file, work on it, write the result under the same name."""
    task.out.mkdir()

    def one(path: Path) -> None:
        result = work(pq.read_table(path, columns=columns, use_threads=False))
        pq.write_table(result, task.out / path.name, compression="snappy")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, sorted(task.data.glob("*.parquet"))))
