"""How far a visit came on its way to an order, what it left there, and what that was worth."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.events import cart
from habitue.events.settings import SessionSettings


def left_behind() -> dict[str, Column]:
    """Flags of what a visit left: begun, and no order (nor, for a form, its sending) behind it.

    Places are -1 where there is no such event.
    """
    never = F.lit(-1)
    no_order = F.col("last_order") == never
    return {
        "cart_abandoned": F.coalesce(F.col("left_in_cart.held") > 0, F.lit(False)),
        "checkout_abandoned": F.col("last_checkout") > F.col("last_order"),
        "form_abandoned": F.col("last_form_start") > F.greatest("last_form_end", "last_order"),
        "browse_abandoned": (F.col("product_view_count") > 0)
        & no_order
        & (F.col("last_checkout") == never)
        & ~cart.has_lines(),
    }


def steps() -> dict[str, Column]:
    """The furthest step of the visit and the step that was left; needs `left_behind`."""
    has_form = F.greatest("last_form_start", "last_form_end") >= 0
    return {
        "furthest_step": F.when(F.col("last_order") >= 0, "order")
        .when(F.col("last_checkout") >= 0, "checkout")
        .when(cart.has_lines(), "cart")
        .when(has_form, "form")
        .when(F.col("product_view_count") > 0, "browse")
        .otherwise("visit"),
        "abandoned_step": F.when(F.col("checkout_abandoned"), "checkout")
        .when(F.col("cart_abandoned"), "cart")
        .when(F.col("form_abandoned"), "form")
        .when(F.col("browse_abandoned"), "browse"),
    }


def lost_value() -> Column:
    """Value of the cart that was left; of a checkout without one what it said; of a product only viewed its price.

    A cart that holds nothing is none: it may have been filled in another visit.
    """
    in_cart = F.when(F.col("left_in_cart.held") > 0, F.col("left_in_cart.value")).try_cast(MONEY)
    step = F.col("abandoned_step")
    return (
        F.when(step == "checkout", F.coalesce(in_cart, F.col("checkout_value")))
        .when(step == "cart", in_cart)
        .when(step == "browse", F.col("viewed_price"))
    )


def abandoned_at(settings: SessionSettings) -> Column:
    """When what was left counts as abandoned, unless the visitor ordered until then.

    An instant and not a flag: whether it has passed is for the reader to say, who looks at the lake as of
    some time.
    """
    limit = F.lit(settings.abandoned_after_minutes * 60 * 1_000_000)
    passes = F.unix_micros("session_end") + limit
    was_ordered = F.coalesce(F.col("next_order_micros") <= passes, F.lit(False))
    return F.when(F.col("abandoned_step").isNotNull() & ~was_ordered, F.timestamp_micros(passes))
