"""The basket of a person: value, items and lines of an order, and whether it is always the same sum.

Only bought lines count; returns are netted elsewhere.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def totals() -> dict[str, Column]:
    """Aggregates over a person's orders; the sum of squares is exact, so that order does not matter."""
    value = F.when(F.col("is_purchase"), F.col("bought_value"))
    return {
        "units": F.sum("units"),
        "bought_lines": F.sum("bought_lines"),
        "squared_value": F.sum((value * value).cast("decimal(36,4)")),
    }


def columns() -> dict[str, Column]:
    """Means per order and the coefficient of variation of order value."""
    orders = F.col("order_count").cast("double")
    has_orders = F.col("order_count") > 0
    mean = F.col("bought_value").cast("double") / orders
    return {
        "aov": F.when(has_orders, mean),
        "aov_cv": F.when((F.col("order_count") > 1) & (F.col("bought_value") > 0), _deviation() / mean),
        "items_per_order": F.when(has_orders, F.col("units").cast("double") / orders),
        "lines_per_order": F.when(has_orders, F.col("bought_lines").cast("double") / orders),
    }


def _deviation() -> Column:
    """Sample standard deviation from exact sums: n*sum(v^2) - sum(v)^2 before any rounding."""
    count = F.col("order_count").cast("decimal(12,0)")
    total = F.col("bought_value")
    squares = count * F.col("squared_value").cast("decimal(26,4)")
    spread = squares - (total * total).cast("decimal(38,4)")
    pairs = F.col("order_count").cast("double") * (F.col("order_count") - 1).cast("double")
    return F.sqrt(F.greatest(spread.cast("double"), F.lit(0.0)) / pairs)
