"""Batch after batch gives what one run over everything gives: the same persons, validities, changes and edges."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.table import IDENTIFIERS
from habitue.identity.circumstances import Circumstances
from habitue.identity.edges import FORMERLY_STATED, PAIR, STATED, node_code
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
from habitue.identity.settings import EvidenceConsentSettings, IdentitySettings
from tests.oracle.identity_worlds import SETTINGS, Identifier, Record, random_world

IS_LONG = bool(os.environ.get("HABITUE_ACCEPT"))

BATCHES = 10 if IS_LONG else 2
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
CONSENTING = SETTINGS.model_copy(
    update={"consent": EvidenceConsentSettings(purpose="profiling", rules=("login", RULE))}
)
DECISIONS = (
    "decision_id string, kind string, id_type_a string, id_key_a string, id_type_b string, id_key_b string, "
    "start timestamp, end timestamp"
)
SAID = "id_type string, id_key string, given_time timestamp, at timestamp, is_granted boolean"
CONTRADICTING = "id_type_a string, id_key_a string, id_type_b string, id_key_b string, known_from timestamp, known_until timestamp"
AWAY = "id_type string, id_key string, left_at timestamp, back_at timestamp"
ROWS = f"rule string, source string, identifiers {IDENTIFIERS}, known_time timestamp, seen_until timestamp"
LINKS = (
    "id_type_a string, id_key_a string, id_type_b string, id_key_b string, rule string, source string, "
    "first_known timestamp, last_seen timestamp, observations bigint, confidence double"
)


def with_corrections(world: list[Record], seed: int) -> list[Record]:
    """Some records are what others stated before a correction."""
    rng = random.Random(seed)
    return [
        replace(r, rule=FORMERLY_STATED, until=r.known + rng.randint(1, 9)) if rng.random() < 0.2 else r
        for r in world
    ]


WORLDS = {n: with_corrections(random_world(n, prefix=f"w{n}."), n) for n in range(300 if IS_LONG else 40)}


@dataclass(frozen=True)
class Day:
    """All records that are there on a day, and the links that matching gives."""

    records: list[Record]
    links: list[tuple[Identifier, Identifier]]
    decisions: set[tuple[Any, ...]] = field(default_factory=set)  # rows of DECISIONS, as of this day
    said: set[tuple[Any, ...]] = field(default_factory=set)  # rows of SAID
    away: set[tuple[Any, ...]] = field(default_factory=set)  # rows of AWAY
    contradicting: set[tuple[Any, ...]] = field(default_factory=set)  # rows of CONTRADICTING


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


def with_circumstances(days: list[Day]) -> list[Day]:
    """Reviewers decide and decisions end, people grant and withdraw, devices were away, records contradict each other."""
    found = [replace(day, decisions=set(), said=set(), away=set(), contradicting=set()) for day in days]
    for number, world in WORLDS.items():
        rng = random.Random(number)
        everyone = sorted({i for r in world for i in r.identifiers})
        for n in range(rng.choice([0, 1, 3]) if len(everyone) > 1 else 0):
            one, other = sorted(rng.sample(everyone, 2))
            kind = rng.choice(["link", "unlink", "block"])
            ends = (*one, *other) if kind != "block" else (*one, None, None)
            decided, start, end = rng.randrange(BATCHES), at(rng.randint(1, 60)), at(rng.randint(61, 99))
            ended = rng.randint(decided + 1, BATCHES + 1)  # after the last day: never
            for i, day in enumerate(found[decided:], decided):
                day.decisions.add((f"{number}.{n}", kind, *ends, start, end if i >= ended else FOREVER))
        for who in everyone if rng.random() < 0.8 else everyone[::3]:
            for _ in range(rng.choice([1, 1, 1, 2])):
                moment = at(rng.randint(0, 50))
                for day in found[rng.choice([0, 0, rng.randrange(BATCHES)]) :]:
                    day.said.add((*who, moment, moment, rng.random() < 0.9))
        for who in [i for i in everyone if i[0] in SETTINGS.live_days]:
            if rng.random() < 0.5:
                left = rng.randint(1, 20)
                for day in found[rng.randrange(BATCHES) : rng.randrange(1, BATCHES + 1)]:
                    day.away.add((*who, at(left), at(left + rng.randint(1, 9))))
        for _ in range(rng.choice([0, 0, 1, 2]) if len(everyone) > 1 else 0):
            pair, start = sorted(rng.sample(everyone, 2)), at(rng.randint(1, 40))
            end = rng.choice([None, None, at(rng.randint(41, 60))])
            for day in found[rng.randrange(BATCHES) : rng.randrange(1, BATCHES + 1)]:
                day.contradicting.add((*pair[0], *pair[1], start, end))
    return found


def circumstances(spark: SparkSession, day: Day) -> Circumstances:
    return Circumstances(
        decisions=cut(spark.createDataFrame(sorted(day.decisions, key=str), DECISIONS))
        if day.decisions
        else None,
        said=cut(one_each(spark.createDataFrame(sorted(day.said), SAID))) if day.said else None,
        away=cut(spark.createDataFrame(sorted(day.away), AWAY)) if day.away else None,
        contradicting=cut(spark.createDataFrame(sorted(day.contradicting, key=str), CONTRADICTING))
        if day.contradicting
        else None,
    )


def one_each(said: DataFrame) -> DataFrame:
    """Of statements of one moment the stricter one."""
    return said.groupBy("id_type", "id_key", "given_time", "at").agg(
        F.bool_and("is_granted").alias("is_granted")
    )


def touched(spark: SparkSession, before: Day, day: Day) -> DataFrame | None:
    """Identifiers that changed decisions, statements, absences and contradictions name."""
    named = {ends for row in before.decisions ^ day.decisions for ends in (row[2:4], row[4:6])}
    named |= {ends for row in before.contradicting ^ day.contradicting for ends in (row[:2], row[2:4])}
    named |= {row[:2] for row in (before.said ^ day.said) | (before.away ^ day.away)}
    found = sorted(n for n in named if n[1] is not None)
    if not found:
        return None
    rows = spark.createDataFrame(found, "id_type string, id_key string")
    return rows.select(node_code(F.col("id_type"), F.col("id_key")).alias("node")).distinct()


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def rows(records: list[Record]) -> list[tuple[Any, ...]]:
    return [
        (r.rule, r.source, [*r.identifiers], at(r.known), at(r.known if r.until is None else r.until))
        for r in records
    ]


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
    return {rule: df.where(F.col("rule") == rule).drop("rule") for rule in (STATED, FORMERLY_STATED, "login")}


def cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def everything(
    spark: SparkSession, day: Day, previous: DataFrame | None, settings: IdentitySettings = SETTINGS
) -> Resolution:
    records = by_rule(spark.createDataFrame(rows(day.records), ROWS))
    return resolve_identity(
        records,
        previous=previous,
        settings=settings,
        checkpoint=cut,
        links=as_links(spark, day),
        circumstances=circumstances(spark, day),
    )


@dataclass(frozen=True)
class State:
    """What a lake would hold after a run."""

    stored: Stored
    edges: DataFrame
    changes: set[tuple[Any, ...]]


def first_state(spark: SparkSession, day: Day, settings: IdentitySettings) -> State:
    run = everything(spark, day, None, settings)
    assert run.ended is not None
    stored = Stored(run.observations, run.ended, as_links(spark, day), run.resolved.identity_map)
    return State(stored, run.resolved.edges, contents(run.resolved.changes))


def next_state(spark: SparkSession, state: State, before: Day, day: Day, settings: IdentitySettings) -> State:
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
        state.stored,
        Changes(changes, links, touched=touched(spark, before, day)),
        records,
        settings=settings,
        checkpoint=cut,
        circumstances=circumstances(spark, day),
    )
    run, old = found.resolution, state.stored
    assert run is not None
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


@pytest.mark.parametrize(
    "settings",
    [pytest.param(SETTINGS, id="records", marks=pytest.mark.accept), pytest.param(CONSENTING, id="all")],
)
def test_each_batch_gives_what_a_full_run_with_the_same_past_gives(
    spark: SparkSession, all_days: list[Day], settings: IdentitySettings
):
    """Once by records alone, and once with decisions, consent and devices that change hands as well."""
    if settings is CONSENTING:
        all_days = with_circumstances(all_days)
    state = first_state(spark, all_days[0], settings)
    for before, day in zip(all_days, all_days[1:], strict=False):
        full = everything(spark, day, state.stored.identity_map, settings)
        state = next_state(spark, state, before, day, settings)
        assert contents(state.stored.identity_map) == contents(full.resolved.identity_map)
        assert contents(state.edges) == contents(full.resolved.edges)
        assert state.changes <= contents(full.resolved.changes)
        assert contents(state.stored.observations) == contents(full.observations)
        assert full.ended is not None
        assert contents(state.stored.ended) == contents(full.ended)
    if IS_LONG:  # without a past
        full = everything(spark, all_days[-1], None, settings)
        assert partition(state.stored.identity_map) == partition(full.resolved.identity_map)


def test_days_bring_all_kinds_of_change(all_days: list[Day]):
    """Guards the test above: records come, go, and links come and go."""
    first, last = all_days[0], all_days[-1]
    assert set(first.records) - set(last.records) and set(last.records) - set(first.records)
    assert set(first.links) != set(last.links) and len(PAIR) == 4
    first, *_, last = with_circumstances(all_days)
    assert last.decisions - first.decisions and last.said - first.said and last.away ^ first.away
    assert last.contradicting ^ first.contradicting
    kinds = {(row[1], row[-1] == FOREVER) for row in last.decisions}
    assert kinds == {(kind, lasts) for kind in ("link", "unlink", "block") for lasts in (True, False)}
