"""No address and no customer number of the shop is found outside the vault: not in tables, logs, records, models, reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from habitue.contracts.intake import IDENTIFIER
from tests.jobs.conftest import Published, Shop
from tests.jobs.small_shop import customer_number, email

CANARIES = re.compile(rb"@kunden\.de|k4711\d{3}|kd-?4711\d{3}", re.IGNORECASE)
OPEN = ("lake/silver", "lake/gold", "lake/_habitue", "report", "mlartifacts", "mlflow.db")


def files(folder: Path, *places: str) -> Iterator[Path]:
    """All files at or below the places."""
    for place in places:
        path = folder / place
        yield from [path] if path.is_file() else (file for file in sorted(path.rglob("*")) if file.is_file())


def strings(array: pa.Array | pa.ChunkedArray) -> Iterator[bytes]:
    """Every distinct text in a column, into lists, maps and structs."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray) or len(array) == 0:
        return
    kind = array.type
    if pa.types.is_struct(kind):
        for position in range(kind.num_fields):
            yield from strings(pc.struct_field(array, position))
    elif pa.types.is_map(kind):
        yield from strings(array.keys)
        yield from strings(array.items)
    elif pa.types.is_list(kind):
        yield from strings(pc.list_flatten(array))
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        yield from (v if isinstance(v, bytes) else v.encode() for v in pc.unique(array).to_pylist() if v)


def content(file: Path) -> Iterator[bytes]:
    """What a reader of a file can see: the texts of a Parquet file and of its statistics, else its bytes."""
    if file.suffix == ".parquet":
        table = pq.read_table(file, partitioning=None)
        for column in table.columns:
            yield from strings(column)
    yield file.read_bytes()


def found(folder: Path, *places: str) -> list[str]:
    """Files in which a canary is found."""
    return [
        str(f.relative_to(folder)) for f in files(folder, *places) if any(map(CANARIES.search, content(f)))
    ]


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
