"""Customer records to persons by what they say, without numbers: blocked, compared, clustered; Parquet to Parquet.

The result has one row per record with the label of its group. Groups need not be equal: each side is held
against the truth, and ours may not be worse.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import connect, parquet
from benchmarks.known_people import KNOWN, SETTINGS
from benchmarks.people import FILE, generate_people

if TYPE_CHECKING:
    from habitue.identity.matching.settings import MatchingSettings

LEAST_PRECISION = 0.999
"""Ours: two persons taken for one cost more than one person taken for two."""
TOLERANCE = 0.002
_PEERS = "benchmarks.peers.crm_matching"


def ours(task: Task) -> None:
    """As resolve does it, with the settings that a project has from the start."""
    from habitue.identity.matching.settings import MatchingSettings

    _groups(task, MatchingSettings())


def ours_known(task: Task) -> None:
    """The same with the fields of febrl's sets besides."""
    _groups(task, SETTINGS)


def _groups(task: Task, settings: MatchingSettings) -> None:
    from pyspark.sql import functions as F

    from benchmarks import spark
    from habitue.identity.components import components
    from habitue.identity.matching.matching import DRIVER_TIER_MAX_LINKS, match_records

    checkpoint = spark.checkpoint_into(task)
    people = spark.read(task, FILE)
    found = match_records(people.drop("person"), settings=settings, checkpoint=checkpoint).links
    ends = [F.xxhash64(key).alias(end) for key, end in (("key_a", "a"), ("key_b", "b"))]
    links = checkpoint(found.where("status = 'accepted'").select(*ends))
    labels = components(
        links,
        edge_count=links.count(),
        driver_tier_max_edges=DRIVER_TIER_MAX_LINKS,
        checkpoint=checkpoint,
    )
    coded = people.select("record_key", "person", F.xxhash64("record_key").alias("node"))
    label = F.coalesce("component", "node").alias("label")
    spark.write(coded.join(labels, on="node", how="left").select("record_key", "person", label), task)


def quality(found: Path) -> dict[str, float]:
    """Precision, recall and F1 of pairs of records that are one person."""

    def pairs(by: str) -> str:
        return (
            f"(SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM {parquet(found)} GROUP BY {by}))"
        )

    with connect() as connection:
        row = connection.execute(
            f"SELECT {pairs('label, person')}, {pairs('label')}, {pairs('person')}"
        ).fetchone()
    assert row is not None
    right, together, belong = (float(n or 0) for n in row)
    return {
        "precision": right / together if together else 1.0,
        "recall": right / belong if belong else 1.0,
        "f1": 2 * right / (together + belong) if together + belong else 1.0,
    }


def not_worse(ours: Path, peer: Path) -> list[str]:
    """What of ours is worse than the peer's, or than it must be."""
    found, wanted = quality(ours), quality(peer)
    wrong = []
    if found["f1"] < wanted["f1"] - TOLERANCE:
        wrong.append(f"F1: {found['f1']:.4f} against {wanted['f1']:.4f}")
    if found["precision"] < LEAST_PRECISION:
        wrong.append(f"precision: {found['precision']:.4f}, less than {LEAST_PRECISION}")
    return wrong


def _known(name: str, *, tiny: bool = False) -> Contest:
    """A set that others measure on too; its size is its own."""
    known = KNOWN[name]
    return Contest(
        name="crm_matching",
        ours=Contender("ours", "benchmarks.crm_matching:ours_known", "pyspark", SPARK),
        peers=(Contender("splink", f"{_PEERS}_splink:run_known", "splink"),),
        sizes={"medium": (known.records,)} | ({"tiny": (known.records,)} if tiny else {}),
        generate=known.generate,
        rows="records",
        differences=not_worse,
        quality=quality,
        dataset=known.name,
    )


CONTESTS = (
    _known("febrl1", tiny=True),
    *map(_known, ("febrl2", "febrl3", "febrl4", "febrl3_no_number", "febrl4_no_number")),
    Contest(
        name="crm_matching",
        ours=Contender("ours", "benchmarks.crm_matching:ours", "pyspark", SPARK),
        peers=(Contender("splink", f"{_PEERS}_splink:run", "splink"),),
        sizes={"tiny": (2_000,), "small": (10_000,), "medium": (200_000,), "large": (1_000_000,)},
        generate=generate_people,
        rows="records",
        differences=not_worse,
        quality=quality,
    ),
)
