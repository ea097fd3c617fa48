"""Birth dates that stand for none: 1900-01-01, the first of a year, whatever a form proposed."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import poisson

from habitue.identity.matching.comparisons import SOUND
from habitue.identity.matching.patterns import Pattern

DAYS = 50 * 365
"""Days on which most customers were born: more are not presumed, however many stand in the table."""
UNEVEN = 3.0
"""How many times the average the fullest honest day may expect: cohorts differ in size."""
ERRORS = 1e-3
"""Honest days that may be taken for a placeholder, in a whole table."""


def without_placeholders(rows: DataFrame, pattern: Pattern) -> DataFrame:
    """Folded records without birth dates that more families have than chance can give to one day.

    Families are told by the sound of their name, so that many records of one person do not count as many.
    The date is then unknown: agreement on it says nothing, and neither does another date beside it.
    """
    family = next((f.column for f in pattern.fields if f.role == "family"), None)
    dates = [f.column for f in pattern.fields if f.role == "birth" and f.comparison == "date"]
    for column in dates if family is not None else []:
        sounds = F.count_distinct(F.substring_index(str(family), SOUND, -1)).alias("families")
        shared = rows.where(F.col(column).isNotNull()).groupBy(column).agg(sounds)
        unusual = shared.where(F.col("families") > _usual(shared)).select(
            column, F.lit(True).alias("_is_placeholder")
        )
        rows = (
            rows.join(F.broadcast(unusual), on=column, how="left")
            .withColumn(column, F.when(F.col("_is_placeholder").isNull(), F.col(column)))
            .select(*rows.columns)
        )
    return rows


def _usual(shared: DataFrame) -> int:
    """Most families that chance gives to one value."""
    figures = (
        F.coalesce(F.sum("families"), F.lit(0)).alias("total"),
        F.count(F.lit(1)).alias("seen"),
        F.count_if(F.col("families") == 1).alias("once"),
        F.count_if(F.col("families") == 2).alias("twice"),
        F.coalesce(F.max("families"), F.lit(0)).alias("most"),
    )
    found = shared.agg(*figures).collect()[0]
    days = min(DAYS, _possible(found["seen"], found["once"], found["twice"]))
    # the fullest value stands aside: if it is a placeholder, most records may have it
    return max(_most_of(found["total"] - found["most"], max(1.0, days - 1)), _most_of(found["total"], DAYS))


def _most_of(families: int, days: float) -> int:
    """Most families that one of so many days may have, if they are spread over all."""
    return int(poisson.isf(ERRORS / days, UNEVEN * families / days))


def _possible(seen: int, once: int, twice: int) -> float:
    """How many values there are with those that nobody here has: few where births stand as years, or are a school's.

    The estimate of Chao (1984), corrected for bias.
    """
    return max(1.0, seen + once * (once - 1) / (2 * (twice + 1)))
