"""Evidence for identity: identifiers seen on records, as sightings of one and edges between two.

A record with n identifiers gives a star: its strongest identifier linked to each
of the n-1 others. An identifier alone on its record gives no edge but a sighting,
so that every identifier comes out of the resolution once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.settings import IdentitySettings

NODE = ("id_type", "id_key")
PAIR = ("id_type_a", "id_key_a", "id_type_b", "id_key_b")
STATED = "same_record"
"""Rule of what a record states."""
FORMERLY_STATED = "former_record"
"""Rule of observations that a record stated until it was corrected; their edges are of the rule above."""
OBSERVED = (*NODE, "hub_type", "hub_key", "rule", "source")
"""Grain of observations."""


def rank_of(id_type: Column, settings: IdentitySettings) -> Column:
    """Position of a type in the order of strength; unknown types after all others."""
    pairs = chain.from_iterable((F.lit(t), F.lit(i)) for i, t in enumerate(settings.priority))
    return F.coalesce(F.create_map(*pairs)[id_type], F.lit(len(settings.priority)))


def strongest(identifiers: Column, settings: IdentitySettings) -> Column:
    """The identifier (id_type, id_key) that says best whose a record is; of equals the smaller, null without any."""
    ranked = F.transform(
        identifiers,
        lambda i: F.struct(rank_of(i["id_type"], settings).alias("rank"), i["id_type"], i["id_key"]),
    )
    first = F.get(F.array_sort(ranked), F.lit(0))
    both = F.struct(first["id_type"].alias("id_type"), first["id_key"].alias("id_key"))
    return F.when(first.isNotNull(), both)


def space_of(source: Column, settings: IdentitySettings) -> Column:
    """Number space of a source: sources that draw their numbers from one series share it."""
    if not settings.number_spaces:
        return source
    pairs = chain.from_iterable(
        (F.lit(s), F.lit(space)) for s, space in sorted(settings.number_spaces.items())
    )
    return F.coalesce(F.create_map(*pairs)[source], source)


def node_code(id_type: Column, id_key: Column) -> Column:
    """64-bit code of an identifier, for graphs; the caller checks that no two collide."""
    return F.xxhash64(id_type, id_key)


def observe(records: Mapping[str, DataFrame], *, settings: IdentitySettings) -> DataFrame:
    """Every identifier and link by rule and source, over all records.

    `records`: rule -> rows with source, identifiers, known_time, and `seen_until` where that is later. Grain of the
    result: id_type, id_key, hub_type, hub_key (null for the hub itself and for an
    identifier alone), rule, source; with first_known, last_seen, observations.
    """
    sets = [
        rows.select(
            F.lit(rule).alias("rule"),
            *("source", "identifiers", "known_time"),
            _seen_until(rows).alias("seen_until"),
            F.lit(1).alias("times"),
        )
        for rule, rows in records.items()
    ]
    return observe_rows(reduce(DataFrame.unionByName, sets), settings=settings)


def observe_rows(rows: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """The same for rows that name their rule and how many `times` they are there.

    Rows are first counted per distinct set of identifiers, since a person's many
    order lines all carry the same one.
    """
    per_set = (
        rows.where(F.size("identifiers") > 0)
        .groupBy("rule", "source", "identifiers")
        .agg(
            F.min("known_time").alias("first_known"),
            F.max(_seen_until(rows)).alias("last_seen"),
            F.sum("times").cast("bigint").alias("observations"),
        )
    )
    stars = per_set.withColumn("_ids", strongest_first(settings)).withColumn("_id", F.explode("_ids"))
    hub = F.col("_ids")[0]
    is_hub = F.col("_id") == hub
    return together(
        stars.select(
            F.col("_id.id_type").alias("id_type"),
            F.col("_id.id_key").alias("id_key"),
            F.when(~is_hub, hub["id_type"]).alias("hub_type"),
            F.when(~is_hub, hub["id_key"]).alias("hub_key"),
            *("rule", "source", "first_known", "last_seen", "observations"),
        )
    )


def _seen_until(rows: DataFrame) -> Column:
    """Until when a row states what it states: what is no record of former times states it when it is known."""
    return F.col("seen_until") if "seen_until" in rows.columns else F.col("known_time")


def together(observations: DataFrame) -> DataFrame:
    """Observations that are there in parts, each as one row."""
    return observations.groupBy(*OBSERVED).agg(*_totals())


def hub_code() -> Column:
    """Code of the hub that an observation belongs to; a hub belongs to itself."""
    return node_code(F.coalesce("hub_type", "id_type"), F.coalesce("hub_key", "id_key"))


def hub_of_record(settings: IdentitySettings) -> Column:
    """Code of the hub of a record with `identifiers`; null without any."""
    hub = F.get(strongest_first(settings), F.lit(0))
    return F.when(F.size("identifiers") > 0, node_code(hub["id_type"], hub["id_key"]))


def sightings(observations: DataFrame) -> DataFrame:
    """When each source knew each identifier first: id_type, id_key, source, first_known."""
    return observations.groupBy(*NODE, "source").agg(F.min("first_known").alias("first_known"))


def nodes(observations: DataFrame) -> DataFrame:
    """Each identifier once: id_type, id_key, first_known, code."""
    return (
        observations.groupBy(*NODE)
        .agg(F.min("first_known").alias("first_known"))
        .withColumn("code", node_code(F.col("id_type"), F.col("id_key")))
    )


def edges(observations: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """One row per pair of identifiers and rule, the smaller identifier first, sources put together.

    `stated_until` is null where something still states the pair, else when the last record that did was corrected.
    """
    first = F.struct("id_type", "id_key")
    second = F.struct(F.col("hub_type").alias("id_type"), F.col("hub_key").alias("id_key"))
    small, large = F.least(first, second), F.greatest(first, second)
    is_former = F.col("rule") == FORMERLY_STATED
    pairs = observations.where(F.col("hub_key").isNotNull()).select(
        small["id_type"].alias("id_type_a"),
        small["id_key"].alias("id_key_a"),
        large["id_type"].alias("id_type_b"),
        large["id_key"].alias("id_key_b"),
        F.when(is_former, STATED).otherwise(F.col("rule")).alias("rule"),
        *("source", "first_known", "last_seen", "observations"),
        is_former.alias("_is_former"),
    )
    ended = F.when(F.bool_and("_is_former"), F.max("last_seen"))
    shown_first = F.min_by("source", F.struct("first_known", "source")).alias("source")
    return (
        pairs.groupBy(*PAIR, "rule")
        .agg(shown_first, *_totals(), ended.alias("stated_until"))
        .withColumn("confidence", _confidence(settings))
    )


def _totals() -> tuple[Column, ...]:
    return (
        F.min("first_known").alias("first_known"),
        F.max("last_seen").alias("last_seen"),
        F.sum("observations").alias("observations"),
    )


def strongest_first(settings: IdentitySettings) -> Column:
    """The `identifiers` of a record without repetition (rank, id_type, id_key), the strongest in front."""
    ranked = F.transform(
        "identifiers",
        lambda i: F.struct(rank_of(i["id_type"], settings).alias("rank"), i["id_type"], i["id_key"]),
    )
    return F.array_sort(F.array_distinct(ranked))


def _confidence(settings: IdentitySettings) -> Column:
    pairs = chain.from_iterable((F.lit(r), F.lit(p)) for r, p in sorted(settings.rule_confidence.items()))
    return F.element_at(F.create_map(*pairs), F.col("rule"))
