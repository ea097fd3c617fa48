"""Values that turn out to identify nobody: seen with too many names, or tied to too many other identifiers.

A shop types the same telephone number for everybody who gives none, and books guests on one
customer number; no list knows them in advance. From the moment on which the name or neighbour too many was known, the value links
nobody, and every edge it had says why.
"""

from __future__ import annotations

from functools import reduce
from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, node_code
from habitue.identity.matching.folding import folded
from habitue.identity.settings import IdentitySettings

NAMES = ("given_name", "family_name")
CONTACTS = ("email", "phone")


def crowded_by_names(person_records: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Values seen with more given or family names than people share: id_type, id_key, shared_at, why."""
    limits = F.create_map(
        *chain.from_iterable((F.lit(t), F.lit(n)) for t, n in sorted(settings.names_per_value.items()))
    )
    rows = person_records.select(F.explode("identifiers").alias("i"), "known_time", *NAMES).select(
        "i.id_type", "i.id_key", "known_time", *NAMES
    )
    seen = [
        rows.where(F.col("id_type").isin(*settings.names_per_value)).select(
            *NODE, "known_time", F.lit(kind).alias("kind"), folded(F.col(kind)).alias("name")
        )
        for kind in NAMES
    ]
    first = (
        reduce(DataFrame.unionByName, seen)
        .where("name IS NOT NULL")
        .groupBy(*NODE, "kind", "name")
        .agg(F.min("known_time").alias("known"))
    )
    in_order = Window.partitionBy(*NODE, "kind").orderBy("known", "name")
    too_many = first.withColumn("n", F.row_number().over(in_order)).where(
        F.col("n") == limits[F.col("id_type")] + 1
    )
    return _since(too_many, F.concat(F.lit("junk "), F.col("id_type"), F.lit(": seen with too many names")))


def crowded_by_neighbours(edges: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Values tied to more identifiers than nearly all others, and than the least that is odd.

    What a value can belong to may rightly have many cookies, but not so many mailboxes and telephones.
    """
    ends = [
        edges.select(
            F.col(f"id_type_{one}").alias("id_type"),
            F.col(f"id_key_{one}").alias("id_key"),
            F.struct(F.col(f"id_type_{other}"), F.col(f"id_key_{other}")).cast(_END).alias("neighbour"),
            "first_known",
        )
        for one, other in (("a", "b"), ("b", "a"))
    ]
    is_owner = F.col("id_type").isin(*settings.owner_types)
    every = reduce(DataFrame.unionByName, ends).where(~is_owner | F.col("neighbour.id_type").isin(*CONTACTS))
    tied = every.withColumn("code", node_code(F.col("id_type"), F.col("id_key")))
    # rows are no fewer than neighbours, so that only the few that may be crowded are looked at closely
    rows = tied.groupBy("code").agg(F.count(F.lit(1)).alias("rows"))
    usual = rows.agg(
        F.greatest(
            F.lit(settings.neighbours_per_value),
            F.percentile("rows", settings.neighbours_percentile).cast("int"),
        ).alias("most")
    )
    crowded = rows.crossJoin(F.broadcast(usual)).where("rows > most").select("code", "most")
    first = (
        tied.join(F.broadcast(crowded), on="code", how="inner")
        .groupBy(*NODE, "most", "neighbour")
        .agg(F.min("first_known").alias("known"))
    )
    in_order = Window.partitionBy(*NODE).orderBy("known", "neighbour")
    too_many = first.withColumn("n", F.row_number().over(in_order)).where(F.col("n") == F.col("most") + 1)
    return _since(
        too_many, F.concat(F.lit("junk "), F.col("id_type"), F.lit(": tied to too many identifiers"))
    )


_END = "struct<id_type:string,id_key:string>"


def _since(too_many: DataFrame, why: Column) -> DataFrame:
    return too_many.groupBy(*NODE).agg(F.min("known").alias("shared_at")).withColumn("why", why)
