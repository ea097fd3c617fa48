"""The orders of a visit as the tracker saw them: each order number of a source counts once."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.events import vocabulary

COLLECTED = "completed_orders"
LINES = f"array<struct<position:bigint,number:string,value:{MONEY},currency:string>>"
"""All completed orders of a visit, as often as the tracker saw them, in their order."""
_SUM = "decimal(38,2)"


def completed() -> Column:
    """The order that an event completes, as a list of one; null for other events, which a list carries for nothing.

    Numbers are those of a source; without one an order is one of its own.
    """
    source, number = F.col("source"), F.col("order.order_number")
    of_source = F.concat_ws(":", F.lit("n"), F.char_length(source).cast("string"), source, number)
    numbered = F.when(number.isNotNull(), of_source)
    unnumbered = F.concat(F.lit("e"), F.col("event_id"))
    order = F.struct(
        F.coalesce(numbered, unnumbered).alias("number"),
        F.col("order.value").alias("value"),
        F.coalesce(F.col("order.currency"), F.lit("")).alias("currency"),
    )
    return F.when(F.col("event_name") == vocabulary.ORDER_COMPLETED, F.array(order))


def first_of_each() -> Column:
    """The first event of each order of a visit, sorted by order: trackers repeat one when its page is loaded again."""
    events = F.array_sort(
        F.transform(COLLECTED, lambda o: F.struct(o["number"], o["position"], o["value"], o["currency"]))
    )
    # beside the one before: within a lambda the list would be sorted again for every item
    one_later = F.concat(F.array(F.lit(None)), events)
    pairs = F.zip_with(
        events,
        one_later,
        lambda order, before: F.struct(order.alias("order"), before["number"].alias("before")),
    )
    firsts = F.filter(
        pairs,
        lambda pair: pair["order"].isNotNull() & ~pair["order"]["number"].eqNullSafe(pair["before"]),
    )
    return F.transform(firsts, lambda pair: pair["order"])


def totals(orders: str) -> dict[str, Column]:
    """Columns of a session from a column of `first_of_each`, null where there is none.

    The first event of an order states its value. Amounts of different currencies are not added: value and
    currency are null then.
    """
    first = F.col(orders)
    currencies = F.array_distinct(F.transform(first, lambda order: order["currency"]))
    is_one_currency = F.size(currencies) == 1
    valued = F.filter(first, lambda order: order["value"].isNotNull())
    zero = F.lit(0).cast(_SUM)
    total = F.aggregate(valued, zero, lambda sum_, order: (sum_ + order["value"]).cast(_SUM))
    return {
        "order_count": F.when(first.isNotNull(), F.size(first)).otherwise(0).cast("bigint"),
        "net_revenue": F.when(is_one_currency & (F.size(valued) > 0), total.try_cast(MONEY)),
        "currency": F.when(is_one_currency, F.nullif(F.get(currencies, F.lit(0)), F.lit(""))),
    }
