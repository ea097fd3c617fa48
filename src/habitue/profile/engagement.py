"""Visits of a person and the engagement score: how much it deals with the company beside buying.

A visit counts once it is over before the cut: one that runs across a cut is
not yet known at it. Bots are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, days_before, each_cut, local_date
from habitue.profile.facts import KEYS, seen_by
from habitue.profile.persons import valid_at
from habitue.profile.settings import EngagementWeights, LifecycleSettings

VISIT_WINDOWS = (7, 30, 45, 90)
_MEASURES = (
    "session_start", "session_end", "known_time", "view_count", "product_view_count", "engaged_seconds",
    "cart_value", "cart_abandoned",
)  # fmt: skip


def visits(
    session: DataFrame,
    attribution: DataFrame,
    cuts: Sequence[Cut],
    settings: LifecycleSettings,
    conventions: Conventions,
) -> DataFrame:
    """One row per cut and person with a visit: counts, views, engaged time, carts."""
    seen = seen_by(session.where(~F.col("is_bot")), "session_end", cuts)
    spread = each_cut(seen, cuts, first=F.col("first_cut"), keep=("session_id", *_MEASURES))
    owner = valid_at(attribution, cuts, keep=("session_id", "person_id"))
    owned = spread.join(owner.drop("as_of_date"), on=["session_id", "cut_index"], how="inner")
    days_ago = days_before(local_date(F.col("session_start"), conventions.zone))
    aggregates = _counts() | _carts() | _evaluating(settings, conventions)
    return (
        owned.withColumn("days_ago", days_ago)
        .groupBy(*KEYS)
        .agg(*(c.alias(n) for n, c in aggregates.items()))
    )


def _counts() -> dict[str, Column]:
    recent = F.col("days_ago") <= 90
    windows = {f"sessions_{d}d": F.count_if(F.col("days_ago") <= d) for d in VISIT_WINDOWS}
    return {
        "session_count": F.count("*"),
        "days_since_last_session": F.min("days_ago"),
        "views_90d": F.sum(F.when(recent, F.col("view_count"))),
        "product_views_90d": F.sum(F.when(recent, F.col("product_view_count"))),
        # summed as decimals: doubles would add up differently for another order of rows
        "engaged_seconds_90d": F.sum(F.when(recent, F.col("engaged_seconds").cast("decimal(18,3)"))).cast(
            "double"
        ),
        "session_known_time": F.max("known_time"),
        **windows,
    }


def _carts() -> dict[str, Column]:
    left = F.col("cart_abandoned")
    last = F.max(F.when(left, F.struct("session_end", F.col("cart_value").cast(MONEY).alias("cart_value"))))
    return {
        "carts_abandoned_30d": F.count_if(left & (F.col("days_ago") <= 30)),
        "last_cart": last,
    }


def _evaluating(settings: LifecycleSettings, conventions: Conventions) -> dict[str, Column]:
    looks = (F.col("product_view_count") > 0) | (F.coalesce("cart_value", F.lit(0).cast(MONEY)) > 0)
    is_recent = F.col("days_ago") <= settings.evaluating_days
    start = F.when(looks & is_recent, F.col("session_start"))
    return {"evaluating_since": local_date(F.min(start), conventions.zone)}


def open_cart() -> dict[str, Column]:
    """The last abandoned cart, unless the person bought anything after it was left."""
    left_at = F.col("last_cart.session_end")
    is_open = F.col("last_order_time").isNull() | (F.col("last_order_time") <= left_at)
    return {
        "open_cart_value": F.when(is_open, F.col("last_cart.cart_value")),
        "open_cart_at": F.when(is_open, left_at),
    }


def engagement_score(weights: EngagementWeights) -> Column:
    """Points of the last 90 days, to six decimals so that equal activity compares as equal."""
    points = (
        weights.visit * F.col("sessions_90d")
        + weights.view * F.col("views_90d")
        + weights.product_view * F.col("product_views_90d")
        + weights.engaged_minute * F.col("engaged_seconds_90d") / 60
        + weights.response * F.col("responses_90d")
        + weights.redemption * F.col("redemptions_90d")
    )
    return F.round(points, 6)


def trend() -> Column:
    """Activity of the last 45 days against the 45 before: visits, responses and purchase days; -1 to 1."""
    late = F.col("sessions_45d") + F.col("responses_45d") + F.col("purchase_days_45d")
    whole = F.col("sessions_90d") + F.col("responses_90d") + F.col("purchase_days_90d")
    return F.when(whole > 0, (2 * late - whole).cast("double") / whole)
