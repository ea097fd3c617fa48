"""Mapping of order lines: European formats, gross prices, returns, and every fault by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import ORDER_LINE
from habitue.sources.duplicates import IS_DUPLICATE, settled
from habitue.sources.mapping import SourceSettings, map_source
from habitue.sources.sniffing import date_format
from habitue.sources.validation import checked
from tests.raw_rows import raw_rows
from tests.tables import assert_table

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def shop(**changes: Any) -> SourceSettings:
    """A German shop: decimal comma, gross prices with 19 % VAT, day before month."""
    settings: dict[str, Any] = {
        "source": "shop",
        "entity": "order_line",
        "format": "csv",
        "path": "orders.csv",
        "zone": "Europe/Berlin",
        "numbers": "de",
        "columns": {
            "order_number": "Rechnung",
            "product_number": "Artikel",
            "quantity": "Menge",
            "unit_price": "Preis",
            "discount": "Rabatt",
            "vat": {"value": 19},
            "currency": {"value": "EUR"},
            "order_time": {"column": "Datum", "format": "dd.MM.yyyy HH:mm"},
            "is_return": {"sql": "Rechnung LIKE 'C%'"},
        },
        "identifiers": {"customer_number": {"sql": "try_cast(try_cast(Kunde AS double) AS bigint)"}},
    }
    return SourceSettings.model_validate(settings | changes)


def rows_of(raw: DataFrame, settings: SourceSettings) -> DataFrame:
    return checked(map_source(raw, settings), now=NOW)


def faults_of(rows: DataFrame) -> dict[int, str]:
    """Position of each faulty row with all its reasons."""
    reasons = F.array_join(F.transform("_faults", lambda f: F.concat_ws(": ", f["code"], f["reason"])), "; ")
    return {r["_position"]: r["reasons"] for r in rows.where(F.size("_faults") > 0).select("_position", reasons.alias("reasons")).collect()}  # fmt: skip


def test_gross_german_prices_become_net_and_returns_negative(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Artikel | Menge | Preis    | Rabatt | Datum            | Kunde
        ---------+---------+-------+----------+--------+------------------+--------
        1        | A       | 2     | 1.190,00 |        | 13.03.2024 09:30 | 17850.0
        1        | B       | 1     | 23,80    | 11,90  | 13.03.2024 09:30 | 17850.0
        2        | A       | -1    | 1190     |        | 01.07.2023 00:10 |
        C3       | A       | 1     | 119,00 € |        | 13.03.2024 09:30 | x
    """)  # fmt: skip
    rows = rows_of(raw, shop())
    assert faults_of(rows) == {}
    assert_table(rows, ORDER_LINE, """
        order_number | product_number | quantity | net_revenue | vat_rate | discount | currency | is_return | order_time
        -------------+----------------+----------+-------------+----------+----------+----------+-----------+--------------------
        1            | A              | 2        | 2000.00     | 19       |          | EUR      | false     | 2024-03-13 08:30:00
        1            | B              | 1        | 10.00       | 19       | 10.00    | EUR      | false     | 2024-03-13 08:30:00
        2            | A              | -1       | -1000.00    | 19       |          | EUR      | true      | 2023-06-30 22:10:00
        C3           | A              | -1       | -100.00     | 19       |          | EUR      | true      | 2024-03-13 08:30:00
    """)  # fmt: skip
    numbers = [row["_identifiers"] for row in rows.orderBy("_position").collect()]
    assert [[(i["id_type"], i["value"]) for i in items] for items in numbers] == [
        [("customer_number", "17850")],
        [("customer_number", "17850")],
        [],
        [],
    ]


def test_every_fault_of_a_row_is_named_without_its_value(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Artikel | Menge | Preis  | Rabatt | Datum            | Kunde
        ---------+---------+-------+--------+--------+------------------+------
        1        | A       | zwei  | 12.50  |        | 2024-03-13       | 1
        2        | A       | 1     | -5,00  |        | 13.03.2024 09:30 | 1
                 | A       | 1     | 5,00   |        | 13.03.2024 09:30 | 1
        4        | A       | 1     | 5,00   |        | 03.06.2024 09:30 | 1
        5        | A       | 1     |        |        | 13.03.2024 25:00 | 1
        6        | A       | 1     | 5,00   |        | 01.06.2024 09:30 | 1
    """)  # fmt: skip
    assert faults_of(rows_of(raw, shop())) == {
        0: "not_a_number: quantity (from Menge) is not a number, written as numbers: de says; "
        "not_a_number: unit_price (from Preis) is not a number, written as numbers: de says; "
        "not_a_date: order_time (from Datum) is not a time of the form dd.MM.yyyy HH:mm",
        1: "impossible_value: unit_price is negative",
        2: "missing_value: order_number is empty",
        3: "future_time: order_time lies more than 24 hours after the run",
        4: "not_a_date: order_time (from Datum) is not a time of the form dd.MM.yyyy HH:mm",
    }


def test_a_decimal_comma_where_a_point_is_mapped_is_a_fault(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Menge | Umsatz   | Datum                | Waehrung
        ---------+-------+----------+----------------------+---------
        1        | 1     | 12,50    | 2024-03-13 10:00     | EUR
        2        | 1     | 12.50    | 2024-03-13T10:00:00Z | eur
        3        | 1     | 1e2      | 2024-03-13           | XYZ
        4        | 0     | -3       | 2024-03-13 10:00+0200| CHF
        5        | 1     | NaN      | 10:00                | CHF
    """)  # fmt: skip
    settings = shop(
        numbers="plain",
        columns={"order_number": "Rechnung", "quantity": "Menge", "net_revenue": "Umsatz", "order_time": "Datum", "currency": "Waehrung"},
        identifiers={},
    )  # fmt: skip
    rows = rows_of(raw, settings)
    assert {k: v.split(":")[0] for k, v in faults_of(rows).items()} == {
        0: "not_a_number",
        2: "unknown_currency",
        4: "not_a_number",
    }
    assert_table(rows.where(F.size("_faults") == 0), ORDER_LINE, """
        order_number | quantity | net_revenue | currency | order_time          | is_return
        -------------+----------+-------------+----------+---------------------+----------
        2            | 1        | 12.50       | EUR      | 2024-03-13 10:00:00 | false
        4            | 0        | -3.00       | CHF      | 2024-03-13 08:00:00 | true
    """)  # fmt: skip


def test_a_time_in_the_gap_of_summer_time_is_kept_an_hour_later_and_flagged(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Menge | Preis | Rabatt | Artikel | Datum            | Kunde
        ---------+-------+-------+--------+---------+------------------+------
        1        | 1     | 1,19  |        | A       | 31.03.2024 01:59 | 1
        2        | 1     | 1,19  |        | A       | 31.03.2024 02:30 | 1
        3        | 1     | 1,19  |        | A       | 29.10.2023 02:30 | 1
    """)  # fmt: skip
    rows = rows_of(raw, shop())
    found = {r["order_number"]: (r["order_time"].isoformat(), r["_flags"]) for r in rows.collect()}
    assert found == {
        "1": ("2024-03-31T00:59:00", []),
        "2": ("2024-03-31T01:30:00", ["dst_gap"]),
        "3": ("2023-10-29T00:30:00", []),  # the repeated hour is the first one
    }


def test_discounts_apart_add_up_and_the_largest_gives_its_type(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Menge | Netto | Gutschein | Aktion | Datum
        ---------+-------+-------+-----------+--------+-----------
        1        | 1     | 8,00  | 0,50      | -1,50  | 13.03.2024
        2        | 1     | 8,00  |           |        | 13.03.2024
    """)  # fmt: skip
    settings = shop(
        columns={
            "order_number": "Rechnung", "quantity": "Menge", "net_revenue": "Netto", "currency": {"value": "EUR"},
            "order_time": {"column": "Datum", "format": "dd.MM.yyyy"},
            "discounts": {"coupon": "Gutschein", "promotion": "Aktion"},
        },
        identifiers={},
    )  # fmt: skip
    assert_table(rows_of(raw, settings), ORDER_LINE, """
        order_number | net_revenue | discount | discount_type | discounts
        -------------+-------------+----------+---------------+------------------------------------
        1            | 8.00        | 2.00     | promotion     | {"coupon": 0.50, "promotion": 1.50}
        2            | 8.00        | 0.00     |               | {}
    """)  # fmt: skip


def test_columns_with_dots_and_rates_with_a_percent_sign_are_read(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnungs-Nr. | Art.-Nr. | Menge | Preis  | MwSt. | Datum            | Kd.-Nr. | EK
        1             | A        | 1     | 119,00 | 19 %  | 13.03.2024 09:30 | 17      | 60,00
        2             | A        | -1    | 119,00 | 19    | 13.03.2024 09:30 | 17      | 60,00
        3             | A        | 1     | 119,00 | 0,19  | 13.03.2024 09:30 | 17      |
        4             | A        | 1     | 119,00 | 190   | 13.03.2024 09:30 | 17      |
    """)  # fmt: skip
    columns = {
        "order_number": "Rechnungs-Nr.",
        "product_number": "Art.-Nr.",
        "quantity": "Menge",
        "unit_price": "Preis",
        "vat": "MwSt.",
        "cost": "EK",
        "currency": {"value": "EUR"},
        "order_time": {"column": "Datum", "format": "dd.MM.yyyy HH:mm"},
    }
    rows = rows_of(raw, shop(columns=columns, identifiers={"customer_number": "Kd.-Nr."}))
    assert faults_of(rows) == {
        2: "impossible_value: vat is a fraction; it is read as percent: 19",
        3: "impossible_value: vat is no rate in percent",
    }
    assert_table(rows.where(F.size("_faults") == 0), ORDER_LINE, """
        order_number | net_revenue | vat_rate | cost   | is_return
        -------------+-------------+----------+--------+----------
        1            | 100.00      | 19       | 60.00  | false
        2            | -100.00     | 19       | -60.00 | true
    """)  # fmt: skip


def test_a_day_with_or_without_its_time_is_read_by_one_form(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Artikel | Menge | Preis | Rabatt | Datum               | Kunde
        1        | A       | 1     | 1,19  |        | 1.3.2024            | 1
        2        | A       | 1     | 1,19  |        | 13.03.2024 9:30     | 1
        3        | A       | 1     | 1,19  |        | 13.03.2024 09:30:05 | 1
        4        | A       | 1     | 0.500 |        | 13.03.2024          | 1
    """)  # fmt: skip
    form = date_format(["1.3.2024", "13.03.2024 9:30", "13.03.2024 09:30:05"])
    rows = rows_of(raw, shop(columns=shop().columns | {"order_time": {"column": "Datum", "format": form}}))
    times = [str(r.order_time) for r in rows.orderBy("_position").collect()]
    assert times[:3] == ["2024-02-29 23:00:00", "2024-03-13 08:30:00", "2024-03-13 08:30:05"]
    assert list(faults_of(rows)) == [3], "a zero begins no group of thousands"


def test_positions_keep_sale_and_returns_apart_and_lines_without_one_count(spark: SparkSession) -> None:
    raw = raw_rows(spark, """
        Rechnung | Pos | Menge | Preis  | Datum            | Artikel | Rabatt | Kunde
        1        | 1   | 3     | 119,00 | 01.03.2024 10:00 | A       |        |
        1        | 1   | -1    | 119,00 | 10.03.2024 10:00 | A       |        |
        1        | 1   | -1    | 119,00 | 11.03.2024 10:00 | A       |        |
        1        | 2   | 1     | 11,90  | 01.03.2024 10:00 | B       |        |
        1        | 2   | 1     | 23,80  | 02.03.2024 10:00 | B       |        |
        1        |     | 1     | 5,95   | 01.03.2024 10:00 | S       |        |
        1        |     | 1     | 1,19   | 01.03.2024 10:00 | G       |        |
        1        | 0   | 2     | 11,90  | 01.03.2024 10:00 | Z       |        |
        1        | 0   | -1    | 11,90  | 09.03.2024 10:00 | Z       |        |
        C2       | 1   | 1     | 119,00 | 01.03.2024 10:00 | A       |        |
    """)  # fmt: skip
    settings = shop(columns=shop().columns | {"line_number": "Pos"})
    known = (
        rows_of(raw, settings)
        .withColumn("source", F.lit("shop"))
        .withColumn("known_time", F.col("order_time"))
    )
    again = known.withColumn("_file", F.lit("orders-again.csv"))
    known = known.unionByName(again)
    kept = settled(known, ORDER_LINE, has_key=False, has_number=True).where(~F.col(IS_DUPLICATE))
    assert_table(kept, ORDER_LINE, """
        order_number | line_number | product_number | net_revenue
        -------------+-------------+----------------+------------
        1            | 1           | A              | 300.00
        1            | -1          | A              | -100.00
        1            | -1000001    | A              | -100.00
        1            | 2           | B              | 20.00
        1            | 3           | G              | 1.00
        1            | 4           | S              | 5.00
        1            | 0           | Z              | 20.00
        1            | -1000000    | Z              | -10.00
        C2           | 1           | A              | -100.00
    """)  # fmt: skip
