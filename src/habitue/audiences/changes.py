"""Who entered and who left each audience since the last release, and since when each member is in."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def with_entry(members: DataFrame, previous: DataFrame, *, as_of: date) -> DataFrame:
    """Members with `entered_at`: kept from the previous release while a person stays, else `as_of`.

    `previous` (audience, person_id, entered_at) carries the ids that persons have now.
    """
    before = previous.select("audience", "person_id", F.col("entered_at").alias("kept_entry"))
    entered_at = F.least(F.col("kept_entry"), F.lit(as_of))  # an older day may be computed again
    return (
        members.join(before, ["audience", "person_id"], "left")
        .withColumn("entered_at", entered_at)
        .drop("kept_entry")
    )


def membership_changes(members: DataFrame, previous: DataFrame, *, as_of: date) -> DataFrame:
    """One row per person who entered or left: size before + entered - left = size now, per audience."""
    key = ["audience", "person_id"]
    entered = (
        members.select(*key)
        .join(previous.select(*key), key, "left_anti")
        .withColumn("change", F.lit("entered"))
    )
    left = (
        previous.select(*key).join(members.select(*key), key, "left_anti").withColumn("change", F.lit("left"))
    )
    changes = entered.unionByName(left)
    return changes.select(F.lit(as_of).alias("as_of_date"), *key, "change")
