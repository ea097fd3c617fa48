"""A source's settings refuse what cannot work, before Spark starts, with the nearest names."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from habitue.contracts.entities import ENTITIES
from habitue.errors import ConfigError
from habitue.sources.adapters import apart, fed_entities
from habitue.sources.fields import ONE_OF, REQUIRED, field_of, fields
from habitue.sources.settings import SourceSettings

ORDERS: dict[str, Any] = {
    "source": "shop",
    "entity": "order_line",
    "format": "csv",
    "path": "orders/*.csv",
    "columns": {
        "order_number": "Nr",
        "quantity": "Menge",
        "unit_price": "Preis",
        "order_time": {"column": "Datum", "format": "dd.MM.yyyy"},
        "currency": {"value": "EUR"},
    },
}


def message(**changes: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        SourceSettings.model_validate(ORDERS | changes)
    return str(refused.value)


def test_an_unknown_column_is_refused_with_the_nearest_name() -> None:
    text = message(columns=ORDERS["columns"] | {"ordertime": "x", "produkt_number": "y"})
    assert "ordertime is not a column of order_line; did you mean order_time?" in text
    assert "produkt_number is not a column of order_line; did you mean product_number?" in text


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("DD.MM.YYYY", "years are yyyy and days of a month dd"),
        ("dd.mm.yyyy", "mm are minutes; months are MM"),
        ("dd.MM.yyyy HH:mm", ""),
        ("yyyy-MM-dd'T'HH:mm'Y'", ""),
        ("epoch_millis", ""),
        ("yyyyDDD", ""),
    ],
)
def test_a_pattern_of_a_date_that_means_something_else_is_refused(pattern: str, told: str) -> None:
    columns = ORDERS["columns"] | {"order_time": {"column": "Datum", "format": pattern}}
    if told:
        assert told in message(columns=columns)
    else:
        SourceSettings.model_validate(ORDERS | {"columns": columns})


def test_missing_required_columns_are_listed_at_once() -> None:
    text = message(columns={"order_number": "Nr"})
    for name in ("order_time", "quantity", "currency"):
        assert f"{name} must be mapped for order_line" in text
    assert "one of net_revenue, gross_revenue, unit_price must be mapped" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"delimter": ";"}, "options.delimter is not known; did you mean delimiter?"),
        ({"encoding": "cp9999"}, "options.encoding cp9999 is not known; use utf-8"),
        ({"encoding": "hex"}, "options.encoding hex is not known"),
        ({"delimiter": ""}, "options.delimiter is ''; expected one or more characters"),
        ({"delimiter": "\\"}, "expected one or more characters"),
        ({"sep": "\\q"}, "expected one or more characters"),
        ({"quote": "''"}, "expected one character, or '' for none"),
        ({"header": "maybe"}, "options.header is 'maybe'; expected true or false"),
        ({"currency": "EUR"}, "options.currency is not known"),
    ],
)
def test_options_that_no_reader_understands_are_refused(options: dict[str, str], told: str) -> None:
    assert told in message(options=options)


def test_options_that_readers_understand_are_taken() -> None:
    for options in (
        {"header": True, "delimiter": ";", "encoding": "cp1252", "quote": "", "multiLine": "true"},
        {"delimiter": "||"},
        {"sep": "\\t"},
        {"Delimiter": "\\u0001", "multiline": True, "comment": "#"},
    ):
        SourceSettings.model_validate(ORDERS | {"options": options})
    web = {"source": "web", "adapter": "ga4", "path": "x", "options": {"currency": "EUR"}}
    SourceSettings.model_validate(web)
    stream = {"adapter": "snowplow", "options": {"delimiter": "\\t", "encoding": "utf-8"}}
    SourceSettings.model_validate(web | stream)
    for wrong in ({"options": {"encoding": "cp1252"}}, stream | {"options": {"delimiter": "||"}}):
        with pytest.raises(ValidationError, match=r"options\.(encoding is not known|delimiter is '\|\|')"):
            SourceSettings.model_validate(web | wrong)


def test_entity_adapter_identifier_type_and_zone_are_known_names() -> None:
    assert "did you mean order_line?" in message(entity="orderline")
    assert "mail is not an identifier type; did you mean email?" in message(identifiers={"mail": "Mail"})
    assert "zone Berlin is not a time zone" in message(zone="Berlin")
    assert "gross_revenue needs vat" in message(columns=ORDERS["columns"] | {"gross_revenue": "Brutto"})
    with pytest.raises(ValidationError, match="did you mean segment"):
        SourceSettings.model_validate({"source": "web", "adapter": "segmnt", "path": "x"})
    with pytest.raises(ValidationError, match="leave entity"):
        SourceSettings.model_validate(ORDERS | {"adapter": "segment"})


def test_an_expression_is_a_column_a_value_or_sql() -> None:
    assert "needs exactly one of column, value, sql" in message(
        columns=ORDERS["columns"] | {"store": {"column": "a", "value": "b"}}
    )
    settings = SourceSettings.model_validate(
        ORDERS
        | {
            "columns": ORDERS["columns"] | {"discounts": {"coupon": "a", "loyalty": {"value": 0}}},
            "key": ["Nr"],
        }
    )
    assert settings.mapped["discounts.coupon"].column == "a"
    assert settings.named_columns == ("Nr", "Menge", "Preis", "Datum", "a")


def test_one_source_feeds_an_entity_through_one_mapping_only() -> None:
    orders = SourceSettings.model_validate(ORDERS)
    products = SourceSettings.model_validate(
        {
            "source": "shop",
            "entity": "product",
            "format": "csv",
            "path": "p.csv",
            "columns": {"product_number": "a"},
        }
    )
    assert fed_entities({"a": orders, "b": products}) == ("order_line", "product")
    with pytest.raises(ConfigError, match="shop feeds order_line 2 times"):
        fed_entities({"a": orders, "b": orders.model_copy(update={"path": "other.csv"})})


def test_every_entity_can_be_mapped_and_its_required_columns_exist() -> None:
    assert set(REQUIRED) == set(ENTITIES)
    for entity in ENTITIES:
        for name in (*REQUIRED[entity], *ONE_OF.get(entity, ())):
            assert field_of(entity, name) is not None, (entity, name)
    assert {"campaign.source", "page.url", "order.value", "product.price", "device.user_agent"} <= set(
        fields("event")
    )
    assert {"record_id", "birth_date", "street", "attributes"} <= set(fields("customer_record"))
    assert field_of("customer_record", "attributes.age") is not None
    assert field_of("customer_record", "agee") is None


def mapped(source: str, entity: str) -> SourceSettings:
    columns = dict.fromkeys((*REQUIRED[entity], *ONE_OF.get(entity, ())[:1]), "x")
    return SourceSettings.model_validate(
        {"source": source, "entity": entity, "format": "csv", "path": "x.csv", "columns": columns}
    )


def test_numbers_that_only_other_sources_know_are_told() -> None:
    orders, products = mapped("shop", "order_line"), mapped("catalogue", "product")
    contacts, answers = mapped("mail", "contact"), mapped("mail", "response")
    [finding] = apart({"a": orders, "b": products, "c": contacts, "d": answers})
    assert finding.startswith("order_line rows of shop find no product: those are of catalogue,")
    assert apart({"a": orders, "b": mapped("shop", "product")}) == []
    assert apart({"a": orders}) == []
