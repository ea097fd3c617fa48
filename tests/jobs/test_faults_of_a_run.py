"""Faults around a run, each with its exit code and its sentence; the last release stays as it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from habitue.cli import main
from habitue.config.project import load_settings
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.lake.card import FORMAT_VERSION, make_card
from habitue.lake.lease import hold_lease
from habitue.privacy.keys import key_id, make_pepper
from tests.audience_files import USE_CASE
from tests.jobs.conftest import Shop
from tests.jobs.small_shop import fill_shop, make_shop, order_lines, write_orders

NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shop that has never run, in which Spark must not start."""

    def started(*_: object, **__: object) -> None:
        pytest.fail("Spark was started")

    monkeypatch.setattr("habitue.job.run.open_session", started)
    yield make_shop(tmp_path / "shop", customers=2)


def records(project: Path) -> Path:
    return project / "lake" / "_habitue"


def run(project: Path, *arguments: str) -> int:
    return main(["--project", str(project), "run", *arguments])


def test_a_second_run_at_the_same_time_is_turned_away_naming_the_owner(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_lease(records(project), "the-first-run"):
        assert run(project) == 40
    message = capsys.readouterr().err
    assert "Another run is writing to this lake: the-first-run (process" in message
    assert not (records(project) / "runs").exists()


def test_a_project_without_a_source_is_told_how_to_map_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for mapping in (project / "conf" / "sources").glob("*.yaml"):
        mapping.unlink()
    assert run(project) == 20
    message = capsys.readouterr().err
    assert "No source is mapped" in message and "habitue map data/FILE" in message


def test_a_lake_of_another_format_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_card(records(project), "any")
    card = records(project) / "lake.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"format_version": FORMAT_VERSION + 1}))
    assert run(project) == 20
    message = capsys.readouterr().err
    assert (
        f"This lake has format {FORMAT_VERSION + 1}" in message and "start a new lake with --lake" in message
    )


def test_a_wrong_pepper_is_refused_without_being_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = load_settings(project).privacy.pepper_bytes(project)
    make_card(records(project), key_id(right))
    pepper = project / "secrets" / "pepper"
    secrets = [pepper.read_text().strip()]
    pepper.unlink()
    make_pepper(pepper)
    secrets.append(pepper.read_text().strip())
    assert run(project) == 20
    message = capsys.readouterr().err
    assert "The pepper is not the one this lake's keys were made with" in message and key_id(right) in message
    assert all(len(secret) > 20 and secret not in message for secret in secrets)


def test_a_project_without_its_pepper_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "secrets" / "pepper").unlink()
    assert run(project) == 20
    assert "pepper" in capsys.readouterr().err


def test_an_unknown_key_is_named_with_its_place_and_the_nearest_known_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf" / "local.yaml").write_text("spark:\n  shufle_partitions: 2\n")
    assert run(project) == 20
    message = capsys.readouterr().err
    assert "conf/local.yaml line 2" in message and "shufle_partitions" in message
    assert "did you mean shuffle_partitions?" in message


def test_wrong_audiences_are_all_named_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "conf" / "audiences"

    def define(name: str, where: dict[str, object]) -> None:
        (folder / f"{name}.yaml").write_text(
            yaml.safe_dump({"audience": name, "description": "A test.", "use_case": USE_CASE, "where": where})
        )

    define("strange", {"field": "order_cuont", "gte": 1})
    assert run(project) == 20
    message = capsys.readouterr().err
    assert "conf/audiences/strange.yaml" in message and "order_cuont" in message and "order_count" in message

    define("strange", {"audience": "odd"})
    define("odd", {"audience": "strange"})
    assert run(project) == 20
    message = capsys.readouterr().err
    assert "audiences refer to each other in a circle" in message
    assert "odd -> strange" in message or "strange -> odd" in message


def test_an_empty_folder_stops_naming_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (project / "data").glob("*.csv"):
        file.unlink()
    assert run(project) == 30
    assert "data/orders*.csv" in capsys.readouterr().err
    assert [json.loads(f.read_text())["exit_code"] for f in (records(project) / "runs").glob("*.json")] == [
        30
    ]


def test_unknown_options_and_stages_are_a_matter_of_usage(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "--to", "tagret") == 2
    assert "tagret is not a stage" in capsys.readouterr().err
    assert run(project, "--as-of", "31.01.2026") == 2
    assert "expected a day like 2026-01-31" in capsys.readouterr().err


def test_an_unreachable_mlflow_ends_the_run_soon_and_leaves_the_lake_as_it_was(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    write_orders(shop.folder / "data" / "orders_3.csv", order_lines(1, seed=1))  # something to do
    before = shop.heads()
    started = time.monotonic()
    assert shop.habitue("--set", f"mlflow.tracking_uri={NOBODY_LISTENS}", "run") == 50
    assert time.monotonic() - started < 60
    message = capsys.readouterr().err
    assert f"The model registry at {NOBODY_LISTENS} cannot be used" in message
    assert shop.heads() == before


@pytest.mark.accept
def test_a_shop_too_small_for_any_model_is_published_without_scores(
    spark: SparkSession, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "shop", spark)
    assert shop.habitue("init", str(shop.folder)) == 0
    fill_shop(shop.folder, customers=4)
    assert shop.habitue("--quiet", "run") == 0
    scores = shop.lake.read(CUSTOMER_SCORE)
    assert not scores.isEmpty() and scores.where("p_churn IS NOT NULL OR clv_365d IS NOT NULL").isEmpty()
    assert shop.outcomes()["train"] == "done" and shop.registry.champion("churn") is None
    assert shop.habitue("--quiet", "run") == 0
    assert set(shop.outcomes().values()) == {"unchanged"}
