"""GA4's export of events: nested rows as BigQuery writes them to JSON lines or Parquet.

Rows have no key, so their id is a digest of what makes them one: stream, cookie, session,
name, time, parameters, items and the place in their batch. A day's table is written again
for days after it, without the rows that turned out wrong: the later delivery of a day
replaces the earlier one as a whole, and the daily table the one of the running day.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.table import MONEY
from habitue.events import vocabulary
from habitue.events.clock import corrected_time, is_too_early
from habitue.privacy.redaction import once, redacted_json, redacted_text
from habitue.sources import event_parts as parts
from habitue.sources import tracked_products as products
from habitue.sources.draft import Draft
from habitue.sources.event_names import GA4_NAMES, canonical_name
from habitue.sources.event_parts import is_unreadable, named_value, number, present
from habitue.sources.event_rules import EventRules
from habitue.sources.faults import Condition, faults
from habitue.sources.ga4_row import (
    OF_BATCH,
    PURCHASE_FIELDS,
    as_object,
    item_objects,
    plain_number,
    quoted,
    rows_of_lines,
    rows_of_table,
    unread_faults,
)
from habitue.sources.inputs import Input
from habitue.sources.settings import SourceSettings, default_currency, format_of

ROWS = "events"
_STORAGES = ("analytics_storage", "ads_storage")
_CONSENT = {
    "yes": "granted",
    "granted": "granted",
    "true": "granted",
    "no": "denied",
    "denied": "denied",
    "false": "denied",
}
_PROPERTY = r"analytics_(\d+)"
_DISTINGUISHING = {
    name: name
    for name in (
        "stream_id",
        "user_pseudo_id",
        "user_id",
        "event_name",
        "event_timestamp",
        "sorted_parameters",
    )
} | {
    # as they were read: one export spells empty fields as null, another leaves them out
    "items_json": "listed_items",
    "ecommerce_json": "purchase",
    **{name: name for name in ("batch_page_id", "batch_ordering_id", "batch_event_index")},
}
"""What makes a row itself: names in its digest, which all ids are made with, and the columns."""
_IN_APP = "in_app_purchase"


def inputs(settings: SourceSettings, wanted: str) -> tuple[Input, ...]:
    """The one input of a source of GA4's export."""
    form = format_of(settings, "json")
    options = {k: v for k, v in settings.options.items() if k != "currency"}
    return (Input(ROWS, form, settings.locations, options, as_lines=form == "json"),)


def read_ga4(raw: DataFrame, settings: SourceSettings, rules: EventRules) -> Draft:
    """Draft events of Parquet rows, or of JSON lines in `value`."""
    rows = rows_of_lines(raw) if "value" in raw.columns else rows_of_table(raw)
    return Draft(settings.source, EVENT, _events(rows, settings, rules), settings.history)


def _events(rows: DataFrame, settings: SourceSettings, rules: EventRules) -> DataFrame:
    nothing = F.lit(None).cast("timestamp")
    stated = F.timestamp_micros(F.col("event_timestamp").try_cast("decimal(20,0)").try_cast("bigint"))
    named = rows.withColumns(
        {
            "name": canonical_name(F.col("event_name"), GA4_NAMES),
            "clock": corrected_time(nothing, nothing, nothing, stated, settings=rules.clock),
            "listed": _listed(),
            "paid": _paid("value"),
            "listed_items": F.when(F.size("items") > 0, item_objects(F.col("items"))),
            "purchase": F.nullif(_purchase(), F.lit("{}")),
        }
    )
    name, listed, p = F.col("name"), F.col("listed"), F.col("p")
    return named.select(
        "_file",
        "_position",
        "_raw",
        _faults(rules).alias("_faults"),
        parts.clear_identifiers(
            [("anonymous_id", F.col("user_pseudo_id")), ("user_id", F.col("user_id"))]
        ).alias("_identifiers"),
        _slice().alias("_slice"),
        _digest().alias("event_id"),
        name.alias("event_name"),
        F.col("clock.event_time").alias("event_time"),
        F.col("clock.time_quality").alias("time_quality"),
        _sequence().alias("event_sequence"),
        present(p["ga_session_id"]).alias("source_session_id"),
        _channel().alias("channel"),
        _campaign().alias("campaign"),
        parts.page(
            url=p["page_location"],
            path=F.lit(None).cast("string"),
            title=F.coalesce(present(p["page_title"]), present(p["firebase_screen"])),
            referrer=p["page_referrer"],
            redaction=rules.redaction,
        ).alias("page"),
        _device().alias("device"),
        products.product(listed, name).alias("product"),
        products.items(listed, name).alias("items"),
        _order(name, listed, currency=default_currency(settings)).alias("order"),
        redacted_text(present(p["search_term"])).alias("search_term"),
        (number(p["engagement_time_msec"], "double") / 1000).alias("engaged_seconds"),
        _consent().alias("consent"),
        parts.variant(once(_properties(), lambda text: redacted_json(text, settings=rules.redaction))).alias(
            "properties"
        ),
    )


def _digest() -> Column:
    distinguishing = F.struct(*(F.col(column).alias(name) for name, column in _DISTINGUISHING.items()))
    return F.sha2(F.to_json(distinguishing, {"ignoreNullFields": "false"}), 256)


def _listed() -> Column:
    """The items as texts; an item without a number goes by its name, and prices are dollars where no other is stated."""
    p, in_dollars = F.col("p"), _in_dollars()
    listed = F.transform(
        "items",
        lambda item: F.struct(
            F.coalesce(named_value(item["item_id"]), named_value(item["item_name"])).alias("id"),
            named_value(item["item_category"]).alias("category"),
            named_value(item["item_brand"]).alias("brand"),
            F.when(in_dollars, item["price_in_usd"]).otherwise(item["price"]).alias("price"),
            item["quantity"].alias("quantity"),
            F.when(in_dollars, "USD").otherwise(p["currency"]).alias("currency"),
        ),
    )
    is_bare = _is_in_app() & ~F.coalesce(F.size("items") > 0, F.lit(False))
    return F.when(is_bare, F.array(_bought_in_app())).otherwise(listed)


def _bought_in_app() -> Column:
    """The product of a purchase in an app: the event has no items, its parameters name the one that was bought."""
    p, none = F.col("p"), F.lit(None).cast("string")
    return F.struct(
        F.coalesce(named_value(p["product_id"]), named_value(p["product_name"])).alias("id"),
        none.alias("category"),
        none.alias("brand"),
        _paid("price").alias("price"),
        p["quantity"].alias("quantity"),
        p["currency"].alias("currency"),
    )


def _paid(parameter: str) -> Column:
    """An amount as text. Firebase logs those of a purchase in an app as whole numbers of millionths.

    A number with a fraction is one that the app logged by itself, in units.
    """
    text = F.col("p")[parameter]
    is_whole = F.exists(
        "event_params", lambda p: (p["key"] == parameter) & p["value"]["int_value"].isNotNull()
    )
    in_units = (text.try_cast("decimal(20,0)") / 1_000_000).cast("string")
    return F.when(_is_in_app() & is_whole, in_units).otherwise(text)


def _is_in_app() -> Column:
    return F.coalesce(F.col("event_name") == _IN_APP, F.lit(False))


def _in_dollars() -> Column:
    """Whether items state their prices in US dollars alone; those of one event are of one currency."""
    in_usd = F.exists("items", lambda item: present(item["price_in_usd"]).isNotNull())
    return F.coalesce(
        in_usd & ~F.exists("items", lambda item: present(item["price"]).isNotNull()), F.lit(False)
    )


def _faults(rules: EventRules) -> Column:
    name, time = F.col("name"), F.col("clock.event_time")
    is_commerce = name.isin(*vocabulary.COMMERCE)
    amounts = (
        ("ecommerce.purchase_revenue", F.col("ecommerce.purchase_revenue")),
        ("ecommerce.refund_value", F.col("ecommerce.refund_value")),
        ("ecommerce.purchase_revenue_in_usd", F.col("ecommerce.purchase_revenue_in_usd")),
        ("ecommerce.refund_value_in_usd", F.col("ecommerce.refund_value_in_usd")),
        ("value", F.col("paid")),
    )
    numbers: list[Condition] = [
        (is_unreadable(text, MONEY), "not_a_number", f"{field} is not a number") for field, text in amounts
    ]
    conditions: list[Condition] = [
        (name.isNull(), "missing_value", "event_name is empty"),
        (time.isNull(), "missing_value", "event_time is empty: event_timestamp is no number of microseconds"),
        (
            is_too_early(time, settings=rules.clock),
            "impossible_value",
            f"event_time lies before {rules.clock.earliest}",
        ),
        *unread_faults(),
        *(
            (F.coalesce(is_commerce & condition, F.lit(False)), code, reason)
            for condition, code, reason in (*numbers, *products.product_faults(F.col("listed"), name))
        ),
    ]
    return faults(conditions, is_corrupt=F.col("is_corrupt"), corrupt="the row is not one row of the export")


def _slice() -> Column:
    """The part that is always delivered as a whole: a day of a property, as the export's folder names it.

    Where no folder does, streams tell properties apart: each belongs to one. A row that names no day is of no
    such part, so that no later delivery takes its place.
    """
    day = F.nullif(F.regexp_replace("event_date", "[^0-9]", ""), F.lit(""))
    named = F.nullif(F.regexp_extract("_file", _PROPERTY, 1), F.lit(""))
    return F.when(day.isNotNull(), F.concat_ws("|", F.coalesce(named, "stream_id", F.lit("")), day))


def _sequence() -> Column:
    """Place among events of one instant: page, request and place within the request."""
    page, request, place = (
        F.coalesce(F.coalesce(F.col(name), F.col("p")[name]).try_cast("decimal(20,0)"), F.lit(0))
        for name in ("batch_page_id", "batch_ordering_id", "batch_event_index")
    )
    return (page * 1_000_000 + request * 1_000 + place).try_cast("bigint")


def _channel() -> Column:
    platform = F.lower("platform")
    return F.when(platform == "web", "web").when(platform.isin("ios", "android"), "app")


def _campaign() -> Column:
    """Campaign collected with the event; not the one that the session or user is attributed to.

    A click on an advertisement names no campaign where links are tagged by themselves: then it is the session's.
    """
    collected, p = F.col("collected_traffic_source"), F.col("p")
    click = F.coalesce(
        *(present(v) for v in (collected["gclid"], p["gclid"], collected["dclid"], collected["srsltid"]))
    )
    own = {
        "source": F.coalesce(named_value(collected["manual_source"]), p["source"]),
        "medium": F.coalesce(named_value(collected["manual_medium"]), p["medium"]),
        "name": F.coalesce(named_value(collected["manual_campaign_name"]), p["campaign"]),
        "term": F.coalesce(named_value(collected["manual_term"]), p["term"]),
        "content": F.coalesce(named_value(collected["manual_content"]), p["content"]),
    }
    last = F.col("session_traffic_source_last_click")
    manual, crossed = last["manual_campaign"], last["cross_channel_campaign"]
    names = (last["google_ads_campaign"], crossed, manual)
    of_session = {
        "source": F.coalesce(named_value(manual["source"]), named_value(crossed["source"])),
        "medium": F.coalesce(named_value(manual["medium"]), named_value(crossed["medium"])),
        "name": F.coalesce(*(named_value(campaign["campaign_name"]) for campaign in names)),
    }
    is_tagged = click.isNotNull() & present(own["source"]).isNull()
    stated = own | {n: F.when(is_tagged, value).otherwise(own[n]) for n, value in of_session.items()}
    return parts.campaign(stated, p["page_location"], click_id=click)


def _device() -> Column:
    device = F.col("device")
    none = F.lit(None).cast("string")
    return parts.device(
        agent=none,
        kind=device["category"],
        system=device["operating_system"],
        app=F.col("app_info.id"),
        locale=device["language"],
        zone=_zone(device["time_zone_offset_seconds"]),
        browser_name=F.coalesce(device["web_info"]["browser"], device["browser"]),
    )


def _zone(offset_seconds: Column) -> Column:
    """The offset as a zone is written: 7200 is +02:00."""
    minutes = F.floor(offset_seconds.try_cast("bigint") / 60)
    size = F.abs(minutes)
    text = F.concat(F.lpad(F.floor(size / 60), 2, "0"), F.lit(":"), F.lpad(size % 60, 2, "0"))
    return F.when(minutes.between(-18 * 60, 18 * 60), F.concat(F.when(minutes < 0, "-").otherwise("+"), text))


def _order(name: Column, listed: Column, *, currency: str | None) -> Column:
    """The order of a purchase or refund, or what a checkout would order; GA4's value holds neither tax nor shipping.

    Some exports state purchases and prices in US dollars alone.
    """
    ecommerce, p = F.col("ecommerce"), F.col("p")
    is_refund = name == vocabulary.ORDER_REFUNDED
    stated = F.when(is_refund, ecommerce["refund_value"]).otherwise(ecommerce["purchase_revenue"])
    order_number = parts.order_number(ecommerce["transaction_id"], p["transaction_id"])
    in_usd = F.when(is_refund, ecommerce["refund_value_in_usd"]).otherwise(
        ecommerce["purchase_revenue_in_usd"]
    )
    in_usd = F.when(name != vocabulary.CHECKOUT_STARTED, in_usd)  # a checkout has bought nothing yet
    own, dollars = F.coalesce(number(stated, MONEY), number(F.col("paid"), MONEY)), number(in_usd, MONEY)
    is_summed = (name == vocabulary.CHECKOUT_STARTED) | _is_in_app()
    of_items = F.when(is_summed, products.worth(products.items(listed, name)))
    dollars = F.coalesce(dollars, F.when(_in_dollars(), of_items))
    fields = {
        "order_number": order_number,
        "value": F.coalesce(own, dollars, of_items),
        "currency": F.when(own.isNull() & dollars.isNotNull(), "USD").otherwise(
            F.coalesce(F.upper(named_value(p["currency"])), F.lit(currency))
        ),
        "discount": number(p["discount"], MONEY),
        "coupon": named_value(p["coupon"]),
    }
    is_order = name.isin(*vocabulary.VALUED)
    return F.when(is_order, F.struct(*(value.alias(n) for n, value in fields.items())))


def _consent() -> Column:
    """What was agreed to when the event was sent; unset says nothing."""
    names = F.array(*(F.lit(n) for n in _STORAGES))
    states = F.array(*(_word(F.col("privacy_info")[n]) for n in _STORAGES))
    known = F.map_filter(F.map_from_arrays(names, states), lambda _, state: state.isNotNull())
    return F.when(F.size(known) > 0, known)


def _word(state: Column) -> Column:
    lowered = F.lower(state)
    return F.coalesce(*(F.when(lowered == text, word) for text, word in _CONSENT.items()))


def _purchase() -> Column:
    """The purchase as it came."""
    stated = F.col("ecommerce")
    numbers = (plain_number(stated[name]).alias(name) for name in PURCHASE_FIELDS[1:])
    return F.to_json(F.struct(stated["transaction_id"].alias("transaction_id"), *numbers))


def _lifetime_value() -> Column:
    stated = F.col("user_ltv")
    return F.struct(plain_number(stated["revenue"]).alias("revenue"), stated["currency"].alias("currency"))


def _properties() -> Column:
    """Parameters, and beside them items and purchase as they came, where the user was and came from, on which device.

    A parameter that has the name of one of these keeps it.
    """
    device, nothing = F.col("device"), F.lit("{}")
    own_device = F.to_json(
        F.struct(
            device["mobile_brand_name"].alias("brand"),
            device["mobile_model_name"].alias("model"),
            device["operating_system_version"].alias("os_version"),
        )
    )
    beside = {
        "stream_id": quoted(F.col("stream_id")),
        "platform": quoted(F.col("platform")),
        "geo": F.nullif(F.to_json(F.struct("geo.country", "geo.region", "geo.city")), nothing),
        "traffic_source": F.nullif(F.to_json("traffic_source"), nothing),
        "session_traffic_source": F.nullif(F.to_json("session_traffic_source_last_click"), nothing),
        "user_first_touch_timestamp": quoted(F.col("user_first_touch_timestamp")),
        **{name: quoted(F.col(name)) for name in OF_BATCH},
        "user_ltv": F.nullif(F.to_json(_lifetime_value()), nothing),
        "event_value_in_usd": quoted(plain_number(F.col("event_value_in_usd"))),
        "app_version": quoted(F.col("app_info.version")),
        "device": F.nullif(own_device, nothing),
        "items": F.col("listed_items"),
        "ecommerce": F.col("purchase"),
        "user_properties": F.nullif(as_object(F.col("user_properties")), nothing),
    }
    names = F.coalesce(F.col("event_params.key"), F.array().cast("array<string>"))
    members = [
        F.when(~F.array_contains(names, name), F.concat(F.lit(f'"{name}":'), value))
        for name, value in beside.items()
    ]
    of_event = F.nullif(F.regexp_replace("parameters", r"^\{|\}$", ""), F.lit(""))
    return F.concat(F.lit("{"), F.array_join(F.array_compact(F.array(of_event, *members)), ","), F.lit("}"))
