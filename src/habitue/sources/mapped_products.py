"""Products of a mapped event: the one it is about, and the items of a cart or order, from a list in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.table import MONEY
from habitue.events import vocabulary
from habitue.sources.faults import Condition
from habitue.sources.fields import struct_parts
from habitue.sources.settings import SourceSettings
from habitue.sources.tracked_products import TEXTS, typed_items, unreadable_number
from habitue.sources.values import Cell, clean_text, decimal_text

_ID = "product_number"
_NUMBERS = ("price", "quantity")


def listed_products(text: Column, members: Mapping[str, str], settings: SourceSettings, name: str) -> Cell:
    """Items of a list in JSON, whose `members` are named as in the source; those without a number are left out."""
    own = {"id" if part == _ID else part: source for part, source in members.items()}
    schema = ", ".join(f"`{source.replace('`', '``')}`:string" for source in dict.fromkeys(own.values()))
    read = F.from_json(text, f"array<struct<{schema}>>")

    def texts(item: Column) -> Column:
        return F.struct(*(_text(item, own.get(field), field, settings).alias(field) for field in TEXTS))

    listed = F.transform(read, texts)
    is_faulty = (text.isNotNull() & read.isNull()) | unreadable_number(listed)
    reason = f"{name} is not a list of products with numbers for prices and quantities"
    return Cell(typed_items(listed), F.coalesce(is_faulty, F.lit(False)), "not_a_list", reason)


def negative_faults(rows: DataFrame, name: Column) -> list[Condition]:
    """Prices and quantities below nothing, but in an order, which has vouchers and returns. `name` is the event's."""
    listed = {"product": F.array("product"), "items": F.col("items")}
    products = [listed[column] for column in listed if column in rows.columns]
    is_judged = name.isin(*vocabulary.COMMERCE) & ~name.isin(*vocabulary.ORDERS)

    def below(number: str) -> Column:
        found = (F.exists(each, lambda product: product[number] < 0) for each in products)
        return reduce(or_, (F.coalesce(is_negative, F.lit(False)) for is_negative in found))

    return [
        (is_judged & below(number), "impossible_value", f"{number} is negative")
        for number in (_NUMBERS if products else ())
    ]


def whole_order(rows: DataFrame, name: Column) -> Column:
    """The order of an event; one without number and value, of one product, is worth what that costs.

    Logs of purchases line by line state no order: there each line is one.
    """
    type_ = EVENT.column("order").type
    stated = F.col("order").cast(type_) if "order" in rows.columns else F.lit(None).cast(type_)
    product = F.col("product")
    worth = (product["price"] * F.coalesce(product["quantity"], F.lit(1))).try_cast(MONEY)
    is_line = (
        (name == vocabulary.ORDER_COMPLETED) & stated["order_number"].isNull() & stated["value"].isNull()
    )
    values = {part: stated[part] for part in struct_parts(type_)} | {"value": worth}
    of_line = F.struct(*(value.cast(struct_parts(type_)[part]).alias(part) for part, value in values.items()))
    return F.when(is_line & worth.isNotNull(), of_line).otherwise(stated)


def _text(item: Column, source: str | None, field: str, settings: SourceSettings) -> Column:
    if source is None:
        return F.lit(None).cast("string")
    text = clean_text(item.getField(source), settings.nulls)
    # what is no number stays as it is, so that it is found
    return F.coalesce(decimal_text(text, settings.numbers), text) if field in _NUMBERS else text
