"""Which features a model definition may name.

Numeric profile columns, rates of them, and buy-till-you-die features.

A closed list is the first guard against leaks: a column that is not part of the
profile as of a cut-off cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.errors import did_you_mean

NUMERIC_TYPES = ("int", "bigint", "double", "decimal(18,2)")

PROFILE_FEATURES: tuple[str, ...] = tuple(
    column.name
    for column in CUSTOMER_PROFILE.columns
    if column.type in NUMERIC_TYPES and column.field_class is not None
)

# name -> numerator; all are per 90 days of age, so that a young and an old customer compare
RATES = {
    "purchase_day_rate": "frequency",
    "order_rate": "order_count",
    "net_revenue_rate": "net_revenue",
}
MIN_RATE_DAYS = 14.0

PURCHASE_INPUTS = ("frequency", "recency_days", "age_days", "monetary_value")
BTYD_FEATURES = (
    "btyd_p_alive",
    "btyd_p_no_purchase",
    "btyd_expected_purchases",
    "btyd_expected_spend",
    "btyd_value",
)

DEFAULT_CHURN_FEATURES: tuple[str, ...] = (
    "days_since_last_order",
    "purchase_day_rate",
    "order_rate",
    "net_revenue_rate",
    "net_revenue_30d",
    "net_revenue_90d",
    "purchase_days_30d",
    "purchase_days_90d",
    "orders_30d",
    "orders_90d",
    "monetary_value",
    "aov",
    "aov_cv",
    "lines_per_order",
    "items_per_order",
    "discount_share",
    "discount_share_90d",
    "coupon_order_share",
    "return_rate",
    "interpurchase_days",
    "interpurchase_median_days",
    "regularity_cv",
    "expected_gap_days",
    "overdue_ratio",
    "category_breadth",
    "store_count",
    "trend_90d",
    "contacts_90d",
    "responses_90d",
    "redemptions_90d",
    "sessions_30d",
    "sessions_90d",
    "days_since_last_session",
    "product_views_90d",
    "engaged_seconds_90d",
    "carts_abandoned_30d",
    "complaints_open",
    "btyd_p_alive",
    "btyd_p_no_purchase",
    "btyd_expected_purchases",
    "btyd_expected_spend",
)

DEFAULT_VALUE_FEATURES: tuple[str, ...] = (
    "days_since_last_order",
    "purchase_day_rate",
    "net_revenue_rate",
    "purchase_days_30d",
    "purchase_days_90d",
    "net_revenue_30d",
    "net_revenue_90d",
    "aov",
    "aov_cv",
    "monetary_value",
    "lines_per_order",
    "discount_share",
    "regularity_cv",
    "overdue_ratio",
    "category_breadth",
    "trend_90d",
    "return_rate",
    "sessions_90d",
    "btyd_p_no_purchase",
    "btyd_expected_purchases",
    "btyd_expected_spend",
    "btyd_value",
)


def unknown_features(names: Iterable[str]) -> list[str]:
    """A sentence per name that is no feature, with the nearest name that is."""
    known = (*PROFILE_FEATURES, *RATES, *BTYD_FEATURES)
    return [f"{name} is not a feature{did_you_mean(name, known)}" for name in names if name not in known]


def profile_columns(names: Iterable[str]) -> tuple[str, ...]:
    """The profile columns needed to compute these features, in a fixed order."""
    needed = set(PURCHASE_INPUTS) | {RATES.get(name, name) for name in names}
    return tuple(name for name in PROFILE_FEATURES if name in needed)
