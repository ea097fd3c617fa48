"""Visits in Spark by its own `session_window`, and by the textbook's lag and running sum.

Both share the measures of a visit, and the cart and order columns with the product: what they differ in,
and what is compared, is how events find their visit.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from benchmarks import spark
from benchmarks.contest import Task
from benchmarks.sessionize import COLUMNS, SETTINGS, ZONE
from habitue.events import cart, funnel, orders
from habitue.events.hits import FLAGS, hits

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


def _cart_lines() -> Column:
    """All changes of a visit's cart with their place: an aggregate."""
    names = ("product_number", "category", "brand", "price", "quantity")
    placed = F.transform(
        "cart_change", lambda p: F.struct("position", "is_removal", *(p[n].alias(n) for n in names))
    )
    return F.flatten(F.collect_list(placed))


def _orders() -> Column:
    """All completed orders of a visit with their place: an aggregate."""
    names = ("number", "value", "currency")
    placed = F.transform("completed_order", lambda o: F.struct("position", *(o[n].alias(n) for n in names)))
    return F.flatten(F.collect_list(placed))


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
    """The product's narrow rows, with times as session_window wants them and a place in the order."""
    time = {
        name: F.timestamp_micros(f"{part}micros")
        for name, part in (("event_time", ""), ("known_time", "known_"))
    }
    flags = {name: F.col("flags").bitwiseAND(1 << place) != 0 for place, name in enumerate(FLAGS)}
    at = F.struct(F.col("micros").alias("at"), "event_id")
    rows = hits(events, settings=SETTINGS, zone=ZONE)
    return rows.withColumns({**time, **flags, "position": at})


def _measures() -> list[Column]:
    position = F.col("position")
    nowhere = F.struct(F.lit(-(2**62)).cast("bigint").alias("at"), F.lit("").alias("event_id"))

    def last(flag: str) -> Column:
        return F.coalesce(F.max(F.when(F.col(flag), position)), nowhere)

    def where(name: str) -> Column:
        return F.when(F.col(name).isNotNull(), position)

    viewed = F.when(F.col("is_product_view") & F.col("price").isNotNull(), position)
    identifiers = F.flatten(F.collect_list("identifiers"))

    def is_login(one: Column) -> Column:
        return one["id_type"].isin(*SETTINGS.login_types)

    span = F.floor(F.col("micros") / F.lit(SETTINGS.heartbeat_seconds * _MICROS))
    return [
        F.min(F.struct("position", "event_id", "channel")).alias("first"),
        F.min("event_time").alias("session_start"),
        F.max("event_time").alias("session_end"),
        F.max("known_time").alias("known_time"),
        F.bool_or("is_bot").alias("is_bot"),
        F.count("*").alias("event_count"),
        F.count_if("is_view").alias("view_count"),
        F.count_if("is_product_view").alias("product_view_count"),
        F.count_if("is_search").alias("search_count"),
        *(
            last(f"is_{name}").alias(f"last_{name}")
            for name in ("checkout", "order", "form_start", "form_end")
        ),
        F.min(F.when(F.col("is_order"), F.col("event_time"))).alias("order_time"),
        F.sum("tracked_micros").alias("tracked"),
        F.size(F.array_distinct(F.collect_list(F.when(F.col("is_ping"), span)))).alias("pings"),
        F.min_by("path", where("path")).alias("landing_page"),
        F.max_by("path", where("path")).alias("exit_page"),
        F.get(F.min_by("campaign", where("campaign")), F.lit(0)).alias("campaign"),
        F.min_by("device_type", where("device_type")).alias("device_type"),
        F.max_by("price", viewed).alias("viewed_price"),
        F.max_by("price", F.when(F.col("is_checkout"), position)).alias("checkout_value"),
        F.array_sort(F.array_distinct(F.filter(identifiers, is_login))).alias("logins"),
        _cart_lines().alias(cart.COLLECTED),
        _orders().alias(orders.COLLECTED),
    ]


def _told(measured: DataFrame) -> DataFrame:
    start = F.unix_micros("session_start").cast("string")
    parts = [_with_length(part) for part in ("visitor_type", "visitor_key", "first.event_id")]
    attention = F.coalesce("attention", F.lit(0)) / F.lit(float(_MICROS))
    pinged = ((F.col("pings") - 1) * SETTINGS.heartbeat_seconds + SETTINGS.ping_seconds).cast("double")
    is_tracked = F.col("tracked").isNotNull()
    told = measured.withColumns(
        {
            "session_id": F.sha2(F.concat_ws("|", *parts, start), 256),
            "first_event_id": F.col("first.event_id"),
            "session_date": F.to_date("session_start"),
            "channel": F.col("first.channel"),
            "engaged_seconds": F.when(is_tracked, F.col("tracked") / F.lit(float(_MICROS)))
            .when(F.col("pings") > 0, pinged)
            .otherwise(attention),
            "engaged_basis": F.when(is_tracked, "tracker")
            .when(F.col("pings") > 0, "pings")
            .otherwise("gaps"),
            "cart_value": cart.held()["value"].try_cast("decimal(18,2)"),
            "left_in_cart": F.when(cart.has_lines(), cart.held_after(F.col("last_order"))),
            "is_returning": F.col("session_number") > 1,
            "first_orders": orders.first_of_each(),
        }
    )
    engaged = (
        (F.col("engaged_seconds") > SETTINGS.engaged_threshold_seconds)
        | (F.col("view_count") >= SETTINGS.engaged_views)
        | (F.col("order_count") > 0)
    )
    told = told.withColumns(orders.totals("first_orders"))
    # the product compares places with -1 where there is none
    places = {
        name: _place(name) for name in ("last_checkout", "last_order", "last_form_start", "last_form_end")
    }
    left = told.withColumns(places).withColumns(
        funnel.left_behind() | {"is_engaged": engaged, "is_bounce": ~engaged}
    )
    valued = left.withColumns(funnel.steps()).withColumn("lost_value", funnel.lost_value())
    return _followed(valued).select(*COLUMNS)


def _followed(visits: DataFrame) -> DataFrame:
    """The columns that look at other visits, by windows."""
    own = Window.partitionBy(*_VISITOR).orderBy("start")
    source = F.coalesce("campaign.source", F.lit(""))
    is_touch = F.col("campaign").isNotNull() & ~source.isin("(direct)", "direct")
    touch = F.when(is_touch, F.struct("start", "campaign"))
    reach = SETTINGS.campaign_days * 86_400 * _MICROS
    later = own.rowsBetween(1, Window.unboundedFollowing)
    so_far = own.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    found = visits.withColumn("start", F.unix_micros("session_start")).withColumns(
        {
            "first_touch": F.first(touch, ignorenulls=True).over(own.rangeBetween(-reach, 0)),
            "last_touch": F.last(touch, ignorenulls=True).over(so_far),
            "next_order_micros": F.unix_micros(F.first("order_time", ignorenulls=True).over(later)),
        }
    )
    is_recent = F.col("last_touch.start") >= F.col("start") - reach
    return found.withColumns(
        {
            "first_campaign": F.col("first_touch.campaign"),
            "last_campaign": F.when(is_recent, F.col("last_touch.campaign")),
            "abandoned_at": funnel.abandoned_at(SETTINGS),
        }
    )


def _place(name: str) -> Column:
    """Places as whole numbers that compare as the times do; those of one instant are told apart by their ids."""
    others = [F.col(f"last_{kind}") for kind in ("checkout", "order", "form_start", "form_end")]
    is_nowhere = F.col(name)["at"] < F.lit(-(2**61))
    rank = F.array_position(F.array_sort(F.array_distinct(F.array(*others))), F.col(name))
    return F.when(is_nowhere, F.lit(-1).cast("bigint")).otherwise(rank)


def _with_length(part: str) -> Column:
    return F.concat(F.char_length(part).cast("string"), F.lit(":"), F.col(part))
