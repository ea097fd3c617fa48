"""Visits in Polars: one sort, then flags, running sums and aggregates over integer visits."""

from __future__ import annotations

import polars as pl

from benchmarks.contest import Task
from benchmarks.sessionize import COLUMNS, SETTINGS
from habitue.events import vocabulary

_MONEY = pl.Decimal(18, 2)


def run(task: Task) -> None:
    """Scan, compute and sink with the streaming engine."""
    task.out.mkdir()
    _visits(_ordered(task)).sink_parquet(
        task.out / "sessions.parquet", compression="snappy", engine="streaming"
    )


def plan(task: Task) -> str:
    """The optimised plan."""
    return str(_visits(_ordered(task)).explain(engine="streaming"))


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
        pl.scan_parquet(task.data / "*.parquet")
        .filter(pl.col("visitor_type").is_not_null() & pl.col("visitor_key").is_not_null())
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
                    pl.concat_str(pl.lit("n"), number), pl.concat_str(pl.lit("e"), pl.col("event_id"))
                )
            )
            .alias("order_key"),
            pl.col("order").struct.field("value").alias("order_value"),
            pl.col("order").struct.field("currency").fill_null("").alias("order_currency"),
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
    products = lines.group_by("visit", "product").agg(
        pl.col("units").sum(),
        pl.col("units").filter("is_later").sum().alias("units_later"),
        pl.col("price").drop_nulls().last(),
    )
    worth = (pl.col("units").clip(0).cast(_MONEY) * pl.col("price")).cast(_MONEY)
    return products.group_by("visit").agg(
        pl.when(pl.col("price").is_not_null().any()).then(worth.sum()).alias("cart_value"),
        (pl.col("units_later") > 0).any().alias("cart_abandoned"),
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
    engaged = (
        pl.when(pl.col("tracked_count") > 0).then(pl.col("tracked")).otherwise(pl.col("attention"))
    ) / 1e6
    told = visits.with_columns(
        text.map_batches(_sha256, return_dtype=pl.String).alias("session_id"),
        engaged.alias("engaged_seconds"),
        pl.col("logins").fill_null([]),
        pl.col("order_count").fill_null(0),
        pl.col("cart_abandoned").fill_null(False),
        (pl.col("last_checkout") > pl.col("last_order")).fill_null(False).alias("checkout_abandoned"),
        pl.col("net_revenue").cast(_MONEY),
        pl.col("cart_value").cast(_MONEY),
        pl.col("visit")
        .rank("ordinal")
        .over("visitor_key", "visitor_type")
        .cast(pl.Int32)
        .alias("session_number"),
    )
    is_engaged = (
        (pl.col("engaged_seconds") >= SETTINGS.engaged_threshold_seconds)
        | (pl.col("view_count") >= SETTINGS.engaged_views)
        | (pl.col("order_count") > 0)
    )
    return told.with_columns(
        is_engaged.alias("is_engaged"),
        (~is_engaged).alias("is_bounce"),
        (pl.col("session_number") > 1).alias("is_returning"),
    ).select(COLUMNS)


def _with_length(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column).str.len_chars().cast(pl.String), pl.lit(":"), pl.col(column))


def _sha256(texts: pl.Series) -> pl.Series:
    """Polars has no SHA-256 of its own."""
    from hashlib import sha256

    return pl.Series(texts.name, [sha256(text.encode()).hexdigest() for text in texts], dtype=pl.String)
