"""Groups in one process: Arrow numbers the identifiers, scipy labels them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.contest import Task


def run(task: Task) -> None:
    """Read, number, label, write."""
    links = pq.read_table(task.data)
    a, b = _ends(links)
    both = pa.chunked_array([*a.chunks, *b.chunks]).combine_chunks().dictionary_encode()
    codes = both.indices.to_numpy()
    size = len(both.dictionary)
    ones = np.ones(len(a), dtype=np.int8)
    graph = coo_array((ones, (codes[: len(a)], codes[len(a) :])), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    parts = pc.split_pattern(both.dictionary, ":", max_splits=1)
    task.out.mkdir()
    table = pa.table(
        {
            "id_type": pc.list_element(parts, 0),
            "id_key": pc.list_element(parts, 1),
            "person_id": pa.array(label).cast(pa.string()),
        }
    )
    pq.write_table(table, task.out / "map.parquet", compression="snappy")


def _ends(links: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Both ends of each link as one text."""
    a, b = (
        pc.binary_join_element_wise(links[f"id_type_{end}"], links[f"id_key_{end}"], ":")
        for end in ("a", "b")
    )
    return a, b
