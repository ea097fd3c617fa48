"""Exact connected components of integer edges: on the driver when they fit, else in DataFrames.

Edges are rows (a, b) of 64-bit node codes; the result is one row per node that has
an edge: (node, component), the component being its smallest node. Both tiers give
equal results. The distributed tier alternates large and small stars (Kiveris et
al. 2014, "Connected Components in MapReduce and Beyond") and joins, at each step, all
that lies in one partition, as the union-find shuffle does (Agarwal et al. 2020, arXiv
2012.05430); it stops only when all edges form stars, never on a sum or a count that
happens to repeat.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from habitue.contracts.checkpoint import Checkpoint
from habitue.errors import HabitueError

MAX_ROUNDS = 100  # a chain of 100,000 nodes takes 14

Codes = npt.NDArray[np.int64]


def components(
    edges: DataFrame, *, edge_count: int, driver_tier_max_edges: int, checkpoint: Checkpoint
) -> DataFrame:
    """Rows (node, component), by the tier that fits the number of edges."""
    if edge_count <= driver_tier_max_edges:
        return driver_components(edges)
    return distributed_components(edges, checkpoint=checkpoint)


def driver_components(edges: DataFrame) -> DataFrame:
    """Collect the codes as Arrow, label with scipy, hand the labels back."""
    collected = edges.select("a", "b").toArrow()
    nodes, labels = label(_int64(collected, "a"), _int64(collected, "b"))
    table = pa.table({"node": nodes, "component": labels})
    return edges.sparkSession.createDataFrame(table)


def label(a: Codes, b: Codes) -> tuple[Codes, Codes]:
    """Nodes in ascending order, and the smallest node of each one's component."""
    nodes, position = np.unique(np.concatenate([a, b]), return_inverse=True)
    if nodes.size == 0:
        return nodes, nodes
    ones = np.ones(a.size, dtype=np.int8)
    graph = coo_array((ones, (position[: a.size], position[a.size :])), shape=(nodes.size, nodes.size))
    _, group = connected_components(graph, directed=False)
    # nodes ascend, so the first of each group is its smallest
    _, first = np.unique(group, return_index=True)
    return nodes, nodes[first[group]]


def distributed_components(edges: DataFrame, *, checkpoint: Checkpoint) -> DataFrame:
    """Alternate stars until every edge leads straight to the smallest node of its component.

    A round brings all neighbours of a node together, then all parents of a node; each time the nodes that
    meet in one partition are joined as far as its edges go, which is more than a star does.
    """
    loops = edges.where("a = b").select(F.col("a").alias("node"), F.col("a").alias("component")).distinct()
    links = checkpoint(
        edges.where("a <> b")
        .select(F.greatest("a", "b").alias("child"), F.least("a", "b").alias("parent"))
        .mapInArrow(_joined, _LINK)
    )
    for _ in range(MAX_ROUNDS):
        links = checkpoint(_parents_joined(_neighbours_joined(links)))
        if _all_stars(links):
            roots = links.select(F.col("parent").alias("node"), F.col("parent").alias("component"))
            leaves = links.select(F.col("child").alias("node"), F.col("parent").alias("component"))
            lonely = loops.join(leaves.unionByName(roots), on="node", how="left_anti")
            return leaves.unionByName(roots.distinct()).unionByName(lonely)
    raise HabitueError(f"connected components did not settle in {MAX_ROUNDS} rounds")


_LINK = "child bigint, parent bigint"


def _neighbours_joined(links: DataFrame) -> DataFrame:
    """Link a node and its neighbours to the smallest node that they reach within the partition."""
    turned = links.select(F.col("parent").alias("child"), F.col("child").alias("parent"))
    return links.unionByName(turned).repartition("child").mapInArrow(_joined, _LINK)


def _parents_joined(links: DataFrame) -> DataFrame:
    """Link a node and its parents to the smallest node that they reach within the partition."""
    return links.repartition("child").mapInArrow(_joined, _LINK)


def _joined(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Stars of the components of one partition's edges: no more edges than nodes, and the same nodes together."""
    parts = list(batches)
    if not parts:
        return
    whole = pa.Table.from_batches(parts)
    nodes, component = label(_int64(whole, "child"), _int64(whole, "parent"))
    is_leaf = nodes != component
    yield pa.RecordBatch.from_arrays([pa.array(nodes[is_leaf]), pa.array(component[is_leaf])], schema=_SCHEMA)


_SCHEMA = pa.schema([("child", pa.int64()), ("parent", pa.int64())])


def _all_stars(links: DataFrame) -> bool:
    """Each child has one parent, and no parent is a child."""
    ends = links.select(F.col("child").alias("node"), F.lit(1).alias("up"), F.lit(0).alias("down")).union(
        links.select("parent", F.lit(0), F.lit(1))
    )
    seen = ends.groupBy("node").agg(F.sum("up").alias("up"), F.max("down").alias("down"))
    return seen.where((F.col("up") > 1) | ((F.col("up") > 0) & (F.col("down") > 0))).isEmpty()


def _int64(table: pa.Table, name: str) -> Codes:
    codes: Codes = table.column(name).to_numpy().astype(np.int64, copy=False)
    return codes
