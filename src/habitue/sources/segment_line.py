"""One line of a Segment-style file, parsed without guessing: every leaf is read as text.

Trackers send `12`, `"12"` and `null` for the same field, so text is the only type that
never loses a value; numbers and times are made of it later, and what cannot be made is a
named fault of that field and not of the whole line.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.events.words import holds_any
from habitue.sources.json_line import is_one_object


def _struct(*fields: str) -> str:
    return "struct<" + ",".join(f if ":" in f else f"{f}:string" for f in fields) + ">"


_CONTEXT = _struct(
    f"page:{_struct('url', 'path', 'title', 'referrer')}",
    f"campaign:{_struct('name', 'source', 'medium', 'term', 'content')}",
    f"device:{_struct('id', 'type', 'manufacturer', 'model')}",
    f"os:{_struct('name', 'version')}",
    f"app:{_struct('name', 'version', 'build', 'namespace')}",
    f"library:{_struct('name', 'version')}",
    f"network:{_struct('carrier', 'cellular', 'wifi')}",
    f"screen:{_struct('width', 'height', 'density')}",
    f"location:{_struct('country', 'region', 'city')}",
    f"referrer:{_struct('id', 'type')}",
    f"traits:{_struct('email', 'phone')}",
    "consent:struct<categoryPreferences:map<string,string>>",
    "consentManagement:struct<allowedConsentIds:array<string>,deniedConsentIds:array<string>>",
    "locale",
    "timezone",
    "userAgent",
    "sessionId",
    "channel",
    "groupId",
    "experiments",
)
_CALL = ("messageId", "type", "event", "name", "anonymousId", "userId", "previousId", "groupId", "channel")
_TIMES = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
_LINE = _struct(*_CALL, *_TIMES, "properties", "traits", f"context:{_CONTEXT}", "_corrupt")
GROUP_TRAITS = ("industry", "employees", "plan", "createdAt")
"""Traits of a group that name nobody: its name and address are a person's where the company is one."""
_TRAITS = _struct("email", "phone", *GROUP_TRAITS)
PRODUCT_FIELDS = ("product_id", "productId", "id", "sku", "category", "brand", "price", "quantity")
"""The first version of the specification has `id`, the second `product_id`."""
ITEM_FIELDS = ("item_id", "item_name", "item_brand", "item_category")
"""What a product says of itself where a call is filled as GA4's documentation has it."""
ORDER_AMOUNTS = ("subtotal", "revenue", "total", "tax", "shipping", "discount")
_PROPERTIES = _struct(
    *PRODUCT_FIELDS,
    *ITEM_FIELDS,
    *ORDER_AMOUNTS,
    *("products", "items", "order_id", "orderId", "transaction_id", "value", "coupon", "currency"),
    *("name", "query", "search_term", "url", "path", "title", "referrer"),
    *("email", "email_id", "emailId", "campaign_id", "campaignId", "campaign_name", "campaignName"),
)
_PRODUCTS = f"array<{_struct(*PRODUCT_FIELDS, *ITEM_FIELDS)}>"


def parsed(raw_text: DataFrame) -> DataFrame:
    """Lines with `line` (the call), `props`, `products`, `traits` (what is known of them) and `is_corrupt`.

    Blank lines are none. Products are a list, or the JSON text of one, as tag managers send it; `items` are products
    where they are spelt as GA4's.
    A line is corrupt when it is not one JSON object. A member of an unexpected shape (a text where an
    object is usual) is null and spoils nothing else.
    """
    line = F.from_json("value", _LINE, {"columnNameOfCorruptRecord": "_corrupt"})
    items = F.col("props.items")
    listed = F.coalesce(F.col("props.products"), F.when(holds_any(items, "item_id", "item_name"), items))
    return (
        raw_text.where(F.trim("value") != "")
        .withColumn("line", line)
        .withColumns(
            {
                "props": F.from_json("line.properties", _PROPERTIES),
                "traits": F.from_json("line.traits", _TRAITS),
            }
        )
        .withColumns({"products": F.from_json(listed, _PRODUCTS), "is_corrupt": _is_corrupt()})
    )


def _is_corrupt() -> Column:
    call = F.col("line")
    nothing_read = call["type"].isNull() & call["messageId"].isNull() & call["_corrupt"].isNotNull()
    return F.coalesce(call.isNull() | nothing_read | ~is_one_object(F.col("value")), F.lit(True))
