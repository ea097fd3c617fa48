"""What a person inherits from ids that ended in it: places in tests, and the day it entered an audience."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.holdout import HOLDOUT
from habitue.contracts.decision import SPLIT_ASSIGNMENT


def successors(changes: DataFrame, *, checkpoint: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """Every old person id with every id that it led to, in any number of steps; erased ones lead nowhere.

    Doubles the length of the chains it knows until nothing is added.
    """
    steps = changes.where("cause <> 'erase'").select("old_person_id", "new_person_id").distinct()
    links = checkpoint(steps.where("old_person_id <> new_person_id"))
    known = links.count()
    while known:
        onward = links.select(
            F.col("old_person_id").alias("new_person_id"), F.col("new_person_id").alias("end")
        )
        longer = links.join(onward, "new_person_id").select(
            "old_person_id", F.col("end").alias("new_person_id")
        )
        grown = links.unionByName(longer).where("old_person_id <> new_person_id").distinct()
        links = checkpoint(grown)
        count = links.count()
        if count == known:
            break
        known = count
    return links


def of_ended(changes: DataFrame, identity_map: DataFrame) -> DataFrame:
    """Those changes in which an id ended for good: after a split it lives on, and keeps what is its own."""
    living = identity_map.where(F.col("valid_to").isNull()).select(F.col("person_id").alias("old_person_id"))
    return changes.where("cause <> 'split'").join(living, "old_person_id", "left_anti")


def carry_assignments(stored: DataFrame, links: DataFrame) -> DataFrame:
    """Stored places with those of predecessors: whoever was held out in any of them is held out.

    Among several treatments the first exposure counts. The ended ids keep their rows, as a record.
    """
    inherited = stored.join(links, stored["person_id"] == links["old_person_id"]).select(
        F.col("new_person_id").alias("person_id"), "split", "split_group", "variant", "assigned_at"
    )
    strongest = F.min(
        F.struct(
            (F.col("split_group") != HOLDOUT).alias("is_treated"), "assigned_at", "variant", "split_group"
        )
    )
    places = stored.select(*inherited.columns).unionByName(inherited).groupBy("person_id", "split")
    return (
        places.agg(strongest.alias("place"))
        .select("person_id", "split", "place.*")
        .select(*SPLIT_ASSIGNMENT.column_names)
    )


def carry_members(previous: DataFrame, links: DataFrame) -> DataFrame:
    """Members of the previous release under the ids that their persons have now; the first entry counts.

    `links` are those of ended ids.
    """
    ended = links.select(F.col("old_person_id").alias("link_person_id")).distinct()
    last = links.join(ended, links["new_person_id"] == ended["link_person_id"], "left_anti")
    moved = previous.join(last, previous["person_id"] == last["old_person_id"], "left")
    person = F.coalesce(F.col("new_person_id"), F.col("person_id")).alias("person_id")
    now = moved.select("audience", person, "entered_at")
    return now.groupBy("audience", "person_id").agg(F.min("entered_at").alias("entered_at"))
