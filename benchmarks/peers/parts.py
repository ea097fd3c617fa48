"""Work of one peer spread over two threads or two processes: one Parquet file of the input each, until none is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contest import THREADS, Task

Work = Callable[[pa.Table], pa.Table]


def each_part(task: Task, work: Work, columns: list[str] | None = None) -> None:
    """Read each file, work on it, write the result under the same name: for work that lets go of the interpreter."""
    task.out.mkdir()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(partial(_one, task.out, work, columns), _paths(task)))


def each_part_in_processes(task: Task, work: Work, columns: list[str] | None = None) -> None:
    """The same, for work of which a part is Python's own; `work` is a function of a module, as it travels by name."""
    task.out.mkdir()
    processes().map(partial(_one, task.out, work, columns), _paths(task), chunksize=1)


@cache
def processes() -> Pool:
    """Two processes that stay, as Spark's workers do; spawned, since a fork would copy locks that threads hold."""
    return get_context("spawn").Pool(THREADS)


def _paths(task: Task) -> list[Path]:
    return sorted(task.data.glob("*.parquet"))


def _one(out: Path, work: Work, columns: list[str] | None, path: Path) -> None:
    result = work(pq.read_table(path, columns=columns, use_threads=False))
    pq.write_table(result, out / path.name, compression="snappy")
