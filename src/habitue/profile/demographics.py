"""Who a person is, by the customer records known at a cut.

`silver.customer` holds today's surviving values of today's persons; a past cut
needs those of the records known then, by the identity known then. The rule is
the same: the best source wins, then the value known last, then the smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut
from habitue.profile.facts import KEYS
from habitue.profile.lineage import told_by
from habitue.profile.persons import with_person

_ATTRIBUTES = ("gender", "birth_year", "postal_area", "city", "country", "language", "segment")


def demographics(
    records: DataFrame, owner: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut and person with a customer record."""
    owned = with_person(records, owner, cuts).where(F.col("person_id").isNotNull())
    ranked = owned.withColumns({"rank": _rank(conventions), "age": -F.unix_micros("known_time")})
    people = ranked.groupBy(*KEYS).agg(
        *(_best(name).alias(name) for name in _ATTRIBUTES),
        F.min("customer_since").alias("record_since"),
        F.coalesce(F.max("has_address"), F.lit(False)).alias("has_address"),
        F.coalesce(F.max("is_deceased"), F.lit(False)).alias("is_deceased"),
        F.coalesce(F.max("is_blocked"), F.lit(False)).alias("is_blocked"),
        F.array_sort(F.flatten(F.collect_list(_ranked_attributes()))).alias("entries"),
        F.max("known_time").alias("record_known_time"),
        told_by().alias("record_sources"),
    )
    age = F.year("as_of_date") - F.col("birth_year")
    return people.withColumns(
        {
            "age_years": F.when(age.between(0, 120), age),
            "crm_segment": F.col("segment"),
            "attributes": _surviving(),
        }
    ).drop("birth_year", "segment", "entries")


def _rank(conventions: Conventions) -> Column:
    """Place of the source in the configured order; sources not named come last, as equals."""
    last = F.lit(len(conventions.source_rank))
    rank = last
    for place, source in reversed(list(enumerate(conventions.source_rank))):
        rank = F.when(F.col("source") == source, place).otherwise(rank)
    return rank


def _best(name: str) -> Column:
    value = F.col(name)
    return F.min(F.when(value.isNotNull(), F.struct("rank", "age", value.alias("value"))))["value"]


def _ranked_attributes() -> Column:
    """The attributes of a record as (key, rank, age, value): sorted, the survivor of each key comes first."""
    known = F.filter(F.map_entries("attributes"), lambda entry: entry["value"].isNotNull())
    return F.transform(
        known, lambda entry: F.struct(entry["key"].alias("key"), "rank", "age", entry["value"].alias("value"))
    )


def _surviving() -> Column:
    names = F.array_sort(F.array_distinct(F.transform("entries", lambda entry: entry["key"])))

    def first(name: Column) -> Column:
        same = F.filter("entries", lambda entry: entry["key"] == name)
        return F.struct(name.alias("key"), F.element_at(same, 1)["value"].alias("value"))

    return F.when(F.size("entries") > 0, F.map_from_entries(F.transform(names, first)))
