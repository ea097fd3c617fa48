"""What every tracker's events say in one form: what a checkout would order, campaigns of addresses, devices of agents."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.errors import ConfigError
from habitue.sources.adapters import adapter_of
from habitue.sources.event_rules import DEFAULT_RULES
from habitue.sources.ga4 import read_ga4
from habitue.sources.mapping import map_source
from habitue.sources.segment import SegmentSettings, read_segment, read_segment_responses
from habitue.sources.settings import SourceSettings
from habitue.sources.snowplow import read_snowplow
from tests.raw_rows import as_ingested, raw_rows

TWO_SHOES_AND_SOCKS = [
    {"price": "49.90", "quantity": "2"},
    {"price": 5},
]  # socks: one pair, since none is said
ECOMMERCE = "iglu:com.snowplowanalytics.snowplow.ecommerce"


def segment(spark: SparkSession, stated: str | None, items: list[dict[str, Any]]) -> DataFrame:
    properties: dict[str, Any] = {"products": [{"product_id": str(n)} | item for n, item in enumerate(items)]}
    call = {"type": "track", "event": "Checkout Started", "timestamp": "2024-05-01T10:00:00Z"}
    properties |= {"value": stated} if stated else {}
    lines = raw_lines(spark, call | {"messageId": "1", "properties": properties})
    return read_segment(lines, settings=SegmentSettings(source="web")).rows


def ga4(spark: SparkSession, stated: str | None, items: list[dict[str, Any]]) -> DataFrame:
    listed = [{"item_id": str(n)} | item for n, item in enumerate(items)]
    value = [{"key": "value", "value": {"double_value": stated}}] if stated else []
    row = {"event_name": "begin_checkout", "event_timestamp": "1714557600000000", "event_date": "20240501"}
    lines = raw_lines(spark, row | {"items": listed, "event_params": value})
    return read_ga4(lines, SourceSettings(source="web", adapter="ga4", path="x"), DEFAULT_RULES).rows


def snowplow(spark: SparkSession, stated: str | None, items: list[dict[str, Any]]) -> DataFrame:
    entities = [{"schema": f"{ECOMMERCE}/product/jsonschema/1-0-0", "data": {"id": str(n)} | item}
                for n, item in enumerate(items)]  # fmt: skip
    if stated:
        entities.append({"schema": f"{ECOMMERCE}/cart/jsonschema/1-0-0", "data": {"total_value": stated}})
    action = {
        "schema": f"{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2",
        "data": {"type": "checkout_step"},
    }
    row = {"event_id": "1", "event": "unstruct", "collector_tstamp": "2024-05-01 10:00:00"}
    row |= {"contexts": json.dumps({"data": entities}), "unstruct_event": json.dumps({"data": action})}
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    return read_snowplow(raw_lines(spark, row), settings, DEFAULT_RULES).rows


def raw_lines(spark: SparkSession, line: dict[str, Any]) -> DataFrame:
    return spark.createDataFrame([(json.dumps(line), "f", 0)], "value string, _file string, _position bigint")


@pytest.mark.parametrize("read", [segment, ga4, snowplow])
def test_a_checkout_is_worth_what_it_states_or_else_what_it_lists(spark: SparkSession, read: Any) -> None:
    priceless = [{"quantity": 2}]
    every = [
        read(spark, "90.5", TWO_SHOES_AND_SOCKS),
        read(spark, None, TWO_SHOES_AND_SOCKS),
        read(spark, None, priceless),
    ]
    rows = (
        every[0]
        .unionByName(every[1])
        .unionByName(every[2])
        .select("event_name", "order.value", "_faults")
        .collect()
    )
    assert {(row["event_name"], len(row["_faults"])) for row in rows} == {("checkout_started", 0)}
    assert [row["value"] for row in rows] == [Decimal("90.50"), Decimal("104.80"), None]


def test_what_a_tracker_says_beside_its_columns_is_kept_but_for_persons(spark: SparkSession) -> None:
    call = {
        "messageId": "1", "type": "group", "timestamp": "2024-05-01T10:00:00Z", "groupId": "ann@miller.de",
        "traits": {"name": "Ann Miller", "email": "ann@miller.de", "plan": "gold", "employees": 3},
        "context": {"device": {"name": "Ann's phone", "model": "P1"}, "app": {"version": "2"},
                    "location": {"city": "Ulm", "latitude": 48.4}, "ip": "10.1.2.3",
                    "externalIds": [{"id": "4711", "type": "crm"}], "own": {"person": "Ann Miller"},
                    "experiments": {"home": "B", "for": "ann@miller.de"}},
        "integrations": {"Facebook": {"fbp": "fb.1.2.3"}},
    }  # fmt: skip
    group = read_segment(raw_lines(spark, call), settings=SegmentSettings(source="web")).rows
    row = {
        "event_name": "view_item", "event_timestamp": "1714557600000000", "event_date": "20240501",
        "event_params": [{"key": "device", "value": {"string_value": "my own"}}],
        "device": {"mobile_brand_name": "Acme", "operating_system_version": "14"},
        "event_bundle_sequence_id": "12", "is_active_user": True, "own": "Ann Miller",
        "items": [{"item_id": "S1", "item_category2": "Boots", "item_params": [
            {"key": "gift_phone", "value": {"string_value": "0171 1234567"}},
            {"key": "color", "value": {"string_value": "red"}}]}],
    }  # fmt: skip
    source = SourceSettings(source="web", adapter="ga4", path="x")
    ga4_rows = [
        read_ga4(raw_lines(spark, line), source, DEFAULT_RULES).rows
        for line in (row, row | {"event_params": []})
    ]
    found = [json.loads(rows.select(F.to_json("properties")).first()[0]) for rows in (group, *ga4_rows)]
    context = {
        "app": {"version": "2"},
        "device": {"model": "P1"},
        "experiments": {"home": "B", "for": "redacted"},
        "group_id": "redacted",
        "location": {"city": "Ulm"},
    }
    assert found[0] == {"plan": "gold", "employees": "3", "context": context}
    items = [
        {
            "item_id": "S1",
            "item_category2": "Boots",
            "item_params": {"gift_phone": "redacted", "color": "red"},
        }
    ]
    place = {"event_bundle_sequence_id": "12", "is_active_user": "true"}
    assert found[1] == {"device": "my own", "items": items} | place  # a parameter keeps its name
    assert found[2] == {"device": {"brand": "Acme", "os_version": "14"}, "items": items} | place


def test_a_mapped_event_has_the_campaign_of_its_address_and_the_device_of_its_agent(
    spark: SparkSession,
) -> None:
    source = {
        "source": "shop", "entity": "event", "format": "csv", "path": "x",
        "columns": {
            "event_name": "event", "event_time": "at", "page.url": "url", "campaign.medium": "medium",
            "device.user_agent": "agent",
        },
    }  # fmt: skip
    rows = raw_rows(
        spark,
        """
        event     | at                   | medium | url                                                 | agent
        page_view | 2024-05-01T10:00:00Z | mail   | https://shop.de/?utm_source=ann@x.de&utm_medium=cpc | Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1
        page_view | 2024-05-01T10:00:00Z |        | https://shop.de/?utm_medium=cpc&gclid=G1            |
        page_view | 2024-05-01T10:00:00Z |        | https://shop.de/                                    |
        """,
    )
    draft = map_source(rows, SourceSettings.model_validate(source | {"zone": "UTC"}))
    found = as_ingested(draft).orderBy("_position").collect()
    assert [row["campaign"] and row["campaign"].asDict() for row in found] == [
        {"source": "redacted", "medium": "mail", "name": None, "term": None, "content": None, "click_id": None},
        {"source": None, "medium": "cpc", "name": None, "term": None, "content": None, "click_id": "G1"},
        None,
    ]  # fmt: skip
    assert (found[0]["device"]["type"], found[0]["device"]["browser"]) == ("mobile", "safari")


def test_an_address_without_a_scheme_has_a_path_too(spark: SparkSession) -> None:
    rows = raw_rows(
        spark,
        """
        event     | at                   | url
        page_view | 2024-05-01T10:00:00Z | /product/12?next=https://x.de/a
        page_view | 2024-05-01T10:00:00Z | www.shop.de:8080/cart#top
        page_view | 2024-05-01T10:00:00Z | https://shop.de
        page_view | 2024-05-01T10:00:00Z | checkout
        """,
    )
    columns = {"event_name": "event", "event_time": "at", "page.url": "url"}
    settings = SourceSettings(source="log", entity="event", format="csv", path="x", columns=columns)
    found = map_source(rows, settings).rows.orderBy("_position").select("page.path").collect()
    assert [row["path"] for row in found] == ["/product/12", "/cart", None, None]


def test_a_log_of_single_purchases_is_worth_its_prices_and_no_cart_costs_less_than_nothing(
    spark: SparkSession,
) -> None:
    rows = raw_rows(
        spark,
        """
        event    | at                   | item | price | units | order
        purchase | 2024-05-01T10:00:00Z | 7    | 2.50  | 2     |
        purchase | 2024-05-01T10:00:00Z | 7    | 2.50  | 2     | A1
        purchase | 2024-05-01T10:00:00Z | 7    | -2.50 |       |
        cart     | 2024-05-01T10:00:00Z | 7    | -2.50 |       |
        cart     | 2024-05-01T10:00:00Z | 7    | 2.50  | -1    |
        """,
    )
    columns = {
        "event_name": "event", "event_time": "at", "product.product_number": "item", "product.price": "price",
        "product.quantity": "units", "order.order_number": "order",
    }  # fmt: skip
    settings = SourceSettings(source="log", entity="event", format="csv", path="x", columns=columns)
    found = map_source(rows, settings).rows.orderBy("_position").collect()
    assert [r["order"] and str(r["order"]["value"]) for r in found] == ["5.00", "None", "-2.50", None, None]
    assert [[f["reason"] for f in r["_faults"]] for r in found] == [
        [], [], [], ["price is negative"], ["quantity is negative"]
    ]  # fmt: skip


def test_words_of_shops_own_logs_are_understood_where_a_product_says_what_they_mean(
    spark: SparkSession,
) -> None:
    """Those of two public logs: view, addtocart, transaction; and view, cart, remove_from_cart, purchase."""
    rows = raw_rows(
        spark,
        """
        event            | at                  | item
        view             | 2024-05-01 10:00:00 | 7
        addtocart        | 2024-05-01 10:00:00 | 7
        transaction      | 2024-05-01 10:00:00 | 7
        cart             | 2024-05-01 10:00:00 | 7
        remove_from_cart | 2024-05-01 10:00:00 | 7
        purchase         | 2024-05-01 10:00:00 | 7
        Detail           | 2024-05-01 10:00:00 | 7
        view             | 2024-05-01 10:00:00 |
        cart             | 2024-05-01 10:00:00 |
        """,
    )
    columns = {"event_name": "event", "event_time": "at", "product.product_number": "item"}
    settings = SourceSettings(source="log", entity="event", format="csv", path="x", columns=columns)
    found = map_source(rows, settings).rows.orderBy("_position").select("event_name").collect()
    assert [row["event_name"] for row in found] == [
        *("product_viewed", "product_added", "order_completed"),
        *("product_added", "product_removed", "order_completed"),
        *("product_viewed", "view", "cart"),
    ]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("pageview", "Pageview", "page view", "page viewed", "PageView", "pv", "$pageview"), "page_viewed"),
        (("screenview", "Screen View", "screen_viewed", "$screen"), "screen_viewed"),
        (("view", "View"), "view"),  # of what, nobody knows
    ],
)
def test_the_words_of_logs_for_a_page_or_screen_are_one(
    spark: SparkSession, words: tuple[str, ...], name: str
) -> None:
    rows = raw_rows(spark, "event | at\n" + "\n".join(f"{word} | 2024-05-01 10:00:00" for word in words))
    columns = {"event_name": "event", "event_time": "at"}
    settings = SourceSettings(source="log", entity="event", format="csv", path="x", columns=columns)
    found = map_source(rows, settings).rows.select("event_name").collect()
    assert [row["event_name"] for row in found] == [name] * len(words)


def test_calls_that_are_named_and_filled_as_ga4_has_it_are_read_as_such(spark: SparkSession) -> None:
    boot = {
        "item_id": "B",
        "item_name": "Boot",
        "item_category": "Shoes",
        "item_brand": "Acme",
        "price": 49.9,
    }
    sock = {"item_name": "Sock", "price": 5, "quantity": 2}
    sale = {"transaction_id": "T1", "value": 59.9, "tax": 9.5, "currency": "EUR", "items": [boot, sock]}
    calls = [
        ("view_item", {"items": [boot]}),
        ("add_to_cart", {"items": [boot, sock]}),
        ("begin_checkout", {"items": [boot, sock]}),
        ("purchase", sale),
        ("search", {"search_term": "red boots"}),
        ("Payment Sent", {"transaction_id": "bank-1", "items": [{"id": "x"}], "search_term": "x"}),
    ]
    call = {"type": "track", "timestamp": "2024-05-01T10:00:00Z"}
    lines = [
        raw_lines(spark, call | {"messageId": name, "event": name, "properties": properties})
        for name, properties in calls
    ]
    rows = read_segment(reduce(DataFrame.unionByName, lines), settings=SegmentSettings(source="web")).rows
    found = {r["event_id"]: r for r in rows.collect()}
    assert {name: r["event_name"] for name, r in found.items()} == {
        "view_item": "product_viewed", "add_to_cart": "product_added", "begin_checkout": "checkout_started",
        "purchase": "order_completed", "search": "products_searched", "Payment Sent": "payment_sent",
    }  # fmt: skip
    viewed = found["view_item"].product
    assert (viewed.product_number, viewed.category, viewed.brand) == ("B", "Shoes", "Acme")
    assert found["view_item"]["items"] is None and found["add_to_cart"].product is None
    assert [i.product_number for i in found["add_to_cart"]["items"]] == ["B", "Sock"]
    assert found["begin_checkout"].order.value == Decimal("59.90")
    order = found["purchase"].order
    assert (order.order_number, order.value, order.currency) == ("T1", Decimal("59.90"), "EUR")
    assert [(i.product_number, i.price, i.quantity) for i in found["purchase"]["items"]] == [
        ("B", Decimal("49.90"), None), ("Sock", Decimal("5.00"), 2),
    ]  # fmt: skip
    assert found["search"].search_term == "red boots"
    other = found["Payment Sent"]
    assert (other.order, other["items"], other.search_term) == (None, None, None)


def test_an_order_of_the_first_specification_with_a_voucher_among_its_lines(spark: SparkSession) -> None:
    """`orderId` and `id` were the names of before; a voucher costs less than nothing, and a cart has none."""
    products = [
        {"id": "A", "sku": "S", "price": 50, "quantity": 1},
        {"product_id": "V", "id": "X", "price": -5, "quantity": 1},
    ]
    call = {"type": "track", "timestamp": "2024-05-01T10:00:00Z"}
    calls = [
        {"messageId": "1", "event": "Completed Order", "properties": {"orderId": 17, "revenue": 45, "products": products}},
        {"messageId": "2", "event": "Cart Viewed", "properties": {"products": products}},
        {"messageId": "3", "event": "Viewed Product", "properties": {"id": "A", "sku": "S"}},
        {"messageId": "4", "event": "Something Else", "properties": {"id": "A"}},
    ]  # fmt: skip
    lines = reduce(DataFrame.unionByName, (raw_lines(spark, call | more) for more in calls))
    rows = read_segment(lines, settings=SegmentSettings(source="web")).rows
    found = {r["event_id"]: r for r in rows.collect()}
    assert (found["1"].order.order_number, found["1"].order.value) == ("17", Decimal("45.00"))
    assert [(i.product_number, i.price) for i in found["1"]["items"]] == [("A", 50), ("V", -5)]
    assert {n: [f.code for f in r["_faults"]] for n, r in found.items() if r["_faults"]} == {
        "2": ["impossible_value"]
    }
    assert found["3"].product.product_number == "A" and found["4"].product is None


def test_a_screen_of_a_mobile_library_has_its_name_where_that_library_puts_it(spark: SparkSession) -> None:
    call = {"messageId": "1", "type": "screen", "event": "Basket", "timestamp": "2024-05-01T10:00:00Z"}
    rows = read_segment(raw_lines(spark, call), settings=SegmentSettings(source="app")).rows
    assert rows.first()["page"].title == "Basket"


def test_the_client_of_a_server_is_no_robot_and_places_and_cookies_are_no_properties(
    spark: SparkSession,
) -> None:
    entities = [
        {"schema": "iglu:com.snowplowanalytics.snowplow/geolocation_context/jsonschema/1-1-0", "data": {"latitude": 48.4}},
        {"schema": "iglu:com.google.analytics/cookies/jsonschema/1-0-0", "data": {"_ga": "GA1.2.11.22"}},
    ]  # fmt: skip
    row = {"event_id": "1", "event": "page_view", "collector_tstamp": "2024-05-01 10:00:00", "platform": "srv",
           "useragent": "python-requests/2.31.0", "network_userid": "new-with-every-call", "contexts": json.dumps({"data": entities}),
           "geo_location": "48.40,9.99", "own": "kept"}  # fmt: skip
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    lines = raw_lines(spark, row).unionByName(raw_lines(spark, row | {"event_id": "2", "platform": "web"}))
    rows = as_ingested(read_snowplow(lines, settings, DEFAULT_RULES))
    found = {r["event_id"]: r for r in rows.withColumn("told", F.to_json("properties")).collect()}
    assert {n: r["bot_reason"] for n, r in found.items()} == {"1": None, "2": "user_agent"}
    assert {n: len(r["_identifiers"]) for n, r in found.items()} == {
        "1": 0,
        "2": 1,
    }  # a server keeps no cookie
    told = json.loads(found["1"]["told"])
    assert told["own"] == "kept" and "48.4" not in found["1"]["told"] and "GA1" not in found["1"]["told"]


@pytest.mark.parametrize(
    ("vendor", "schema", "name"),
    [
        ("com.snowplowanalytics.snowplow", "site_search", "products_searched"),
        ("com.snowplowanalytics.mobile", "screen_view", "screen_viewed"),
        ("online.my-company.shop", "offerAccepted", "offer_accepted"),
    ],
)
def test_a_self_describing_event_without_a_name_has_that_of_its_schema(
    spark: SparkSession, vendor: str, schema: str, name: str
) -> None:
    data = {"schema": f"iglu:{vendor}/{schema}/jsonschema/1-0-0", "data": {"terms": ["red", "shoes"]}}
    row = {"event_id": "1", "event": "unstruct", "collector_tstamp": "2024-05-01T10:00Z"}
    lines = raw_lines(spark, row | {"unstruct_event": json.dumps({"data": data})})
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    found = read_snowplow(lines, settings, DEFAULT_RULES).rows.first()
    assert (found["event_name"], found["_faults"]) == (name, [])
    assert found["search_term"] == ("red shoes" if name == "products_searched" else None)


@pytest.mark.parametrize("number", ["undefined", "null", "(not set)", "NaN", "", "o-1"])
def test_an_order_has_no_number_where_the_tracker_knows_none(spark: SparkSession, number: str) -> None:
    call = {"messageId": "1", "type": "track", "event": "Order Completed", "timestamp": "2024-05-01T10:00Z"}
    sold = {"schema": f"{ECOMMERCE}/transaction/jsonschema/1-0-0", "data": {"transaction_id": number}}
    action = {
        "schema": f"{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2",
        "data": {"type": "transaction"},
    }
    purchase = {"event_name": "purchase", "event_timestamp": 1.7145576e15, "event_date": "20240501"}
    row = {"event_id": "1", "event": "unstruct", "collector_tstamp": "2024-05-01 10:00:00"}
    row |= {"contexts": json.dumps({"data": [sold]}), "unstruct_event": json.dumps({"data": action})}
    drafts = (
        read_segment(
            raw_lines(spark, call | {"properties": {"order_id": number}}),
            settings=SegmentSettings(source="w"),
        ),
        read_ga4(
            raw_lines(spark, purchase | {"ecommerce": {"transaction_id": number}}),
            SourceSettings(source="web", adapter="ga4", path="x"),
            DEFAULT_RULES,
        ),
        read_snowplow(
            raw_lines(spark, row), SourceSettings(source="web", adapter="snowplow", path="x"), DEFAULT_RULES
        ),
    )
    columns = ("event_name", "order.order_number", "_faults", F.unix_seconds("event_time"))
    found = [tuple(draft.rows.select(*columns).first()) for draft in drafts]
    assert found == [("order_completed", number if number == "o-1" else None, [], 1714557600)] * 3


def test_what_tag_managers_and_camel_case_make_of_a_call_is_read(spark: SparkSession) -> None:
    listed = json.dumps([{"product_id": "A", "price": 9.9, "quantity": 2}])
    order = {
        "messageId": "1",
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2024-05-01T10:00+02:00",
    }
    lines = raw_lines(spark, order | {"properties": {"orderId": "o1", "products": listed}})
    found = read_segment(lines, settings=SegmentSettings(source="web")).rows.first()
    assert [(i.product_number, i.price) for i in found["items"]] == [("A", Decimal("9.90"))]
    assert found["event_time"] == datetime(2024, 5, 1, 8) and found["_faults"] == []
    mail = {"messageId": "2", "type": "track", "event": "Email Opened", "timestamp": "2024-05-01T10:00:00Z"}
    lines = raw_lines(spark, mail | {"properties": {"campaignId": 7, "emailId": "m1"}})
    answer = read_segment_responses(lines, settings=SegmentSettings(source="web")).rows.first()
    assert (answer["campaign"], answer["contact_id"]) == ("7", "m1")


def test_a_click_that_is_tagged_by_itself_has_the_campaign_of_its_session(spark: SparkSession) -> None:
    session = {
        "google_ads_campaign": {"campaign_name": "Spring"},
        "manual_campaign": {"source": "(not set)", "medium": "(not set)"},
        "cross_channel_campaign": {"source": "google", "medium": "cpc", "campaign_name": "Spring"},
    }
    row = {
        "event_name": "session_start", "event_timestamp": "1714557600000000", "event_date": "20240501",
        "session_traffic_source_last_click": session,
    }  # fmt: skip
    source = SourceSettings(source="web", adapter="ga4", path="x")
    clicked = row | {"collected_traffic_source": {"gclid": "abc"}}
    rows = [
        read_ga4(raw_lines(spark, each), source, DEFAULT_RULES).rows.select("campaign")
        for each in (clicked, row)
    ]
    tagged, untagged = (each.first()["campaign"] for each in rows)
    assert (tagged.source, tagged.medium, tagged.name, tagged.click_id) == ("google", "cpc", "Spring", "abc")
    assert untagged is None, "a visit's campaign is that of its own events"


def test_a_time_of_day_alone_is_no_time(spark: SparkSession) -> None:
    """Spark reads one as a time of the day of the run, which is no event's."""
    row = {"event": "page_view", "collector_tstamp": "2024-05-01 10:00:00", "derived_tstamp": "12:30:00"}
    lines = raw_lines(spark, row | {"event_id": "1"}).unionByName(
        raw_lines(spark, row | {"event_id": "2", "collector_tstamp": "T12:30:00Z", "true_tstamp": "9:05"})
    )
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    found = {r["event_id"]: r for r in read_snowplow(lines, settings, DEFAULT_RULES).rows.collect()}
    assert (found["1"]["event_time"], found["1"]["_faults"]) == (datetime(2024, 5, 1, 10), [])
    assert (found["2"]["event_time"], [f["code"] for f in found["2"]["_faults"]]) == (None, ["missing_value"])


def test_a_campaign_that_an_export_hides_is_none(spark: SparkSession) -> None:
    names = {"source": "google", "medium": "<Other>", "term": "<obfuscated>", "campaign": "(data deleted)"}
    row = {
        "event_name": "page_view", "event_timestamp": "1714557600000000", "event_date": "20240501",
        "event_params": [{"key": name, "value": {"string_value": value}} for name, value in names.items()],
    }  # fmt: skip
    source = SourceSettings(source="web", adapter="ga4", path="x")
    found = read_ga4(raw_lines(spark, row), source, DEFAULT_RULES).rows.first()["campaign"].asDict()
    assert {name: value for name, value in found.items() if value} == {"source": "google"}


def test_a_purchase_that_states_dollars_alone_is_worth_those(spark: SparkSession) -> None:
    row = {"event_name": "purchase", "event_timestamp": "1714557600000000", "event_date": "20240501"}
    stated = {"transaction_id": "T1", "purchase_revenue_in_usd": 89.0}
    source = SourceSettings(source="web", adapter="ga4", path="x", options={"currency": "EUR"})
    of_shop = row | {"ecommerce": stated | {"purchase_revenue": 80}}
    acquired = row | {"ecommerce": stated, "traffic_source": {"source": "google", "medium": "organic"}}
    dollars, euros = (
        read_ga4(raw_lines(spark, each), source, DEFAULT_RULES)
        .rows.select("order.value", "order.currency", F.to_json("properties").alias("properties"))
        .first()
        for each in (acquired, of_shop)
    )
    assert (dollars["value"], dollars["currency"]) == (Decimal("89.00"), "USD")
    assert (euros["value"], euros["currency"]) == (Decimal("80.00"), "EUR")
    assert json.loads(dollars["properties"])["traffic_source"] == {"source": "google", "medium": "organic"}


def test_a_purchase_in_an_app_is_worth_what_it_cost_and_not_a_million_times_that(spark: SparkSession) -> None:
    """Firebase logs amounts of this event in millionths; an app that logs it by itself does so in units."""

    def bought(**amounts: dict[str, Any]) -> DataFrame:
        said: dict[str, Any] = {"product_id": {"string_value": "gold"}, "currency": {"string_value": "EUR"}}
        said |= {"quantity": {"int_value": "2"}} | amounts
        row = {
            "event_name": "in_app_purchase", "event_timestamp": "1714557600000000", "event_date": "20240501",
            "event_params": [{"key": key, "value": value} for key, value in said.items()],
        }  # fmt: skip
        source = SourceSettings(source="app", adapter="ga4", path="x")
        return read_ga4(raw_lines(spark, row), source, DEFAULT_RULES).rows

    by_firebase = bought(value={"int_value": "9980000"}, price={"int_value": "4990000"})
    by_hand = bought(value={"double_value": 9.98}, price={"double_value": 4.99})
    without_value = bought(price={"int_value": "4990000"})
    for rows in (by_firebase, by_hand, without_value):
        found = rows.first()
        assert (found["event_name"], found["_faults"]) == ("order_completed", [])
        assert (found["order"].value, found["order"].currency) == (Decimal("9.98"), "EUR")
        assert [(i.product_number, i.price, i.quantity) for i in found["items"]] == [
            ("gold", Decimal("4.99"), 2)
        ]


def test_what_a_person_typed_into_a_form_is_no_property(spark: SparkSession) -> None:
    surname = {"name": "surname", "value": "Miller", "nodeName": "INPUT", "type": "text"}
    submitted = {"formId": "order", "formClasses": ["wide"], "elements": [surname]}
    changed = {
        "form_id": "order",
        "element_id": "tel",
        "node_name": "INPUT",
        "type": "tel",
        "value": "0171 234",
    }
    own = {"value": "kept"}
    rows = [
        (("com.snowplowanalytics.snowplow", "submit_form"), submitted),
        (("com.snowplowanalytics.snowplow", "change_form"), changed),
        (("com.snowplowanalytics.snowplow", "focus_form"), changed | {"type": "text", "value": "Miller"}),
        (("com.acme", "rated"), own),
    ]
    found = []
    for number, ((vendor, name), data) in enumerate(rows):
        told = {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}
        row = {"event_id": str(number), "event": "unstruct", "collector_tstamp": "2024-05-01 10:00:00"}
        found.append(raw_lines(spark, row | {"unstruct_event": json.dumps({"data": told})}))
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    draft = read_snowplow(reduce(DataFrame.unionByName, found), settings, DEFAULT_RULES).rows
    told = {
        r[0]: json.loads(r[1])["data"] for r in draft.select("event_id", F.to_json("properties")).collect()
    }
    bare = {"form_id": "order", "element_id": "tel", "node_name": "INPUT"}
    assert told == {
        "0": submitted | {"elements": [{"name": "surname", "nodeName": "INPUT", "type": "text"}]},
        "1": bare | {"type": "tel"},
        "2": bare | {"type": "text"},
        "3": own,
    }


def test_ids_that_a_table_keeps_as_numbers_have_no_point(spark: SparkSession) -> None:
    """A column of whole numbers with gaps is one of doubles to pandas, and one beyond ten million shows an exponent."""
    names = "event_id string, event string, collector_tstamp string, user_id double, ti_sku double, tr_total double"
    rows = [("1", "page_view", "2024-05-01 10:00:00", 12345678.0, 17.0, 19.9)]
    raw = spark.createDataFrame(rows, names).withColumns(
        {"_file": F.lit("f"), "_position": F.lit(0), "_raw": F.lit(""), "_corrupt": F.lit(False)}
    )
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    found = read_snowplow(raw, settings, DEFAULT_RULES).rows.first()
    assert [(i["id_type"], i["value"]) for i in found["_identifiers"]] == [("user_id", "12345678")]
    assert [i["product_number"] for i in found["items"]] == ["17"]


def test_items_that_are_priced_in_dollars_alone_keep_those_prices(spark: SparkSession) -> None:
    row = {"event_timestamp": "1714557600000000", "event_date": "20240501"}
    in_dollars = [{"item_id": "A", "price_in_usd": 10, "quantity": 2}, {"item_id": "B", "price_in_usd": 5.5}]
    in_both = [{"item_id": "A", "price": 9, "price_in_usd": 10}, {"item_id": "B", "price_in_usd": 5.5}]
    calls = [("view_item", in_dollars[:1]), ("begin_checkout", in_dollars), ("begin_checkout", in_both)]
    lines = [raw_lines(spark, row | {"event_name": name, "items": items}) for name, items in calls]
    source = SourceSettings(source="web", adapter="ga4", path="x", options={"currency": "EUR"})
    viewed, dollars, euros = (read_ga4(line, source, DEFAULT_RULES).rows.first() for line in lines)
    assert viewed["product"].price == Decimal("10.00")
    assert [item.price for item in dollars["items"]] == [Decimal("10.00"), Decimal("5.50")]
    assert (dollars["order"].value, dollars["order"].currency) == (Decimal("25.50"), "USD")
    assert [item.price for item in euros["items"]] == [Decimal("9.00"), None]
    assert (euros["order"].value, euros["order"].currency) == (Decimal("9.00"), "EUR")


@pytest.mark.parametrize("is_table", [True, False])
def test_of_two_self_describing_events_the_one_that_the_row_is_named_after_counts(
    spark: SparkSession, is_table: bool
) -> None:
    event = "unstruct_event_com_acme_"
    row = {
        "event_id": "1", "event": "unstruct", "event_name": "signed_up", "collector_tstamp": "2024-05-01 10:00:00",
        f"{event}screen_view_1_0_0": '{"name": "start"}', f"{event}signed_up_1_0_0": '{"plan": "b"}',
    }  # fmt: skip
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    cells = (
        raw_rows(spark, "{}\n{}".format(*(" | ".join(part) for part in (row, row.values()))))
        if is_table
        else raw_lines(spark, row)
    )
    found = read_snowplow(cells, settings, DEFAULT_RULES).rows.select(F.to_json("properties").alias("p"))
    assert json.loads(found.first()["p"])["data"] == {"plan": "b"}


def test_calls_of_segment_are_read_as_json_alone() -> None:
    tables = SourceSettings(source="web", adapter="segment", path="data/tracks.parquet")
    with pytest.raises(ConfigError, match="expected json, found parquet"):
        adapter_of(tables).inputs(tables, "event")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2019-10-01 00:00:00 UTC", "2019-10-01 00:00:00"),
        ("2019-10-01 00:00 UTC", "2019-10-01 00:00:00"),
        ("2019-10-01 00:00:00.25 America/New_York", "2019-10-01 04:00:00.25"),
        ("2019-10-01T00:00:00Z", "2019-10-01 00:00:00"),
        ("2019-10-01 00:00:00", "2019-09-30 22:00:00"),
        ("2019-10-01 00:00:00 PM", None),
    ],
)
def test_a_zone_behind_a_time_goes_before_that_of_the_source(
    spark: SparkSession, text: str, utc: str | None
) -> None:
    settings = SourceSettings(
        source="web", entity="event", format="csv", path="x", zone="Europe/Berlin",
        columns={"event_name": "name", "event_time": "at"},
    )  # fmt: skip
    found = map_source(raw_rows(spark, f"name | at\nview | {text}"), settings, DEFAULT_RULES).rows.first()
    assert found["event_time"] == (None if utc is None else datetime.fromisoformat(utc))
    assert bool(found["_faults"]) == (utc is None)
