"""Visits of a person and the engagement score: how much it deals with the company beside buying.

A visit counts as it was known at the cut: where events of it were delivered later, without them, and where it runs
across the cut, as far as it went before it. Bots are left out, and so are calls that no device made and in
which nobody looked at anything: servers report identities, deliveries and orders, and
that a person was there nobody says.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, days_before, each_cut, first_cut, local_date
from habitue.profile.facts import KEYS, seen_by
from habitue.profile.persons import valid_at
from habitue.profile.settings import EngagementWeights, LifecycleSettings

VISIT_WINDOWS = (7, 30, 45, 90)
_MEASURES = (
    "session_start", "session_end", "known_time", "view_count", "product_view_count", "engaged_seconds",
    "cart_value", "cart_abandoned", "abandoned_step", "abandoned_at", "lost_value", "order_count",
)  # fmt: skip
LEFT = f"struct<left_at:timestamp,step:string,value:{MONEY},closed_from:timestamp,closed_at:timestamp>"
"""What a visit left; an order from `closed_from` on, or at `closed_at`, says that it is left no more."""


_READ = ("session_id", "visitor_type", "is_bot", "search_count", *_MEASURES)


def versions(session: DataFrame, former: DataFrame) -> DataFrame:
    """Visits as they are and as they were known on an earlier day, until `superseded_time` (null: not superseded)."""
    never = F.lit(None).cast("timestamp").alias("superseded_time")
    return session.select(*_READ, never).unionByName(former.select(*_READ, "superseded_time"))


def visits(
    session: DataFrame,
    attribution: DataFrame,
    cuts: Sequence[Cut],
    settings: LifecycleSettings,
    conventions: Conventions,
) -> DataFrame:
    """One row per cut and person with a visit: counts, views, engaged time, carts. Takes `versions`."""
    attended = session.where(~F.col("is_bot") & is_attended(conventions.anonymous_types))
    seen = seen_by(attended, "session_end", cuts)
    superseded = first_cut(cuts, F.col("superseded_time"))  # beyond the last cut where it never was
    spread = each_cut(
        seen, cuts, first=F.col("first_cut"), last=superseded - 1, keep=("session_id", *_MEASURES)
    )
    owner = valid_at(attribution, cuts, keep=("session_id", "person_id"))
    owned = spread.join(owner.drop("as_of_date"), on=["session_id", "cut_index"], how="inner")
    days_ago = days_before(local_date(F.col("session_start"), conventions.zone))
    aggregates = _counts() | _left(conventions) | {"looks": F.collect_set(_look_day(conventions))}
    people = (
        owned.withColumn("days_ago", days_ago)
        .groupBy(*KEYS)
        .agg(*(c.alias(n) for n, c in aggregates.items()))
    )
    # sorted in a column of its own: within a lambda it would be sorted again for every item
    in_order = people.withColumn("looks", F.array_sort("looks"))
    return in_order.withColumns(_evaluation(settings.evaluating_days)).drop("looks")


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


def is_attended(anonymous_types: Sequence[str]) -> Column:
    """Whether a device was there, or somebody looked at something: a tracker may know people by their login alone."""
    by_device = F.col("visitor_type").isin(*anonymous_types)
    looked = F.col("view_count") + F.col("product_view_count") + F.col("search_count") > 0
    return by_device | looked | F.col("cart_value").isNotNull()


def _left(conventions: Conventions) -> dict[str, Column]:
    """The last cart and the last step of any kind that visits left; what an order soon followed was not left.

    A visit that tracked an order left it afterwards. Where none was tracked, an order since its start may be the
    visit's, for many trackers report no orders; and so may one at midnight, since many shops state only the day.
    """
    after = F.timestamp_micros(F.unix_micros("session_end") + 1)
    midnight = local_date(F.col("session_start"), conventions.zone).cast("timestamp")
    day = F.to_utc_timestamp(midnight, conventions.zone)
    cut = F.to_utc_timestamp(F.col("as_of_date").cast("timestamp"), conventions.zone)
    is_left = F.coalesce(F.col("abandoned_at") < cut, F.lit(False))
    in_cart = is_left & F.col("cart_abandoned")
    left = F.struct(
        F.col("session_end").alias("left_at"),
        F.col("abandoned_step").alias("step"),
        F.col("lost_value").cast(MONEY).alias("value"),
        F.when(F.col("order_count") > 0, after).otherwise(F.col("session_start")).alias("closed_from"),
        F.when(F.col("order_count") == 0, day).alias("closed_at"),
    )
    return {
        "carts_abandoned_30d": F.count_if(in_cart & (F.col("days_ago") <= 30)),
        "last_cart": F.max(F.when(in_cart, left)),
        "last_left": F.max(F.when(is_left, left)),
    }


def _look_day(conventions: Conventions) -> Column:
    """Day of a visit that looked at a product or filled a cart; null for others."""
    looks = (F.col("product_view_count") > 0) | (F.coalesce("cart_value", F.lit(0).cast(MONEY)) > 0)
    return F.when(looks, local_date(F.col("session_start"), conventions.zone))


def _evaluation(days: int) -> dict[str, Column]:
    """Since when a person has been looking without a pause of more than `days`, or when the last such time was over.

    From the days of its looks in order. One of the two is null, both are for who never looked.
    """
    looks, last = F.col("looks"), F.array_max("looks")
    begins = F.filter(
        looks, lambda day, place: (place == 0) | (F.date_diff(day, F.get(looks, place - 1)) > days)
    )
    goes_on = F.date_diff(F.col("as_of_date"), last) <= days
    return {
        "evaluating_since": F.when(goes_on, F.array_max(begins)),
        "evaluation_over": F.when(~goes_on, F.date_add(last, days + 1)),
    }


def still_left() -> dict[str, Column]:
    """The last abandoned cart and the last abandoned step, unless the person bought anything since."""

    def open_one(left: str, field: str) -> Column:
        last = F.col("last_order_time")
        ordered = (last >= F.col(f"{left}.closed_from")) | (last == F.col(f"{left}.closed_at"))
        return F.when(~F.coalesce(ordered, F.lit(False)), F.col(f"{left}.{field}"))

    return {
        "open_cart_value": open_one("last_cart", "value"),
        "open_cart_at": open_one("last_cart", "left_at"),
        "abandoned_step": open_one("last_left", "step"),
        "abandoned_value": open_one("last_left", "value"),
        "abandoned_at": open_one("last_left", "left_at"),
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
