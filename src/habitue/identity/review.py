"""Pairs of records that wait for a person's eye: those that nothing has settled since matching saw them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now, with_persons
from habitue.identity.decisions import UNLINK
from habitue.identity.pauses import far
from habitue.identity.record_owner import with_person_now
from habitue.identity.settings import IdentitySettings


def waiting(
    reviews: DataFrame,
    customer_records: DataFrame,
    identity_map: DataFrame,
    decisions: DataFrame,
    *,
    settings: IdentitySettings,
) -> DataFrame:
    """Rows of silver.match_review to look at.

    Left out are pairs whose records are one person by now, by an identifier or a reviewer's link, and those
    whose persons a reviewer keeps apart. `decisions` come from `decisions.as_evidence`.
    """
    pairs = reviews.where("status = 'review'")
    columns = pairs.columns
    owner = with_person_now(customer_records, identity_map, settings=settings)
    for end in ("a", "b"):
        side = owner.select(
            F.col("source").alias(f"source_{end}"),
            F.col("record_key").alias(f"record_key_{end}"),
            F.col("person_id").alias(f"person_{end}"),
        )
        pairs = pairs.join(side, on=[f"source_{end}", f"record_key_{end}"], how="left")
    is_one = F.coalesce(F.col("person_a") == F.col("person_b"), F.lit(False))
    held = decisions.where((F.col("kind") == UNLINK) & (F.col("end") == far()))
    apart = with_persons(held, identity_now(identity_map))
    both = (F.least("person_a", "person_b").alias("one"), F.greatest("person_a", "person_b").alias("other"))
    open_pairs = pairs.where(~is_one).select("*", *both)
    return open_pairs.join(apart.select(*both), on=["one", "other"], how="left_anti").select(*columns)
