"""Groups with networkx: a graph of texts, its connected components."""

from __future__ import annotations

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contest import Task


def run(task: Task) -> None:
    """Read, build the graph, walk its components, write."""
    links = pq.read_table(task.data)
    a = zip(links["id_type_a"].to_pylist(), links["id_key_a"].to_pylist(), strict=True)
    b = zip(links["id_type_b"].to_pylist(), links["id_key_b"].to_pylist(), strict=True)
    graph = nx.Graph()
    graph.add_edges_from(zip(a, b, strict=True))
    types: list[str] = []
    keys: list[str] = []
    persons: list[str] = []
    for number, group in enumerate(nx.connected_components(graph)):
        types += [id_type for id_type, _ in group]
        keys += [key for _, key in group]
        persons += [str(number)] * len(group)
    task.out.mkdir()
    table = pa.table({"id_type": types, "id_key": keys, "person_id": persons})
    pq.write_table(table, task.out / "map.parquet", compression="snappy")
