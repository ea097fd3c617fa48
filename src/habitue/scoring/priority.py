"""Rank of everybody by what is at stake, without sorting everybody: a fixed logarithmic grid, linear within its cells.

Each octave of value has 32 cells, from 2^-20 to 2^44; the counts per cell (2,050
rows at most, whatever the number of persons) say how many lie below. Inside a
cell the rank rises linearly with the logarithm. So the rank keeps the exact order
and is off by no more than the share of persons within one cell.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_CELLS_PER_OCTAVE = 32
_OCTAVES_BELOW_ONE = 20
_LAST_CELL = 64 * _CELLS_PER_OCTAVE


def with_priority(rows: DataFrame, amount: str, *, checkpoint: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """Add `priority_score`: share of persons with less at stake; 0 for nothing at stake, below 1 for the most."""
    placed = rows.withColumns({"cell": _cell(F.col(amount)), "place": _place(F.col(amount))})
    counts = placed.groupBy("cell").agg(F.count(F.lit(1)).alias("persons"))
    # one partition is right here: the grid has 2,050 rows at most
    below = Window.partitionBy(F.lit(0)).orderBy("cell").rowsBetween(Window.unboundedPreceding, -1)
    whole = Window.partitionBy(F.lit(0))
    grid = checkpoint(
        counts.withColumns(
            {
                "below": F.coalesce(F.sum("persons").over(below), F.lit(0)),
                "total": F.sum("persons").over(whole),
            }
        )
    )
    inside = F.col("place") - F.floor("place")
    rank = (F.col("below") + F.col("persons") * inside) / F.col("total")
    score = F.when(F.col("cell") == 0, F.lit(0.0)).otherwise(rank)
    joined = placed.join(F.broadcast(grid), on="cell", how="inner")
    return joined.withColumn("priority_score", score).drop("cell", "place", "persons", "below", "total")


def _place(amount: Column) -> Column:
    """Position on the grid; 0 for nothing."""
    position = (F.log2(amount) + _OCTAVES_BELOW_ONE) * _CELLS_PER_OCTAVE
    inside = F.least(F.greatest(position, F.lit(0.0)), F.lit(float(_LAST_CELL)))
    return F.when(amount > 0, inside).otherwise(F.lit(0.0))


def _cell(amount: Column) -> Column:
    return F.when(amount > 0, F.floor(_place(amount)).cast("int") + 1).otherwise(F.lit(0))
