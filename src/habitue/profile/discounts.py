"""How much a person buys at reduced prices: discounts, coupons and what was bought at full price."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_WINDOW_DAYS = 90
OF_DISCOUNTS = ("discount_share", "discount_share_90d", "discount_line_share", "full_price_share")
OF_COUPONS = ("coupon_order_share",)


def totals() -> dict[str, Column]:
    """Aggregates over a person's orders."""
    recent = F.col("days_ago") <= _WINDOW_DAYS
    return {
        "list_value": F.sum("list_value"),
        "discount_value": F.sum("discount_value"),
        "list_value_90d": F.sum(F.when(recent, F.col("list_value"))),
        "discount_value_90d": F.sum(F.when(recent, F.col("discount_value"))),
        "discount_lines": F.sum("discount_lines"),
        "coupon_orders": F.count_if(F.col("coupon_lines") > 0),
        "full_price_value": F.sum("full_price_value"),
        "has_discounts_stated": F.bool_or(F.col("discount_stated_lines") > 0),
        "has_coupons_stated": F.bool_or(F.col("coupon_lines") > 0),
    }


def columns() -> dict[str, Column]:
    """Shares; null where there is nothing to take a share of."""
    return {
        "discount_share": _share("discount_value", "list_value"),
        "discount_share_90d": _share("discount_value_90d", "list_value_90d"),
        "discount_line_share": _share("discount_lines", "bought_lines"),
        "coupon_order_share": _share("coupon_orders", "order_count"),
        "full_price_share": _share("full_price_value", "bought_value"),
    }


def _share(part: str, whole: str) -> Column:
    return F.when(F.col(whole) > 0, F.col(part).cast("double") / F.col(whole).cast("double"))
