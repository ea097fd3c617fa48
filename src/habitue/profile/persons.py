"""Persons at each cut: who existed by the evidence known then, and whose each record is.

The strongest identifier of a record that resolves decides; of two of the same
type the one with the smaller key. Records are resolved by their distinct
identifier sets (about as many as customers, far fewer than records).
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, each_cut, first_cut, local_date


def valid_at(history: DataFrame, cuts: Sequence[Cut], *, keep: Sequence[str]) -> DataFrame:
    """Rows of a table with `valid_from` and `valid_to` at each cut: adds cut_index and as_of_date.

    What was known before the cut holds unless it was known before the cut to have ended.
    """
    begins = first_cut(cuts, F.col("valid_from"))
    ends = F.when(F.col("valid_to").isNull(), len(cuts)).otherwise(first_cut(cuts, F.col("valid_to")))
    return each_cut(history, cuts, first=begins, last=ends - 1, keep=keep)


def persons_at(
    identity_map: DataFrame, removed: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut and person: which types of identifier are known, and since which day.

    What was `removed` from all records before a cut (id_type, id_key, removed_at) is no address at it.
    """
    gone = F.when(F.col("removed_at").isNull(), len(cuts)).otherwise(first_cut(cuts, F.col("removed_at")))
    known = identity_map.join(removed, on=["id_type", "id_key"], how="left").withColumn("_gone", gone)
    members = valid_at(known, cuts, keep=("id_type", "person_id", "valid_from", "_gone"))
    types = F.array_sort(F.collect_set(F.when(F.col("cut_index") < F.col("_gone"), F.col("id_type"))))
    names_person = ~F.col("id_type").isin(*conventions.anonymous_types)
    persons = members.groupBy("as_of_date", "person_id").agg(
        types.alias("identifier_types"),
        F.min("valid_from").alias("first_known_time"),
        F.min(F.when(names_person, F.col("valid_from"))).alias("named_time"),
        F.max("valid_from").alias("identity_known_time"),
    )
    return persons.withColumns(
        {
            "is_known": F.col("named_time").isNotNull(),
            "person_since": local_date(F.coalesce("named_time", "first_known_time"), conventions.zone),
            "has_email": F.array_contains("identifier_types", "email"),
            "has_phone": F.array_contains("identifier_types", "phone"),
        }
    )


def owners(
    identifier_sets: DataFrame, identity_map: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per set of identifiers: `person_at`, the person by cut index as the evidence stood then."""
    single = identifier_sets.select("identifiers", F.explode("identifiers").alias("one"))
    keyed = single.select(
        "identifiers", F.col("one.id_type").alias("id_type"), F.col("one.id_key").alias("id_key")
    )
    known = keyed.join(identity_map, on=["id_type", "id_key"], how="inner")
    at_cuts = valid_at(known, cuts, keep=("identifiers", "id_type", "id_key", "person_id"))
    ranked = F.struct(
        _rank(F.col("id_type"), conventions.strongest_first), F.col("id_key"), F.col("person_id")
    )
    decided = at_cuts.groupBy("identifiers", "cut_index").agg(F.min(ranked).alias("strongest"))
    by_cut = F.map_from_entries(F.collect_list(F.struct("cut_index", "strongest.person_id")))
    return decided.groupBy("identifiers").agg(by_cut.alias("person_at"))


def with_person(rows: DataFrame, owner: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    """Facts with `identifiers` and `first_cut`, once per cut that sees them, with the person or null."""
    owned = rows.join(owner, on="identifiers", how="left")
    keep = [name for name in rows.columns if name not in ("identifiers", "first_cut")]
    spread = each_cut(owned, cuts, first=F.col("first_cut"), keep=[*keep, "person_at"])
    person = F.try_element_at("person_at", F.col("cut_index"))
    return spread.withColumn("person_id", person).drop("person_at", "cut_index")


def _rank(id_type: Column, strongest_first: Sequence[str]) -> Column:
    position = F.array_position(F.array(*(F.lit(t) for t in strongest_first)), id_type)
    return F.when(position > 0, position).otherwise(len(strongest_first) + 1).alias("rank")
