"""The customer profile and its RFM thresholds: what is known of each person on a day."""

from __future__ import annotations

from habitue.contracts.table import MONEY, Column, FieldClass, Personal, Table

_TX = FieldClass.TRANSACTIONAL
_BE = FieldClass.BEHAVIOURAL
_SD = FieldClass.SOCIO_DEMOGRAPHIC
_PS = FieldClass.PSYCHOGRAPHIC


def _of(field_class: FieldClass, *columns: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(
        Column(name, type_, comment, personal=Personal.ATTRIBUTE, field_class=field_class)
        for name, type_, comment in columns
    )


_PURCHASES = _of(
    _TX,
    (
        "currency",
        "string",
        "Currency of all money of this row; the project's currency where several were converted.",
    ),
    ("first_order_date", "date", "Day of the first order."),
    ("last_order_date", "date", "Day of the last order."),
    ("days_since_last_order", "int", "Days from the last order to as_of_date."),
    ("order_count", "bigint", "Orders, returns left out."),
    ("purchase_day_count", "bigint", "Days with at least one order."),
    ("frequency", "bigint", "Purchase days after the first one (x of the buy-till-you-die models)."),
    ("recency_days", "int", "Days from first to last purchase day (t_x)."),
    ("age_days", "int", "Days from first purchase day to as_of_date (T)."),
    (
        "monetary_value",
        "double",
        "Mean net revenue per repeat purchase day, less what came back of those; 0 where nothing is left, null without one.",
    ),
    ("net_revenue", MONEY, "Net revenue of all orders less returns."),
    ("net_revenue_30d", MONEY, "The same in the last 30 days."),
    ("net_revenue_90d", MONEY, "The same in the last 90 days."),
    ("net_revenue_365d", MONEY, "The same in the last 365 days."),
    ("orders_30d", "bigint", "Orders in the last 30 days."),
    ("orders_90d", "bigint", "Orders in the last 90 days."),
    ("orders_365d", "bigint", "Orders in the last 365 days."),
    ("purchase_days_30d", "bigint", "Purchase days in the last 30 days."),
    ("purchase_days_90d", "bigint", "Purchase days in the last 90 days."),
    ("contribution_margin", MONEY, "Net revenue less cost of goods where costs are known; else null."),
    ("aov", "double", "Mean net revenue per order."),
    (
        "aov_cv",
        "double",
        "Standard deviation of order value over its mean: does the person buy for the same sum?",
    ),
    ("items_per_order", "double", "Mean units per order."),
    ("lines_per_order", "double", "Mean lines per order."),
    ("interpurchase_days", "double", "Mean days between purchase days; null with fewer than two."),
    ("interpurchase_median_days", "double", "Median days between purchase days."),
    (
        "regularity_cv",
        "double",
        "Standard deviation of these gaps over their mean: does the person buy regularly?",
    ),
    (
        "expected_gap_days",
        "double",
        "Quantile as configured (default 90 %) of the person's own gaps, shrunk to the population's.",
    ),
    ("overdue_ratio", "double", "days_since_last_order over expected_gap_days; above 1 the person is late."),
    (
        "discount_share",
        "double",
        "Discounts over value before discounts; null where no bought line states any.",
    ),
    ("discount_share_90d", "double", "The same in the last 90 days."),
    ("discount_line_share", "double", "Share of order lines with a discount; null likewise."),
    ("coupon_order_share", "double", "Share of orders with a coupon; null where no bought line has one."),
    (
        "full_price_share",
        "double",
        "Share of net revenue bought without any discount; null where no bought line states any.",
    ),
    ("return_count", "bigint", "Returned or cancelled orders."),
    ("return_rate", "double", "Returned value over bought value."),
    ("category_shares", "map<string,double>", "Share of net revenue by category, in the last 365 days."),
    ("top_category", "string", "Category with the largest share."),
    ("top_category_share", "double", "Its share."),
    ("category_breadth", "bigint", "Distinct categories bought in the last 365 days."),
    ("channel_shares", "map<string,double>", "Share of orders by purchase channel, in the last 365 days."),
    ("preferred_purchase_channel", "string", "Channel with the most orders."),
    ("home_store", "string", "Store with the most orders in the last 365 days."),
    ("store_count", "bigint", "Distinct stores in the last 365 days; null where no bought line names one."),
    (
        "pareto_share",
        "double",
        "Cumulative share of revenue (last 365 days) made by the persons up to this one, best first.",
    ),
    (
        "pareto_class",
        "string",
        "A: the best persons needed for the share of revenue as configured (default 80 %), A and B: for the next one "
        "(95 %), C the rest; null without revenue.",
    ),
)

_BEHAVIOUR = _of(
    _BE,
    ("session_count", "bigint", "Visits that were over, bots left out."),
    ("sessions_7d", "bigint", "Visits in the last 7 days."),
    ("sessions_30d", "bigint", "Visits in the last 30 days."),
    ("sessions_90d", "bigint", "Visits in the last 90 days."),
    ("days_since_last_session", "int", "Days from the last visit to as_of_date."),
    ("views_90d", "bigint", "Page views in the last 90 days."),
    ("product_views_90d", "bigint", "Product views in the last 90 days."),
    ("engaged_seconds_90d", "double", "Engaged time in the last 90 days."),
    ("carts_abandoned_30d", "bigint", "Visits that left something in the cart, in the last 30 days."),
    ("open_cart_value", MONEY, "Value of the last abandoned cart that no order followed."),
    ("open_cart_at", "timestamp", "When it was left: the end of the visit."),
    (
        "abandoned_step",
        "string",
        "What the last visit that left anything left, and no order followed: checkout, cart, form, browse.",
    ),
    ("abandoned_value", MONEY, "Value of that: of the cart, of the checkout, of the product viewed."),
    (
        "abandoned_at",
        "timestamp",
        "When the visit that left it ended; silver.session.abandoned_at is later by the wait that is configured.",
    ),
    ("contacts_7d", "bigint", "Contacts in the last 7 days, control groups left out."),
    ("contacts_30d", "bigint", "Contacts in the last 30 days."),
    ("contacts_90d", "bigint", "Contacts in the last 90 days."),
    ("last_contact_at", "timestamp", "Last contact."),
    ("responses_7d", "bigint", "Opens, clicks and redemptions in the last 7 days."),
    ("responses_30d", "bigint", "The same in the last 30 days."),
    ("responses_90d", "bigint", "The same in the last 90 days."),
    ("redemptions_90d", "bigint", "Redemptions in the last 90 days."),
    ("response_rate_90d", "double", "Responses over contacts in the last 90 days; null without contacts."),
    (
        "unsubscribed_channels",
        "array<string>",
        "Channels with an unsubscribe or complaint that no later grant followed.",
    ),
    (
        "trend_90d",
        "double",
        "Slope of activity over the last 90 days: (last 45 - first 45 days) over their sum, -1 to 1; null without.",
    ),
    (
        "engagement_score",
        "double",
        "Weighted visits, views, engaged time, responses and redemptions of the last 90 days.",
    ),
    (
        "rfm_recency",
        "int",
        "1 (long ago) to the number of scores as configured (default 5, just now), by stored thresholds over buyers.",
    ),
    ("rfm_frequency", "int", "1 to the same number, the highest for who buys most often."),
    ("rfm_monetary", "int", "1 to the same number, the highest for who spends most."),
    (
        "rfm_engagement",
        "int",
        "1 to the same number, over everybody with engagement; 1 without, null where nobody has any.",
    ),
    ("rfm_cell", "string", "The first three as one text, 555 the best of 5 scores; null without an order."),
    (
        "lifecycle_stage",
        "string",
        "anonymous, prospect, evaluating, first_buyer, active, loyal, at_risk, dormant, lost.",
    ),
    ("stage_since", "date", "First day on which the stage held, worked out from the facts."),
    (
        "is_reactivated",
        "boolean",
        "Bought again after having been dormant or lost, within the days as configured (default 90).",
    ),
)

_WHO = _of(
    _SD,
    ("gender", "string", "f, m, d."),
    ("age_years", "int", "Age in whole years, by year of birth."),
    ("postal_area", "string", "First two characters of the postal code."),
    ("city", "string", "City."),
    ("country", "string", "ISO 3166 alpha-2."),
    ("language", "string", "ISO 639-1."),
    ("customer_since", "date", "Earlier of the CRM's date and the first order."),
    ("crm_segment", "string", "The source's own segment."),
    ("attributes", "map<string,string>", "Other attributes of the customer records."),
)

_RELATION = _of(
    _PS,
    ("nps_last", "double", "Last NPS answer within the days as configured (default 365)."),
    ("complaints_open", "bigint", "Open complaints at customer service."),
    ("loyalty_tier", "string", "Tier of the loyalty programme."),
    ("loyalty_points", "bigint", "Points at hand."),
)

CUSTOMER_PROFILE = Table(
    name="gold.customer_profile",
    comment="One row per person: everything known of it before the start of as_of_date.",
    stage="profile",
    grain=("as_of_date", "person_id"),
    columns=(
        Column(
            "as_of_date",
            "date",
            "Start of this day in the project's zone cuts what is known.",
            nullable=False,
        ),
        Column("person_id", "string", "Person.", nullable=False, personal=Personal.PSEUDONYM),
        Column("identifier_types", "array<string>", "Types of identifiers known, sorted.", nullable=False),
        Column(
            "is_known",
            "boolean",
            "Has a customer number, account, e-mail, phone or loyalty number.",
            nullable=False,
        ),
        Column("has_email", "boolean", "Has an e-mail address.", nullable=False),
        Column("has_phone", "boolean", "Has a phone number.", nullable=False),
        Column("has_address", "boolean", "Has a full postal address.", nullable=False),
        Column("is_suppressed", "boolean", "Blocked, deceased or objected to all marketing.", nullable=False),
        Column("suppression_reason", "string", "Why."),
        Column("consent", "map<string,string>", "Latest status by 'purpose:channel', as known then."),
        *_PURCHASES,
        *_BEHAVIOUR,
        *_WHO,
        *_RELATION,
        Column(
            "sources",
            "map<string,array<string>>",
            "Sources of what is known, by group: orders, contacts, consents, customer_records, surveys, ...",
        ),
        Column(
            "freshness",
            "map<string,timestamp>",
            "When the newest fact of each group was known; identifiers and visits besides.",
        ),
        Column("last_known_time", "timestamp", "When the newest fact of this row was known."),
    ),
    checks=(
        ("recency_within_age", "recency_days IS NULL OR recency_days BETWEEN 0 AND age_days"),
        ("frequency_fits_days", "frequency IS NULL OR frequency = purchase_day_count - 1"),
        ("shares_are_finite", "discount_share IS NULL OR NOT isnan(discount_share)"),
        ("pareto_within_one", "pareto_share IS NULL OR pareto_share BETWEEN 0 AND 1.000001"),
        ("suppression_has_reason", "NOT is_suppressed OR suppression_reason IS NOT NULL"),
        (
            "known_stage",
            "lifecycle_stage IN ('anonymous', 'prospect', 'evaluating', 'first_buyer', 'active', 'loyal', "
            "'at_risk', 'dormant', 'lost')",
        ),
    ),
    cluster_by=("person_id",),
)

RFM_THRESHOLD = Table(
    name="gold.rfm_threshold",
    comment="The values that part the RFM and engagement scores of a day.",
    stage="profile",
    grain=("as_of_date", "axis", "score"),
    columns=(
        Column("as_of_date", "date", "Day.", nullable=False),
        Column("axis", "string", "recency, frequency, monetary, engagement.", nullable=False),
        Column(
            "score",
            "int",
            "The score given from this value on: 2 to the number of scores as configured (default 5).",
            nullable=False,
        ),
        Column(
            "threshold",
            "double",
            "Smallest value (for recency: largest number of days) with that score.",
            nullable=False,
        ),
    ),
)

LIFECYCLE_TRANSITION = Table(
    name="gold.lifecycle_transition",
    comment="How many persons moved from one stage to another in 90 days.",
    stage="profile",
    grain=("as_of_date", "from_stage", "to_stage"),
    columns=(
        Column("as_of_date", "date", "Day.", nullable=False),
        Column(
            "from_stage",
            "string",
            "Stage at the reference day; 'new' for persons who did not exist.",
            nullable=False,
        ),
        Column("to_stage", "string", "Stage now.", nullable=False),
        Column("from_date", "date", "Reference day: 90 days before.", nullable=False),
        Column("person_count", "bigint", "Persons.", nullable=False),
    ),
)
