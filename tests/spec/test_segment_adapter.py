"""Segment-style lines: what each kind of call becomes, and what becomes of lines that are broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT, RESPONSE
from habitue.sources.draft import Draft
from habitue.sources.segment import SegmentSettings, read_segment, read_segment_responses
from tests.raw_rows import as_ingested

CLOCKS = {
    "originalTimestamp": "2026-03-01T10:00:00.000Z",
    "sentAt": "2026-03-01T10:00:02.000Z",
    "receivedAt": "2026-03-01T09:58:03.500Z",
}
ORDER = {
    "order_id": "o1",
    "currency": "eur",
    "products": [{"product_id": "A", "price": 9.99, "quantity": "2"}],
}
PAGE = {
    "url": "https://ann:pw@shop.de/p%C3%A4/a?email=ann@x.de&utm_source=n&access_token=abc&gclid=G1#code=9",
    "title": "for ann@x.de",
    "referrer": "https://x.de/?q=ann%40x.de",
}
LINES: list[dict[str, Any]] = [
    {"messageId": "page", "type": "page", "anonymousId": "c1", "context": {"page": PAGE, "sessionId": 17}},
    {"messageId": "screen", "type": "screen", "name": "Home",
     "context": {"device": {"id": "d1", "type": "ios"}}},
    {"messageId": "identify", "type": "identify", "anonymousId": "c1", "userId": 7, "properties": None,
     "traits": {"email": "Ann@x.de", "phone": 491, "name": "Ann"}},
    {"messageId": "group", "type": "group", "userId": "7", "traits": {"email": "info@corp.de"}},
    {"messageId": "sold", "type": "track", "event": "Till Opened", "traits": {"email": "Bo@x.de", "phone": "492"}},
    {"messageId": "alias", "type": "alias", "userId": "7", "previousId": "c0"},
    {"messageId": "viewed", "type": "track", "event": "Product Viewed",
     "properties": {"sku": "S1", "price": "19.90", "category": "Shoes", "brand": "B"}},
    {"messageId": "old", "type": "track", "event": "Viewed Product", "properties": {"product_id": "P"}},
    {"messageId": "searched", "type": "track", "event": "Products Searched",
     "properties": {"query": "ann@x.de shoes"}},
    {"messageId": "subtotal", "type": "track", "event": "Order Completed",
     "properties": ORDER | {"subtotal": 22.5, "revenue": 25.0, "discount": 2.5, "total": 27.5}},
    {"messageId": "revenue", "type": "track", "event": "Order Completed",
     "properties": ORDER | {"revenue": "25.00", "discount": 2.5, "total": 27.5}},
    {"messageId": "total", "type": "track", "event": "Order Completed",
     "properties": {"order_id": "o2", "total": 27.5, "tax": 2, "shipping": 3}},
    {"messageId": "value", "type": "track", "event": "Order Completed",
     "properties": {"order_id": "o3", "value": "22.50"}},
    {"messageId": "php", "type": "track", "event": "Order Completed", "properties": [], "context": {"locale": "de"}},
    {"messageId": "own", "type": "track", "event": "Quiz  finished!", "properties": {
        "price": "free", "user_email": "x", "n": {"first_name": "Ann", "deep": ["to ann@x.de"]},
        "phone": 49123, "name": "kept", "score": 3}},
    {"messageId": "opened", "type": "track", "event": "Email Opened", "userId": "7",
     "properties": {"email_id": "m1", "campaign_id": "k1", "email": "ann@x.de"}},
    {"messageId": "spam", "type": "track", "event": "Email Marked as Spam",
     "properties": {"campaign_name": "Spring"}},
    {"messageId": "bounced", "type": "track", "event": "Email Bounced", "properties": {"email_id": "m1"}},
    {"messageId": "odd", "type": "page", "context": {"page": "/text", "campaign": {"source": "news"}}},
    {"messageId": "phone", "type": "page", "context": {
        "userAgent": "Mozilla/5.0 (Linux; Android 9; CUBOT) Chrome/120 Mobile Safari/537.36",
        "consent": {"categoryPreferences": {"ads": False, "analytics": True}}}},
]  # fmt: skip
BROKEN = {
    '{"messageId": "half", "type": "tra': "corrupt_record",
    "[1, 2]": "corrupt_record",
    "\x00garbage \U0001f600": "corrupt_record",
    '{"messageId":"x","type":"page"}{"messageId":"y","type":"page"}': "corrupt_record",
    '{"messageId": "x"}': "missing_value",
    '{"messageId": "x", "type": "click", "receivedAt": "2026-01-01T00:00:00Z"}': "unknown_value",
    '{"messageId": "x", "type": "page", "receivedAt": "yesterday"}': "missing_value",
    '{"messageId": "x", "type": "page", "receivedAt": "12:30:00"}': "missing_value",
    '{"messageId": "x", "type": "page", "timestamp": "T12:30", "sentAt": " 9:05Z"}': "missing_value",
    '{"messageId": "x", "type": "track", "receivedAt": "2026-01-01T00:00:00Z"}': "missing_value",
    '{"messageId": "x", "type": "page", "receivedAt": "1980-01-01T00:00:00Z"}': "impossible_value",
    '{"messageId": "x", "type": "track", "event": "Order Completed", "receivedAt": "2026-01-01T00:00:00Z",'
    ' "properties": {"subtotal": "12,50"}}': "not_a_number",
    '{"messageId": "x", "type": "track", "event": "Product Added", "receivedAt": "2026-01-01T00:00:00Z",'
    ' "properties": {"product_id": "A", "price": -1}}': "impossible_value",
    '{"messageId": "x", "type": "track", "event": "Cart Viewed", "receivedAt": "2026-01-01T00:00:00Z",'
    ' "properties": {"products": [{"product_id": "A"}, {"price": "?"}]}}': "not_a_number",
}


def drafts(spark: SparkSession, lines: list[str]) -> tuple[Draft, Draft]:
    rows = [(line, "in.jsonl", position) for position, line in enumerate(lines)]
    raw = spark.createDataFrame(rows, "value string, _file string, _position bigint")
    settings = SegmentSettings(source="shop", currency="EUR")
    return read_segment(raw, settings=settings), read_segment_responses(raw, settings=settings)


@pytest.fixture(scope="module")
def read(spark: SparkSession) -> tuple[Draft, Draft]:
    return drafts(spark, [*(json.dumps(CLOCKS | line) for line in LINES), "", "   "])


@pytest.fixture(scope="module")
def events(read: tuple[Draft, Draft]) -> dict[str, Row]:
    """All events by id, with variants as JSON text."""
    rows = as_ingested(read[0]).withColumn("properties", F.to_json("properties"))
    return {row.event_id: row for row in rows.orderBy("_file", "_position").collect()}


def identifiers(row: Row) -> list[tuple[str, str]]:
    return [(i.id_type, i.value) for i in row["_identifiers"]]


def test_every_line_becomes_one_event_with_columns_of_the_contract(
    read: tuple[Draft, Draft], events: dict[str, Row]
) -> None:
    assert list(events) == [line["messageId"] for line in LINES]
    assert [row["_faults"] for row in events.values()] == [[]] * len(LINES)
    for draft, contract in zip(read, (EVENT, RESPONSE), strict=True):
        assert_types(draft.rows, {c.name: c.type for c in contract.columns})


def assert_types(rows: DataFrame, contract: dict[str, str]) -> None:
    found = {name: type_ for name, type_ in rows.dtypes if not name.startswith("_")}
    assert found == {name: contract[name] for name in found}


def test_names_are_brought_to_the_canonical_vocabulary(events: dict[str, Row]) -> None:
    found = {id_: row.event_name for id_, row in events.items()}
    assert found == {
        "page": "page_viewed", "screen": "screen_viewed", "identify": "identified", "group": "grouped",
        "sold": "till_opened", "alias": "aliased", "viewed": "product_viewed", "old": "product_viewed",
        "searched": "products_searched",
        "subtotal": "order_completed", "revenue": "order_completed", "total": "order_completed",
        "value": "order_completed", "php": "order_completed", "own": "quiz_finished", "opened": "email_opened", "spam": "email_complained",
        "bounced": "email_bounced",
        "odd": "page_viewed", "phone": "page_viewed",
    }  # fmt: skip


def test_the_clock_of_the_device_is_corrected_by_the_skew_between_sending_and_receipt(
    events: dict[str, Row],
) -> None:
    page = events["page"]
    assert (page.event_time.isoformat(), page.time_quality) == ("2026-03-01T09:58:01.500000", "corrected")
    assert page.event_date.isoformat() == "2026-03-01"


@pytest.mark.parametrize(
    ("clocks", "time", "quality"),
    [
        ({"sentAt": None, "timestamp": "2026-03-01T09:58:01.5Z"}, "09:58:01.500000", "mapped"),
        ({"sentAt": None}, "09:58:03.500000", "missing"),
        ({"sentAt": "10:00:02"}, "09:58:03.500000", "missing"),  # of which day, nobody knows
        ({"originalTimestamp": "T10:00"}, "09:58:03.500000", "missing"),
    ],
)
def test_where_a_clock_is_missing_the_time_that_the_server_stated_counts_or_else_its_receipt(
    spark: SparkSession, clocks: dict[str, Any], time: str, quality: str
) -> None:
    """Segment made `timestamp` of all three clocks before a file lost one."""
    found = drafts(spark, [json.dumps(LINES[0] | CLOCKS | clocks)])[0].rows.first()
    assert (found.event_time.isoformat(), found.time_quality) == (f"2026-03-01T{time}", quality)


def test_urls_titles_searches_and_properties_are_redacted(events: dict[str, Row]) -> None:
    page = events["page"].page
    assert page.url == (
        "https://shop.de/p%C3%A4/a?email=redacted&utm_source=n&access_token=redacted&gclid=G1#code=redacted"
    )
    assert (page.path, page.title, page.referrer) == (
        "/p%C3%A4/a",
        "for redacted",
        "https://x.de/?q=redacted",
    )
    assert events["page"].campaign.click_id == "G1"
    assert events["searched"].search_term == "redacted shoes"
    assert json.loads(events["own"].properties) == {
        "price": "free", "user_email": "redacted", "n": {"first_name": "redacted", "deep": ["to redacted"]},
        "phone": "redacted", "name": "kept", "score": 3,
    }  # fmt: skip


def test_no_clear_identifier_is_left_outside_the_working_columns(read: tuple[Draft, Draft]) -> None:
    for draft in read:
        open_columns = [c for c in draft.rows.columns if not c.startswith("_")]
        text = draft.rows.select(F.to_json(F.struct(*open_columns)).alias("row"))
        assert text.where(F.col("row").rlike(r"(?i)\bann\b|\bbo\b|49[12]")).collect() == []


def test_identifiers_come_from_calls_and_traits_but_not_from_groups(events: dict[str, Row]) -> None:
    assert identifiers(events["identify"]) == [
        ("anonymous_id", "c1"), ("email", "Ann@x.de"), ("phone", "491"), ("user_id", "7"),
    ]  # fmt: skip
    assert identifiers(events["group"]) == [("user_id", "7")]
    assert identifiers(events["sold"]) == [("email", "Bo@x.de"), ("phone", "492")]
    assert identifiers(events["alias"]) == [("anonymous_id", "c0"), ("user_id", "7"), ("user_id", "c0")]
    assert identifiers(events["screen"]) == [("device_id", "d1")]
    assert identifiers(events["opened"]) == [("email", "ann@x.de"), ("user_id", "7")]


def test_products_orders_and_their_net_value(events: dict[str, Row]) -> None:
    viewed = events["viewed"].product
    assert (viewed.product_number, str(viewed.price), viewed.category) == ("S1", "19.90", "Shoes")
    values = {str(events[id_].order.value) for id_ in ("subtotal", "revenue", "total", "value")}
    assert values == {"22.50"}
    assert (events["php"].order.value, events["php"].properties) == (None, None)  # its empty object is a list
    assert [events[id_].order.currency for id_ in ("subtotal", "total")] == ["EUR", "EUR"]
    assert [(i.product_number, str(i.price), str(i.quantity)) for i in events["subtotal"]["items"]] == [
        ("A", "9.99", "2.000")
    ]
    assert events["own"].product is None


def test_device_channel_consent_and_session(events: dict[str, Row]) -> None:
    assert (events["screen"].device.type, events["screen"].channel) == ("mobile", "app")
    phone = events["phone"]
    assert (phone.device.type, phone.device.browser) == ("mobile", "chrome")
    assert phone.consent == {"ads": "denied", "analytics": "granted"}
    assert events["page"].source_session_id == "17"
    assert (events["odd"].page, events["odd"].campaign.source) == (None, "news")


def test_mail_events_that_name_a_campaign_or_a_mail_are_responses_too(read: tuple[Draft, Draft]) -> None:
    found = sorted(tuple(r) for r in read[1].rows.select("type", "campaign", "contact_id").collect())
    assert found == [("bounced", None, "m1"), ("complained", "Spring", None), ("opened", "k1", "m1")]


def test_broken_lines_become_drafts_with_a_fault_and_never_stop_the_rest(spark: SparkSession) -> None:
    good = json.dumps(CLOCKS | LINES[0])
    events, responses = drafts(spark, [*BROKEN, good])
    found = {row["_raw"]: [f.code for f in row["_faults"]] for row in events.rows.collect()}
    assert {raw: codes[:1] for raw, codes in found.items()} == {raw: [c] for raw, c in BROKEN.items()} | {
        good: []
    }
    assert responses.rows.collect() == []
