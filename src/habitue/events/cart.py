"""The cart of a visit: what was added and not removed, product by product."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.table import MONEY, QUANTITY
from habitue.events import vocabulary

COLLECTED = "cart_lines"
_PRODUCT = EVENT.column("product").type.removeprefix("struct<")
LINES = f"array<struct<position:bigint,is_removal:boolean,{_PRODUCT}>"
"""All products added to or removed from a visit's cart, in the order of their events."""
# sums of a visit, wide enough that no tracked quantity and price overflows
_UNITS = "decimal(28,3)"
_STATE = f"struct<product:string,units:{_UNITS},price:{MONEY},held:{_UNITS},value:decimal(38,2)>"


def change() -> Column:
    """The products that an event adds to or removes from the cart; null for other events.

    An event names one product or lists several.
    """
    products = F.when(F.col("product").isNotNull(), F.array("product")).otherwise(F.col("items"))
    return F.when(F.col("event_name").isin(vocabulary.PRODUCT_ADDED, vocabulary.PRODUCT_REMOVED), products)


def _lines(products: Column) -> Column:
    """Sorted by product and place, as a walk over them needs it."""
    return F.array_sort(
        F.transform(
            products,
            lambda p: F.struct(
                F.coalesce(p["product_number"], F.lit("")).alias("product"),
                p["position"].alias("position"),
                (F.when(p["is_removal"], -1).otherwise(1) * _quantity(p)).cast(QUANTITY).alias("units"),
                p["price"].alias("price"),
            ),
        )
    )


def _quantity(product: Column) -> Column:
    """Units, 1 where the tracker names none; never less than nothing."""
    return F.greatest(F.coalesce(product["quantity"], F.lit(1)), F.lit(0))


def held() -> Column:
    """What all changes of a visit leave in the cart: units `held` and their `value`, null where none has a price."""
    return _folded(_lines(F.col(COLLECTED)))


def held_after(position: Column) -> Column:
    """The same of the changes after that position, usually that of the last order."""
    return _folded(_lines(F.filter(COLLECTED, lambda line: line["position"] > position)))


def has_lines() -> Column:
    """Whether a visit changed its cart at all: most do not, and are spared the walk."""
    return F.size(COLLECTED) > 0


def _folded(lines: Column) -> Column:
    """Units held and their value over all products; `lines` must be sorted.

    A removal of more than is held leaves nothing, not less: the addition was in an earlier visit. The price of a
    product is the last one seen, since removals often come without one.
    """
    empty = F.struct(
        F.lit(None).cast("string").alias("product"),
        F.lit(0).cast(_UNITS).alias("units"),
        F.lit(None).cast(MONEY).alias("price"),
        F.lit(0).cast(_UNITS).alias("held"),
        F.lit(None).cast("decimal(38,2)").alias("value"),
    ).cast(_STATE)
    return F.aggregate(lines, empty, _take_line, _close_product)


def _take_line(state: Column, line: Column) -> Column:
    same = state["product"] == line["product"]  # null before the first product
    closed = _close_product(state)
    units = line["units"] + F.when(same, state["units"]).otherwise(F.lit(0))
    return F.struct(
        line["product"].alias("product"),
        F.greatest(units, F.lit(0)).alias("units"),
        F.when(same, F.coalesce(line["price"], state["price"])).otherwise(line["price"]).alias("price"),
        F.when(same, state["held"]).otherwise(closed["held"]).alias("held"),
        F.when(same, state["value"]).otherwise(closed["value"]).alias("value"),
    ).cast(_STATE)


def _close_product(state: Column) -> Column:
    worth = state["units"] * state["price"]
    return F.struct(
        state["product"].alias("product"),
        state["units"].alias("units"),
        state["price"].alias("price"),
        (state["held"] + state["units"]).alias("held"),
        F.coalesce(state["value"] + worth, worth, state["value"]).alias("value"),
    ).cast(_STATE)
