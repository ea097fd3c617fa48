"""Exact connected components of integer edges: on the driver when they fit, else in DataFrames.

Edges are rows (a, b) of 64-bit node codes; the result is one row per node that has
an edge: (node, component), the component being its smallest node. Both tiers give
equal results. The distributed tier alternates large and small stars (Kiveris et
al. 2014, "Connected Components in MapReduce and Beyond"); it stops only when all
edges form stars, never on a sum or a count that happens to repeat.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from habitue.errors import HabitueError

MAX_ROUNDS = 100  # a chain of 100,000 nodes takes 14

Checkpoint = Callable[[DataFrame], DataFrame]
Codes = npt.NDArray[np.int64]


def components(
    edges: DataFrame, *, edge_count: int, driver_tier_max_edges: int, checkpoint: Checkpoint
) -> DataFrame:
    """(node, component) by the tier that fits the number of edges."""
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
    """Alternate stars until every edge leads straight to the smallest node of its component."""
    child, parent = F.greatest("a", "b"), F.least("a", "b")
    loops = edges.where("a = b").select(F.col("a").alias("node"), F.col("a").alias("component")).distinct()
    links = checkpoint(edges.where("a <> b").select(child.alias("child"), parent.alias("parent")).distinct())
    for _ in range(MAX_ROUNDS):
        if _all_stars(links):
            roots = links.select(F.col("parent").alias("node"), F.col("parent").alias("component"))
            leaves = links.select(F.col("child").alias("node"), F.col("parent").alias("component"))
            lonely = loops.join(leaves.unionByName(roots), on="node", how="left_anti")
            return leaves.unionByName(roots.distinct()).unionByName(lonely)
        links = checkpoint(_small_star(_large_star(links)))
    raise HabitueError(f"connected components did not settle in {MAX_ROUNDS} rounds")


def _large_star(links: DataFrame) -> DataFrame:
    """Link every larger neighbour of a node to the smallest of its neighbourhood."""
    both = links.unionByName(links.select(F.col("parent").alias("child"), F.col("child").alias("parent")))
    smallest = F.least("child", F.min("parent").over(Window.partitionBy("child")))
    larger = both.withColumn("_smallest", smallest).where("parent > child")
    return larger.select(F.col("parent").alias("child"), F.col("_smallest").alias("parent")).distinct()


def _small_star(links: DataFrame) -> DataFrame:
    """Link a node and its smaller neighbours to the smallest of them."""
    smallest = links.withColumn("_smallest", F.min("parent").over(Window.partitionBy("child")))
    neighbours = smallest.where("parent <> _smallest").select(
        F.col("parent").alias("child"), F.col("_smallest").alias("parent")
    )
    own = smallest.select("child", F.col("_smallest").alias("parent"))
    return neighbours.unionByName(own).distinct()


def _all_stars(links: DataFrame) -> bool:
    """Each child has one parent, and no parent is a child."""
    parents = links.select(F.col("parent").alias("child")).distinct()
    chained = links.join(parents, on="child", how="left_semi")
    torn = links.groupBy("child").agg(F.count(F.lit(1)).alias("n")).where("n > 1").select("child")
    return chained.select("child").unionByName(torn).isEmpty()


def _int64(table: pa.Table, name: str) -> Codes:
    codes: Codes = table.column(name).to_numpy().astype(np.int64, copy=False)
    return codes
