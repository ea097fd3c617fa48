"""Identity as it was known: the map at a cut-off."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def identity_as_of(identity_map: DataFrame, cut: datetime) -> DataFrame:
    """id_type, id_key, person_id by the evidence known before `cut`; each identifier at most once."""
    begun = F.col("valid_from") < F.lit(cut)
    not_ended = F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(cut))
    return identity_map.where(begun & not_ended).select("id_type", "id_key", "person_id")


def identity_now(identity_map: DataFrame) -> DataFrame:
    """id_type, id_key, person_id by everything known."""
    return identity_map.where(F.col("valid_to").isNull()).select("id_type", "id_key", "person_id")


def with_persons(pairs: DataFrame, now: DataFrame) -> DataFrame:
    """Pairs of identifiers with `person_a` and `person_b` by that state; null where an identifier has no person."""
    for end in ("a", "b"):
        side = now.withColumnsRenamed({name: f"{name.removesuffix('_id')}_{end}" for name in now.columns})
        pairs = pairs.join(side, on=[f"id_type_{end}", f"id_key_{end}"], how="left")
    return pairs
