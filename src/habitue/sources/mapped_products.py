"""Products that a mapped event lists: the items of a cart or order, from a list in a cell."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

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


def _text(item: Column, source: str | None, field: str, settings: SourceSettings) -> Column:
    if source is None:
        return F.lit(None).cast("string")
    text = clean_text(item.getField(source), settings.nulls)
    # what is no number stays as it is, so that it is found
    return F.coalesce(decimal_text(text, settings.numbers), text) if field in _NUMBERS else text
