"""The exact distribution of a value over persons, per day and axis: how many lie below, how much they sum to.

It scales because persons are first counted per distinct value, values fall into
bands of one binary logarithm's 64th, bands are summed by themselves (some
thousands per axis, one small window), and the running sums within a band are
windows partitioned by band. No window spans all persons.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

VALUE = "decimal(24,6)"
_GROUP = ("as_of_date", "axis")


def distribution(values: DataFrame) -> DataFrame:
    """One row per as_of_date, axis and distinct value of `values` (as_of_date, axis, value).

    persons: with this value; persons_below, sum_below: of smaller values;
    persons_all, sum_all: of the axis. Equal values share a row, so they can
    never be told apart by anything derived from it.
    """
    counted = values.groupBy(*_GROUP, "value").agg(F.count("*").alias("persons"))
    banded = counted.withColumns(
        {"band": _band(F.col("value")), "amount": _amount(F.col("value") * F.col("persons"))}
    )
    bands = _band_offsets(banded)
    before = Window.partitionBy(*_GROUP, "band").orderBy("value").rowsBetween(Window.unboundedPreceding, -1)
    within = banded.withColumns(
        {
            "persons_before": F.coalesce(F.sum("persons").over(before), F.lit(0)),
            "sum_before": F.coalesce(F.sum("amount").over(before), F.lit(0)),
        }
    )
    return within.join(bands, on=[*_GROUP, "band"], how="inner").select(
        *_GROUP,
        "value",
        "persons",
        (F.col("persons_offset") + F.col("persons_before")).alias("persons_below"),
        _amount(F.col("sum_offset") + F.col("sum_before")).alias("sum_below"),
        "persons_all",
        "sum_all",
    )


def _band_offsets(banded: DataFrame) -> DataFrame:
    bands = banded.groupBy(*_GROUP, "band").agg(
        F.sum("persons").alias("band_persons"), _amount(F.sum("amount")).alias("band_sum")
    )
    whole = Window.partitionBy(*_GROUP)
    before = whole.orderBy("band").rowsBetween(Window.unboundedPreceding, -1)
    return bands.select(
        *_GROUP,
        "band",
        F.coalesce(F.sum("band_persons").over(before), F.lit(0)).alias("persons_offset"),
        _amount(F.coalesce(F.sum("band_sum").over(before), F.lit(0))).alias("sum_offset"),
        F.sum("band_persons").over(whole).alias("persons_all"),
        _amount(F.sum("band_sum").over(whole)).alias("sum_all"),
    )


def _band(value: Column) -> Column:
    """A number that never falls as the value rises."""
    size = F.floor(F.log2(F.abs(value).cast("double") + 1.0) * 64.0)
    return F.when(value < 0, -size).otherwise(size)


def _amount(column: Column) -> Column:
    return column.cast("decimal(32,6)")
