"""Invariants over the staged tables of a run, checked before anything is published."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, SPLIT_ASSIGNMENT
from habitue.contracts.entities import ENTITIES
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.errors import CheckError
from habitue.job import Run


def audit(run: Run) -> None:
    """Stop with every broken invariant; counts only, never rows."""
    lake, day = run.lake, F.lit(run.as_of)
    profile, score, member = (
        lake.read(table).where(F.col("as_of_date") == day)
        for table in (CUSTOMER_PROFILE, CUSTOMER_SCORE, AUDIENCE_MEMBER)
    )
    read = lake.read(QUARANTINE_COUNT)
    broken = {
        "rows read differ from good + duplicate + quarantined in sources": unbalanced_sources(read),
        "entities hold other numbers of rows than were taken in": unkept_entities(read, _kept(run)),
        "identifiers belong to more than one person": shared_identifiers(lake.read(IDENTITY_MAP)),
        "persons appear twice in a profile": repeated_keys(profile, CUSTOMER_PROFILE),
        "persons have a profile but not exactly one score": unscored(profile, score),
        "persons appear twice in an audience": repeated_keys(member, AUDIENCE_MEMBER),
        "members are reachable though suppressed": reached_suppressed(member, profile),
        "persons have two assignments of one split": repeated_keys(
            lake.read(SPLIT_ASSIGNMENT), SPLIT_ASSIGNMENT
        ),
    }
    problems = [f"{count:,} {what}" for what, count in _counted(broken).items() if count]
    run.count("invariants_checked", len(broken))
    if problems:
        raise CheckError("The run is not published, because its tables break invariants:", problems)


def _counted(rows: Mapping[str, DataFrame]) -> dict[str, int]:
    """Number of rows of each, all counted in one job."""
    counts = (
        part.agg(F.count("*").alias("rows")).select(F.lit(name).alias("name"), "rows")
        for name, part in rows.items()
    )
    return {row["name"]: int(row["rows"]) for row in reduce(DataFrame.unionAll, counts).collect()}


def unbalanced_sources(counts: DataFrame) -> DataFrame:
    """Sources and entities whose rows read are not all accounted for."""
    of = {
        name: F.sum(F.when(F.col("outcome") == name, F.col("row_count")).otherwise(0)) for name in _OUTCOMES
    }
    balance = of["read"] - of["good"] - of["duplicate"] - of["quarantined"]
    return counts.groupBy("source", "entity").agg(balance.alias("balance")).where("balance <> 0")


def _kept(run: Run) -> DataFrame:
    """One row per entity that has a table: how many `rows` it holds. Delta counts them by its log."""
    present = {name: run.lake.read(table) for name, table in ENTITIES.items() if run.lake.exists(table)}
    counts = (
        rows.agg(F.count("*").alias("rows")).select(F.lit(name).alias("entity"), "rows")
        for name, rows in present.items()
    )
    return reduce(DataFrame.unionAll, counts)


def unkept_entities(counts: DataFrame, kept: DataFrame) -> DataFrame:
    """Entities (`entity`, `rows`) whose table does not hold as many rows as were taken in from all sources."""
    good = counts.where("outcome = 'good'").groupBy("entity").agg(F.sum("row_count").alias("good"))
    both = good.join(kept, on="entity", how="full_outer")
    return both.where(F.coalesce("good", F.lit(0)) != F.coalesce("rows", F.lit(0)))


_OUTCOMES = ("read", "good", "duplicate", "quarantined")


def shared_identifiers(identity_map: DataFrame) -> DataFrame:
    """Identifiers with more than one person at present."""
    present = identity_map.where("valid_to IS NULL")
    return present.groupBy("id_type", "id_key").count().where("count > 1")


def repeated_keys(rows: DataFrame, table: Table) -> DataFrame:
    """Keys of the table's grain that occur more than once."""
    return rows.groupBy(*table.grain).count().where("count > 1")


def unscored(profile: DataFrame, score: DataFrame) -> DataFrame:
    """Persons with a profile and no score, or the reverse; repeated scores count too."""
    sides = profile.select("person_id", F.lit(1).alias("n")).unionByName(
        score.select("person_id", F.lit(-1).alias("n"))
    )
    return sides.groupBy("person_id").agg(F.sum("n").alias("n")).where("n <> 0")


def reached_suppressed(member: DataFrame, profile: DataFrame) -> DataFrame:
    """Members with a channel although suppressed."""
    suppressed = profile.where("is_suppressed").select("person_id")
    return member.where("size(channels) > 0").join(suppressed, "person_id", "left_semi")
