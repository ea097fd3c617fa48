"""Who a person is, by the customer records known at a cut.

`silver.customer` holds today's surviving values of today's persons; a past cut
needs those of the records known then, by the identity known then. Each
attribute is taken from the record known last; ties go by source and key.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.cuts import Cut
from habitue.profile.facts import KEYS
from habitue.profile.persons import with_person

_ATTRIBUTES = ("gender", "birth_year", "postal_area", "city", "country", "language", "segment")


def demographics(records: DataFrame, owner: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    """One row per cut and person with a customer record."""
    owned = with_person(records, owner, cuts).where(F.col("person_id").isNotNull())
    newest = {name: _newest(name) for name in _ATTRIBUTES}
    people = owned.groupBy(*KEYS).agg(
        *(column.alias(name) for name, column in newest.items()),
        F.min("customer_since").alias("record_since"),
        F.coalesce(F.max("has_address"), F.lit(False)).alias("has_address"),
        F.coalesce(F.max("is_deceased"), F.lit(False)).alias("is_deceased"),
        F.coalesce(F.max("is_blocked"), F.lit(False)).alias("is_blocked"),
        F.array_sort(F.collect_list(_with_attributes())).alias("attribute_lists"),
        F.max("known_time").alias("record_known_time"),
    )
    age = F.year("as_of_date") - F.col("birth_year")
    with_entries = people.withColumns(
        {
            "age_years": F.when(age.between(0, 120), age),
            "crm_segment": F.col("segment"),
            "entries": F.flatten(F.transform(F.reverse("attribute_lists"), lambda record: record["entries"])),
        }
    )
    return with_entries.withColumn("attributes", _merged()).drop(
        "birth_year", "segment", "attribute_lists", "entries"
    )


def _newest(name: str) -> Column:
    order = F.struct("known_time", "source", "record_key")
    return F.max_by(F.col(name), F.when(F.col(name).isNotNull(), order))


def _with_attributes() -> Column:
    has_any = F.coalesce(F.size("attributes"), F.lit(0)) > 0
    return F.when(has_any, F.struct("known_time", "source", "record_key", _sorted_entries().alias("entries")))


def _sorted_entries() -> Column:
    return F.array_sort(F.filter(F.map_entries("attributes"), lambda entry: entry["value"].isNotNull()))


def _merged() -> Column:
    """All attributes of all records (`entries`, newest record first), by name; the newest value of each."""
    names = F.array_sort(F.array_distinct(F.transform("entries", lambda entry: entry["key"])))

    def newest(name: Column) -> Column:
        same = F.filter("entries", lambda entry: entry["key"] == name)
        return F.struct(name.alias("key"), F.element_at(same, 1)["value"].alias("value"))

    return F.when(F.size("entries") > 0, F.map_from_entries(F.transform(names, newest)))
