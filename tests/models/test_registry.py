"""The registry against a temporary store: what a version carries, and what is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from habitue.config.mlflow import MlflowSettings
from habitue.errors import ConfigError, DependencyError, UsageError
from habitue.registry.model_files import read_model, write_model
from habitue.registry.record import InputTable, TrainingRecord
from habitue.registry.registry import Registry
from habitue.training.cutoffs import plan_cutoffs
from habitue.training.gate import Verdict
from habitue.training.settings import ChurnSettings
from habitue.training.train_churn import TrainedChurn, train_churn
from tests.models.buyers import FIRST_DAY, World, day

_CUT = day(455)


@pytest.fixture(scope="module")
def trained() -> tuple[TrainedChurn, dict[str, np.ndarray]]:
    cutoffs = plan_cutoffs(FIRST_DAY, _CUT, 91, ChurnSettings().cutoffs)
    world = World(customers=600)
    samples = {at: world.sample(at, 91) for at in cutoffs.all}
    return train_churn(samples, cutoffs, ChurnSettings(min_churners=10)), dict(
        samples[cutoffs.fit_day].columns
    )


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, trained: tuple[TrainedChurn, dict[str, np.ndarray]]
) -> Path:
    """A project whose registry holds two versions: a champion and a challenger."""
    folder = tmp_path_factory.mktemp("project")
    registry = Registry(MlflowSettings(), folder)
    for verdict in (Verdict("champion", ("first",)), Verdict("challenger", ("not surely better",))):
        registry.register(_record(trained[0], verdict))
    return folder


def _record(trained: TrainedChurn, verdict: Verdict, **changes: Any) -> TrainingRecord:
    record = TrainingRecord(
        name="churn",
        model=trained.model,
        judgement=trained.judgement,
        verdict=verdict,
        data_cut=_CUT,
        cutoffs={"judged at": "2024-12-31"},
        notes=trained.notes,
        parameters={"horizon_days": 91},
        inputs=[InputTable("silver.order_line", "lake/silver/order_line", 3)],
        config_digest="c" * 64,
        run_id="r1",
    )
    return replace(record, **changes)


def test_a_version_carries_all_that_explains_it_and_no_pickle(
    project: Path, trained: tuple[TrainedChurn, dict[str, np.ndarray]]
) -> None:
    import mlflow

    registry = Registry(MlflowSettings(), project)
    challenger, champion = registry.versions("churn")
    assert (champion.version, champion.aliases, challenger.aliases) == ("1", ("champion",), ("challenger",))
    run = mlflow.MlflowClient(registry.tracking_uri).get_run(champion.run)
    assert run.data.metrics["recency.auc"] > 0.5
    assert [data.dataset.name for data in run.inputs.dataset_inputs] == ["silver.order_line@v3"]
    files = {path.name: path for path in (project / "mlartifacts").rglob("*") if path.is_file()}
    assert {"model.json", "model_card.md", "judgement.json", "gains.png", "calibration.png"} <= set(files)
    assert not [n for n in files if n.endswith((".pkl", ".pickle", ".joblib", ".skops", ".npy"))]
    assert not [n for n, p in files.items() if p.read_bytes()[:2] in (b"\x80\x03", b"\x80\x04", b"\x80\x05")]
    judgement = registry.judgement(champion)
    assert judgement is not None and set(judgement["baselines"]) >= {"recency", "past_spend"}
    assert len(judgement["tenths"]) == 10


def test_our_reader_and_mlflows_give_the_same_numbers(
    project: Path, trained: tuple[TrainedChurn, dict[str, np.ndarray]]
) -> None:
    import mlflow

    model, columns = trained[0].model, trained[1]
    registry = Registry(MlflowSettings(), project)
    champion = registry.usable("churn", _CUT)
    assert champion is not None
    loaded = registry.load(champion)
    assert np.array_equal(loaded.model.predict(columns), model.predict(columns))  # type: ignore[union-attr]  # churn
    served = mlflow.pyfunc.load_model("models:/habitue-churn@champion")
    found = served.predict(pd.DataFrame({name: columns[name] for name in model.columns}))
    assert np.abs(found["p_churn"].to_numpy() - model.predict(columns)).max() <= 1e-9


def test_a_champion_that_has_seen_later_data_is_refused_with_what_to_do(project: Path) -> None:
    registry = Registry(MlflowSettings(), project)
    with pytest.raises(UsageError, match="habitue train --as-of 2024-06-01"):
        registry.usable("churn", date(2024, 6, 1))


def test_a_model_of_an_earlier_day_scores_that_day_and_never_comes_back_as_champion(
    tmp_path: Path, trained: tuple[TrainedChurn, dict[str, np.ndarray]]
) -> None:
    registry = Registry(MlflowSettings(), tmp_path)
    for data_cut, serves in ((day(300), True), (day(100), False), (day(455), True)):
        verdict = Verdict("champion", ("better",))
        registry.register(_record(trained[0], verdict, data_cut=data_cut, moves_alias=serves))
    assert [registry.usable("churn", day(n)).version for n in (120, 310, 460)] == ["2", "1", "3"]  # type: ignore[union-attr]
    assert registry.rollback("churn") == "1"


def test_aliases_move_by_hand_and_back(project: Path) -> None:
    registry = Registry(MlflowSettings(), project)
    with pytest.raises(UsageError, match="no version 9"):
        registry.promote("churn", 9)
    registry.promote("churn", 2)
    assert registry.champion("churn").version == "2"  # type: ignore[union-attr]  # there is one
    assert registry.rollback("churn") == "1"


def test_telemetry_and_pickle_are_off(project: Path) -> None:
    import os

    Registry(MlflowSettings(), project).champion("churn")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_a_project_without_a_store_has_no_champion_and_gets_none_by_asking(tmp_path: Path) -> None:
    registry = Registry(MlflowSettings(), tmp_path)
    assert registry.champion("churn") is None
    assert registry.usable("clv", date(2025, 1, 1)) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["sqlite:///{folder}", "postgresql://nobody@127.0.0.1:1/mlflow"])
def test_a_database_that_cannot_be_opened_is_a_dependency_at_once(tmp_path: Path, uri: str) -> None:
    began = time.monotonic()
    with pytest.raises(DependencyError, match="cannot be used"):
        Registry(MlflowSettings(tracking_uri=uri.format(folder=tmp_path)), tmp_path).ensure_reachable()
    assert time.monotonic() - began < 30


def test_an_unreachable_server_fails_at_once_and_hides_the_password(tmp_path: Path) -> None:
    started = time.monotonic()
    settings = MlflowSettings(tracking_uri="http://ann:secret@127.0.0.1:9", timeout_seconds=2)
    with pytest.raises(DependencyError) as caught:
        Registry(settings, tmp_path).champion("churn")
    assert time.monotonic() - started < 60
    assert "127.0.0.1:9" in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize("change", ["flip", "extra", "link", "missing", "nonsense"])
def test_files_that_are_not_what_was_registered_are_refused(
    change: str, tmp_path: Path, trained: tuple[TrainedChurn, dict[str, np.ndarray]]
) -> None:
    folder = tmp_path / "model"
    digest: str | None = write_model(trained[0].model, folder)
    path = folder / "model.json"
    if change == "flip":
        path.write_bytes(path.read_bytes().replace(b'"churn"', b'"clv"'))
    elif change == "extra":
        (folder / "python_model.pkl").write_bytes(b"\x80\x05.")
    elif change == "link":
        (folder / "booster.ubj").unlink(missing_ok=True)
        (folder / "booster.ubj").symlink_to("/etc/hostname")
    elif change == "missing":
        path.unlink()
    else:
        path.write_text('{"format": 99}')
        digest = None
    with pytest.raises(ConfigError):
        read_model(folder, digest)
