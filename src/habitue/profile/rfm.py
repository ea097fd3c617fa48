"""RFM and engagement scores from stored thresholds: equal values get equal scores, whatever the ties.

A value's place is the middle of the persons that share it (mid-rank), so that a
value held by most persons gets the middle score and not the best or the worst.
The threshold of a score is the smallest value (for recency: most days) with a
place in that fifth; scoring compares with thresholds only.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.distribution import VALUE, distribution
from habitue.profile.settings import ProfileSettings

# axis -> (value of which more is better, who takes part)
_AXES: dict[str, tuple[str, str]] = {
    "recency": ("-days_since_last_order", "order_count > 0"),
    "frequency": ("purchase_day_count", "order_count > 0"),
    "monetary": ("net_revenue", "order_count > 0"),
    "engagement": ("engagement_score", "engagement_score > 0"),
}

SCORES = ("rfm_recency", "rfm_frequency", "rfm_monetary", "rfm_engagement", "rfm_cell")


def axis_values(persons: DataFrame) -> DataFrame:
    """One row per as_of_date, axis and person that takes part in it."""
    entries = [
        F.when(F.expr(part), F.struct(F.lit(axis).alias("axis"), F.expr(value).cast(VALUE).alias("value")))
        for axis, (value, part) in _AXES.items()
    ]
    present = F.filter(F.array(*entries), lambda entry: entry.isNotNull())
    return persons.select("as_of_date", F.explode(present).alias("entry")).select("as_of_date", "entry.*")


def day_thresholds(profiles: DataFrame, settings: ProfileSettings) -> DataFrame:
    """`gold.rfm_threshold`, reproduced from the profiles of the days."""
    return rfm_thresholds(distribution(axis_values(profiles)), settings)


def rfm_thresholds(places: DataFrame, settings: ProfileSettings) -> DataFrame:
    """`gold.rfm_threshold` of each as_of_date, from the distribution of the axes.

    A score that no value reaches has no threshold (one buyer alone is a 3).
    """
    middle = (F.col("persons_below") + F.col("persons") / 2) / F.col("persons_all")
    reached = F.least(F.floor(middle * settings.rfm_scores).cast("int") + 1, F.lit(settings.rfm_scores))
    scores = F.explode(F.sequence(F.lit(2), F.lit(settings.rfm_scores))).alias("score")
    placed = places.where(F.col("axis").isin(*_AXES)).select("*", reached.alias("reached"))
    lowest = placed.groupBy("as_of_date", "axis", "reached").agg(F.min("value").alias("value"))
    smallest = (
        lowest.select("*", scores)
        .where(F.col("reached") >= F.col("score"))
        .groupBy("as_of_date", "axis", "score")
        .agg(F.min("value").alias("value"))
    )
    as_stored = F.when(F.col("axis") == "recency", -F.col("value")).otherwise(F.col("value"))
    return smallest.select("as_of_date", "axis", "score", as_stored.cast("double").alias("threshold"))


def by_axis(thresholds: DataFrame) -> DataFrame:
    """One row per as_of_date: the thresholds of each axis as an array, for a broadcast join."""
    wide = thresholds.groupBy("as_of_date").agg(
        *(
            F.array_sort(F.collect_list(F.when(F.col("axis") == axis, F.col("threshold")))).alias(
                f"{axis}_thresholds"
            )
            for axis in _AXES
        )
    )
    return F.broadcast(wide)


def scores() -> dict[str, Column]:
    """The scores of a row that carries the thresholds of its day."""
    is_buyer = F.col("order_count") > 0
    recency = F.when(is_buyer, _reached("recency", F.col("days_since_last_order"), best_is_small=True))
    frequency = F.when(is_buyer, _reached("frequency", F.col("purchase_day_count")))
    monetary = F.when(is_buyer, _reached("monetary", F.col("net_revenue")))
    engaged = F.when(F.col("engagement_score") > 0, _reached("engagement", F.col("engagement_score")))
    return {
        "rfm_recency": recency,
        "rfm_frequency": frequency,
        "rfm_monetary": monetary,
        # who is known to have done nothing is lowest; of whom nothing is known, nothing is said
        "rfm_engagement": F.when(F.col("engagement_score").isNotNull(), F.coalesce(engaged, F.lit(1))),
        "rfm_cell": F.concat(recency.cast("string"), frequency.cast("string"), monetary.cast("string")),
    }


def _reached(axis: str, value: Column, *, best_is_small: bool = False) -> Column:
    """1 and one more for every threshold reached."""
    exact = value.cast("double")

    def is_reached(threshold: Column) -> Column:
        return exact <= threshold if best_is_small else exact >= threshold

    thresholds = F.coalesce(F.col(f"{axis}_thresholds"), F.array().cast("array<double>"))
    return F.size(F.filter(thresholds, is_reached)) + 1
