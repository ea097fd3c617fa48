"""One surviving value per attribute of each person, with the source and date it came from.

The best source wins, then the most recent value, then the smaller value, so that
the choice never depends on the order of records. Warnings survive from any source:
blocked or deceased anywhere is blocked or deceased.
"""

from __future__ import annotations

from functools import reduce
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now
from habitue.identity.edges import rank_of
from habitue.identity.settings import IdentitySettings

ATTRIBUTES = ("gender", "birth_year", "postal_area", "city", "country", "language", "segment")


def surviving_customers(
    customer_records: DataFrame, identity_map: DataFrame, *, settings: IdentitySettings
) -> DataFrame:
    """silver.customer without row_hash: one row per person with at least one customer record."""
    records = _with_person(customer_records, identity_map, settings)
    others = _other_attributes(records, settings)
    best = {name: _best(F.col(name), settings) for name in ATTRIBUTES}
    survivors = records.groupBy("person_id").agg(
        *(column.alias(name) for name, column in best.items()),
        F.min(
            F.when(F.col("customer_since").isNotNull(), F.struct("customer_since", "source", "known_time"))
        ).alias("_since"),
        F.coalesce(F.bool_or("has_address"), F.lit(False)).alias("has_address"),
        F.coalesce(F.bool_or("is_deceased"), F.lit(False)).alias("is_deceased"),
        F.coalesce(F.bool_or("is_blocked"), F.lit(False)).alias("is_blocked"),
        F.max("known_time").alias("known_time"),
    )
    joined = survivors.join(others, on="person_id", how="left")
    return joined.select(
        "person_id",
        *(F.col(name)["value"].alias(name) for name in ATTRIBUTES),
        F.col("_since.customer_since").alias("customer_since"),
        "has_address",
        F.coalesce("attributes", F.create_map().cast("map<string,string>")).alias("attributes"),
        *("is_deceased", "is_blocked"),
        _lineage().alias("lineage"),
        "known_time",
    )


def _with_person(records: DataFrame, identity_map: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Records with the person of their strongest identifier; a record without any has no person."""
    ranked = F.transform(
        "identifiers",
        lambda i: F.struct(rank_of(i["id_type"], settings).alias("rank"), i["id_type"], i["id_key"]),
    )
    strongest = F.get(F.array_sort(ranked), F.lit(0))
    return records.withColumns({"id_type": strongest["id_type"], "id_key": strongest["id_key"]}).join(
        identity_now(identity_map), on=["id_type", "id_key"], how="inner"
    )


def _best(value: Column, settings: IdentitySettings) -> Column:
    """Smallest of (source rank, age, value): a struct with value, source and known_time."""
    order = F.struct(
        _source_rank(settings).alias("rank"),
        (-F.unix_micros("known_time")).alias("recency"),
        value.alias("value"),
        F.col("source").alias("source"),
        F.col("known_time").alias("known_time"),
    )
    return F.min(F.when(value.isNotNull(), order))


def _source_rank(settings: IdentitySettings) -> Column:
    last = F.lit(len(settings.source_rank))
    if not settings.source_rank:
        return last
    pairs = chain.from_iterable((F.lit(s), F.lit(i)) for i, s in enumerate(settings.source_rank))
    return F.coalesce(F.create_map(*pairs)[F.col("source")], last)


def _other_attributes(records: DataFrame, settings: IdentitySettings) -> DataFrame:
    """The attribute map, each key surviving on its own: person_id, attributes, lineage of its keys."""
    per_key = (
        records.select("person_id", "source", "known_time", F.explode("attributes").alias("key", "value"))
        .groupBy("person_id", "key")
        .agg(_best(F.col("value"), settings).alias("best"))
        .where(F.col("best").isNotNull())
    )
    entries = F.array_sort(F.collect_list(F.struct("key", "best")))
    return per_key.groupBy("person_id").agg(
        F.map_from_entries(F.transform(entries, lambda e: F.struct(e["key"], e["best"]["value"]))).alias(
            "attributes"
        ),
        F.transform(entries, lambda e: _origin(F.concat(F.lit("attributes."), e["key"]), e["best"])).alias(
            "_origins"
        ),
    )


def _lineage() -> Column:
    named = [(name, F.col(name)) for name in ATTRIBUTES] + [("customer_since", F.col("_since"))]
    plain = [F.when(best.isNotNull(), _origin(F.lit(name), best)) for name, best in named]
    empty = F.filter(F.array(plain[0]), lambda _: F.lit(False))
    all_origins = reduce(F.concat, [F.array_compact(F.array(*plain)), F.coalesce("_origins", empty)])
    return F.map_from_entries(all_origins)


def _origin(name: Column, best: Column) -> Column:
    return F.struct(
        name.alias("key"),
        F.struct(best["source"].alias("source"), best["known_time"].alias("known_time")).alias("value"),
    )
