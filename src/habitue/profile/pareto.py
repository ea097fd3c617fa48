"""Who makes the money: the cumulative share of revenue, best first, and the classes A, B and C.

Persons with equal revenue share one value: the cumulative share up to and
including all of them.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.distribution import VALUE
from habitue.profile.settings import ProfileSettings

AXIS = "pareto"


def pareto_values(persons: DataFrame) -> DataFrame:
    """One row per as_of_date and person with revenue in the last 365 days."""
    value = F.col("net_revenue_365d").cast(VALUE).alias("value")
    return persons.where(F.col("net_revenue_365d") > 0).select("as_of_date", F.lit(AXIS).alias("axis"), value)


def pareto_classes(places: DataFrame, settings: ProfileSettings) -> DataFrame:
    """One row per as_of_date and distinct revenue: pareto_share and pareto_class.

    A are the best persons needed for 80 % of revenue: those before whom less than
    that was reached, so that A is never empty. B likewise up to 95 %.
    """
    reached = F.col("sum_all") - F.col("sum_below")
    share = reached.cast("double") / F.col("sum_all").cast("double")
    reached_before = reached - F.col("value") * F.col("persons")
    classes = (
        F.when(reached_before < F.col("sum_all") * _exact(settings.pareto_a), "A")
        .when(reached_before < F.col("sum_all") * _exact(settings.pareto_b), "B")
        .otherwise("C")
    )
    return places.where(F.col("axis") == AXIS).select(
        "as_of_date",
        F.col("value").cast("decimal(18,2)").alias("net_revenue_365d"),
        share.alias("pareto_share"),
        classes.alias("pareto_class"),
    )


def _exact(share: float) -> Column:
    return F.lit(Decimal(str(share))).cast("decimal(5,4)")
