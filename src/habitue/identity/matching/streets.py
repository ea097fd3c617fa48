"""Streets and the numbers of their houses, however the records part them."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching import folding
from habitue.identity.matching.settings import MatchField


def with_parted_streets(records: DataFrame, fields: Sequence[MatchField]) -> DataFrame:
    """Records with the number of the house apart from the street, where a column for it is compared.

    A record that states both keeps a number in its street unless it is the same one: a road may be called
    by a number.
    """
    compared = {f.column for f in fields}
    if "street" not in records.columns or not {"street", "house_number"} <= compared:
        return records
    stated = F.col("house_number") if "house_number" in records.columns else F.lit(None).cast("string")
    own, found = folding.code(stated), folding.house_number(F.col("street"))
    is_apart = own.isNull() | (own == found)
    whole, bare = folding.street(F.col("street")), folding.street_name(F.col("street"))
    return records.withColumns(
        {"house_number": F.coalesce(own, found), "street": F.when(is_apart, bare).otherwise(whole)}
    )
