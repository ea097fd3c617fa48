"""Bad input from sources, each with the answer of the fault table: quarantine, rejection, or stop."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from habitue.contracts.entities import CUSTOMER_RECORD, ORDER_LINE
from habitue.contracts.intake import PERSON_RECORD, QUARANTINE, QUARANTINE_COUNT, SOURCE_FILE
from habitue.contracts.table import Table
from habitue.errors import CheckError, ExitCode, InputError
from habitue.pipeline.plan import undated_steps
from habitue.pipeline.run_steps import run_steps
from habitue.sources.inputs import digest
from habitue.stages.ingest import ingest, source_inputs
from tests.jobs.project import NOW, project_run

ORDERS: dict[str, Any] = {
    "entity": "order_line",
    "format": "csv",
    "path": "data/orders/*.csv",
    "options": {"delimiter": ";"},
    "zone": "Europe/Berlin",
    "columns": {
        "order_number": "Nr",
        "quantity": "Menge",
        "net_revenue": "Netto",
        "currency": "Waehrung",
        "order_time": {"column": "Zeit", "format": "yyyy-MM-dd HH:mm"},
    },
    "identifiers": {"customer_number": "Kunde"},
}
HEADER = "Nr;Kunde;Menge;Netto;Waehrung;Zeit\n"
GOOD = [f"{n};k{n};1;10.00;EUR;2024-05-{n % 27 + 1:02d} 10:00" for n in range(1, 41)]


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def parquet(path: Path, numbers: range) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {
        "Nr": [str(n) for n in numbers],
        "Kunde": [f"k{n}" for n in numbers],
        "Menge": [1] * len(numbers),
        "Netto": [10.0] * len(numbers),
        "Waehrung": ["EUR"] * len(numbers),
        "Zeit": ["2024-05-01 10:00"] * len(numbers),
    }
    pq.write_table(pa.table(rows), path, write_page_checksum=True)
    return path


def statuses(run: Any) -> dict[str, tuple[str, str | None]]:
    return {Path(r["file"]).name: (r["status"], r["reason"]) for r in run.lake.read(SOURCE_FILE).collect()}


def counts(run: Any) -> dict[tuple[str, str], int]:
    return {
        (r["outcome"], r["reason_code"]): r["row_count"] for r in run.lake.read(QUARANTINE_COUNT).collect()
    }


def total(df: DataFrame) -> tuple[int, str]:
    row = df.selectExpr("count(*) AS n", "sum(net_revenue) AS s").first()
    assert row is not None
    return row["n"], str(row["s"])


def test_bad_rows_are_quarantined_with_a_reason_and_all_rows_are_accounted_for(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(
        tmp_path / "data/orders/a.csv",
        *GOOD,
        "41;k1;1;12,50;EUR;2024-05-01 10:00",
        "42;k1;1;-12.50;EUR;2024-05-01 10:00",
        "43;k1;1;12.50;EUR;2031-05-01 10:00",
        "44;k1;1;12.50;XXQ;2024-05-01 10:00",
        "45;k1;1;12.50;EUR;01.05.2024 10:00",
        ";k1;1;12.50;EUR;2024-05-01 10:00",
        "47;k1;1;12.50",
        "48;k1;1;5.00;EUR;2024-03-31 02:30",  # in the gap of summer time
        "49;unbekannt;1;5.00;EUR;2024-05-01 10:00",  # a customer number that names nobody
    )
    source = ORDERS | {"limits": {"max_quarantined_share": 0.2}}
    run = project_run(spark, tmp_path, {"shop": source})
    ingest(run)
    assert total(run.lake.read(ORDER_LINE)) == (42, "410.00")
    assert counts(run) == {
        ("read", ""): 49,
        ("good", ""): 42,
        ("duplicate", ""): 0,
        ("quarantined", "not_a_number"): 1,
        ("quarantined", "impossible_value"): 1,
        ("quarantined", "future_time"): 1,
        ("quarantined", "unknown_currency"): 1,
        ("quarantined", "not_a_date"): 1,
        ("quarantined", "missing_value"): 1,
        ("quarantined", "corrupt_record"): 1,
        ("flagged", "dst_gap"): 1,
        ("flagged", "junk_identifier"): 1,
    }
    held = {r["position"]: r for r in run.lake.read(QUARANTINE).collect()}
    assert sorted(held) == [40, 41, 42, 43, 44, 45, 46]
    assert held[40]["raw"].startswith('{"Nr":"41"')
    assert "12,50" not in held[40]["reason"]
    assert held[46]["raw"] == "47;k1;1;12.50"


def test_rows_that_lie_ahead_are_taken_in_when_their_time_has_come_though_no_file_changed(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(
        tmp_path / "data/orders/a.csv",
        *GOOD,
        "41;k1;1;12.50;EUR;2031-05-01 10:00",
        "42;k1;1;20.00;EUR;2032-05-01 10:00",
    )
    found, did = [], []
    for day in (NOW, *(datetime(year, 5, 1, tzinfo=UTC) for year in (2031, 2032, 2033))):
        run = project_run(spark, tmp_path, {"shop": ORDERS}, run_id=f"r{day.year}", now=day)
        did.append(run_steps(run, undated_steps(run.settings)[:1]))
        found.append(total(run.lake.read(ORDER_LINE)))
    assert found == [(40, "400.00"), (41, "412.50"), (42, "432.50"), (42, "432.50")]
    assert did == [True, True, True, False]


def test_figures_are_those_of_rows_that_were_written(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "data/orders/a.csv", *GOOD)
    run = project_run(spark, tmp_path, {"shop": ORDERS})
    ingest(run)
    before = counts(run)
    write(tmp_path / "data/orders/b.csv", "41;k1;1;12.50;EUR;2024-05-01 10:00")
    dying = project_run(spark, tmp_path, {"shop": ORDERS}, run_id="r2")
    merge = dying.lake.merge

    def until_the_lines(table: Table, *rows: Any, **more: Any) -> None:
        if table is ORDER_LINE:
            raise InterruptedError
        merge(table, *rows, **more)

    monkeypatch.setattr(dying.lake, "merge", until_the_lines)
    with pytest.raises(InterruptedError):
        ingest(dying)
    assert counts(run) == before and total(run.lake.read(ORDER_LINE)) == (40, "400.00")


def test_too_many_bad_rows_stop_the_run_and_leave_the_lake_as_it_was(
    spark: SparkSession, tmp_path: Path
) -> None:
    file = write(tmp_path / "data/orders/a.csv", *GOOD)
    run = project_run(spark, tmp_path, {"shop": ORDERS})
    ingest(run)
    write(file, *GOOD[:20], *(f"{n};k;1;12,50;EUR;2024-05-01 10:00" for n in range(50, 60)))
    with pytest.raises(CheckError) as stop:
        ingest(project_run(spark, tmp_path, {"shop": ORDERS}, run_id="r2"))
    assert stop.value.exit_code == ExitCode.CHECKS
    assert "10 of 30 rows" in str(stop.value)
    assert "net_revenue (from Netto) is not a number" in str(stop.value)
    assert "12,50" not in str(stop.value)
    assert total(run.lake.read(ORDER_LINE)) == (40, "400.00")


def test_a_source_none_of_whose_rows_is_of_its_format_is_no_input_at_all(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(tmp_path / "data/events.json", *GOOD)  # a table where calls are expected
    segment = {"adapter": "segment", "path": "data/events.json"}
    with pytest.raises(InputError, match="41 of 41 rows for event are in quarantine"):
        ingest(project_run(spark, tmp_path, {"web": segment}))


def test_files_that_are_not_whole_are_rejected_by_name_and_the_others_go_on(
    spark: SparkSession, tmp_path: Path
) -> None:
    folder = tmp_path / "data/orders"
    for i in range(8):
        parquet(folder / f"good{i}.parquet", range(i * 5, i * 5 + 5))
    (folder / "empty.parquet").touch()
    whole = parquet(folder / "truncated.parquet", range(500, 900)).read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(parquet(folder / "flipped.parquet", range(1000, 3000)).read_bytes())
    flipped[200:230] = b"\xff" * 30  # a page's content; the footer is whole
    (folder / "flipped.parquet").write_bytes(flipped)
    (folder / "repeat.parquet").write_bytes((folder / "good3.parquet").read_bytes())
    of_parquet = {"format": "parquet", "path": "data/orders", "options": {}}
    source = ORDERS | of_parquet | {"limits": {"max_rejected_file_share": 0.3}}
    run = project_run(spark, tmp_path, {"shop": source})
    ingest(run)
    found = statuses(run)
    assert found["empty.parquet"] == ("rejected", "has zero bytes")
    assert found["truncated.parquet"][0] == "rejected"
    assert found["flipped.parquet"] == ("rejected", "is damaged: not all of its pages can be read")
    assert found["repeat.parquet"] == ("repeat", "repeats data/orders/good3.parquet")
    assert sorted(name for name, found_as in found.items() if found_as[0] == "read") == [
        f"good{i}.parquet" for i in range(8)
    ]
    assert total(run.lake.read(ORDER_LINE)) == (40, "400.00")
    strict = {"shop": source | {"limits": {"max_rejected_file_share": 0.1}}}
    with pytest.raises(InputError, match=r"empty\.parquet: has zero bytes") as stop:
        ingest(project_run(spark, tmp_path, strict, run_id="r2"))
    assert stop.value.exit_code == ExitCode.INPUT
    # one whose rows are in the lake is another matter: they must not go because a copy failed
    (folder / "good7.parquet").write_bytes((folder / "good7.parquet").read_bytes()[:100])
    lax = {"shop": source | {"limits": {"max_rejected_file_share": 0.9}}}
    with pytest.raises(InputError, match=r"rows were taken in from files that cannot be read.*\n.*good7"):
        ingest(project_run(spark, tmp_path, lax, run_id="r3"))
    assert total(run.lake.read(ORDER_LINE)) == (40, "400.00")
    (folder / "good7.parquet").unlink()  # taken away on purpose
    ingest(project_run(spark, tmp_path, lax, run_id="r4"))
    assert total(run.lake.read(ORDER_LINE)) == (35, "350.00")


def test_half_a_gzip_file_is_rejected(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "data/orders"
    folder.mkdir(parents=True)
    for name, lines in (("a", GOOD[:20]), ("b", GOOD[20:])):
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress((HEADER + "\n".join(lines)).encode()))
    half = gzip.compress("".join(f"{i};k;1;1.00;EUR;2024-05-01 10:00\n" for i in range(5000)).encode())
    (folder / "c.csv.gz").write_bytes(half[: len(half) // 2])
    source = ORDERS | {"path": "data/orders", "limits": {"max_rejected_file_share": 0.5}}
    run = project_run(spark, tmp_path, {"shop": source})
    ingest(run)
    assert statuses(run)["c.csv.gz"] == ("rejected", "is not a whole gzip file (EOFError)")
    assert total(run.lake.read(ORDER_LINE)) == (40, "400.00")


def test_a_source_of_another_form_stops_before_anything_is_written(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(tmp_path / "data/orders/a.csv", *GOOD)
    (tmp_path / "data/none").mkdir()
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "empty folder": (ORDERS | {"path": "data/none"}, "data/none holds no file"),
        "wrong delimiter": (ORDERS | {"options": {"delimiter": ","}}, "is its delimiter ';'?"),
        "missing column": (
            ORDERS | {"columns": ORDERS["columns"] | {"quantity": "Mengen"}},
            "Mengen is missing; did you mean Menge?",
        ),
        "sql on a missing column": (
            ORDERS | {"identifiers": {"customer_number": {"sql": "upper(Kunden)"}}},
            "its sql cannot be understood",
        ),
    }
    for name, (source, message) in cases.items():
        run = project_run(spark, tmp_path, {"shop": source})
        with pytest.raises(InputError) as stop:
            ingest(run)
        assert stop.value.exit_code == ExitCode.INPUT, name
        assert message in str(stop.value), name
        assert not run.lake.exists(ORDER_LINE), name


def test_nul_and_direction_marks_leave_names_and_emoji_stay(spark: SparkSession, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "id,Vorname,Nachname,Mail,Geburt,PLZ,Ort,Strasse,Alter\n"
        "1,Zo\u00eb\x00,\u202eM\u00fcller\u202c \U0001f469\u200d\U0001f680,Zoe@Web.DE,01.02.1980,80331,M\u00fcnchen,Weg 1,44\n"
        "2,Max,Muster,noreply@web.de,01.01.1800,,,,\n",
        encoding="utf-8",
    )
    source = {
        "entity": "customer_record", "format": "csv", "path": "people.csv",
        "columns": {
            "record_id": "id", "given_name": "Vorname", "family_name": "Nachname", "postal_code": "PLZ", "city": "Ort",
            "street": "Strasse", "birth_date": {"column": "Geburt", "format": "dd.MM.yyyy"}, "attributes": {"age": "Alter"},
        },
        "identifiers": {"customer_number": "id", "email": ["Mail"]},
    }  # fmt: skip
    run = project_run(spark, tmp_path, {"crm": source})
    ingest(run)
    person = {r["record_id"]: r for r in run.lake.read(PERSON_RECORD).collect()}
    assert person["1"]["given_name"] == "Zo\u00eb"
    assert person["1"]["family_name"] == "M\u00fcller \U0001f469\u200d\U0001f680"
    assert (person["1"]["email"], person["2"]["email"]) == ("zoe@web.de", None)
    records = {r["record_key"]: r for r in run.lake.read(CUSTOMER_RECORD).collect()}
    first, second = records[person["1"]["record_key"]], records[person["2"]["record_key"]]
    assert (first["birth_year"], first["postal_area"], first["has_address"]) == (1980, "80", True)
    assert first["attributes"] == {"age": "44"}
    assert (second["birth_year"], second["postal_area"], second["has_address"]) == (None, None, False)
    assert first["known_time"].replace(tzinfo=NOW.tzinfo) == NOW  # no better rule: known when it arrived


def test_a_changed_file_replaces_its_rows_and_equal_input_writes_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    file = write(tmp_path / "data/orders/a.csv", *GOOD)
    sources = {"shop": ORDERS}
    run = project_run(spark, tmp_path, sources)
    ingest(run)
    shop = run.settings.sources["shop"]
    before_change = digest(shop, source_inputs(shop, "order_line", tmp_path))
    before = run.lake.read(ORDER_LINE).toPandas()
    write(file, *GOOD[:39], GOOD[39].replace("10.00", "11.00"), "90;k90;1;5.00;EUR;2024-05-30 10:00")
    assert digest(shop, source_inputs(shop, "order_line", tmp_path)) != before_change
    later = project_run(spark, tmp_path, sources, run_id="r2", now=NOW + timedelta(days=1))
    ingest(later)
    assert total(later.lake.read(ORDER_LINE)) == (41, "406.00")
    known = {r["order_number"]: r["known_time"].day for r in later.lake.read(ORDER_LINE).collect()}
    assert (known["1"], known["40"], known["90"]) == (
        1,
        2,
        2,
    )  # an unchanged row keeps when it was known first
    assert len(before) == 40
    assert known["39"] == 1


def test_another_mapping_changes_what_is_read_and_not_when_it_became_known(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(tmp_path / "data/orders/a.csv", *GOOD)
    ingest(project_run(spark, tmp_path, {"shop": ORDERS}))
    with_store = ORDERS | {"columns": ORDERS["columns"] | {"store": {"value": "Mitte"}}}
    later = project_run(spark, tmp_path, {"shop": with_store}, run_id="r2", now=NOW + timedelta(days=1))
    ingest(later)
    lines = later.lake.read(ORDER_LINE)
    assert {(r["store"], r["known_time"].day) for r in lines.collect()} == {("Mitte", 1)}
    # a correction is none of another mapping, and is known when it came
    write(tmp_path / "data/orders/a.csv", *GOOD[:39], GOOD[39].replace("10.00", "11.00"))
    ingest(project_run(spark, tmp_path, {"shop": with_store}, run_id="r3", now=NOW + timedelta(days=2)))
    known = {r["order_number"]: r["known_time"].day for r in later.lake.read(ORDER_LINE).collect()}
    assert (known["1"], known["40"]) == (1, 3)
