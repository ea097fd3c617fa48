"""Names of Segment and RudderStack events, brought to the canonical vocabulary."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events import vocabulary
from habitue.privacy.redaction import redacted_text

OF_CALL = {
    "page": vocabulary.PAGE_VIEWED,
    "screen": vocabulary.SCREEN_VIEWED,
    "identify": vocabulary.IDENTIFIED,
    "group": vocabulary.GROUPED,
    "alias": vocabulary.ALIASED,
}
"""Calls that are an event by themselves; `track` names its event."""

CALLS = (*OF_CALL, "track")

# names of the e-commerce specification version 1, and others that the general rule does not reach
_OTHERS = {
    "viewed_product_list": vocabulary.PRODUCT_LIST_VIEWED,
    "viewed_product_category": vocabulary.PRODUCT_LIST_VIEWED,
    "product_category_viewed": vocabulary.PRODUCT_LIST_VIEWED,
    "clicked_product": vocabulary.PRODUCT_CLICKED,
    "viewed_product": vocabulary.PRODUCT_VIEWED,
    "added_product": vocabulary.PRODUCT_ADDED,
    "removed_product": vocabulary.PRODUCT_REMOVED,
    "viewed_cart": vocabulary.CART_VIEWED,
    "started_checkout": vocabulary.CHECKOUT_STARTED,
    "completed_order": vocabulary.ORDER_COMPLETED,
    "refunded_order": vocabulary.ORDER_REFUNDED,
    "cancelled_order": vocabulary.ORDER_CANCELLED,
    "order_canceled": vocabulary.ORDER_CANCELLED,
    "searched_products": vocabulary.PRODUCTS_SEARCHED,
    "product_searched": vocabulary.PRODUCTS_SEARCHED,
    "email_link_clicked": "email_clicked",
    "email_marked_as_spam": "email_complained",
    "unsubscribed": "email_unsubscribed",
}

RESPONSES = {
    "email_delivered": "delivered",
    "email_opened": "opened",
    "email_clicked": "clicked",
    "email_bounced": "bounced",
    "email_complained": "complained",
    "email_unsubscribed": "unsubscribed",
}
"""E-mail events and the type of response they are."""

# any of these words is in every raw line that can become a response
MAY_BE_RESPONSE = "(?i)email|unsubscribed"


def canonical_name(call: Column, event: Column) -> Column:
    """The event's name: `Product Viewed`, `product-viewed` and `Viewed Product` are all product_viewed.

    A name outside the vocabulary stays the tracker's own, in lower case with underscores.
    """
    words = F.regexp_replace(redacted_text(event), r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})", "_")
    plain = F.trim(F.regexp_replace(F.lower(words), r"[^\p{L}\p{N}]+", "_"), F.lit("_"))
    tracked = F.coalesce(_lookup(_OTHERS, plain), plain)
    return F.coalesce(_lookup(OF_CALL, call), F.when(call == "track", F.nullif(tracked, F.lit(""))))


def response_type(event_name: Column) -> Column:
    """The type of response an e-mail event is, null for all other events."""
    return _lookup(RESPONSES, event_name)


def _lookup(names: dict[str, str], name: Column) -> Column:
    pairs = [F.lit(text) for pair in names.items() for text in pair]
    return F.try_element_at(F.create_map(*pairs), name)
