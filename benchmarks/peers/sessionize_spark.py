"""Visits in Spark by its own `session_window`, and by the textbook's lag and running sum.

Both share the measures of a visit, and the cart and order columns with the product: what they differ in,
and what is compared, is how events find their visit.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from benchmarks import spark
from benchmarks.contest import Task
from benchmarks.sessionize import COLUMNS, SETTINGS
from habitue.events import cart, orders, vocabulary

_VISITOR = ("visitor_key", "visitor_type")
_MICROS = 1_000_000


def session_window(task: Task) -> None:
    """Spark merges windows of events by itself."""
    spark.write(_by_session_window(spark.read(task)), task)


def session_window_plan(task: Task) -> str:
    """Its plan."""
    return spark.plan_of(_by_session_window(spark.read(task)))


def lag_and_sum(task: Task) -> None:
    """A flag where the gap is too long, its running sum as the visit's number."""
    spark.write(_by_lag_and_sum(spark.read(task)), task)


def lag_and_sum_plan(task: Task) -> str:
    """Its plan."""
    return spark.plan_of(_by_lag_and_sum(spark.read(task)))


def _by_session_window(events: DataFrame) -> DataFrame:
    window = F.session_window("event_time", f"{SETTINGS.gap_minutes} minutes")
    times = F.array_sort(F.collect_list("micros"))
    visits = _hits(events).groupBy(*_VISITOR, window.alias("window"))
    measured = visits.agg(*_measures(), times.alias("times"))
    rest = F.slice("times", 2, F.greatest(F.size("times") - 1, F.lit(0)))
    until_last = F.slice("times", 1, F.greatest(F.size("times") - 1, F.lit(0)))
    cap = F.lit(SETTINGS.engaged_cap_micros).cast("bigint")
    waits = F.zip_with(rest, until_last, lambda after, before: F.least(after - before, cap))
    attention = F.aggregate(waits, F.lit(0).cast("bigint"), lambda total, wait: total + wait)
    by_start = Window.partitionBy(*_VISITOR).orderBy("session_start")
    numbered = measured.withColumns({"attention": attention, "session_number": F.row_number().over(by_start)})
    return _told(numbered)


def _by_lag_and_sum(events: DataFrame) -> DataFrame:
    by_time = Window.partitionBy(*_VISITOR).orderBy("event_time", "event_id")
    since = F.col("micros") - F.lag("micros").over(by_time)
    is_new = (F.col("since").isNull() | (F.col("since") > SETTINGS.gap_micros)).cast("int")
    numbered = (
        _hits(events).withColumn("since", since).withColumn("session_number", F.sum(is_new).over(by_time))
    )
    cap = F.lit(SETTINGS.engaged_cap_micros)
    wait = F.when(F.col("since") <= SETTINGS.gap_micros, F.least("since", cap))
    visits = numbered.withColumn("wait", wait).groupBy(*_VISITOR, "session_number")
    measured = visits.agg(*_measures(), F.sum("wait").alias("attention"))
    return _told(measured.withColumn("session_number", F.col("session_number").cast("int")))


def _hits(events: DataFrame) -> DataFrame:
    fields = ("source", "medium", "name", "term", "content", "click_id")
    has_campaign = F.coalesce(*(F.col(f"campaign.{field}") for field in fields)).isNotNull()
    strong = F.filter("identifiers", lambda one: one["id_type"].isin(*SETTINGS.login_types))
    tracked = F.when(F.col("engaged_seconds").between(0, 86_400), F.round(F.col("engaged_seconds") * _MICROS))
    return events.where("visitor_type IS NOT NULL AND visitor_key IS NOT NULL").select(
        *_VISITOR,
        "event_time",
        "event_id",
        F.unix_micros("event_time").alias("micros"),
        F.struct(F.unix_micros("event_time").alias("at"), "event_id").alias("position"),
        "known_time",
        "is_bot",
        "channel",
        "event_name",
        F.col("page.path").alias("path"),
        F.col("device.type").alias("device_type"),
        F.when(has_campaign, F.col("campaign")).alias("campaign"),
        F.when(F.size(strong) > 0, strong).alias("logins"),
        tracked.cast("bigint").alias("tracked"),
        cart.change().alias("cart_change"),
        orders.completed().alias("completed_order"),
    )


def _measures() -> list[Column]:
    name, position = F.col("event_name"), F.col("position")
    return [
        F.min(F.struct("position", "event_id", "channel")).alias("first"),
        F.min("event_time").alias("session_start"),
        F.max("event_time").alias("session_end"),
        F.max("known_time").alias("known_time"),
        F.bool_or("is_bot").alias("is_bot"),
        F.count("*").alias("event_count"),
        F.count_if(name.isin(*vocabulary.VIEWS)).alias("view_count"),
        F.count_if(name == vocabulary.PRODUCT_VIEWED).alias("product_view_count"),
        F.count_if(name == vocabulary.PRODUCTS_SEARCHED).alias("search_count"),
        F.max(F.when(name == vocabulary.CHECKOUT_STARTED, position)).alias("last_checkout"),
        F.max(F.when(F.col("completed_order").isNotNull(), position)).alias("last_order"),
        F.sum("tracked").alias("tracked"),
        F.min_by("path", F.when(F.col("path").isNotNull(), position)).alias("landing_page"),
        F.max_by("path", F.when(F.col("path").isNotNull(), position)).alias("exit_page"),
        F.min_by("campaign", F.when(F.col("campaign").isNotNull(), position)).alias("campaign"),
        F.min_by("device_type", F.when(F.col("device_type").isNotNull(), position)).alias("device_type"),
        F.array_sort(F.array_distinct(F.flatten(F.collect_list("logins")))).alias("logins"),
        cart.collected().alias(cart.COLLECTED),
        orders.collected().alias(orders.COLLECTED),
    ]


def _told(measured: DataFrame) -> DataFrame:
    start = F.unix_micros("session_start").cast("string")
    parts = [_with_length(part) for part in ("visitor_type", "visitor_key", "first.event_id")]
    # before everything: the position of an event is never smaller
    nothing = F.struct(F.lit(-(2**62)).cast("bigint").alias("at"), F.lit("").alias("event_id"))
    last_order = F.coalesce("last_order", nothing)
    told = measured.withColumns(
        {
            "session_id": F.sha2(F.concat_ws("|", *parts, start), 256),
            "channel": F.col("first.channel"),
            "engaged_seconds": F.coalesce("tracked", "attention", F.lit(0)) / F.lit(float(_MICROS)),
            "cart_value": cart.value(),
            "cart_abandoned": cart.is_filled_after(last_order),
            "checkout_abandoned": F.coalesce(F.col("last_checkout") > last_order, F.lit(False)),
            "is_returning": F.col("session_number") > 1,
            **orders.totals(),
        }
    )
    engaged = (
        (F.col("engaged_seconds") >= SETTINGS.engaged_threshold_seconds)
        | (F.col("view_count") >= SETTINGS.engaged_views)
        | (F.col("order_count") > 0)
    )
    return told.withColumns({"is_engaged": engaged, "is_bounce": ~engaged}).select(*COLUMNS)


def _with_length(part: str) -> Column:
    return F.concat(F.char_length(part).cast("string"), F.lit(":"), F.col(part))
