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
    # columns of their own: each is needed several times, and Spark would work it out as often
    spelt = records.withColumns({"_stated": folding.code(stated), "street": folding.street(F.col("street"))})
    own, whole = F.col("_stated"), F.col("street")
    found = spelt.withColumns({"_found": folding.house_number(whole), "_bare": folding.street_name(whole)})
    is_apart = own.isNull() | (own == F.col("_found"))
    return found.withColumns(
        {
            "house_number": F.coalesce(own, F.col("_found")),
            "street": F.when(is_apart, F.col("_bare")).otherwise(whole),
        }
    ).drop("_stated", "_found", "_bare")
