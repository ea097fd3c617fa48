"""The whole resolution on many random worlds in one Spark call, against clustering anew at every moment."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.table import IDENTIFIERS
from habitue.identity.audit import violations
from habitue.identity.resolution import Resolution, resolve_identity
from tests.oracle import identity_worlds
from tests.oracle.identity_worlds import SETTINGS, Record, clusters_before, random_world

WORLDS = {
    f"w{n}.": random_world(n, prefix=f"w{n}.") for n in range(600 if os.environ.get("HABITUE_ACCEPT") else 60)
}

DAY = 86_400


def cut_lineage(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def resolve(
    spark: SparkSession, partitions: int, *, previous: DataFrame | None = None, driver_edges: int = 10**6
) -> Resolution:
    rows = [
        (r.rule, r.source, [*r.identifiers], datetime.fromtimestamp(r.known * DAY, UTC))
        for w in WORLDS.values()
        for r in w
    ]
    random.Random(partitions).shuffle(rows)
    schema = f"rule string, source string, identifiers {IDENTIFIERS}, known_time timestamp"
    df = spark.createDataFrame(rows, schema).repartition(partitions)
    records = {rule: df.where(F.col("rule") == rule).drop("rule") for rule in ("same_record", "login")}
    settings = SETTINGS.model_copy(update={"driver_tier_max_edges": driver_edges})
    return resolve_identity(records, previous=previous, settings=settings, checkpoint=cut_lineage)


@pytest.fixture(scope="module")
def first(spark: SparkSession) -> Resolution:
    return resolve(spark, 4)


def contents(df: DataFrame) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in df.collect()}


def test_identity_at_any_moment_is_the_clustering_of_what_was_known_before(first: Resolution):
    coded = first.resolved.identity_map.withColumn("code", F.xxhash64("id_type", "id_key")).collect()
    identity_worlds.CODES.update({(r.id_type, r.id_key): r.code for r in coded})
    rows: dict[str, list[Any]] = {}
    for r in coded:
        rows.setdefault(r.id_key.split(".")[0] + ".", []).append(r)
    try:
        for name, world in WORLDS.items():
            for cut in {r.known for r in world} | {r.known + 1 for r in world}:
                assert groups_at(rows[name], cut) == clusters_before(world, cut), f"{name} before {cut}"
    finally:
        identity_worlds.CODES.clear()


def groups_at(rows: list[Any], cut: int) -> set[frozenset[tuple[str, str]]]:
    at = datetime.fromtimestamp(cut * DAY, UTC).replace(tzinfo=None)
    persons: dict[str, set[tuple[str, str]]] = {}
    for r in rows:
        if r.valid_from < at and (r.valid_to is None or r.valid_to >= at):
            persons.setdefault(r.person_id, set()).add((r.id_type, r.id_key))
    return {frozenset(g) for g in persons.values()}


def test_order_partitions_tier_and_repetition_change_nothing(spark: SparkSession, first: Resolution):
    others = (
        resolve(spark, 1),
        resolve(spark, 16, driver_edges=0),
        resolve(spark, 4, previous=first.resolved.identity_map),
    )
    for other in others:
        assert contents(other.resolved.identity_map) == contents(first.resolved.identity_map)
        assert contents(other.resolved.edges) == contents(first.resolved.edges)
        assert contents(other.resolved.changes) == contents(first.resolved.changes)


def test_the_checks_of_the_run_find_nothing(first: Resolution):
    found = first.resolved
    counts = violations(
        found.identity_map, found.edges, found.changes, first.sightings, previous=None, settings=SETTINGS
    )
    assert len(counts) == 6 and not any(counts.values()), counts


def test_the_checks_of_the_run_find_planted_faults(spark: SparkSession, first: Resolution):
    found = first.resolved
    one_person = found.identity_map.where("valid_to IS NULL").withColumn("person_id", F.lit("all"))
    previous = one_person.withColumn("person_id", F.lit("before"))
    twice = one_person.unionByName(one_person.withColumn("valid_from", F.lit(datetime(2030, 1, 1))))
    nobody = found.changes.where(F.lit(False))
    counts = violations(twice, found.edges, nobody, first.sightings, previous=previous, settings=SETTINGS)
    assert {name for name, n in counts.items() if n} == {
        "validities that leave a gap or overlap",
        "persons over a limit of their identifiers",
        "persons with two numbers of one source",
        "ids changed since the last run without a cause",
    }
    each_alone = found.identity_map.withColumn(
        "person_id", F.concat("id_key", F.col("valid_from").cast("string"))
    )
    counts = violations(each_alone, found.edges, nobody, first.sightings, previous=None, settings=SETTINGS)
    assert counts["accepted edges across persons"] and counts["ids changed without a cause"]


def test_every_refused_edge_names_the_limit(first: Resolution):
    refused = first.resolved.edges.where("status = 'refused'")
    reasons = {r.reason for r in refused.select("reason").distinct().collect()}
    assert None not in reasons
    assert any("shared" in r for r in reasons) and any("from one source" in r for r in reasons)


def test_worlds_meet_all_kinds_of_trouble():
    """Guards the other tests: random worlds that never merge would prove nothing."""
    records: list[Record] = [r for w in WORLDS.values() for r in w]
    assert len(records) > 500 and {len(r.identifiers) for r in records} == {1, 2, 3}
