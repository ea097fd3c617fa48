"""From person records to identity edges: what is matched, and what an accepted link ties in the identity graph."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.edges import PAIR, space_of, strongest
from habitue.identity.matching.whole_names import LIST
from habitue.identity.settings import IdentitySettings

RULE = "same_person"
"""Rule of the edges that matching makes; they come after all evidence by identifiers."""


def matchable(person_records: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Records with two fields to compare, and the numbers of which one space gives a person only one."""
    columns = [f.column for f in settings.matching.fields if f.column in person_records.columns]
    filled = sum((F.col(c).isNotNull().cast("int") for c in columns), start=F.lit(0))
    numbers = F.map_filter(
        F.create_map(*(part for t in settings.exclusive_types for part in _number(t, settings))),
        lambda _, number: number.isNotNull(),
    )
    exclusive = numbers if settings.exclusive_types else F.lit(None).cast("map<string,string>")
    return person_records.where(filled >= 2).select(
        "record_key", LIST, *columns, exclusive.alias("exclusive")
    )


def identity_links(
    links: DataFrame, person_records: DataFrame, settings: IdentitySettings, *, fresh: DataFrame | None = None
) -> DataFrame:
    """Accepted links as edges between the strongest identifiers of both records, with the best probability.

    A link is known from the day on which the later of its records was. Records with the same strongest one give none.
    `fresh` are the records (record_key) that came or changed since matching was asked the last time, None for all;
    `fresh_known` says since when a link that has one of them is known.
    """
    named = links.where("status = 'accepted'")
    for end in ("a", "b"):
        named = named.join(_strongest(person_records, end, settings), on=f"key_{end}", how="inner")
        named = (
            named.withColumn(f"_fresh_{end}", F.lit(True)) if fresh is None else _marked(named, end, fresh)
        )
    one, other = F.col("_id_a"), F.col("_id_b")
    small, large = F.least(one, other), F.greatest(one, other)
    is_later = F.col("_known_a") >= F.col("_known_b")
    tied = named.where(one != other).select(
        small["id_type"].alias("id_type_a"),
        small["id_key"].alias("id_key_a"),
        large["id_type"].alias("id_type_b"),
        large["id_key"].alias("id_key_b"),
        F.when(is_later, F.col("_source_a")).otherwise(F.col("_source_b")).alias("source"),
        F.greatest("_known_a", "_known_b").alias("known_time"),
        (F.col("_fresh_a") | F.col("_fresh_b")).alias("is_fresh"),
        "probability",
    )
    return tied.groupBy(*PAIR).agg(
        F.lit(RULE).alias("rule"),
        F.min_by("source", F.struct("known_time", "source")).alias("source"),
        F.min("known_time").alias("first_known"),
        F.max("known_time").alias("last_seen"),
        F.count(F.lit(1)).alias("observations"),
        F.max("probability").alias("confidence"),
        F.min(F.when(F.col("is_fresh"), F.col("known_time"))).alias("fresh_known"),
    )


def _marked(named: DataFrame, end: str, fresh: DataFrame) -> DataFrame:
    keys = fresh.select(F.col("record_key").alias(f"key_{end}"), F.lit(True).alias("_is")).distinct()
    is_fresh = F.coalesce("_is", F.lit(False))
    return named.join(keys, on=f"key_{end}", how="left").withColumn(f"_fresh_{end}", is_fresh).drop("_is")


def for_review(links: DataFrame, person_records: DataFrame) -> DataFrame:
    """Rows of silver.match_review without row_hash: what a person should look at, and what was refused."""
    open_links = links.where("status <> 'accepted'").withColumnsRenamed(
        {"key_a": "record_key_a", "key_b": "record_key_b"}
    )
    for end in ("a", "b"):
        side = person_records.select(
            F.col("record_key").alias(f"record_key_{end}"), F.col("source").alias(f"source_{end}")
        )
        open_links = open_links.join(side, on=f"record_key_{end}", how="inner")
    return open_links.select(
        *("record_key_a", "record_key_b", "source_a", "source_b"),
        *("probability", "status", "reason", "agreement"),
    )


def _number(id_type: str, settings: IdentitySettings) -> tuple[Column, Column]:
    """Number space of the record's source, and the number in it."""
    space = F.concat(F.lit(f"{id_type} "), space_of(F.col("source"), settings))
    of_type = F.filter("identifiers", lambda i: i["id_type"] == id_type)
    return space, F.get(of_type, F.lit(0))["id_key"]


def _strongest(person_records: DataFrame, end: str, settings: IdentitySettings) -> DataFrame:
    return person_records.select(
        F.col("record_key").alias(f"key_{end}"),
        strongest(F.col("identifiers"), settings).alias(f"_id_{end}"),
        F.col("source").alias(f"_source_{end}"),
        F.col("known_time").alias(f"_known_{end}"),
    )
