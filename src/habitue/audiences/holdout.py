"""Holdouts and A/B splits: salted hashes draw them, the first exposure fixes them for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.audiences.definition import Audience, Salt, Split
from habitue.contracts.decision import SPLIT_ASSIGNMENT

BUCKETS = 10_000
HOLDOUT = "holdout"
TREATMENT = "treatment"
GLOBAL_HOLDOUT = "holdout_global"


class HoldoutSettings(BaseModel, extra="forbid", frozen=True):
    """Persons kept out of every contact, so that the effect of all contacts together can be measured."""

    share: float = Field(0.05, ge=0, lt=1, description="Share of all persons.")
    salt: Salt = Field("global_holdout_v1", description="A new salt draws a new group.")


@dataclass(frozen=True)
class Draw:
    """How one split is drawn: buckets below `holdout_buckets` are held out, then the variants follow."""

    split: str
    salt: str
    holdout_buckets: int
    variants: tuple[tuple[str, int], ...] = ()


def global_draw(settings: HoldoutSettings) -> Draw:
    """The draw of the global holdout."""
    return Draw(split_name(GLOBAL_HOLDOUT, settings.salt), settings.salt, round(settings.share * BUCKETS))


def audience_draw(audience: Audience) -> Draw | None:
    """The draw of an audience's own test, if it has one."""
    split = audience.definition.split
    if split is None:
        return None
    variants = tuple((name, Split.steps(share)) for name, share in split.variants.items())
    return Draw(split_name(audience.name, split.salt), split.salt, Split.steps(split.holdout_pct), variants)


def split_name(owner: str, salt: str) -> str:
    """Name under which assignments are kept: with a new salt a new draw begins."""
    return f"{owner}/{salt}"


def bucket(person_id: Column, salt: str) -> Column:
    """0 to 9999 for every person: the first 60 bits of SHA-256 of `salt:person_id`, modulo 10,000."""
    digest = F.sha2(F.concat(F.lit(f"{salt}:"), person_id), 256)
    return F.conv(F.substring(digest, 1, 15), 16, 10).cast("bigint") % BUCKETS


def drawn(draw: Draw, person_id: Column) -> Column:
    """Struct of split_group and variant as the hash has it."""
    position = bucket(person_id, draw.salt)
    variant, end = F.lit(None).cast("string"), draw.holdout_buckets
    bounds = []
    for name, width in draw.variants:
        end += width
        bounds.append((name, end))
    for name, upper in reversed(bounds):
        variant = F.when(position < upper, F.lit(name)).otherwise(variant)
    is_held = position < draw.holdout_buckets
    return F.struct(
        F.when(is_held, F.lit(HOLDOUT)).otherwise(F.lit(TREATMENT)).alias("split_group"),
        F.when(~is_held, variant).alias("variant"),
    )


def with_global_holdout(population: DataFrame, assigned: DataFrame, settings: HoldoutSettings) -> DataFrame:
    """The population with `is_holdout`: as once assigned, else as the hash has it."""
    draw = global_draw(settings)
    kept = assigned.where(F.col("split") == draw.split).select(
        "person_id", F.col("split_group").alias("kept_group")
    )
    now = drawn(draw, F.col("person_id"))["split_group"]
    is_holdout = F.coalesce(F.col("kept_group"), now) == HOLDOUT
    return population.join(kept, "person_id", "left").withColumn("is_holdout", is_holdout).drop("kept_group")


def with_split(members: DataFrame, assigned: DataFrame, audiences: Sequence[Audience]) -> DataFrame:
    """Members with split_group and variant; the global holdout wins over an audience's own test."""
    draws = {audience.name: draw for audience in audiences if (draw := audience_draw(audience)) is not None}
    kept = assigned.select("person_id", "split", F.struct("split_group", "variant").alias("kept"))
    everybody = F.struct(F.lit(TREATMENT).alias("split_group"), F.lit(None).cast("string").alias("variant"))
    now, split = everybody, F.lit(None).cast("string")
    for name, draw in draws.items():
        is_this = F.col("audience") == name
        now = F.when(is_this, drawn(draw, F.col("person_id"))).otherwise(now)
        split = F.when(is_this, F.lit(draw.split)).otherwise(split)
    placed = members.withColumn("split", split).join(kept, ["person_id", "split"], "left")
    group = F.coalesce(F.col("kept"), now)
    is_free = ~F.col("is_holdout")
    return placed.withColumns(
        {
            "split_group": F.when(is_free, group["split_group"]).otherwise(F.lit(HOLDOUT)),
            "variant": F.when(is_free, group["variant"]),
        }
    ).drop("kept")


def exposures(members: DataFrame, settings: HoldoutSettings, *, as_of: date) -> DataFrame:
    """The assignments that members of a run rely on, as rows of gold.split_assignment, dated `as_of`.

    Whoever is held out globally was never exposed to an audience's own test, so gets no place in it.
    """
    in_all = F.when(F.col("is_holdout"), F.lit(HOLDOUT)).otherwise(F.lit(TREATMENT))
    everybody = members.select(
        "person_id",
        F.lit(global_draw(settings).split).alias("split"),
        in_all.alias("split_group"),
        F.lit(None).cast("string").alias("variant"),
    ).distinct()  # one person is a member of many audiences
    in_tests = members.where(F.col("split").isNotNull() & ~F.col("is_holdout"))
    tested = in_tests.select("person_id", "split", "split_group", "variant")
    return everybody.unionByName(tested).withColumn("assigned_at", F.lit(as_of))


def new_assignments(exposed: DataFrame, carried: DataFrame, stored: DataFrame) -> DataFrame:
    """What must be written: first exposures, and what merges of persons changed; the rest stays as it is."""
    first = exposed.join(carried.select("person_id", "split"), ["person_id", "split"], "left_anti")
    columns = SPLIT_ASSIGNMENT.column_names
    return carried.select(*columns).exceptAll(stored.select(*columns)).unionByName(first.select(*columns))
