"""Recency, frequency, age and money of a person, in the units the buy-till-you-die models want.

A purchase is a day with at least one order: the models know no two purchases at
one moment. Returns are no purchases; they lower revenue on the day they happen.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.profile.lineage import told_by

ORDER_WINDOWS = (30, 90, 365)
REVENUE_WINDOWS = (30, 90, 365)


def totals() -> dict[str, Column]:
    """Aggregates over a person's orders."""
    purchase = F.col("is_purchase")
    purchase_day = F.when(purchase, F.col("order_date"))
    orders = {f"orders_{d}d": F.count_if(purchase & _within(d)) for d in ORDER_WINDOWS}
    revenue = {f"net_revenue_{d}d": _sum(F.when(_within(d), F.col("net_value"))) for d in REVENUE_WINDOWS}
    returned_order = F.when(F.col("returned_on").isNotNull(), F.struct("source", "order_number"))
    margin = F.sum("net_value") - F.sum("cost_value")
    belongs_to = F.xxhash64("source", F.coalesce("returned_from", "order_number")).alias("belongs_to")
    has_all_costs = F.sum("cost_lines") == F.sum(F.col("bought_lines") + F.col("returned_lines"))
    return {
        "order_count": F.count_if(purchase),
        "first_order_date": F.min(purchase_day),
        "last_order_date": F.max(purchase_day),
        "last_order_time": F.max(F.when(purchase, F.col("order_time"))),
        "net_revenue": _sum(F.col("net_value")),
        "bought_value": _sum(F.col("bought_value")),
        "returned_value": _sum(F.col("returned_value")),
        "return_count": F.size(F.collect_set(returned_order)).cast("bigint"),
        "contribution_margin": F.when(has_all_costs, margin).cast(MONEY),
        "order_known_time": F.max("known_time"),
        "order_sources": told_by(),
        # the day and value of each purchase or return, for what must look at whole days; the order that it
        # belongs to as a hash, which keeps the lists small
        "day_values": F.collect_list(F.struct("order_date", "net_value", "is_purchase", belongs_to)),
        **orders,
        **revenue,
    }


def purchase_days() -> Column:
    """The distinct purchase days, in order."""
    bought = F.filter("day_values", lambda order: order["is_purchase"])
    return F.array_sort(F.array_distinct(F.transform(bought, lambda order: order["order_date"])))


def recency_frequency() -> dict[str, Column]:
    """x, t_x, T and the counts of purchase days; all null (counts zero) without a purchase."""
    days = F.col("purchase_days")
    count = F.size(days).cast("bigint")
    first, last = F.col("first_order_date"), F.col("last_order_date")
    return {
        "purchase_day_count": count,
        "purchase_days_30d": _recent_days(30),
        "purchase_days_45d": _recent_days(45),
        "purchase_days_90d": _recent_days(90),
        "frequency": F.when(count > 0, count - 1),
        "recency_days": F.date_diff(last, first),
        "age_days": F.date_diff(F.col("as_of_date"), first),
        "days_since_last_order": F.date_diff(F.col("as_of_date"), last),
        "return_rate": _share(-F.col("returned_value"), F.col("bought_value")),
    }


def monetary_value() -> Column:
    """Mean net revenue per repeat purchase day (Fader, Hardie 2013: the first purchase stays out).

    So does what was sent back of it. Other returns after the first day are netted, to nothing at least: who
    sends all back is worth nothing, and not what everybody is. Null without a repeat.
    """
    first_day = F.col("first_order_date")
    first = F.filter("day_values", lambda order: order["is_purchase"] & (order["order_date"] == first_day))
    first_orders = F.transform(first, lambda order: order["belongs_to"])

    def is_repeat(order: Column) -> Column:
        is_of_first = ~order["is_purchase"] & F.array_contains(first_orders, order["belongs_to"])
        return (order["order_date"] > first_day) & ~is_of_first

    later = F.filter("day_values", is_repeat)
    zero = F.lit(0).cast("decimal(28,2)")
    revenue = F.aggregate(
        later, zero, lambda total, order: (total + order["net_value"]).cast("decimal(28,2)")
    )
    return F.when(F.col("frequency") > 0, F.greatest(revenue, zero).cast("double") / F.col("frequency"))


def _recent_days(window: int) -> Column:
    def is_recent(day: Column) -> Column:
        return F.date_diff(F.col("as_of_date"), day) <= window

    return F.size(F.filter("purchase_days", is_recent)).cast("bigint")


def _within(window: int) -> Column:
    return F.col("days_ago") <= window


def _sum(measure: Column) -> Column:
    return F.coalesce(F.sum(measure), F.lit(0)).cast(MONEY)


def _share(part: Column, whole: Column) -> Column:
    return F.when(whole > 0, part.cast("double") / whole.cast("double"))
