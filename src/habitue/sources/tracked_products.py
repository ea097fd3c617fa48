"""Products that an event lists, read from texts: the one product of a product event, or the items of a cart."""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY, QUANTITY
from habitue.events import vocabulary
from habitue.sources.event_parts import is_unreadable, number, present
from habitue.sources.faults import Condition

TEXTS = ("id", "category", "brand", "price", "quantity", "currency")
"""Fields of a listed product, all texts."""

TEXTS_TYPE = f"array<struct<{','.join(f'{name}:string' for name in TEXTS)}>>"
PRODUCT_TYPE = f"struct<product_number:string,category:string,brand:string,price:{MONEY},quantity:{QUANTITY}>"
_SUM = "decimal(38,2)"
_NUMBERS = {"price": MONEY, "quantity": QUANTITY}


def product(listed: Column, name: Column) -> Column:
    """The product of an event about one; where it lists several they are its items."""
    return F.when(_is_about_one(listed, name), _typed(F.get(listed, F.lit(0)))).cast(PRODUCT_TYPE)


def items(listed: Column, name: Column) -> Column:
    """The products of a cart, list or order in the order they were sent; those without a number left out."""
    found = typed_items(listed)
    is_list = (F.size(found) > 0) & ~_is_about_one(listed, name)
    return F.when(is_list, found).cast(f"array<{PRODUCT_TYPE}>")


def typed_items(listed: Column) -> Column:
    """All listed products that have a number, typed."""
    return F.array_compact(F.transform(listed, _typed)).cast(f"array<{PRODUCT_TYPE}>")


def unreadable_number(listed: Column) -> Column:
    """Whether a product has a price or quantity that is no number."""

    def cannot_be_read(product: Column) -> Column:
        return reduce(or_, (is_unreadable(product[field], type_) for field, type_ in _NUMBERS.items()))

    return F.exists(listed, cannot_be_read)


def worth(items: Column) -> Column:
    """What products cost together, of each one piece where no quantity is said; null where none has a price."""

    def with_product(sum_: Column, product: Column) -> Column:
        cost = (product["price"] * F.coalesce(product["quantity"], F.lit(1).cast(QUANTITY))).cast(_SUM)
        return F.coalesce((sum_ + cost).cast(_SUM), cost, sum_)

    return F.aggregate(items, F.lit(None).cast(_SUM), with_product).try_cast(MONEY)


def currency_of(listed: Column) -> Column:
    """The first currency that a product states."""
    return F.get(F.array_compact(F.transform(listed, lambda p: present(p["currency"]))), F.lit(0))


def product_faults(listed: Column, name: Column) -> list[Condition]:
    """What is no number in any product, or less than nothing but in an order, which has vouchers and returns."""
    return [fault for field, type_ in _NUMBERS.items() for fault in _field_faults(listed, name, field, type_)]


def _is_about_one(listed: Column, name: Column) -> Column:
    return F.coalesce(name.isin(*vocabulary.OF_ONE_PRODUCT) & (F.size(listed) == 1), F.lit(False))


def _typed(product: Column) -> Column:
    fields = {
        "product_number": present(product["id"]),
        "category": present(product["category"]),
        "brand": present(product["brand"]),
        **{name: number(product[name], type_) for name, type_ in _NUMBERS.items()},
    }
    return F.when(present(product["id"]).isNotNull(), F.struct(*(v.alias(n) for n, v in fields.items())))


def _field_faults(listed: Column, name: Column, field: str, type_: str) -> list[Condition]:
    def cannot_be_read(product: Column) -> Column:
        return is_unreadable(product[field], type_)

    def is_negative(product: Column) -> Column:
        return F.coalesce(number(product[field], type_) < 0, F.lit(False))

    return [
        (F.exists(listed, cannot_be_read), "not_a_number", f"a product's {field} is not a number"),
        (
            F.exists(listed, is_negative) & ~name.isin(*vocabulary.ORDERS),
            "impossible_value",
            f"{field} is negative",
        ),
    ]
