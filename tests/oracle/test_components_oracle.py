"""Connected components of both tiers against networkx, with adaptive execution on and off."""

from __future__ import annotations

import os
import random

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from habitue.identity.components import components, distributed_components, driver_components, label

SEEDS = range(200 if os.environ.get("HABITUE_ACCEPT") else 12)
STEP = 1_000_000  # codes of one graph lie apart from those of the next, so that one Spark call takes all
Edges = list[tuple[int, int]]


def random_graph(rng: random.Random) -> Edges:
    size = rng.choice([2, 10, 60, 200])
    return [
        (rng.randrange(size), rng.randrange(size)) for _ in range(int(size * rng.choice([0.3, 0.8, 1.5])) + 1)
    ]


def graphs() -> list[Edges]:
    """Random ones, a chain in random order of codes, a hub, a cycle, a node linked to itself alone."""
    rng = random.Random(1)
    codes = rng.sample(range(10_000), 300)
    chain = list(zip(codes, codes[1:], strict=False))
    hub = [(5_000, leaf) for leaf in range(400)]
    cycle = [(i, (i + 1) % 50) for i in range(50)]
    return [*(random_graph(random.Random(seed)) for seed in SEEDS), chain, hub, cycle, [(7, 7)]]


def all_edges() -> Edges:
    """All graphs side by side, with negative codes among them; edges in both directions."""
    shifted = [(a + (n - 5) * STEP, b + (n - 5) * STEP) for n, graph in enumerate(graphs()) for a, b in graph]
    return [(b, a) if i % 3 else (a, b) for i, (a, b) in enumerate(shifted)]


def expected(edges: Edges) -> dict[int, int]:
    graph = nx.Graph(edges)
    return {node: min(group) for group in nx.connected_components(graph) for node in group}


def as_dict(df: DataFrame) -> dict[int, int]:
    rows = df.collect()
    found = {row["node"]: row["component"] for row in rows}
    assert len(found) == len(rows), "every node comes out once"
    return found


def test_the_driver_kernel_labels_each_node_with_the_smallest_of_its_component():
    for graph in graphs():
        nodes, labels = label(*(np.array(side, dtype=np.int64) for side in zip(*graph, strict=True)))
        assert dict(zip(nodes.tolist(), labels.tolist(), strict=True)) == expected(graph)


def test_a_graph_without_edges_has_no_components():
    nothing = np.array([], dtype=np.int64)
    assert label(nothing, nothing)[0].size == 0


@pytest.mark.parametrize("adaptive", ["true", "false"])
def test_both_tiers_agree_with_networkx(spark: SparkSession, adaptive: str):
    before = spark.conf.get("spark.sql.adaptive.enabled")
    spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    try:
        edges = all_edges()
        df = spark.createDataFrame(edges, "a long, b long").repartition(4)
        wanted = expected(edges)
        assert as_dict(driver_components(df)) == wanted
        rounds: list[DataFrame] = []

        def checkpoint(links: DataFrame) -> DataFrame:
            rounds.append(links.localCheckpoint())
            return rounds[-1]

        assert as_dict(distributed_components(df, checkpoint=checkpoint)) == wanted
        assert len(rounds) <= 12, "a chain of 300 settles in a few rounds"
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", before or "true")


@pytest.mark.accept
def test_a_chain_and_a_hub_of_a_hundred_thousand_settle_in_a_few_rounds(spark: SparkSession):
    size = 100_000
    codes = np.random.default_rng(3).permutation(size)  # neighbours of the chain lie anywhere
    chain = np.stack([codes[:-1], codes[1:]], axis=1)
    hub = np.stack([np.full(size, 3 * size), np.arange(size) + 2 * size], axis=1)
    edges = np.concatenate([chain, hub])
    rows = pa.table({"a": edges[:, 0], "b": edges[:, 1]})
    rounds: list[DataFrame] = []

    def checkpoint(links: DataFrame) -> DataFrame:
        rounds.append(links.localCheckpoint())
        return rounds[-1]

    found = distributed_components(
        spark.createDataFrame(rows).repartition(16), checkpoint=checkpoint
    ).toArrow()
    nodes, labels = found.column("node").to_numpy(), found.column("component").to_numpy()
    assert len(nodes) == 2 * size + 1 == np.unique(nodes).size
    assert (labels == np.where(nodes < size, 0, 2 * size)).all()
    assert len(rounds) <= 20


def test_the_tier_is_chosen_by_the_number_of_edges(spark: SparkSession):
    df = spark.createDataFrame([(1, 2), (2, 3)], "a long, b long")
    used: list[str] = []

    def checkpoint(links: DataFrame) -> DataFrame:
        used.append("distributed")
        return links.localCheckpoint()

    small = components(df, edge_count=2, driver_tier_max_edges=2, checkpoint=checkpoint)
    assert as_dict(small) == {1: 1, 2: 1, 3: 1} and not used
    large = components(df, edge_count=2, driver_tier_max_edges=1, checkpoint=checkpoint)
    assert as_dict(large) == {1: 1, 2: 1, 3: 1} and used
