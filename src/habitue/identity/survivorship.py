"""One surviving value per attribute of each person, with where it came from and where sources disagree.

The rule is one for the customers of today and for the profiles of any day. Source rank, recency and
frequency decide in the configured order, then the smaller value, so that the choice never depends on the
order of records. Two spellings that differ in case or outer blanks are one value. Warnings survive from
any source: blocked or deceased anywhere is blocked or deceased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.record_owner import with_person_now
from habitue.identity.settings import IdentitySettings

ATTRIBUTES = ("gender", "birth_year", "postal_area", "city", "country", "language", "segment")
SINCE, OTHER = "customer_since", "attributes."


@dataclass(frozen=True)
class Survivorship:
    """What decides between values of one attribute: criteria in order (source, recency, frequency), best source first."""

    order: Sequence[str] = ("source", "recency", "frequency")
    source_rank: Sequence[str] = ()


def surviving_customers(
    customer_records: DataFrame, identity_map: DataFrame, *, settings: IdentitySettings
) -> DataFrame:
    """silver.customer without row_hash: one row per person with at least one customer record."""
    records = with_person_now(customer_records, identity_map, settings=settings).repartition("person_id")
    persons = records.groupBy("person_id").agg(
        F.min(
            F.when(F.col(SINCE).isNotNull(), F.struct(F.col(SINCE).alias("value"), "source", "known_time"))
        ).alias("_since"),
        F.coalesce(F.bool_or("has_address"), F.lit(False)).alias("has_address"),
        F.coalesce(F.bool_or("is_deceased"), F.lit(False)).alias("is_deceased"),
        F.coalesce(F.bool_or("is_blocked"), F.lit(False)).alias("is_blocked"),
        F.max("known_time").alias("known_time"),
    )
    rule = Survivorship(settings.survivorship, settings.source_rank)
    values = surviving_values(stated_values(records, ("person_id",), SINCE), ("person_id",), rule)
    joined = persons.join(values, on="person_id", how="left")
    types = {field.name: field.dataType for field in customer_records.schema.fields}
    best = F.coalesce("_best", F.map_from_entries(_no_entries()))
    return joined.withColumn("_best", best).select(
        "person_id",
        *(survivor(name).cast(types[name]).alias(name) for name in ATTRIBUTES),
        F.col("_since.value").alias(SINCE),
        "has_address",
        other_survivors().alias("attributes"),
        *("is_deceased", "is_blocked"),
        _lineage().alias("lineage"),
        F.coalesce("_conflicts", F.create_map().cast(_CONFLICTS)).alias("conflicts"),
        "known_time",
    )


def conflict_counts(customers: DataFrame) -> list[dict[str, object]]:
    """Attributes on which sources disagree, with the number of persons, most persons first."""
    rows = customers.select(F.explode("conflicts").alias("attribute", "found"))
    counted = rows.groupBy("attribute").agg(
        F.count(F.lit(1)).alias("persons"), F.max("found.values").alias("most_values")
    )
    found = [row.asDict() for row in counted.collect()]
    return sorted(found, key=lambda r: (-r["persons"], r["attribute"]))


_CONFLICTS = "map<string,struct<values:bigint,sources:array<string>>>"


def stated_values(records: DataFrame, keys: Sequence[str], *more: str) -> DataFrame:
    """Every value that a record states of the attributes and `more` columns: keys, source, known_time, name, value."""
    plain = F.array(
        *(
            F.struct(F.lit(name).alias("name"), F.col(name).cast("string").alias("value"))
            for name in (*ATTRIBUTES, *more)
        )
    )
    others = F.transform(
        F.map_entries("attributes"),
        lambda e: F.struct(F.concat(F.lit(OTHER), e["key"]).alias("name"), e["value"].alias("value")),
    )
    every = F.when(F.col("attributes").isNull(), plain).otherwise(F.concat(plain, others))
    return records.select(*keys, "source", "known_time", F.inline(every)).where("value IS NOT NULL")


def surviving_values(stated: DataFrame, keys: Sequence[str], rule: Survivorship) -> DataFrame:
    """One row per person (`keys`) of `stated_values`: the survivors in `_best`, with origin, and the names in `_conflicts`."""
    criteria = {
        "source": _source_rank(rule.source_rank).alias("rank"),
        "recency": (-F.unix_micros("known_time")).alias("age"),
    }
    of_record = [criteria[name] for name in rule.order if name in criteria]
    record = F.struct(*of_record, "value", "source", "known_time")
    per_value = stated.groupBy(*keys, "name", F.lower(F.trim("value")).alias("_spelt")).agg(
        F.min(record).alias("_record"),
        F.count(F.lit(1)).alias("_frequency"),
        F.collect_set("source").alias("_sources"),
    )
    columns = {
        "source": F.col("_record.rank"),
        "recency": F.col("_record.age"),
        "frequency": (-F.col("_frequency")).alias("rarity"),
    }
    order = F.struct(
        *(columns[name] for name in rule.order),
        *(F.col(f"_record.{name}") for name in ("value", "source", "known_time")),
    )
    per_name = per_value.groupBy(*keys, "name").agg(
        F.min(order).alias("_first"),
        F.count(F.lit(1)).alias("values"),
        F.array_sort(F.array_distinct(F.flatten(F.collect_list("_sources")))).alias("sources"),
    )
    best = F.struct("name", F.struct("_first.value", "_first.source", "_first.known_time").alias("best"))
    conflict = F.struct("name", F.struct("values", "sources").alias("found"))
    return per_name.groupBy(*keys).agg(
        F.map_from_entries(F.array_sort(F.collect_list(F.when(F.col("name") != SINCE, best)))).alias("_best"),
        F.map_from_entries(F.array_sort(F.collect_list(F.when(F.col("values") > 1, conflict)))).alias(
            "_conflicts"
        ),
    )


def survivor(name: str) -> Column:
    """The surviving value of an attribute in `_best`, as text."""
    return F.try_element_at("_best", F.lit(name))["value"]


def _source_rank(source_rank: Sequence[str]) -> Column:
    """Place of the source in the order; sources not named come last, as equals."""
    last = F.lit(len(source_rank))
    if not source_rank:
        return last
    pairs = chain.from_iterable((F.lit(s), F.lit(i)) for i, s in enumerate(source_rank))
    return F.coalesce(F.create_map(*pairs)[F.col("source")], last)


def other_survivors() -> Column:
    """The attributes without a column of their own, by the names that their sources give them."""
    named = F.filter(F.map_entries("_best"), lambda e: e["key"].startswith(OTHER))
    return F.map_from_entries(
        F.transform(
            named, lambda e: F.struct(F.substring(e["key"], len(OTHER) + 1, 1_000), e["value"]["value"])
        )
    )


def _lineage() -> Column:
    """Source and date of every value that survived."""
    of_values = F.transform_values(
        "_best",
        lambda _, best: F.struct(best["source"].alias("source"), best["known_time"].alias("known_time")),
    )
    since = F.struct(F.col("_since.source").alias("source"), F.col("_since.known_time").alias("known_time"))
    of_since = F.when(F.col("_since").isNotNull(), F.create_map(F.lit(SINCE), since))
    return F.when(of_since.isNull(), of_values).otherwise(F.map_concat(of_values, of_since))


def _no_entries() -> Column:
    return F.from_json(
        F.lit("[]"),
        "array<struct<name:string,best:struct<value:string,source:string,known_time:timestamp>>>",
    )
