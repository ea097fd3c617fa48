"""Orders of a person as each cut saw them: order lines aggregated once, then looked at from every cut.

`order_slices` shrinks the lines to one row per order and first cut that sees
them (one row per order, unless lines of it became known later). `order_history`
gives each slice its person and puts the slices of an order together per cut, so
that a line known later never touches an earlier cut. What was returned is a row
of its own, since it lowers revenue on the day on which it came back.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.profile.conventions import Conventions
from habitue.profile.currency import in_project_currency
from habitue.profile.cuts import Cut, days_before, local_date
from habitue.profile.facts import KEYS, seen_by
from habitue.profile.persons import with_person

_ORDER = ("source", "order_number", "returned_on", "returned_from")
_SUMS = (
    "bought_lines", "returned_lines", "bought_value", "returned_value", "units", "list_value",
    "discount_value", "discount_lines", "discount_stated_lines", "coupon_lines", "full_price_value", "cost_value",
    "cost_lines",
)  # fmt: skip


def order_slices(lines: DataFrame, cuts: Sequence[Cut], conventions: Conventions) -> DataFrame:
    """One row per order, day of return, place, identifiers and first cut that sees its lines; everything in it adds up.

    `returned_on` is null for what was bought, and so is `returned_from`: the order that what came back was bought with,
    where the return names one or bears its number. Money is in the project's currency. Returned lines (negative) are kept apart
    from bought ones. A discount is any amount taken off a bought line.
    """
    seen = seen_by(in_project_currency(lines, conventions.money, conventions.zone), "order_time", cuts)
    returned_on = F.when(F.col("is_return"), local_date(F.col("order_time"), conventions.zone))
    returned_from = F.when(F.col("is_return"), F.coalesce("returned_order_number", "order_number"))
    return (
        seen.withColumns({"returned_on": returned_on, "returned_from": returned_from})
        .groupBy("identifiers", *_ORDER, "first_cut", "channel", "store")
        .agg(
            F.min("order_time").alias("order_time"),
            F.max("known_time").alias("known_time"),
            *_line_sums(),
        )
    )


def _line_sums() -> list[Column]:
    bought = ~F.col("is_return")
    net, units = F.col("net_revenue"), F.col("quantity")
    discount = F.coalesce("discount", F.lit(0).cast(MONEY))
    reduced = bought & (discount > 0)
    measures = {
        "bought_lines": bought.cast("bigint"),
        "returned_lines": (~bought).cast("bigint"),
        "bought_value": F.when(bought, net),
        "returned_value": F.when(~bought, net),
        "units": F.when(bought, units),
        "list_value": F.when(bought, net + discount),
        "discount_value": F.when(bought, discount),
        "discount_lines": reduced.cast("bigint"),
        "discount_stated_lines": (bought & F.col("discount").isNotNull()).cast("bigint"),
        "coupon_lines": (bought & F.col("coupon").isNotNull()).cast("bigint"),
        "full_price_value": F.when(bought & (discount <= 0), net),
        "cost_value": F.col("cost"),
        "cost_lines": F.col("cost").isNotNull().cast("bigint"),
    }
    return [_total(measures[name], name) for name in _SUMS]


def order_history(
    slices: DataFrame, owner: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut, person, order, day of return and order returned (null: the purchase); orders of nobody are left out.

    Rows are laid out by cut and person first: all later grouping by person needs
    no further shuffle.
    """
    owned = with_person(slices, owner, cuts).where(F.col("person_id").isNotNull())
    orders = (
        owned.repartition(*KEYS)
        .groupBy(*KEYS, *_ORDER)
        .agg(
            F.min("order_time").alias("order_time"),
            F.max("known_time").alias("known_time"),
            F.max(F.struct("channel", "store")).alias("place"),
            *(_total(F.col(name), name) for name in _SUMS),
        )
    )
    order_date = local_date(F.col("order_time"), conventions.zone)
    return orders.withColumns(
        {
            "order_date": order_date,
            "days_ago": days_before(order_date),
            "is_purchase": F.col("bought_lines") > 0,
            "net_value": F.col("bought_value") + F.col("returned_value"),
        }
    )


def _total(measure: Column, name: str) -> Column:
    """A sum that stays a decimal(18,x) or bigint, zero where nothing was added."""
    is_count = name.endswith("_lines")
    kind = "bigint" if is_count else "decimal(18,3)" if name == "units" else MONEY
    return F.coalesce(F.sum(measure), F.lit(0)).cast(kind).alias(name)
