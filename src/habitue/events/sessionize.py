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

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events import cart, orders, vocabulary
from habitue.events.settings import SessionSettings

VISITOR = ("visitor_type", "visitor_key")
_MICROS = 1_000_000
# a tracker that reports more than a day of attention for one event is broken
_LONGEST_ATTENTION_SECONDS = 86_400


def session_events(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Which session each event belongs to: `event_id`, `session_id`. Grain: event with a visitor."""
    return in_sessions(events, settings=settings).select("event_id", "session_id")


def sessions(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """The rows of silver.session but for its row hash. Grain: session."""
    visits = _visits(in_sessions(events, settings=settings), settings)
    return numbered(visits)


def without_visitor(events: DataFrame) -> Column:
    """How many events name no device or cookie and therefore belong to no session (an aggregate)."""
    return F.count_if(~_has_visitor(events))


def in_sessions(events: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Events of a visitor with `session_id`, `position` (from 1, in the visitor's order) and `gap_micros`.

    `gap_micros` is the time since the event before it in the same session, null for the first.
    """
    in_order = Window.partitionBy(*VISITOR).orderBy("event_time", "event_id")
    until_now = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    micros = F.unix_micros("event_time")
    since_last = micros - F.lag(micros).over(in_order)
    joins = since_last <= settings.gap_micros
    id_where_it_starts = F.when(F.col("gap_micros").isNull(), session_id())
    return (
        events.where(_has_visitor(events))
        .withColumns({"position": F.row_number().over(in_order), "gap_micros": F.when(joins, since_last)})
        .withColumn("session_id", F.last(id_where_it_starts, ignorenulls=True).over(until_now))
    )


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


def _visits(events: DataFrame, settings: SessionSettings) -> DataFrame:
    measured = events.groupBy(*VISITOR, "session_id").agg(
        *_extent(), *_counts(), *_attention(settings), *_first_and_last(), _logins(settings),
        cart.collected(), orders.collected(),
    )  # fmt: skip
    engaged = (
        (F.col("engaged_seconds") >= settings.engaged_threshold_seconds)
        | (F.col("view_count") >= settings.engaged_views)
        | (F.col("order_count") > 0)
    )
    last_order = F.coalesce("last_order_position", F.lit(0))
    return (
        measured.withColumn("engaged_seconds", _engaged_seconds())
        .withColumns({"cart_value": cart.value(), **orders.totals()})
        .withColumns(
            {
                "is_engaged": engaged,
                "is_bounce": ~engaged,
                "cart_abandoned": cart.is_filled_after(last_order),
                "checkout_abandoned": F.coalesce(F.col("last_checkout_position") > last_order, F.lit(False)),
            }
        )
        .drop("last_checkout_position", "last_order_position", "tracked_micros", "gap_sum_micros")
        .drop(cart.COLLECTED, orders.COLLECTED)
    )


def _extent() -> list[Column]:
    return [
        F.min("event_time").alias("session_start"),
        F.max("event_time").alias("session_end"),
        F.max("known_time").alias("known_time"),
        F.bool_or("is_bot").alias("is_bot"),
    ]


def _counts() -> list[Column]:
    name = F.col("event_name")
    return [
        F.count("event_id").alias("event_count"),
        F.count_if(name.isin(*vocabulary.VIEWS)).alias("view_count"),
        F.count_if(name == vocabulary.PRODUCT_VIEWED).alias("product_view_count"),
        F.count_if(name == vocabulary.PRODUCTS_SEARCHED).alias("search_count"),
        F.max(F.when(name == vocabulary.CHECKOUT_STARTED, F.col("position"))).alias("last_checkout_position"),
        F.max(F.when(name == vocabulary.ORDER_COMPLETED, F.col("position"))).alias("last_order_position"),
    ]


def _attention(settings: SessionSettings) -> list[Column]:
    """Attention in microseconds: as the tracker reports it, and as the gaps between events suggest it."""
    gap, cap = F.col("gap_micros"), F.lit(settings.engaged_cap_micros)
    plausible = F.col("engaged_seconds").between(0, _LONGEST_ATTENTION_SECONDS)  # NaN is above all numbers
    tracked = F.when(plausible, F.round(F.col("engaged_seconds") * _MICROS).cast("bigint"))
    return [
        F.sum(tracked).alias("tracked_micros"),
        F.sum(F.when(gap > cap, cap).otherwise(gap)).alias("gap_sum_micros"),
    ]


def _engaged_seconds() -> Column:
    """What the tracker measured, where it measured anything in the visit; else the gaps.

    How long the last page was looked at is unknown then and counts as 0.
    """
    return F.coalesce("tracked_micros", "gap_sum_micros", F.lit(0)) / F.lit(float(_MICROS))


def _first_and_last() -> list[Column]:
    path = F.col("page.path")
    return [
        _at_first(path).alias("landing_page"),
        F.max_by(path, F.when(path.isNotNull(), F.col("position"))).alias("exit_page"),
        F.min_by("channel", "position").alias("channel"),
        _at_first(F.col("campaign"), _has_campaign()).alias("campaign"),
        _at_first(F.col("device.type")).alias("device_type"),
    ]


def _at_first(value: Column, present: Column | None = None) -> Column:
    there = value.isNotNull() if present is None else present
    return F.min_by(value, F.when(there, F.col("position")))


def _has_campaign() -> Column:
    fields = ("source", "medium", "name", "term", "content", "click_id")
    return reduce(lambda a, b: a | b, (F.col(f"campaign.{field}").isNotNull() for field in fields))


def _logins(settings: SessionSettings) -> Column:
    strong = F.filter("identifiers", lambda identifier: identifier["id_type"].isin(*settings.login_types))
    seen = F.collect_set(F.when(F.size(strong) > 0, strong))
    return F.array_sort(F.array_distinct(F.flatten(seen))).alias("logins")
