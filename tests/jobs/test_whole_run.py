"""The run as a whole on a small shop: published, repeated, changed, cut short, for an older day, rolled back."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, RELEASE
from habitue.contracts.entities import CAMPAIGN, ORDER_LINE
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.tables import BY_NAME, TABLES
from habitue.lake.fingerprint import slice_commit
from habitue.pipeline.execute import Request, execute
from habitue.pipeline.span import STAGES
from tests.jobs.conftest import Published, Shop
from tests.jobs.equal_lakes import COMPARED, differences

CAMPAIGNS = """
source: marketing
entity: campaign
format: csv
path: data/campaigns.csv
options: {header: true, delimiter: ";"}
zone: Europe/Berlin
history: true
columns:
  campaign: Aktion
  name: Titel
  start: {column: Beginn, format: "dd.MM.yyyy HH:mm"}
"""


def order_lines(folder: Path) -> Iterator[dict[str, str]]:
    for file in sorted(folder.glob("orders*.csv")):
        with file.open(encoding="cp1252", newline="") as lines:
            yield from csv.DictReader(lines, delimiter=";")


def net(line: dict[str, str]) -> Decimal:
    """Gross price without 19 % VAT, exact, then rounded to the cent."""
    exact = Fraction(line["Preis"].replace(",", ".")) * int(line["Menge"]) / Fraction("1.19")
    cents = Decimal(exact.numerator * 100) / Decimal(exact.denominator)
    return cents.quantize(Decimal(1), ROUND_HALF_UP) / 100


def day(line: dict[str, str]) -> date:
    return datetime.strptime(line["Datum"], "%d.%m.%Y %H:%M").date()


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return {str(f.relative_to(folder)): (f.stat().st_size, f.stat().st_mtime_ns) for f in files}


def test_the_first_run_publishes_every_table_and_a_report(published: Published) -> None:
    shop = published.shop
    assert published.code == 0, published.progress
    assert [line.split()[0] for line in published.progress.splitlines() if line[2:3].strip()] == list(STAGES)
    (release,) = shop.releases()
    heads = {name: head for name, head in shop.heads().items() if head is not None and name != RELEASE.name}
    assert release.versions == heads
    assert {ORDER_LINE.name, IDENTITY_MAP.name, CUSTOMER_PROFILE.name, CUSTOMER_SCORE.name} <= heads.keys()
    record = shop.record()
    assert (record.run_id, record.outcome, record.exit_code) == (release.run_id, "published", 0)
    assert [entry["path"] for entry in record.inputs] == ["data/orders_1.csv", "data/orders_2.csv"]
    assert record.input_versions[ORDER_LINE.name] == shop.data_version(ORDER_LINE)
    report = (shop.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert release.release_id in report and len(report) < 2_000_000
    assert not (shop.location.records() / "scratch").exists() or not any(
        (shop.location.records() / "scratch").iterdir()
    )


def test_the_grain_of_every_table_is_unique(published: Published) -> None:
    lake = published.shop.lake

    def keys(name: str) -> DataFrame:
        table = BY_NAME[name]
        key = F.to_json(F.struct(*(F.col(f"`{column}`").alias(column) for column in table.grain)))
        return lake.read(table).select(F.lit(name).alias("table"), key.alias("key"))

    existing = [table.name for table in TABLES if lake.exists(table)]
    every = reduce(DataFrame.unionByName, [keys(name) for name in existing])
    repeated = every.groupBy("table", "key").count().where("count > 1").select("table").distinct()
    assert [row["table"] for row in repeated.collect()] == []


def test_what_was_read_is_accounted_for_and_revenue_ties_to_the_files_to_the_cent(
    published: Published,
) -> None:
    shop = published.shop
    lines = list(order_lines(shop.folder / "data"))
    counts = {row["outcome"]: row["row_count"] for row in shop.lake.read(QUARANTINE_COUNT).collect()}
    assert counts["read"] == len(lines) == counts["good"]
    assert counts["read"] == counts["good"] + counts.get("duplicate", 0) + counts.get("quarantined", 0)

    known = shop.lake.read(ORDER_LINE)
    found = known.agg(
        F.count("*"), F.sum("net_revenue"), F.count_distinct("order_number"), F.count_distinct("identifiers")
    ).first()
    customers = {line["Kunde"] for line in lines}
    orders = {line["Bestellung"] for line in lines}
    assert tuple(found) == (len(lines), sum(map(net, lines)), len(orders), len(customers))

    record = shop.record()
    as_of = max(map(day, lines))
    assert record.as_of == as_of.isoformat()
    before = [line for line in lines if day(line) < as_of]
    figures = record.figures
    assert Decimal(figures["net_revenue"]) == sum(map(net, before))
    assert figures["orders"] == len({line["Bestellung"] for line in before})
    assert figures["buyers"] == len({line["Kunde"] for line in before})
    profile = (
        shop.lake.read(CUSTOMER_PROFILE)
        .agg(F.sum("net_revenue"), F.count_if(F.expr("order_count > 0")))
        .first()
    )
    assert tuple(profile) == (sum(map(net, before)), len({line["Kunde"] for line in before}))


def test_a_second_run_on_unchanged_input_writes_no_version_and_starts_no_spark(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = published.shop
    before = shop.heads()
    run = execute(Request(shop.folder))
    assert not run.spark_is_open
    assert shop.heads() == before
    assert {step.outcome for step in run.record.steps} == {"unchanged"}
    assert run.record.exit_code == published.code
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(STAGES) and all(line.split()[-1] == "unchanged" for line in said)


def with_campaigns(shop: Shop) -> None:
    """A second source comes: profiles read it, neither orders nor persons do."""
    (shop.folder / "conf" / "sources" / "campaigns.yaml").write_text(CAMPAIGNS)
    (shop.folder / "data" / "campaigns.csv").write_text(
        "Aktion;Titel;Beginn\nA1;Fr\u00fchling;01.03.2025 08:00\n"
    )


def test_a_new_source_redoes_only_what_depends_on_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    with_campaigns(shop)
    before, order_version = shop.heads(), shop.data_version(ORDER_LINE)
    _dry_run_says_what_would_run_and_writes_nothing(shop, capsys)
    assert shop.habitue("run", "--to", "profile") == 0
    assert shop.outcomes() == {
        "ingest campaign": "done", "ingest order_line": "unchanged", "sessionize": "unchanged", "resolve": "unchanged",
        "profile": "done",
    }  # fmt: skip
    assert shop.data_version(ORDER_LINE) == order_version
    assert shop.heads()[RELEASE.name] == before[RELEASE.name]


def test_nothing_is_published_that_rests_on_results_of_before(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shop.heads()
    assert shop.habitue("--set", "profile.pareto_a=0.7", "run", "--from", "target") == 2
    said = capsys.readouterr().err
    assert "profile: what it read has changed, or it has not run for this day" in said
    assert "habitue run --from profile" in said
    assert shop.heads() == before


@pytest.mark.accept
def test_a_new_source_is_published_step_by_step_and_can_be_taken_back(
    shop: Shop,
) -> None:
    with_campaigns(shop)
    first, before = shop.releases()[0], shop.heads()
    order_version = shop.data_version(ORDER_LINE)

    assert shop.habitue("run", "--to", "target") == 0
    assert shop.outcomes() == {
        "ingest campaign": "done", "ingest order_line": "unchanged", "sessionize": "unchanged", "resolve": "unchanged",
        "profile": "done", "train": "unchanged", "score": "done", "target": "done",
    }  # fmt: skip
    assert shop.record().outcome == "stopped before publishing"
    assert shop.data_version(ORDER_LINE) == order_version
    assert shop.heads()[RELEASE.name] == before[RELEASE.name]

    assert shop.habitue("run") == 0
    assert shop.outcomes() == dict.fromkeys(shop.outcomes(), "unchanged") | {"publish": "done"}
    second = shop.releases()[0]
    assert second.release_id != first.release_id
    assert second.versions[ORDER_LINE.name] == first.versions[ORDER_LINE.name]
    assert second.versions[CAMPAIGN.name] == shop.heads()[CAMPAIGN.name]

    assert shop.habitue("release", "rollback", first.release_id) == 0
    restored = shop.releases()[0]
    assert restored.rolled_back_to == first.release_id
    present = [table for table in COMPARED if table.name in first.versions]
    here = (shop.spark, shop.location, shop.location)
    assert differences(*here, tables=present, right_versions=first.versions) == []

    assert shop.habitue("run") == 0
    assert shop.outcomes()["ingest order_line"] == "unchanged"
    assert {shop.outcomes()[step] for step in ("ingest campaign", "profile", "publish")} == {"done"}
    assert differences(*here, right_versions=second.versions) == []
    report = (shop.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert shop.releases()[0].release_id in report


def _dry_run_says_what_would_run_and_writes_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(shop.folder)
    capsys.readouterr()
    assert shop.habitue("run", "--dry-run") == 0
    assert tree(shop.folder) == before
    said = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert [line for line in said if line.startswith("ingest")] == [
        "ingest order_line unchanged", "ingest campaign would run",
    ]  # fmt: skip
    assert all(line.endswith("would run") for line in said[2:]) and len(said) == len(STAGES) + 1


def test_a_dry_run_in_a_new_project_makes_nothing(published: Published, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    for name in ("conf", "data", "secrets"):
        shutil.copytree(published.shop.folder / name, fresh / name)
    before = tree(fresh)
    assert Shop(fresh, published.shop.spark).habitue("run", "--dry-run") == 0
    assert tree(fresh) == before


@pytest.mark.accept
def test_an_older_day_writes_its_slice_and_publishes_but_exports_nothing(shop: Shop) -> None:
    older, newest = date(2025, 9, 1), date.fromisoformat(shop.record().as_of or "")
    audience = shop.folder / "conf" / "audiences" / "active.yaml"
    audience.write_text(
        audience.read_text() + "export:\n  - {to: csv, channel: email, fields: [net_revenue]}\n"
    )
    slices = {t: slice_commit(shop.location, t, newest.isoformat())[0] for t in (CUSTOMER_PROFILE, CUSTOMER_SCORE, AUDIENCE_MEMBER)}  # fmt: skip
    champions = {name: shop.registry.champion(name) for name in ("churn", "clv")}
    assert all(champion is not None and champion.data_cut == newest for champion in champions.values())

    assert shop.habitue("run", "--as-of", older.isoformat()) == 0, (
        "an export would be withheld: no consent source"
    )
    release = shop.releases()[0]
    assert release.as_of_date == older and release.export_digests == {}
    assert not (shop.folder / "exports").exists() or not list((shop.folder / "exports").rglob("*.csv"))
    assert {t: slice_commit(shop.location, t, newest.isoformat())[0] for t in slices} == slices
    of_day = {row["as_of_date"]: row["count"] for row in shop.lake.read(CUSTOMER_PROFILE).groupBy("as_of_date").count().collect()}  # fmt: skip
    assert set(of_day) == {older, newest} and 0 < of_day[older] <= of_day[newest]

    for name, champion in champions.items():
        assert shop.registry.champion(name) == champion, "a model for an older day takes no alias away"
        used = shop.registry.usable(name, older)
        assert used is not None and used.data_cut == older
        column = f"{name}_model_version"
        versions = shop.lake.read(CUSTOMER_SCORE).select("as_of_date", column).distinct().collect()
        assert {r[0]: r[1] for r in versions if r[1]} == {older: used.version, newest: champion.version}

    assert shop.habitue("run") == 11, "the newest day exports, and nobody has consented"
    assert shop.outcomes()["profile"] == shop.outcomes()["score"] == "unchanged"
    assert shop.releases()[0].as_of_date == newest
    assert "no consent source" in shop.record().exports_withheld[0]
