"""How many persons any two audiences share, from one pass over the members."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def audience_overlap(members: DataFrame) -> DataFrame:
    """One row per pair (audience_a < audience_b) with the persons in both; pairs without any are left out.

    Persons are counted by the set of audiences they are in first: there are few such sets, and only they are
    paired. `members` has one row per audience and person.
    """
    sets = members.groupBy("person_id").agg(F.array_sort(F.collect_list("audience")).alias("audiences"))
    patterns = (
        sets.where(F.size("audiences") > 1).groupBy("audiences").agg(F.count(F.lit(1)).alias("persons"))
    )
    pairs = F.flatten(
        F.transform(
            F.col("audiences"),
            lambda a: F.transform(
                F.filter(F.col("audiences"), lambda b: b > a), lambda b: F.struct(a.alias("a"), b.alias("b"))
            ),
        )
    )
    return (
        patterns.select("persons", F.explode(pairs).alias("pair"))
        .groupBy(F.col("pair.a").alias("audience_a"), F.col("pair.b").alias("audience_b"))
        .agg(F.sum("persons").alias("person_count"))
    )
