"""No address and no customer number of the shop is found outside the vault: not in tables, logs, records, models, reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from habitue.contracts.intake import IDENTIFIER
from tests.jobs.canaries import CANARIES, OPEN, files, found
from tests.jobs.conftest import Published, Shop
from tests.jobs.small_shop import customer_number, email


def test_the_search_finds_what_lies_in_the_vault_and_in_the_sources(published: Published) -> None:
    folder = published.shop.folder
    assert any(name.startswith("lake/vault/identifier/part-") for name in found(folder, "lake/vault"))
    assert found(folder, "data") == ["data/orders_1.csv", "data/orders_2.csv"]
    clear = {row["clear_value"] for row in published.shop.lake.read(IDENTIFIER).collect()}
    assert clear >= {email(0)} and any(CANARIES.search(value.encode()) for value in clear - {email(0)})
    assert CANARIES.search(customer_number(0).encode())


def test_open_layers_records_logs_models_and_reports_name_nobody(published: Published) -> None:
    folder = published.shop.folder
    searched = list(files(folder, *OPEN))
    assert {f.suffix for f in searched} >= {".parquet", ".json", ".html", ".db"} and len(searched) > 50
    assert found(folder, *OPEN) == []
    assert not CANARIES.search(published.progress.encode())
    [log] = re.findall(
        r"-Dhabitue\.log\.file=([^\"]+)", published.shop.spark.conf.get("spark.driver.extraJavaOptions")
    )
    assert Path(log).stat().st_size > 0
    assert found(Path(log).parent, Path(log).name) == []


def test_a_failing_run_names_nobody_either(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The bad rows quote addresses where numbers belong; the error, the record and the counts do not."""
    orders = shop.folder / "data" / "orders_2.csv"
    header, *lines = orders.read_text(encoding="cp1252").splitlines()
    bad = [";".join([*line.split(";")[:6], line.split(";")[2]]) for line in lines]
    orders.write_text("\n".join([header, *bad]) + "\n", encoding="cp1252")
    assert shop.habitue("-v", "run") == 10
    said = capsys.readouterr()
    assert "unit_price (from Preis) is not a number" in said.err
    assert not CANARIES.search((said.out + said.err).encode())
    assert found(shop.folder, *OPEN) == []
