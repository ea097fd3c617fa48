"""What a person inherits from ids that ended in it: places in tests, and the day it entered an audience."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.holdout import HOLDOUT
from habitue.contracts.decision import SPLIT_ASSIGNMENT

EVERY, ENDED, RECENT = "every", "ended", "recent"
"""Kinds of changes: all; those in which an id ended for good; these and what moved between persons of late."""


def with_kinds(changes: DataFrame, identity_map: DataFrame, *, since: datetime) -> DataFrame:
    """Changes of ids, once for each `kind` that they are of.

    An id has ended that no identifier has any more; after a split it lives on, and keeps what is its own.
    """
    living = identity_map.where(F.col("valid_to").isNull()).select(
        F.col("person_id").alias("old_person_id"), F.lit(True).alias("_lives")
    )
    told = changes.join(living.distinct(), "old_person_id", "left")
    has_ended = (F.col("cause") != "split") & F.col("_lives").isNull()
    is_recent = has_ended | (F.col("changed_at") >= F.lit(since))
    kinds = F.array(F.lit(EVERY), F.when(has_ended, ENDED), F.when(is_recent, RECENT))
    return told.select(
        "old_person_id", "new_person_id", "cause", F.explode(F.array_compact(kinds)).alias("kind")
    )


def successors(
    changes: DataFrame, *, checkpoint: Callable[[DataFrame], DataFrame], within: Sequence[str] = ()
) -> DataFrame:
    """Every old person id with every id that it led to, in any number of steps; erased ones lead nowhere.

    Changes lead on to those with the same values `within` some columns. Doubles the length of the chains it knows
    until nothing is added.
    """
    steps = changes.where("cause <> 'erase'").select(*within, "old_person_id", "new_person_id").distinct()
    links = checkpoint(steps.where("old_person_id <> new_person_id"))
    known = links.count()
    while known:
        onward = links.select(
            *within, F.col("old_person_id").alias("new_person_id"), F.col("new_person_id").alias("end")
        )
        longer = links.join(onward, [*within, "new_person_id"]).select(
            *within, "old_person_id", F.col("end").alias("new_person_id")
        )
        grown = links.unionByName(longer).where("old_person_id <> new_person_id").distinct()
        links = checkpoint(grown)
        count = links.count()
        if count == known:
            break
        known = count
    return links


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
