"""Who a person is, by the customer records known at a cut.

`silver.customer` holds today's surviving values of today's persons; a past cut needs those of the records known
then, by the identity known then. The rule is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.survivorship import other_survivors, stated_values, surviving_values, survivor
from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut
from habitue.profile.facts import KEYS
from habitue.profile.lineage import told_by
from habitue.profile.persons import with_person

_ATTRIBUTES = ("gender", "postal_area", "city", "country", "language")


def demographics(
    records: DataFrame, owner: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut and person with a customer record."""
    owned = with_person(records, owner, cuts).where(F.col("person_id").isNotNull()).repartition(*KEYS)
    people = owned.groupBy(*KEYS).agg(
        F.min("customer_since").alias("record_since"),
        F.coalesce(F.max("has_address"), F.lit(False)).alias("has_address"),
        F.coalesce(F.max("is_deceased"), F.lit(False)).alias("is_deceased"),
        F.coalesce(F.max("is_blocked"), F.lit(False)).alias("is_blocked"),
        F.max("known_time").alias("record_known_time"),
        told_by().alias("record_sources"),
    )
    values = surviving_values(stated_values(owned, KEYS), KEYS, conventions.survivorship)
    age = F.year("as_of_date") - survivor("birth_year").cast("int")
    others = other_survivors()
    survivors = {name: survivor(name) for name in _ATTRIBUTES} | {
        "crm_segment": survivor("segment"),
        "age_years": F.when(age.between(0, 120), age),
        "attributes": F.when(F.size(others) > 0, others),
    }
    return people.join(values, on=list(KEYS), how="left").withColumns(survivors).drop("_best", "_conflicts")
