"""Batch after batch gives what one run over everything gives: the same persons, validities, changes and edges."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.table import IDENTIFIERS
from habitue.identity.edges import PAIR
from habitue.identity.increment import (
    Changes,
    Stored,
    between_members,
    net_changes,
    of_members,
    resolve_increment,
)
from habitue.identity.matching.identity_links import RULE
from habitue.identity.resolution import Resolution, resolve_identity
from tests.oracle.identity_worlds import SETTINGS, Identifier, Record, random_world

IS_LONG = bool(os.environ.get("HABITUE_ACCEPT"))
WORLDS = {n: random_world(n, prefix=f"w{n}.") for n in range(300 if IS_LONG else 40)}
BATCHES = 10 if IS_LONG else 3
ROWS = f"rule string, source string, identifiers {IDENTIFIERS}, known_time timestamp"
LINKS = (
    "id_type_a string, id_key_a string, id_type_b string, id_key_b string, rule string, source string, "
    "first_known timestamp, last_seen timestamp, observations bigint, confidence double"
)


@dataclass(frozen=True)
class Day:
    """All records that are there on a day, and the links that matching gives."""

    records: list[Record]
    links: list[tuple[Identifier, Identifier]]


def days() -> list[Day]:
    """Worlds change in turn: most records come once, in any order of known time; some go again, links too."""
    found = [Day([], []) for _ in range(BATCHES)]
    for number, world in WORLDS.items():
        rng = random.Random(number)
        quiet = rng.random() < 0.3  # arrives at once, and is touched no more
        for record in world:
            start = 0 if quiet else rng.randrange(BATCHES)
            end = rng.randrange(start + 1, BATCHES + 1) if not quiet and rng.random() < 0.15 else BATCHES
            for day in found[start:end]:
                day.records.append(record)
        everyone = sorted({i for r in world for i in r.identifiers})
        if len(everyone) > 1 and not quiet:
            one, other = sorted(rng.sample(everyone, 2))
            for day in found[rng.randrange(BATCHES) : rng.randrange(1, BATCHES + 1)]:
                day.links.append((one, other))
    return found


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def rows(records: list[Record]) -> list[tuple[Any, ...]]:
    return [(r.rule, r.source, [*r.identifiers], at(r.known)) for r in records]


def as_links(spark: SparkSession, day: Day) -> DataFrame:
    """Links are known when both of their records are."""
    first: dict[Identifier, int] = {}
    for r in day.records:
        for i in r.identifiers:
            first[i] = min(first.get(i, r.known), r.known)
    found = []
    for one, other in day.links:
        if {one, other} <= first.keys():
            known = at(max(first[one], first[other]) + 2)
            found.append((*one, *other, RULE, "crm", known, known, 1, 0.97))
    return spark.createDataFrame(found, LINKS)


def by_rule(df: DataFrame) -> dict[str, DataFrame]:
    return {rule: df.where(F.col("rule") == rule).drop("rule") for rule in ("same_record", "login")}


def cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def everything(spark: SparkSession, day: Day, previous: DataFrame | None) -> Resolution:
    records = by_rule(spark.createDataFrame(rows(day.records), ROWS))
    return resolve_identity(
        records, previous=previous, settings=SETTINGS, checkpoint=cut, links=as_links(spark, day)
    )


@dataclass(frozen=True)
class State:
    """What a lake would hold after a run."""

    stored: Stored
    edges: DataFrame
    changes: set[tuple[Any, ...]]


def first_state(spark: SparkSession, day: Day) -> State:
    run = everything(spark, day, None)
    assert run.ended is not None
    stored = Stored(run.observations, run.ended, as_links(spark, day), run.resolved.identity_map)
    return State(stored, run.resolved.edges, contents(run.resolved.changes))


def next_state(spark: SparkSession, state: State, before: Day, day: Day) -> State:
    came, went = list(day.records), []
    for record in before.records:
        if record in came:
            came.remove(record)
        else:
            went.append(record)
    signed = [(*r, sign) for of, sign in ((came, 1), (went, -1)) for r in rows(of)]
    moved = [(*r, sign) for r in rows(before.records[:5]) for sign in (1, -1)]  # rewritten, not changed
    changes = cut(net_changes(spark.createDataFrame(signed + moved, f"{ROWS}, change int")))
    links = as_links(spark, day)
    records = by_rule(spark.createDataFrame(rows(day.records), ROWS))
    found = resolve_increment(
        state.stored, Changes(changes, links), records, settings=SETTINGS, checkpoint=cut
    )
    assert found is not None
    run, old = found.resolution, state.stored
    is_member = found.members
    untouched = old.observations.exceptAll(of_members(old.observations, is_member))
    stored = Stored(
        cut(untouched.unionByName(run.observations)),
        found.ended,
        links,
        cut(
            old.identity_map.exceptAll(of_members(old.identity_map, is_member)).unionByName(
                run.resolved.identity_map
            )
        ),
    )
    edges = state.edges.exceptAll(between_members(state.edges, is_member)).unionByName(run.resolved.edges)
    return State(stored, cut(edges), contents(run.resolved.changes))


def contents(df: DataFrame) -> set[tuple[Any, ...]]:
    found = [tuple(row) for row in df.select(*sorted(df.columns)).collect()]
    assert len(found) == len(set(found))
    return set(found)


def partition(identity_map: DataFrame) -> set[frozenset[Identifier]]:
    groups: dict[str, set[Identifier]] = {}
    for row in identity_map.where("valid_to IS NULL").collect():
        groups.setdefault(row.person_id, set()).add((row.id_type, row.id_key))
    return {frozenset(g) for g in groups.values()}


@pytest.fixture(scope="module")
def all_days() -> list[Day]:
    return days()


def test_each_batch_gives_what_a_full_run_with_the_same_past_gives(spark: SparkSession, all_days: list[Day]):
    state = first_state(spark, all_days[0])
    for before, day in zip(all_days, all_days[1:], strict=False):
        full = everything(spark, day, state.stored.identity_map)
        state = next_state(spark, state, before, day)
        assert contents(state.stored.identity_map) == contents(full.resolved.identity_map)
        assert contents(state.edges) == contents(full.resolved.edges)
        assert state.changes <= contents(full.resolved.changes)
        assert contents(state.stored.observations) == contents(full.observations)
        assert full.ended is not None
        assert contents(state.stored.ended) == contents(full.ended)
    once = everything(spark, all_days[-1], None)
    assert partition(state.stored.identity_map) == partition(once.resolved.identity_map)


def test_days_bring_all_kinds_of_change(all_days: list[Day]):
    """Guards the test above: records come, go, and links come and go."""
    first, last = all_days[0], all_days[-1]
    assert set(first.records) - set(last.records) and set(last.records) - set(first.records)
    assert set(first.links) != set(last.links) and len(PAIR) == 4
