"""Visits in Polars: one sort, then flags, running sums and aggregates over integer visits."""

from __future__ import annotations

import polars as pl

from benchmarks.contest import Task
from benchmarks.sessionize import COLUMNS, SETTINGS
from habitue.events import vocabulary

_MONEY = pl.Decimal(18, 2)


def run(task: Task) -> None:
    """Scan, compute and sink with the streaming engine; what several steps read is worked out once."""
    task.out.mkdir()
    visits = _kept(_visits(_kept(_ordered(task))))
    _journey(visits).select(COLUMNS).sink_parquet(
        task.out / "sessions.parquet", compression="snappy", engine="streaming"
    )


def plan(task: Task) -> str:
    """The optimised plans of the three steps."""
    events = _ordered(task)
    visits = _visits(_kept(events))
    return "\n\n".join(
        str(step.explain(engine="streaming"))
        for step in (events, visits, _journey(_kept(visits)).select(COLUMNS))
    )


def _kept(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.collect(engine="streaming").lazy()


def _ordered(task: Task) -> pl.LazyFrame:
    """Events in the visitor's order with `visit`, a running number over all of them."""
    name = pl.col("event_name")
    direction = (
        pl.when(name == vocabulary.PRODUCT_ADDED)
        .then(1)
        .when(name == vocabulary.PRODUCT_REMOVED)
        .then(-1)
        .cast(pl.Int32)
    )
    campaign = pl.col("campaign")
    fields = ("source", "medium", "name", "term", "content", "click_id")
    tracked = pl.col("engaged_seconds")
    number = pl.col("order").struct.field("order_number")
    hits = (
        _with_visitor(pl.scan_parquet(task.data / "*.parquet"))
        .select(
            "visitor_key",
            "visitor_type",
            "event_time",
            "event_id",
            "known_time",
            "is_bot",
            "channel",
            "event_name",
            pl.col("page").struct.field("path").alias("path"),
            pl.col("device").struct.field("type").alias("device_type"),
            pl.when(pl.any_horizontal(campaign.struct.field(f).is_not_null() for f in fields))
            .then(campaign)
            .alias("campaign"),
            pl.when(tracked.is_between(0, 86_400))
            .then((tracked * 1e6).round().cast(pl.Int64))
            .alias("tracked"),
            pl.col("identifiers")
            .list.filter(pl.element().struct.field("id_type").is_in(list(SETTINGS.login_types)))
            .alias("logins"),
            direction.alias("direction"),
            pl.when(pl.col("product").is_not_null())
            .then(pl.concat_list("product"))
            .otherwise(pl.col("items"))
            .alias("changes"),
            pl.when(name == vocabulary.ORDER_COMPLETED)
            .then(
                pl.coalesce(
                    pl.concat_str(pl.lit("n"), "source", pl.lit(":"), number),
                    pl.concat_str(pl.lit("e"), pl.col("event_id")),
                )
            )
            .alias("order_key"),
            pl.col("order").struct.field("value").alias("order_value"),
            pl.col("order").struct.field("currency").fill_null("").alias("order_currency"),
            pl.when(name == vocabulary.PRODUCT_VIEWED)
            .then(pl.col("product").struct.field("price"))
            .alias("viewed_price"),
        )
        .sort("visitor_key", "visitor_type", "event_time", "event_id")
    )
    is_same = (pl.col("visitor_key") == pl.col("visitor_key").shift()) & (
        pl.col("visitor_type") == pl.col("visitor_type").shift()
    )
    since = pl.col("event_time").dt.epoch("us") - pl.col("event_time").dt.epoch("us").shift()
    gap = pl.when(is_same.fill_null(False) & (since <= SETTINGS.gap_micros)).then(since)
    return (
        hits.with_row_index("position")
        .with_columns(gap.alias("gap"))
        .with_columns(pl.col("gap").is_null().cum_sum().alias("visit"))
    )


def _with_visitor(events: pl.LazyFrame) -> pl.LazyFrame:
    """Who a visit belongs to: the device, else the strongest login, else the event alone.

    Few events lack a device, and only theirs are searched for a login: Polars works out every branch of a
    `when` for every row.
    """
    has_device = pl.col("visitor_type").is_not_null() & pl.col("visitor_key").is_not_null()
    keys = {type_: _strongest(type_) for type_ in SETTINGS.login_types}
    types = [pl.when(key.is_not_null()).then(pl.lit(type_)) for type_, key in keys.items()]
    others = events.filter(~has_device).with_columns(
        pl.coalesce(*keys.values(), "event_id").alias("visitor_key"),
        pl.coalesce(*types, pl.lit("event")).alias("visitor_type"),
    )
    return pl.concat([events.filter(has_device), others])


def _strongest(type_: str) -> pl.Expr:
    own = pl.element().struct.field("id_key").filter(pl.element().struct.field("id_type") == type_)
    return pl.col("identifiers").list.eval(own).list.min()


def _visits(events: pl.LazyFrame) -> pl.LazyFrame:
    name, position = pl.col("event_name"), pl.col("position").cast(pl.Int64)
    measured = events.group_by("visit").agg(
        pl.col("visitor_key", "visitor_type", "channel").first(),
        pl.col("event_id").first().alias("first_event"),
        pl.col("event_time").first().alias("session_start"),
        pl.col("event_time").last().alias("session_end"),
        pl.col("known_time").max(),
        pl.col("is_bot").any(),
        pl.len().cast(pl.Int64).alias("event_count"),
        name.is_in(list(vocabulary.VIEWS)).sum().cast(pl.Int64).alias("view_count"),
        (name == vocabulary.PRODUCT_VIEWED).sum().cast(pl.Int64).alias("product_view_count"),
        (name == vocabulary.PRODUCTS_SEARCHED).sum().cast(pl.Int64).alias("search_count"),
        position.filter(name == vocabulary.CHECKOUT_STARTED).max().alias("last_checkout"),
        position.filter(pl.col("order_key").is_not_null()).max().fill_null(-1).alias("last_order"),
        position.filter(name == vocabulary.FORM_STARTED).max().alias("form_start"),
        position.filter(name == vocabulary.FORM_SUBMITTED).max().fill_null(-1).alias("form_end"),
        pl.col("viewed_price").drop_nulls().last(),
        pl.col("order_value").filter(name == vocabulary.CHECKOUT_STARTED).last().alias("checkout_value"),
        pl.col("event_time").filter(pl.col("order_key").is_not_null()).first().alias("order_time"),
        (pl.col("event_time").dt.epoch("us") // (SETTINGS.heartbeat_seconds * 1_000_000))
        .filter(name == vocabulary.PAGE_PINGED)
        .n_unique()
        .alias("pings"),
        pl.col("tracked").sum(),
        pl.col("tracked").count().alias("tracked_count"),
        pl.min_horizontal("gap", pl.lit(SETTINGS.engaged_cap_micros))
        .filter(pl.col("gap").is_not_null())
        .sum()
        .alias("attention"),
        pl.col("path").drop_nulls().first().alias("landing_page"),
        pl.col("path").drop_nulls().last().alias("exit_page"),
        pl.col("device_type").drop_nulls().first(),
        pl.col("campaign").filter(pl.col("campaign").is_not_null()).first(),
    )
    measured = _kept(measured)
    told = (
        measured.join(_logins(events), on="visit", how="left")
        .join(_carts(events, measured), on="visit", how="left")
        .join(_orders(events), on="visit", how="left")
    )
    return _told(told)


def _logins(events: pl.LazyFrame) -> pl.LazyFrame:
    """Few visits have a login, so they go their own way."""
    single = events.filter(pl.col("logins").list.len() > 0).select("visit", "logins").explode("logins")
    distinct = single.unnest("logins").unique().sort("visit", "id_type", "id_key")
    return distinct.group_by("visit", maintain_order=True).agg(pl.struct("id_type", "id_key").alias("logins"))


def _carts(events: pl.LazyFrame, measured: pl.LazyFrame) -> pl.LazyFrame:
    line = pl.col("changes").struct
    units = pl.col("direction") * line.field("quantity").fill_null(1).clip(0).cast(pl.Int64)
    lines = (
        events.filter(pl.col("direction").is_not_null())
        .select("visit", "position", "direction", "changes")
        .explode("changes")
        .filter(pl.col("changes").is_not_null())
        .join(measured.select("visit", "last_order"), on="visit")
        .select(
            "visit",
            line.field("product_number").fill_null("").alias("product"),
            line.field("price").alias("price"),
            units.alias("units"),
            (pl.col("position").cast(pl.Int64) > pl.col("last_order")).alias("is_later"),
            "position",
        )
        .sort("visit", "position")
    )
    later = pl.when("is_later").then("units").otherwise(0)
    lines = lines.with_columns(
        pl.col("units").cum_sum().over("visit", "product").alias("so_far"),
        later.alias("later"),
        later.cum_sum().over("visit", "product").alias("so_far_later"),
    )
    products = lines.group_by("visit", "product").agg(
        (pl.col("units").sum() - pl.col("so_far").min().clip(upper_bound=0)).alias("units"),
        (pl.col("later").sum() - pl.col("so_far_later").min().clip(upper_bound=0)).alias("units_later"),
        pl.col("price").drop_nulls().last(),
        pl.col("price").filter("is_later").drop_nulls().last().alias("price_later"),
    )
    left = (pl.col("units_later").cast(_MONEY) * pl.col("price_later")).cast(_MONEY)
    worth = (pl.col("units").cast(_MONEY) * pl.col("price")).cast(_MONEY)
    return products.group_by("visit").agg(
        pl.when(pl.col("price").is_not_null().any()).then(worth.sum()).alias("cart_value"),
        (pl.col("units_later") > 0).any().alias("cart_abandoned"),
        pl.when(pl.col("price_later").is_not_null().any()).then(left.sum()).alias("left_value"),
        pl.lit(True).alias("has_lines"),
    )


def _orders(events: pl.LazyFrame) -> pl.LazyFrame:
    first = (
        events.filter(pl.col("order_key").is_not_null())
        .select("visit", "position", "order_key", "order_value", "order_currency")
        .sort("position")
        .unique(["visit", "order_key"], keep="first", maintain_order=True)
    )
    is_one = pl.col("order_currency").n_unique() == 1
    return first.group_by("visit").agg(
        pl.len().cast(pl.Int64).alias("order_count"),
        pl.when(is_one & pl.col("order_value").is_not_null().any())
        .then(pl.col("order_value").sum())
        .alias("net_revenue"),
        pl.when(is_one & (pl.col("order_currency").first() != ""))
        .then(pl.col("order_currency").first())
        .alias("currency"),
    )


def _told(visits: pl.LazyFrame) -> pl.LazyFrame:
    text = pl.concat_str(
        *(_with_length(c) for c in ("visitor_type", "visitor_key", "first_event")),
        pl.col("session_start").dt.epoch("us").cast(pl.String),
        separator="|",
    )
    is_tracked, is_pinged = pl.col("tracked_count") > 0, pl.col("pings") > 0
    pinged = (pl.col("pings").cast(pl.Float64) - 1) * SETTINGS.heartbeat_seconds + SETTINGS.ping_seconds
    engaged = pl.when(is_tracked).then(pl.col("tracked") / 1e6).when(is_pinged).then(pinged)
    return visits.with_columns(
        text.map_batches(_sha256, return_dtype=pl.String).alias("session_id"),
        pl.col("first_event").alias("first_event_id"),
        pl.col("session_start").dt.date().alias("session_date"),
        engaged.otherwise(pl.col("attention") / 1e6).alias("engaged_seconds"),
        pl.when(is_tracked)
        .then(pl.lit("tracker"))
        .when(is_pinged)
        .then(pl.lit("pings"))
        .otherwise(pl.lit("gaps"))
        .alias("engaged_basis"),
        pl.col("logins").fill_null([]),
        pl.col("order_count").fill_null(0),
        pl.col("cart_abandoned").fill_null(False),
        (pl.col("last_checkout") > pl.col("last_order")).fill_null(False).alias("checkout_abandoned"),
        (pl.col("form_start") > pl.max_horizontal("form_end", "last_order"))
        .fill_null(False)
        .alias("form_abandoned"),
        (
            pl.col("has_lines").is_null()
            & pl.col("last_checkout").is_null()
            & (pl.col("last_order") < 0)
            & (pl.col("product_view_count") > 0)
        ).alias("browse_abandoned"),
        pl.col("net_revenue").cast(_MONEY),
        pl.col("cart_value").cast(_MONEY),
    )


def _steps() -> tuple[pl.Expr, pl.Expr]:
    furthest = (
        pl.when(pl.col("last_order") >= 0)
        .then(pl.lit("order"))
        .when(pl.col("last_checkout").is_not_null())
        .then(pl.lit("checkout"))
        .when(pl.col("has_lines").is_not_null())
        .then(pl.lit("cart"))
        .when(pl.col("form_start").is_not_null() | (pl.col("form_end") >= 0))
        .then(pl.lit("form"))
        .when(pl.col("product_view_count") > 0)
        .then(pl.lit("browse"))
        .otherwise(pl.lit("visit"))
    )
    steps = ("checkout", "cart", "form", "browse")
    left = [pl.when(f"{step}_abandoned").then(pl.lit(step)) for step in steps]
    return furthest.alias("furthest_step"), pl.coalesce(*left).alias("abandoned_step")


def _journey(visits: pl.LazyFrame) -> pl.LazyFrame:
    """What a visit is among those of its visitor, who lie next to each other in order."""
    visitor = ("visitor_key", "visitor_type")
    is_engaged = (
        (pl.col("engaged_seconds") > SETTINGS.engaged_threshold_seconds)
        | (pl.col("view_count") >= SETTINGS.engaged_views)
        | (pl.col("order_count") > 0)
    )
    source = pl.col("campaign").struct.field("source").fill_null("")
    is_touch = pl.col("campaign").is_not_null() & ~source.is_in(["(direct)", "direct"])
    reach, limit = (
        pl.duration(days=SETTINGS.campaign_days),
        pl.duration(minutes=SETTINGS.abandoned_after_minutes),
    )
    ordered = _kept(
        visits.sort("visit")
        .with_columns(*_steps(), is_engaged.alias("is_engaged"), is_touch.alias("is_touch"))
        .with_columns(
            pl.when("is_touch").then("visit").forward_fill().over(visitor).alias("last_touch"),
            pl.col("order_time").shift(-1).backward_fill().over(visitor).alias("next_order"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(visitor).alias("session_number"),
        )
    )
    touches = ordered.filter("is_touch").select(*visitor, "session_start", "visit", "campaign")
    last = touches.select(
        pl.col("visit").alias("last_touch"),
        pl.col("session_start").alias("last_start"),
        pl.col("campaign").alias("last_campaign"),
    )
    first = touches.rename({"session_start": "first_start", "campaign": "first_campaign"}).drop("visit")
    joined = (
        ordered.join(last, on="last_touch", how="left")
        .with_columns((pl.col("session_start") - reach).alias("since"))
        .sort("since")
        .join_asof(
            first.sort("first_start"),
            left_on="since",
            right_on="first_start",
            by=list(visitor),
            strategy="forward",
            check_sortedness=False,
        )
    )
    is_recent = pl.col("last_start") >= pl.col("since")
    passes = pl.col("session_end") + limit
    was_ordered = (pl.col("next_order") <= passes).fill_null(False)
    step = pl.col("abandoned_step")
    return joined.with_columns(
        pl.when(is_recent).then("last_campaign").alias("last_campaign"),
        pl.when(is_recent).then("first_campaign").alias("first_campaign"),
        (~pl.col("is_engaged")).alias("is_bounce"),
        (pl.col("session_number") > 1).alias("is_returning"),
        pl.when(step == "checkout")
        .then(pl.coalesce(pl.when("cart_abandoned").then("left_value"), "checkout_value"))
        .when(step == "cart")
        .then("left_value")
        .when(step == "browse")
        .then("viewed_price")
        .cast(_MONEY)
        .alias("lost_value"),
        pl.when(step.is_not_null() & ~was_ordered).then(passes).alias("abandoned_at"),
    )


def _with_length(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column).str.len_chars().cast(pl.String), pl.lit(":"), pl.col(column))


def _sha256(texts: pl.Series) -> pl.Series:
    """Polars has no SHA-256 of its own."""
    from hashlib import sha256

    return pl.Series(texts.name, [sha256(text.encode()).hexdigest() for text in texts], dtype=pl.String)
