"""Links to persons: identifiers grouped by what links them, from Parquet to Parquet.

The result has one row per identifier with the label of its group. Labels are free; groups must be equal.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet
from benchmarks.graphs import generate_links
from habitue.identity.settings import IdentitySettings

COLUMNS = ("id_type", "id_key", "person_id")
_PEERS = "benchmarks.peers.components"


def ours(task: Task) -> None:
    """The tier that the product takes for that many links."""
    _resolve(task, driver_tier_max_edges=IdentitySettings().driver_tier_max_edges)


def distributed(task: Task) -> None:
    """The distributed tier, whatever the number of links."""
    _resolve(task, driver_tier_max_edges=0)


def _resolve(task: Task, *, driver_tier_max_edges: int) -> None:
    """Codes, components, and the identifiers back: what resolve does between its edges and its map."""
    from pyspark.sql import functions as F

    from benchmarks import spark
    from habitue.identity.components import components
    from habitue.identity.edges import node_code
    from habitue.identity.persons import born_id, with_codes

    checkpoint = spark.checkpoint_into(task)
    edges = spark.read(task)
    links = checkpoint(with_codes(edges).select("a", "b"))
    labels = components(
        links, edge_count=task.rows, driver_tier_max_edges=driver_tier_max_edges, checkpoint=checkpoint
    )
    ends = [
        edges.select(F.col(f"id_type_{end}").alias("id_type"), F.col(f"id_key_{end}").alias("id_key"))
        for end in ("a", "b")
    ]
    nodes = (
        ends[0]
        .unionByName(ends[1])
        .distinct()
        .withColumn("node", node_code(F.col("id_type"), F.col("id_key")))
    )
    person = born_id(F.lit("component"), F.col("component").cast("string")).alias("person_id")
    spark.write(nodes.join(labels, on="node", how="inner").select("id_type", "id_key", person), task)


def same_groups(ours: Path, peer: Path) -> list[str]:
    """Each group named by its smallest identifier on both sides; identifiers whose group has another name."""

    def named(path: Path) -> str:
        return (
            f"SELECT id_type, id_key, min((id_type, id_key)) OVER (PARTITION BY person_id) AS name "
            f"FROM {parquet(path)}"
        )

    with connect() as connection:
        row = connection.execute(
            f"SELECT count(*) FILTER (o.id_key IS NULL), count(*) FILTER (p.id_key IS NULL), "
            f"count(*) FILTER (o.name <> p.name) FROM ({named(ours)}) o FULL JOIN ({named(peer)}) p "
            f"USING (id_type, id_key)"
        ).fetchone()
    assert row is not None
    texts = ("identifiers only the peer has", "identifiers only ours has", "identifiers in another group")
    return [f"{n:,} {text}" for n, text in zip(row, texts, strict=True) if n]


CONTESTS = (
    Contest(
        name="components",
        ours=Contender("ours", "benchmarks.components:ours", "pyspark", SPARK),
        peers=(
            Contender("scipy", f"{_PEERS}_scipy:run", "scipy"),
            Contender("networkx", f"{_PEERS}_networkx:run", "networkx"),
            Contender("duckdb", f"{_PEERS}_duckdb:run", "duckdb", plan=f"{_PEERS}_duckdb:plan"),
        ),
        sizes={"tiny": (2_000,), "small": (100_000,), "medium": (1_500_000,), "large": (15_000_000,)},
        generate=generate_links,
        rows="links",
        differences=same_groups,
    ),
    Contest(
        name="components",
        ours=Contender("distributed_tier", "benchmarks.components:distributed", "pyspark", SPARK),
        peers=(Contender("driver_tier", "benchmarks.components:ours", "pyspark", SPARK),),
        sizes={"tiny": (500,), "small": (5_000,), "medium": (1_500_000,), "large": (15_000_000,)},
        generate=generate_links,
        rows="links",
        differences=same_groups,
    ),
)
