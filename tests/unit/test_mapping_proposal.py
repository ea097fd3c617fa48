"""`habitue map`: what a file looks like and which mapping is proposed for it."""

from __future__ import annotations

from pathlib import Path

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
    ("values", "expected"),
    [
        (["2024-03-13", "2024-03-14 10:00:00"], ""),
        (["13.03.2024", ""], "d.M.yyyy"),
        (["03/13/2024 10:00:05"], "M/d/yyyy H:mm:ss"),
        (["13/03/2024"], "d/M/yyyy"),
        (["20240313"], "yyyyMMdd"),
        (["13.03.2024", "soon"], None),
        ([], None),
    ],
)
def test_date_formats_are_read_from_all_values(values: list[str], expected: str | None) -> None:
    assert date_format(values) == expected
