"""`habitue map`: what a file looks like and which mapping is proposed for it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from habitue.sources.proposal import propose
from habitue.sources.settings import SourceSettings
from habitue.sources.sniffing import date_format, sniff


def test_a_german_export_is_recognised_and_its_proposal_is_a_valid_mapping(tmp_path: Path) -> None:
    text = (
        "Rechnungsnr.;Artikelnummer;Menge;Einzelpreis;Rechnungsdatum;Kundennummer;Bemerkung\n"
        '1001;A-1;2;1.234,50;13.03.2024 09:30;17850;"grün\nund groß"\n'
        "1002;A-2;1;3,95 €;1.4.2024 10:05;17851;\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "Umsätze 2024.csv").write_bytes(text.encode("cp1252"))
    proposal = propose(
        tmp_path / "data" / "Umsätze 2024.csv", project=tmp_path, zone="Europe/Berlin", currency="EUR"
    )
    assert proposal.missing == ()
    data = yaml.safe_load(proposal.yaml)
    assert data == {
        "source": "ums_tze_2024",
        "entity": "order_line",
        "format": "csv",
        "path": "data/Umsätze 2024.csv",
        "options": {"header": True, "delimiter": ";", "encoding": "cp1252", "multiLine": True},
        "zone": "Europe/Berlin",
        "numbers": "de",
        "history": True,
        "columns": {
            "order_number": "Rechnungsnr.",
            "order_time": {"column": "Rechnungsdatum", "format": "d.M.yyyy H:mm"},
            "product_number": "Artikelnummer",
            "quantity": "Menge",
            "unit_price": "Einzelpreis",
            "currency": {"value": "EUR"},
        },
        "identifiers": {"customer_number": "Kundennummer"},
    }
    assert SourceSettings.model_validate(data) == proposal.settings
    assert "# not used: Bemerkung" in proposal.yaml
    assert "If prices contain VAT" in proposal.yaml


def test_no_consent_is_proposed_that_nobody_gave(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("email,channel,state,date\na@b.de,email,opt-out,2024-01-05\n")
    proposal = propose(tmp_path / "c.csv", project=tmp_path, zone="UTC", currency="EUR", entity="consent")
    assert proposal.missing == ("status",)
    assert "# status: {value: granted} only where every row of the file is a consent" in proposal.yaml
    assert "# not used: state" in proposal.yaml


def test_columns_that_no_name_fits_are_left_to_a_person(tmp_path: Path) -> None:
    (tmp_path / "k.csv").write_text("Kunde,Menge,Netto\n1,2,3.50\n")
    proposal = propose(tmp_path / "k.csv", project=tmp_path, zone="UTC", currency="EUR")
    assert proposal.settings is None
    assert proposal.missing == ("order_number", "order_time")
    assert "# order_time: ...  # required for order_line" in proposal.yaml


def test_parquet_and_json_files_are_proposed_by_their_names(tmp_path: Path) -> None:
    people = {"customer_id": [1], "first_name": ["a"], "email": ["a@b.de"], "date_of_birth": ["1980-02-01"]}
    pq.write_table(pa.table(people), tmp_path / "people.parquet")
    data = yaml.safe_load(
        propose(tmp_path / "people.parquet", project=tmp_path, zone="UTC", currency="EUR").yaml
    )
    assert (data["entity"], data["columns"]["birth_date"]) == ("customer_record", "date_of_birth")
    assert data["identifiers"] == {"customer_number": "customer_id", "email": "email"}
    (tmp_path / "e.jsonl").write_text(
        '{"event": "page_viewed", "timestamp": "2024-01-01T10:00:00Z", "page": {"url": "x"}}\n'
    )
    found = sniff(tmp_path / "e.jsonl")
    assert (found.format, list(found.columns)) == ("json", ["event", "timestamp", "page.url"])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1433221332117, 1433221332118], {"column": "timestamp", "format": "epoch_millis"}),
        ([1433221332.0, None], {"column": "timestamp", "format": "epoch_seconds"}),
        (["13.03.2024 09:30"] * 2, {"column": "timestamp", "format": "d.M.yyyy H:mm"}),
        ([datetime(2024, 3, 13, 9, 30)] * 2, "timestamp"),
        (pa.array([1710322200000000001] * 2, pa.timestamp("ns", tz="UTC")), "timestamp"),
    ],
)
def test_times_of_parquet_that_are_numbers_or_texts_have_a_form_too(
    tmp_path: Path, times: Any, expected: Any
) -> None:
    log = {"event": ["view", "view"], "timestamp": times, "itemid": [1, 2]}
    pq.write_table(pa.table(log), tmp_path / "log.parquet")
    found = propose(tmp_path / "log.parquet", project=tmp_path, zone="UTC", currency="EUR")
    assert yaml.safe_load(found.yaml)["columns"]["event_time"] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-03-13", "2024-03-14 10:00:00"], ""),
        (["13.03.2024", ""], "d.M.yyyy"),
        (["03/13/2024 10:00:05"], "M/d/yyyy H:mm:ss"),
        (["13/03/2024"], "d/M/yyyy"),
        (["20240313"], "yyyyMMdd"),
        (["13.03.2024", "soon"], None),
        (["1433221332", "1710324000"], "epoch_seconds"),
        (["1433221332117"], "epoch_millis"),
        (["1433221332117000"], "epoch_micros"),
        (["1561234567.123", "1561234568"], "epoch_seconds"),
        (["13.03.2024"] * 40 + ["Summe"], "d.M.yyyy"),
        (["13.03.24"], "d.M.yy"),
        (["13.03.2024", "13.03.2024 10:00"], "d.M.yyyy[ H:mm[:ss]]"),
        (["13.03.2024"] + ["13.03.2024 10:00"] * 97, "d.M.yyyy[ H:mm[:ss]]"),
        ([], None),
    ],
)
def test_date_formats_are_read_from_all_values(values: list[str], expected: str | None) -> None:
    assert date_format(values) == expected


def proposed(folder: Path, text: str, encoding: str = "utf-8", **named: str) -> tuple[dict[str, Any], str]:
    (folder / "export.csv").write_bytes(text.encode(encoding))
    found = propose(folder / "export.csv", project=folder, zone="UTC", currency="EUR", **named)
    return yaml.safe_load(found.yaml), found.yaml


def test_orders_that_bring_names_and_addresses_along_are_orders(tmp_path: Path) -> None:
    names = "Bestellnr;Datum;Artikelnr;Menge;Preis;MwSt;Kundennr;Vorname;Nachname;Strasse;PLZ;Ort;Land;E-Mail"
    row = "1;1.3.2024;A;1;9,50;19;7;Anna;Kern;Weg 1;10115;Berlin;DE;a@web.de"
    assert proposed(tmp_path, f"{names}\n{row}\n")[0]["entity"] == "order_line"
    assert proposed(tmp_path, f"{names}\n{row}\n", entity="customer_record")[0]["entity"] == "customer_record"


def test_orders_that_name_products_are_orders(tmp_path: Path) -> None:
    names = "transaction id,order time utc,product id,quantity,price,product category"
    assert proposed(tmp_path, f"{names}\n1,2024-05-01 10:00:00,A,1,9.50,shoes\n")[0]["entity"] == "order_line"


def test_logs_of_visits_are_events(tmp_path: Path) -> None:
    names = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    row = "2019-10-01 00:00:00 UTC,view,44600062,2103,,shiseido,35.79,541312140,72d76fde-8bb3"
    data, _ = proposed(tmp_path, f"{names}\n{row}\n")
    assert data["entity"] == "event"
    assert data["columns"] == {
        "event_name": "event_type",
        "event_time": "event_time",
        "source_session_id": "user_session",
        "product.product_number": "product_id",
        "product.category": "category_code",
        "product.brand": "brand",
        "product.price": "price",
    }
    assert data["identifiers"] == {"user_id": "user_id"}
    data, _ = proposed(
        tmp_path, "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
    )
    assert data["columns"] == {
        "event_name": "event",
        "event_time": {"column": "timestamp", "format": "epoch_millis"},
        "product.product_number": "itemid",
        "order.order_number": "transactionid",
    }
    assert data["identifiers"] == {"anonymous_id": "visitorid"}


def test_flat_tables_of_trackers_keep_who_session_page_and_agent(tmp_path: Path) -> None:
    """Events of GA4 with their parameters as columns, and a table of calls as RudderStack's warehouse has it."""
    names = "event_timestamp,event_name,user_pseudo_id,user_id,ga_session_id,page_location,page_referrer"
    data, text = proposed(tmp_path, f"{names}\n1609459200123456,page_view,12.34,,17,https://x/,https://y/\n")
    assert (data["entity"], data["columns"]) == (
        "event",
        {
            "event_name": "event_name",
            "event_time": {"column": "event_timestamp", "format": "epoch_micros"},
            "source_session_id": "ga_session_id",
            "page.url": "page_location",
            "page.referrer": "page_referrer",
        },
    )
    assert data["identifiers"] == {"user_id": "user_id", "anonymous_id": "user_pseudo_id"}
    context = {
        "source_session_id": "context_session_id",
        "page.url": "context_page_url",
        "page.referrer": "context_page_referrer",
        "campaign.source": "context_campaign_source",
        "campaign.medium": "context_campaign_medium",
        "campaign.name": "context_campaign_name",
        "device.user_agent": "context_user_agent",
    }
    named = {
        "event_id": "id",
        "event_name": "event",
        "event_time": "timestamp",
        "received_time": "received_at",
    }
    header = ",".join(["anonymous_id", *named.values(), *context.values()])
    for left_out in (",context_session_id", ""):  # Segment's has no session
        data, _ = proposed(tmp_path, header.replace(left_out, "") + "\n" + "x" + ",1" * 11 + "\n")
        expected = named | {k: v for k, v in context.items() if v not in left_out}
        assert (data["entity"], data["columns"]) == ("event", expected)
        assert data["identifiers"] == {"anonymous_id": "anonymous_id"}


def test_an_id_is_an_events_only_beside_a_visitor_and_events_of_nobody_say_so(tmp_path: Path) -> None:
    data, text = proposed(tmp_path, "id,event,timestamp,product_id\n5,view,2024-05-01 10:00:00,A\n")
    assert data["entity"] == "event" and "event_id" not in data["columns"]
    assert "# Without identifiers these rows belong to nobody." in text
    _, text = proposed(tmp_path, "visitorid,event,timestamp,product_id\n5,view,2024-05-01 10:00:00,A\n")
    assert "belong to nobody" not in text


def test_signs_in_names_and_ambiguous_amounts_are_heeded(tmp_path: Path) -> None:
    data, text = proposed(
        tmp_path, "Belegnr;Datum;Menge;Umsatz;MwSt €;Rabatt %\n1;1.3.2024;1;119,00;19,00;10\n"
    )
    assert data["columns"]["net_revenue"] == "Umsatz"
    assert not {"vat", "discount"} & set(data["columns"])
    assert "if Umsatz contains VAT, call it gross_revenue" in text
    assert "# key: [...]" in text
    priced = "Belegnr;Datum;Menge;Einzelpreis;MwSt;Gesamtpreis\n1;1.3.2024;2;119,00;19;238,00\n"
    assert {"unit_price", "vat"} <= set(proposed(tmp_path, priced)[0]["columns"]) - {"net_revenue"}
    both = "Belegnr;Datum;Menge;Preis;MwSt €;MwSt %\n1;1.3.2024;2;119,00;38,00;19\n"
    assert proposed(tmp_path, both)[0]["columns"]["vat"] == "MwSt %"
    event = "event_name;timestamp;page_url;product_id;transaction_id;revenue\nview;2024-03-01;x;A;;\n"
    assert proposed(tmp_path, event)[0]["entity"] == "event"
    born = "Kundennr;Nachname;Geburtsdatum\n1;Kern;13.03.64\n"
    assert proposed(tmp_path, born)[0]["columns"]["birth_date"] == "Geburtsdatum"
    gross, _ = proposed(tmp_path, "Auftragsnr;Datum;Bruttopreis;MwSt\n1;1.3.2024;119,00;19\n")
    assert (gross["columns"]["unit_price"], gross["columns"]["vat"]) == ("Bruttopreis", "MwSt")


@pytest.mark.parametrize(
    ("cells", "delimiter", "style"),
    [
        (["2,000", "10,000"], ";", "de"),
        (["2,000", "10,000"], "\t", "en"),
        (["1,234.50", "2,000"], ";", "en"),
        (["12.50", "2,000"], ";", "en"),
        (["€ 12,50"], ";", "de"),
        (["1\u00a0234,50"], ";", "fr"),
        (["0,500"], "\t", "de"),
    ],
)
def test_the_style_of_numbers_is_told_by_what_only_it_can_mean(
    tmp_path: Path, cells: list[str], delimiter: str, style: str
) -> None:
    columns = delimiter.join(f"Preis{i}" for i in range(len(cells)))  # each in a column of its own
    (tmp_path / "n.csv").write_text(
        f"{columns}{delimiter}x\n{delimiter.join(cells)}{delimiter}x\n", encoding="utf-8"
    )
    assert sniff(tmp_path / "n.csv").numbers == style


def test_the_encoding_is_that_of_the_whole_file(tmp_path: Path) -> None:
    """An umlaut that the end of the sample cuts is no sign of another encoding, and a late one is."""
    line = "1;Mütze\n"
    header = "nr;name\n"
    cut = header + "x" * ((1 << 20) - len(header) - 3) + ";M" + "ü\n" + line
    (tmp_path / "cut.csv").write_text(cut, encoding="utf-8")
    assert (tmp_path / "cut.csv").read_bytes()[(1 << 20) - 1 : (1 << 20) + 1] == "ü".encode()
    (tmp_path / "late.csv").write_bytes((header + "1;x\n" * 300_000 + line).encode("cp1252"))
    assert [sniff(tmp_path / f"{name}.csv").encoding for name in ("cut", "late")] == ["utf-8", "cp1252"]


def test_a_name_that_stands_twice_is_the_first_column_as_in_the_files(tmp_path: Path) -> None:
    found = proposed(tmp_path, "Belegnr;Datum;Netto;Datum\n1;1.3.2024 10:00;5,00;1.3.2024\n")[0]
    assert found["columns"]["order_time"] == {"column": "Datum", "format": "d.M.yyyy H:mm"}


@pytest.mark.parametrize(
    ("text", "columns", "identifiers"),
    [
        pytest.param(
            "Name,Email,Total,Discount Code,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Currency\n"
            "#1001,a@b.de,54.90,MAY,2023-05-01 09:59:00 +0200,2,Shirt,25.00,SH-1,EUR\n",
            {
                "order_number": "Name", "order_time": "Created at", "product_number": "Lineitem sku",
                "quantity": "Lineitem quantity", "unit_price": "Lineitem price", "coupon": "Discount Code",
                "currency": "Currency",
            },
            {"email": "Email"},
            id="shopify",
        ),
        pytest.param(
            "increment_id,created_at,customer_email,sku,qty_ordered,price_incl_tax,row_total,order_currency_code\n"
            "100000001,2023-01-05 08:11:12,x@y.com,SKU-9,1.0000,19.9900,19.9900,PLN\n",
            {
                "order_number": "increment_id", "order_time": "created_at", "product_number": "sku",
                "quantity": "qty_ordered", "unit_price": "price_incl_tax", "currency": "order_currency_code",
            },
            {"email": "customer_email"},
            id="magento",
        ),
        pytest.param(
            "Row ID,Order ID,Order Date,Customer ID,Customer Name,City,Product ID,Category,Sales,Quantity,Discount\n"
            "1,CA-1,11/8/2016,CG-12520,Claire Gute,Henderson,FUR-1,Furniture,261.96,2,0\n"
            "2,CA-2,6/13/2016,DV-13045,Darrin Van Huff,Fort Worth,OFF-1,Paper,14.62,2,0.2\n",
            {  # a share of the price is no money that was taken off
                "order_number": "Order ID", "order_time": {"column": "Order Date", "format": "M/d/yyyy"},
                "product_number": "Product ID", "quantity": "Quantity", "net_revenue": "Sales",
                "currency": {"value": "EUR"},
            },
            {"customer_number": "Customer ID"},
            id="share as discount",
        ),
        pytest.param(
            "order_id,order_item_id,product_id,price,order_purchase_timestamp,customer_id\n"
            "00010242,1,4244733e,58.90,2017-09-19 09:45:35,06b8999e\n",
            {
                "order_number": "order_id", "line_number": "order_item_id",
                "order_time": "order_purchase_timestamp", "product_number": "product_id",
                "unit_price": "price", "quantity": {"value": 1}, "currency": {"value": "EUR"},
            },
            {"customer_number": "customer_id"},
            id="marketplace",
        ),
    ],
)  # fmt: skip
def test_exports_of_shops_are_recognised(
    tmp_path: Path, text: str, columns: dict[str, Any], identifiers: dict[str, str]
) -> None:
    data, _ = proposed(tmp_path, text)
    assert (data["entity"], data["columns"], data["identifiers"]) == ("order_line", columns, identifiers)


@pytest.mark.parametrize(
    ("text", "entity", "missing"),
    [
        ("t_dat,customer_id,article_id,price\n2018-09-20,000058a1,0663713001,0.05\n", "order_line", "order_number"),
        ("order_id,customer_id,order_status,order_purchase_timestamp\nq,7,delivered,2017-10-02 10:56:33\n", "order_line", "net_revenue"),
        ("article_id,price,name,created_at\n0663713001,9.95,Strap top,2018-09-20\n", "product", None),
        ("customer_id,created_at,first_name,last_name,revenue\n7,2018-09-20,Anna,Kern,12.50\n", "customer_record", None),
        ("email,channel,status,date\na@b.de,email,opt-in,2024-01-05\n", "consent", None),
        ("sessionId;userId;itemId;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n", "event", "event_name"),
    ],
)  # fmt: skip
def test_who_bought_what_and_when_makes_orders_also_where_something_is_missing(
    tmp_path: Path, text: str, entity: str, missing: str | None
) -> None:
    data, said = proposed(tmp_path, text)
    assert data["entity"] == entity
    assert (f"# {missing}: ...  # required" in said) if missing else ("# required" not in said)


def test_orders_without_a_number_are_told_by_buyer_and_time(tmp_path: Path) -> None:
    _, said = proposed(tmp_path, "t_dat,customer_id,article_id,price\n2018-09-20,000058a1,0663713001,0.05\n")
    assert "order_number: {sql: \"concat_ws(' ', `customer_id`, `t_dat`)\"}" in said


@pytest.mark.parametrize(
    ("column", "currency"),
    [
        ("Purchase Amount (USD)", "USD"),
        ("amount_chf", "CHF"),
        ("Umsatz in EUR", "EUR"),
        ("Betrag [€]", "EUR"),
        ("Umsatz in €", "EUR"),
        ("Umsatz £", "GBP"),
        ("Umsatz (ALL)", "ALL"),
        ("Amount", "SEK"),  # that of the project
        ("Amount (net)", "SEK"),
    ],
)
def test_the_currency_in_the_name_of_an_amount_is_that_of_the_orders(
    tmp_path: Path, column: str, currency: str
) -> None:
    (tmp_path / "export.csv").write_text(
        f"order_id,order_date,customer_id,{column}\n1,2024-01-02,7,9.50\n", "utf-8"
    )
    found = propose(tmp_path / "export.csv", project=tmp_path, zone="UTC", currency="SEK")
    assert yaml.safe_load(found.yaml)["columns"]["currency"] == {"value": currency}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("order_id,order_date,price,vat_rate,vat_eur", {"vat": "vat_rate", "unit_price": "price"}),
        ("order_id,order_date,Einzelpreis (EUR),MwSt (EUR)", {"vat": None, "unit_price": "Einzelpreis (EUR)"}),
        ("order_id,order_date,voucher_eur,amount", {"coupon": None, "net_revenue": "amount"}),
        ("order_id,order_date,amount_usd,amount,currency", {"net_revenue": "amount", "currency": "currency"}),
        ("order_id,order_date,amount_usd,currency", {"net_revenue": "amount_usd", "currency": {"value": "USD"}}),
        ("order_id,order_date,net_amount_eur,gross_amount_eur", {"net_revenue": "net_amount_eur"}),
    ],
)  # fmt: skip
def test_what_has_a_currency_in_its_name_is_money_in_it(
    tmp_path: Path, header: str, expected: dict[str, Any]
) -> None:
    data, _ = proposed(tmp_path, f"{header}\n1,2024-01-02,{','.join(['9'] * (header.count(',') - 1))}\n")
    assert data["entity"] == "order_line"
    assert {name: data["columns"].get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("id,email,first_name,last_name,street,zip,city,created_at,invoice\n7,a@b.de,Anna,Kern,Weg 1,1,Bonn,2024-01-02,no\n", "customer_record"),
        ("sku,name,category,brand,bestellnummer,created_at\nS-1,Shirt,tops,Own,88-1,2024-01-02\n", "product"),
        ("session_id,email,purpose,channel,status,timestamp\ns1,a@b.de,marketing,email,granted,2024-01-02 10:00:00\n", "consent"),
    ],
)  # fmt: skip
def test_customers_products_and_consents_stay_what_they_are(tmp_path: Path, text: str, entity: str) -> None:
    assert proposed(tmp_path, text)[0]["entity"] == entity


def test_what_an_order_is_worth_is_not_what_each_of_its_lines_is(tmp_path: Path) -> None:
    head = "order_id,order_date,customer_id,sku,quantity,order_total\n"
    data, said = proposed(tmp_path, f"{head}1,2024-01-02,7,A,1,30\n1,2024-01-02,7,B,2,30\n")
    assert "net_revenue" not in data["columns"] and "order_total looks like that of the whole order" in said
    data, _ = proposed(tmp_path, f"{head}1,2024-01-02,7,A,1,30\n2,2024-01-02,7,B,2,30\n")
    assert data["columns"]["net_revenue"] == "order_total"


@pytest.mark.parametrize(
    ("column", "values", "is_kept"),
    [
        ("discount", ["0", "0.2"], False),
        ("discount", ["0", "2.50"], True),
        ("discount", ["0", "0"], True),
        ("discount", ["", ""], True),
        ("discount_amount", ["0.00", "0.99"], True),
        ("position", ["1.0", "2.0"], True),
        ("position", ["a", "b"], False),
        ("order_item_id", ["12345678901234", "12345678901235"], False),  # an id, and no place in an order
    ],
)
def test_columns_whose_content_cannot_be_it_are_left_out(
    tmp_path: Path, column: str, values: list[str], is_kept: bool
) -> None:
    rows = "".join(f"{i},2024-01-02,7,A,9.50,{value}\n" for i, value in enumerate(values))
    data, said = proposed(tmp_path, f"order_id,order_date,customer_id,sku,price,{column}\n{rows}")
    assert (column in data["columns"].values()) == is_kept
    assert (f"# not used: {column}" in said) != is_kept
