"""Visits: the events of one visitor, cut where nothing happened for longer than the gap.

Visitors are devices or cookies, never persons, so that a visit stays what it is
when identities merge, split or are erased. Every step works inside the
partitions of one shuffle by visitor and in one total order (event_time,
event_id): the result depends neither on the number of partitions nor on the
order in which events arrived. Times are compared in whole microseconds and
money in decimals, since sums of doubles depend on their order.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from habitue.contracts.behaviour import SESSION
from habitue.events import cart, orders, vocabulary
from habitue.events.settings import SessionSettings

# the key first: Spark sorts by a prefix of the first column, and the type is the same for most
VISITOR = ("visitor_key", "visitor_type")
_MICROS = 1_000_000
# a tracker that reports more than a day of attention for one event is broken
_LONGEST_ATTENTION_SECONDS = 86_400


def session_events(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Which session each event belongs to: `event_id`, `session_id`. Grain: event with a visitor."""
    own = F.last("starts_session_id", ignorenulls=True).over(_until_now())
    return in_order(events, settings=settings).select("event_id", own.alias("session_id"))


def sessions(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The rows of silver.session but for its row hash. Grain: session."""
    ordered = in_order(_hits(events, settings), settings=settings)
    first_position = F.when(F.col("starts_session_id").isNotNull(), F.col("position"))
    members = ordered.withColumn("first_position", F.max(first_position).over(_until_now()))
    return numbered(_visits(members, settings))


def without_visitor(events: DataFrame) -> Column:
    """How many events name no device or cookie and therefore belong to no session (an aggregate)."""
    return F.count_if(~_has_visitor(events))


def in_order(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Events of visitors with their place in the visitor's order.

    Adds `position` (from 1), `gap_micros` (since the event before it in the same session, null for
    the first) and `starts_session_id` (the session's id on its first event, null on the others).
    """
    by_time = _by_time()
    since_last = F.col("micros") - F.col("last_micros")
    placed = (
        events.where(_has_visitor(events))
        .withColumn("micros", F.unix_micros("event_time"))
        .withColumns({"position": F.row_number().over(by_time), "last_micros": F.lag("micros").over(by_time)})
        .withColumn("gap_micros", F.when(since_last <= settings.gap_micros, since_last))
    )
    starts = F.when(F.col("gap_micros").isNull(), session_id())
    return placed.withColumn("starts_session_id", starts).drop("micros", "last_micros")


def _by_time() -> WindowSpec:
    return Window.partitionBy(*VISITOR).orderBy("event_time", "event_id")


def _until_now() -> WindowSpec:
    return _by_time().rowsBetween(Window.unboundedPreceding, Window.currentRow)


def session_id() -> Column:
    """The id of the session that this event starts: a digest of its content, so that nothing renumbers it.

    Each part is preceded by its length, so that no two different sessions write the same text.
    """
    parts = ("visitor_type", "visitor_key", "event_id")
    texts = [F.concat(F.char_length(part).cast("string"), F.lit(":"), F.col(part)) for part in parts]
    return F.sha2(F.concat_ws("|", *texts, F.unix_micros("event_time").cast("string")), 256)


def numbered(visits: DataFrame) -> DataFrame:
    """Visits with their number per visitor and whether the visitor had come before: a step of its own.

    It looks across the visits of a visitor, so a late early visit changes these two columns of later
    ones, and never their ids.
    """
    by_start = Window.partitionBy(*VISITOR).orderBy("session_start", "session_id")
    number = F.row_number().over(by_start)
    return visits.withColumns({"session_number": number, "is_returning": number > 1})


def _has_visitor(events: DataFrame) -> Column:
    return events["visitor_type"].isNotNull() & events["visitor_key"].isNotNull()


def _hits(events: DataFrame, settings: SessionSettings) -> DataFrame:
    """Events as far as a visit needs them, so that little is shuffled and sorted: most rows carry no cart."""
    name = F.col("event_name")
    strong = F.filter("identifiers", lambda identifier: identifier["id_type"].isin(*settings.login_types))
    plausible = F.col("engaged_seconds").between(0, _LONGEST_ATTENTION_SECONDS)  # NaN is above all numbers
    return events.select(
        *VISITOR,
        "event_time",
        "event_id",
        "known_time",
        "is_bot",
        "channel",
        F.col("page.path").alias("path"),
        F.when(_has_campaign(), F.col("campaign")).alias("campaign"),
        F.col("device.type").alias("device_type"),
        name.isin(*vocabulary.VIEWS).alias("is_view"),
        (name == vocabulary.PRODUCT_VIEWED).alias("is_product_view"),
        (name == vocabulary.PRODUCTS_SEARCHED).alias("is_search"),
        (name == vocabulary.CHECKOUT_STARTED).alias("is_checkout"),
        F.when(plausible, F.round(F.col("engaged_seconds") * _MICROS).cast("bigint")).alias("tracked_micros"),
        F.when(F.size(strong) > 0, strong).alias("logins"),
        cart.change().alias("cart_change"),
        orders.completed().alias("completed_order"),
    )


def _visits(members: DataFrame, settings: SessionSettings) -> DataFrame:
    cap, gap = F.lit(settings.engaged_cap_micros), F.col("gap_micros")
    measured = members.groupBy(*VISITOR, "first_position").agg(
        F.max("starts_session_id").alias("session_id"),
        *_extent(),
        *_counts(),
        F.sum("tracked_micros").alias("tracked_micros"),
        F.sum(F.when(gap > cap, cap).otherwise(gap)).alias("attention_micros"),
        *_first_and_last(),
        F.array_sort(F.array_distinct(F.flatten(F.collect_set("logins")))).alias("logins"),
        cart.collected().alias(cart.COLLECTED),
        orders.collected().alias(orders.COLLECTED),
    )
    return _judged(
        measured.withColumns(
            {"engaged_seconds": _engaged_seconds(), "cart_value": cart.value(), **orders.totals()}
        ),
        settings,
    )


def _judged(visits: DataFrame, settings: SessionSettings) -> DataFrame:
    """Add what the figures of a visit mean, and leave only the columns of the table."""
    engaged = (
        (F.col("engaged_seconds") >= settings.engaged_threshold_seconds)
        | (F.col("view_count") >= settings.engaged_views)
        | (F.col("order_count") > 0)
    )
    last_order = F.coalesce("last_order_position", F.lit(0))
    meanings = {
        "is_engaged": engaged,
        "is_bounce": ~engaged,
        "cart_abandoned": cart.is_filled_after(last_order),
        "checkout_abandoned": F.coalesce(F.col("last_checkout_position") > last_order, F.lit(False)),
    }
    own = {"session_number", "is_returning", "row_hash"}
    return visits.withColumns(meanings).select(*(c for c in SESSION.column_names if c not in own))


def _extent() -> list[Column]:
    return [
        F.min("event_time").alias("session_start"),
        F.max("event_time").alias("session_end"),
        F.max("known_time").alias("known_time"),
        F.bool_or("is_bot").alias("is_bot"),
    ]


def _counts() -> list[Column]:
    position = F.col("position")
    return [
        F.count("*").alias("event_count"),
        F.count_if("is_view").alias("view_count"),
        F.count_if("is_product_view").alias("product_view_count"),
        F.count_if("is_search").alias("search_count"),
        F.max(F.when(F.col("is_checkout"), position)).alias("last_checkout_position"),
        F.max(F.when(F.col("completed_order").isNotNull(), position)).alias("last_order_position"),
    ]


def _engaged_seconds() -> Column:
    """What the tracker measured, where it measured anything in the visit; else the gaps.

    How long the last page was looked at is unknown then and counts as 0.
    """
    return F.coalesce("tracked_micros", "attention_micros", F.lit(0)) / F.lit(float(_MICROS))


def _first_and_last() -> list[Column]:
    return [
        _at_first("path").alias("landing_page"),
        F.max_by("path", _where_present("path")).alias("exit_page"),
        F.min_by("channel", "position").alias("channel"),
        _at_first("campaign").alias("campaign"),
        _at_first("device_type").alias("device_type"),
    ]


def _at_first(name: str) -> Column:
    return F.min_by(name, _where_present(name))


def _where_present(name: str) -> Column:
    return F.when(F.col(name).isNotNull(), F.col("position"))


def _has_campaign() -> Column:
    fields = ("source", "medium", "name", "term", "content", "click_id")
    return reduce(or_, (F.col(f"campaign.{field}").isNotNull() for field in fields))
