"""The canonical names of events that habitue gives a meaning to; any other name is kept as it came."""

from __future__ import annotations

PAGE_VIEWED = "page_viewed"
SCREEN_VIEWED = "screen_viewed"
PAGE_PINGED = "page_pinged"
PRODUCT_LIST_VIEWED = "product_list_viewed"
PRODUCT_CLICKED = "product_clicked"
PRODUCT_VIEWED = "product_viewed"
PRODUCT_ADDED = "product_added"
PRODUCT_REMOVED = "product_removed"
CART_VIEWED = "cart_viewed"
CHECKOUT_STARTED = "checkout_started"
ORDER_COMPLETED = "order_completed"
ORDER_REPEATED = "order_repeated"  # an order that was completed before: its confirmation was loaded again
ORDER_REFUNDED = "order_refunded"
ORDER_CANCELLED = "order_cancelled"
PRODUCTS_SEARCHED = "products_searched"
FORM_STARTED = "form_started"
FORM_SUBMITTED = "form_submitted"
IDENTIFIED = "identified"
GROUPED = "grouped"
ALIASED = "aliased"

VIEWS = (PAGE_VIEWED, SCREEN_VIEWED)
ORDERS = (ORDER_COMPLETED, ORDER_REFUNDED, ORDER_CANCELLED)
OF_ONE_PRODUCT = (PRODUCT_VIEWED, PRODUCT_ADDED, PRODUCT_REMOVED, PRODUCT_CLICKED)
VALUED = (CHECKOUT_STARTED, *ORDERS)
"""Events that say what an order is worth, or would be."""
COMMERCE = (
    PRODUCT_VIEWED,
    PRODUCT_ADDED,
    PRODUCT_REMOVED,
    CART_VIEWED,
    CHECKOUT_STARTED,
    *ORDERS,
)
"""Events whose prices and quantities must be readable."""
