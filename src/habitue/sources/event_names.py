"""Names of tracked events, brought to the canonical vocabulary whatever the tracker calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events import vocabulary
from habitue.privacy.redaction import redacted_text

SEGMENT_NAMES: dict[str, str] = {
    "viewed_product_list": vocabulary.PRODUCT_LIST_VIEWED,
    "viewed_product_category": vocabulary.PRODUCT_LIST_VIEWED,
    "product_category_viewed": vocabulary.PRODUCT_LIST_VIEWED,
    "clicked_product": vocabulary.PRODUCT_CLICKED,
    "viewed_product": vocabulary.PRODUCT_VIEWED,
    "added_product": vocabulary.PRODUCT_ADDED,
    "product_added_to_cart": vocabulary.PRODUCT_ADDED,
    "removed_product": vocabulary.PRODUCT_REMOVED,
    "product_removed_from_cart": vocabulary.PRODUCT_REMOVED,
    "viewed_cart": vocabulary.CART_VIEWED,
    "started_checkout": vocabulary.CHECKOUT_STARTED,
    "completed_order": vocabulary.ORDER_COMPLETED,
    "refunded_order": vocabulary.ORDER_REFUNDED,
    "cancelled_order": vocabulary.ORDER_CANCELLED,
    "order_canceled": vocabulary.ORDER_CANCELLED,
    "searched_products": vocabulary.PRODUCTS_SEARCHED,
    "product_searched": vocabulary.PRODUCTS_SEARCHED,
    "viewed_promotion": "promotion_viewed",
    "clicked_promotion": "promotion_clicked",
    "email_link_clicked": "email_clicked",
    "email_marked_as_spam": "email_complained",
    "unsubscribed": "email_unsubscribed",
}
"""Names of the e-commerce specification version 1, and others that the general rule does not reach."""

GA4_NAMES: dict[str, str] = {
    "page_view": vocabulary.PAGE_VIEWED,
    "screen_view": vocabulary.SCREEN_VIEWED,
    "view_item_list": vocabulary.PRODUCT_LIST_VIEWED,
    "select_item": vocabulary.PRODUCT_CLICKED,
    "view_item": vocabulary.PRODUCT_VIEWED,
    "add_to_cart": vocabulary.PRODUCT_ADDED,
    "remove_from_cart": vocabulary.PRODUCT_REMOVED,
    "view_cart": vocabulary.CART_VIEWED,
    "begin_checkout": vocabulary.CHECKOUT_STARTED,
    "purchase": vocabulary.ORDER_COMPLETED,
    "ecommerce_purchase": vocabulary.ORDER_COMPLETED,
    "in_app_purchase": vocabulary.ORDER_COMPLETED,
    "refund": vocabulary.ORDER_REFUNDED,
    "search": vocabulary.PRODUCTS_SEARCHED,
    "view_search_results": vocabulary.PRODUCTS_SEARCHED,
    "form_start": "form_started",
    "form_submit": "form_submitted",
    "add_to_wishlist": "product_added_to_wishlist",
    "view_promotion": "promotion_viewed",
    "select_promotion": "promotion_clicked",
}
"""Names of GA4's automatic and recommended events."""

SNOWPLOW_ACTIONS: dict[str, str] = {
    "list_view": vocabulary.PRODUCT_LIST_VIEWED,
    "list_click": vocabulary.PRODUCT_CLICKED,
    "product_view": vocabulary.PRODUCT_VIEWED,
    "add_to_cart": vocabulary.PRODUCT_ADDED,
    "remove_from_cart": vocabulary.PRODUCT_REMOVED,
    "checkout_step": vocabulary.CHECKOUT_STARTED,
    "transaction": vocabulary.ORDER_COMPLETED,
    "refund": vocabulary.ORDER_REFUNDED,
    "promo_view": "promotion_viewed",
    "promo_click": "promotion_clicked",
    "trns_error": "order_failed",
}
"""Types of Snowplow's e-commerce action."""

ENHANCED_ACTIONS: dict[str, str] = {
    "click": vocabulary.PRODUCT_CLICKED,
    "detail": vocabulary.PRODUCT_VIEWED,
    "add": vocabulary.PRODUCT_ADDED,
    "remove": vocabulary.PRODUCT_REMOVED,
    "checkout": vocabulary.CHECKOUT_STARTED,
    "purchase": vocabulary.ORDER_COMPLETED,
    "refund": vocabulary.ORDER_REFUNDED,
    "promo_click": "promotion_clicked",
}
"""Actions of the enhanced e-commerce plugin that Snowplow took over from Universal Analytics."""

ANY_NAMES = SEGMENT_NAMES | GA4_NAMES
"""What trackers agree on: also for a tracker whose users name events by another one's documentation."""

LOG_NAMES: dict[str, str] = {
    "addtocart": vocabulary.PRODUCT_ADDED,
    "add_to_basket": vocabulary.PRODUCT_ADDED,
    "addtobasket": vocabulary.PRODUCT_ADDED,
    "removefromcart": vocabulary.PRODUCT_REMOVED,
    "remove_from_basket": vocabulary.PRODUCT_REMOVED,
    "removefrombasket": vocabulary.PRODUCT_REMOVED,
    "transaction": vocabulary.ORDER_COMPLETED,
    "buy": vocabulary.ORDER_COMPLETED,
    "pageview": vocabulary.PAGE_VIEWED,
    "page": vocabulary.PAGE_VIEWED,
    "pv": vocabulary.PAGE_VIEWED,
    "viewed_page": vocabulary.PAGE_VIEWED,
    "loaded_a_page": vocabulary.PAGE_VIEWED,
    "screenview": vocabulary.SCREEN_VIEWED,
    "screen": vocabulary.SCREEN_VIEWED,
    "viewed_screen": vocabulary.SCREEN_VIEWED,
}
"""Words of the logs that shops write themselves, and of analytics tools that have no adapter."""

OF_PRODUCT: dict[str, str] = {
    "view": vocabulary.PRODUCT_VIEWED,
    "detail": vocabulary.PRODUCT_VIEWED,
    "cart": vocabulary.PRODUCT_ADDED,
}
"""Words of such logs that mean this of a product alone: pages are viewed too, and a cart without a product is looked at."""


def plain_name(event: Column) -> Column:
    """The tracker's own name in lower case with underscores; null where nothing is left of it."""
    titled = F.replace(F.lower(event), F.lit(" "), F.lit("_"))
    words = F.regexp_replace(redacted_text(event), r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})", "_")
    plain = F.trim(F.regexp_replace(F.lower(words), r"[^\p{L}\p{N}]+", "_"), F.lit("_"))
    return F.when(event.rlike(_TITLED), titled).otherwise(F.nullif(plain, F.lit("")))


_TITLED = r"^[A-Z][a-z]+(?: [A-Z][a-z]+)*+\z"
"""Names as the specifications spell them (Product Viewed): no rule for other spellings alters them."""


def canonical_name(event: Column, names: Mapping[str, str], plain: Column | None = None) -> Column:
    """`Product Viewed`, `product-viewed` and a known synonym are all product_viewed.

    A name outside the vocabulary stays the tracker's own, in lower case with underscores; `plain` is that name where it
    is a column already.
    """
    plain = plain_name(event) if plain is None else plain
    # most events are spelt as the tracker's documentation spells them, and need no pattern
    as_documented = {name.replace("_", " ").title(): canonical for name, canonical in names.items()}
    return F.coalesce(named(as_documented, event), named(names, plain), plain)


def named(names: Mapping[str, str], name: Column) -> Column:
    """What `name` stands for; null where it is none of `names`."""
    # one literal, which the optimiser makes a map: an expression for each word costs more than a small file's rows
    known = F.from_json(F.lit(json.dumps(names)), "map<string,string>")
    return F.try_element_at(known, name)
