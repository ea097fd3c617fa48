"""Mapping of the other entities: nested columns, closed words, clocks, and what a name may be called."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import CAMPAIGN, CONSENT, CUSTOMER_RECORD, EVENT, SUBSCRIPTION
from habitue.contracts.intake import PERSON_RECORD
from habitue.identity.normalise import NormaliseSettings
from habitue.privacy.keys import identifier_key
from habitue.privacy.vault import person_records, with_keys
from habitue.sources.mapping import SourceSettings, map_source
from habitue.sources.validation import checked, dated_refusals
from habitue.sources.vocabulary import canonical_word
from tests.raw_rows import raw_rows
from tests.tables import assert_table

NOW = datetime(2024, 6, 1, tzinfo=UTC)
PEPPER = b"0123456789abcdef0123456789abcdef"


def source(entity: str, columns: dict[str, Any], **more: Any) -> SourceSettings:
    return SourceSettings.model_validate(
        {"source": "crm", "entity": entity, "format": "csv", "path": "x.csv", "columns": columns} | more
    )


def test_consents_and_responses_take_the_words_of_their_sources(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Zweck     | Kanal  | Wert     | Am
        ----------+--------+----------+-------------------------
        marketing | E-Mail | ja       | 2024-01-05T10:00:00+0100
        marketing | Brief  | Widerruf | 2024-02-05
        marketing | SMS    | klar     | 2024-02-05
    """)  # fmt: skip
    consent = source(
        "consent", {"purpose": "Zweck", "channel": "Kanal", "status": "Wert", "given_time": "Am"}
    )
    rows = checked(map_source(raw, consent), now=NOW)
    assert_table(rows.where(F.size("_faults") == 0), CONSENT, """
        purpose   | channel | status    | given_time
        ----------+---------+-----------+--------------------
        marketing | email   | granted   | 2024-01-05 09:00:00
        marketing | post    | withdrawn | 2024-02-05 00:00:00
        marketing | sms     | denied    | 2024-02-05 00:00:00
    """)  # fmt: skip
    assert [r["channel"] for r in rows.where(F.array_contains("_flags", "unknown_status")).collect()] == [
        "sms"
    ]

    response = source("response", {"campaign": "Zweck", "type": {"value": "Klick"}, "response_time": "Am"})
    types = {r["type"] for r in map_source(raw, response).rows.collect()}
    assert types == {"clicked"}


def test_a_refusal_holds_whatever_is_wrong_with_it(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Zweck     | Kanal | Wert     | Am
        ----------+-------+----------+--------------------
        marketing | email | Widerruf | 31.04.2024
        marketing | post  | nein     |
        marketing | sms   |          | 2024-02-05
        marketing | phone | nein     | 2031-01-01
                  |       | nein     | 1900-01-01
        marketing | push  | ja       | 31.04.2024
        marketing | ads   | ja       |
    """)  # fmt: skip
    settings = source(
        "consent", {"purpose": "Zweck", "channel": "Kanal", "status": "Wert", "given_time": "Am"}
    )
    rows = checked(map_source(raw, settings), now=NOW).withColumn("known_time", F.lit(NOW))
    none = spark.createDataFrame([], "_file string, arrived timestamp")
    found = {r["channel"]: r for r in dated_refusals(rows, none, NOW).collect()}
    good = {channel: r for channel, r in found.items() if not r["_faults"]}
    assert {c: (r["status"], r["given_time"].isoformat()[:10]) for c, r in good.items()} == {
        "email": ("withdrawn", "2024-06-01"),
        "post": ("denied", "2024-06-01"),
        "sms": ("denied", "2024-02-05"),
        "phone": ("denied", "2024-06-01"),
        "any": ("denied", "2024-06-01"),
    }
    assert {c: r["_flags"] for c, r in good.items()} == {
        "email": ["undated_refusal"],
        "post": ["undated_refusal"],
        "sms": ["unknown_status"],
        "phone": ["undated_refusal"],
        "any": ["undated_refusal"],
    }


def test_the_dead_and_blocked_stay_though_another_cell_cannot_be_read(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        nr | tot        | sperre | geboren
        1  | 2024-03-01 |        | 1950-01-01
        2  | 1.3.24     | nein   | 1950-01-01
        3  |            | ja     | 31.13.1950
        4  | aktiv      |        | 1950-01-01
        5  |            |        | 31.13.1950
        6  | 0000-00-00 |        | 1950-01-01
    """)  # fmt: skip
    columns = {"record_id": "nr", "deceased": "tot", "blocked": "sperre", "birth_date": "geboren"}
    rows = (
        checked(map_source(raw, source("customer_record", columns)), now=NOW).orderBy("_position").collect()
    )
    assert [(r["is_deceased"], r["is_blocked"], len(r["_faults"])) for r in rows] == [
        (True, None, 0), (True, False, 0), (None, True, 0), (None, None, 1), (None, None, 1), (None, None, 1)
    ]  # fmt: skip


def test_customer_records_say_openly_only_what_names_nobody(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Nr | Anrede | Land        | Geb        | PLZ   | Mail1   | Mail2   | Kunde seit | Gesperrt
        ---+--------+-------------+------------+-------+---------+---------+------------+---------
        1  | Frau   | Deutschland | 01.02.1980 | 80331 | a@b.de  | c@d.de  | 31.12.2019 | nein
        2  | Firma  | fr          |            |       |         |         |            | ja
        3  | Herr   | Narnia      | 31.02.1980 |       |         |         |            | nein
    """)  # fmt: skip
    settings = source(
        "customer_record",
        {
            "record_id": "Nr", "gender": "Anrede", "salutation": "Anrede", "country": "Land", "postal_code": "PLZ",
            "birth_date": {"column": "Geb", "format": "dd.MM.yyyy"}, "blocked": "Gesperrt",
            "customer_since": {"column": "Kunde seit", "format": "dd.MM.yyyy"},
        },
        identifiers={"email": ["Mail1", "Mail2"], "customer_number": "Nr"},
    )  # fmt: skip
    rows = checked(map_source(raw, settings), now=NOW)
    assert_table(rows, CUSTOMER_RECORD, """
        gender | birth_year | postal_area | country | customer_since | has_address | is_blocked
        -------+------------+-------------+---------+----------------+-------------+-----------
        f      | 1980       | 80          | DE      | 2019-12-31     | false       | false
               |            |             | FR      |                | false       | true
        m      |            |             | ??      |                | false       | false
    """)  # fmt: skip
    first, _, third = rows.orderBy("_position").collect()
    assert [(i["id_type"], i["value"]) for i in first["_identifiers"]] == [
        ("email", "a@b.de"),
        ("email", "c@d.de"),
        ("customer_number", "1"),
    ]
    assert [f["reason"] for f in third["_faults"]] == [
        "birth_date (from Geb) is not a day of the form dd.MM.yyyy"
    ]


def test_countries_are_known_by_the_names_that_their_own_people_use(spark: SparkSession) -> None:
    spellings = {
        "Italia": "IT", "España": "ES", "Espana": "ES", "Nederland": "NL", "Polska": "PL", "Sverige": "SE", "SWE": "SE",
        "Norwegen": "NO", "Norge": "NO", "Suomi": "FI", "Portugal": "PT", "Danmark": "DK", "Česko": "CZ", "Magyarország": "HU",
        "Türkei": "TR", "Türkiye": "TR", "TÜRKİYE": "TR", "Kanada": "CA", "CAN": "CA", "Australia": "AU", "New Zealand": "NZ",
        "Brasil": "BR", "México": "MX", "Romania": "RO", "Greece": "GR", "UKR": "UA", "Japan": "JP", "China": "CN", "India": "IN",
        "UK": "GB", "se": "SE", "Narnia": "??", "n/a": None, "ZZ": "ZZ",
        "England, UK": "GB", "Deutschland (DE)": "DE", "BRD": "DE",
    }  # fmt: skip
    rows = spark.createDataFrame(list(enumerate(spellings)), "i int, country string").orderBy("i")
    found = rows.select(canonical_word("customer_record", "country", F.col("country"))).collect()
    assert {text: row[0] for text, row in zip(spellings, found, strict=True)} == spellings


def test_events_gather_nested_columns_and_correct_their_clock(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        name        | at                  | sent                | got                 | url                           | utm | price | cur
        ------------+---------------------+---------------------+---------------------+-------------------------------+-----+-------+----
        page_viewed | 2024-05-01 10:00:00 | 2024-05-01 10:00:05 | 2024-05-01 09:00:07 | https://s.de/?email=a@b.de&x=1 | nl  | 9.99  | eur
        page_viewed |                     |                     | 2024-05-01 09:00:07 |                               |     |       |
    """)  # fmt: skip
    settings = source(
        "event",
        {
            "event_name": "name", "original_time": "at", "sent_time": "sent", "received_time": "got",
            "page": {"url": "url"}, "campaign": {"source": "utm"}, "product.price": "price", "order.currency": "cur",
            "properties": {"colour": {"value": "red"}},
        },
    )  # fmt: skip
    draft = map_source(raw, settings)
    rows = checked(draft, now=NOW)
    assert_table(rows, EVENT, """
        event_name  | event_time          | time_quality | page                                                                                                      | campaign
        ------------+---------------------+--------------+-----------------------------------------------------------------------------------------------------------+--------------
        page_viewed | 2024-05-01 09:00:02 | corrected    | {"url":"https://s.de/?email=redacted&x=1","path":"/"} | {"source": "nl"}
        page_viewed | 2024-05-01 09:00:07 | missing      |                                             |
    """)  # fmt: skip
    first = (
        rows.orderBy("_position")
        .selectExpr("product.price AS p", "order.currency AS c", "to_json(properties) AS j")
        .first()
    )
    assert first is not None
    assert (str(first["p"]), first["c"], first["j"]) == ("9.99", "EUR", '{"colour":"red"}')


def test_the_products_of_an_event_are_read_from_the_list_in_its_cell(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        event | at                   | basket
        order | 2024-05-01T10:00:00Z | [{"sku": "A", "p": "1.234,50", "n": 2, "colour": "red"}, {"sku": "", "p": 1}, {"sku": "B", "p": 19.9}]
        order | 2024-05-01T10:00:00Z | [{"sku": "A", "p": "free"}]
        order | 2024-05-01T10:00:00Z | {"sku": "A"
        view  | 2024-05-01T10:00:00Z |
    """)  # fmt: skip
    columns = {
        "event_name": "event", "event_time": "at", "items": "basket", "items.product_number": "sku", "items.price": "p",
        "items.quantity": "n",
    }  # fmt: skip
    rows = map_source(raw, source("event", columns, numbers="de")).rows.orderBy("_position").collect()
    found = [(i.product_number, str(i.price), i.quantity and str(i.quantity)) for i in rows[0]["items"]]
    assert found == [("A", "1234.50", "2.000"), ("B", "19.90", None)]
    assert [[f["code"] for f in r["_faults"]] for r in rows] == [[], ["not_a_list"], ["not_a_list"], []]
    assert rows[3]["items"] is None
    alone = source_problems(
        {"event_name": "event", "event_time": "at", "items": "basket", "items.colour": "c"}
    )
    assert "items.colour is not a column of event" in alone
    assert "items.product_number must be mapped" in alone


def source_problems(columns: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        source("event", columns)
    return str(error.value)


def test_short_names_mean_the_columns_of_the_contract(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        nr | von        | bis        | typ
        ---+------------+------------+------
        7  | 2024-01-01 | 2024-02-01 | ja
        8  | 2024-03-01 | 2024-02-01 | nein
    """)  # fmt: skip
    campaign = source("campaign", {"campaign": "nr", "start": "von", "end": "bis", "randomised": "typ"})
    rows = checked(map_source(raw, campaign), now=NOW)
    assert_table(rows.where(F.size("_faults") == 0), CAMPAIGN, """
        campaign | start_time          | end_time            | is_randomised
        ---------+---------------------+---------------------+--------------
        7        | 2024-01-01 00:00:00 | 2024-02-01 00:00:00 | true
    """)  # fmt: skip
    contract = source("subscription", {"contract_id": "nr", "start": "von", "cancelled": "bis"})
    assert_table(map_source(raw, contract).rows, SUBSCRIPTION, """
        contract_id | start_time          | cancelled_time
        ------------+---------------------+--------------------
        7           | 2024-01-01 00:00:00 | 2024-02-01 00:00:00
        8           | 2024-03-01 00:00:00 | 2024-02-01 00:00:00
    """)  # fmt: skip


def test_a_customer_record_without_an_identifier_is_known_by_its_own_id(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("crm", "1", [("email", "ada@web.de")], None), ("crm", "2", [("phone", "none")], None)],
        "source string, record_id string, _identifiers array<struct<id_type:string,value:string>>, country string",
    )
    found = with_keys(rows, CUSTOMER_RECORD, pepper=PEPPER, settings=NormaliseSettings()).collect()
    assert [[(i.id_type, i.value) for i in r._keyed] for r in found] == [
        [("email", "ada@web.de")],
        [("record", "crm/2")],
    ]
    assert found[1]._keyed[0].id_key == found[1].record_key == identifier_key(PEPPER, "record", "crm/2")


def test_a_number_of_a_country_that_nobody_knows_is_not_one_of_the_projects(spark: SparkSession) -> None:
    number = ("phone", "0171 2345678")
    rows = spark.createDataFrame(
        [
            ("crm", "1", [number], "??"),
            ("crm", "2", [number], None),
            ("crm", "3", [("phone", "+49 171 2345678")], "??"),
        ],
        "source string, record_id string, _identifiers array<struct<id_type:string,value:string>>, country string",
    )
    found = with_keys(rows, CUSTOMER_RECORD, pepper=PEPPER, settings=NormaliseSettings()).collect()
    assert [[i.value for i in r._keyed] for r in found] == [["crm/1"], ["+491712345678"], ["+491712345678"]]
    assert {r.country for r in found} == {None}


def test_a_mailbox_that_ties_nobody_still_stands_on_the_record(spark: SparkSession) -> None:
    stated = {"1": ("email", " Info@Shop.de"), "2": ("email", "ada@example.com"), "3": ("phone", "none")}
    rows = spark.createDataFrame(
        [("crm", n, [item], None) for n, item in stated.items()],
        "source string, record_id string, _identifiers array<struct<id_type:string,value:string>>, country string",
    )
    keyed = with_keys(rows, CUSTOMER_RECORD, pepper=PEPPER, settings=NormaliseSettings())
    absent = {c.name: F.lit(None) for c in PERSON_RECORD.columns if c.name not in keyed.columns}
    people = person_records(keyed.withColumns(absent | {"_stated_time": F.lit(None)})).collect()
    assert [r.email for r in people] == [None, "ada@example.com", None]
    assert {i.id_type for r in people for i in r.identifiers} == {"record"}
