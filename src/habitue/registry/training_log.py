"""Write one training into MLflow.

Run, parameters, figures, plots, input tables, card and the registered version.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, Schema, TensorSpec

from habitue.registry.card import model_card
from habitue.registry.judgement_file import FILE, judgement_content
from habitue.registry.model_files import write_model
from habitue.registry.plots import plot_judgement, plot_purchases
from habitue.registry.record import InputTable, TrainingRecord
from habitue.registry.registry import REPORT_FOLDER
from habitue.training.churn_model import ChurnModel

if TYPE_CHECKING:
    from mlflow import MlflowClient

# stated, since MLflow would else find them out in a subprocess that takes longer than the training
_PACKAGES = ("habitue", "mlflow", "numpy", "scipy", "pandas")
_DESCRIPTION_LIMIT = 5_000
_METRIC_NAME = str.maketrans({"+": "_", "%": "_"})


def log_training(
    client: MlflowClient, record: TrainingRecord, registered_name: str, experiment: str, artifact_root: str
) -> str:
    """Log a trained model as one run and return the number of its new version."""
    experiment_id = _experiment(client, experiment, artifact_root)
    tags = _tags(record)
    with (
        tempfile.TemporaryDirectory(prefix="habitue-training-") as folder,
        mlflow.start_run(
            experiment_id=experiment_id, run_name=f"{record.name} {record.data_cut}", tags=tags
        ) as run,
    ):
        work = Path(folder)
        digest = write_model(record.model, work / "model")
        mlflow.log_params({name: str(value) for name, value in record.parameters.items()})
        mlflow.log_metrics(_metrics(record))
        _log_inputs(record.inputs)
        _log_files(record, work / "report")
        info = _log_model(record, work / "model")
        _ensure_registered(client, registered_name)
        created = client.create_model_version(
            name=registered_name,
            source=f"models:/{info.model_id}",
            run_id=run.info.run_id,
            tags=tags | {"sha256": digest},
            description=model_card(record)[:_DESCRIPTION_LIMIT],
            model_id=info.model_id,
        )
    return str(created.version)


def _log_model(record: TrainingRecord, files: Path) -> ModelInfo:
    with warnings.catch_warnings():
        # MLflow asks for example rows; the signature says all, and customers have no place in a registry
        warnings.simplefilter("ignore", UserWarning)
        info: ModelInfo = mlflow.pyfunc.log_model(
            name=record.name,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts={"model": str(files)},
            signature=_signature(record),
            pip_requirements=[f"{name}=={installed(name)}" for name in _PACKAGES] + [_xgboost()],
        )
    return info


def _experiment(client: MlflowClient, name: str, artifact_root: str) -> str:
    """The experiment, made with the artifact folder that is named: a default one would depend on the current folder."""
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name, artifact_location=artifact_root)


class _Versioned(MetaDataset):
    """A table at a version, by name alone: MLflow's own readers would start a Spark job to describe it."""

    @property
    def profile(self) -> None:
        """No profile: the registry holds no statistics of customers."""


def _ensure_registered(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _tags(record: TrainingRecord) -> dict[str, str]:
    return {
        "model": record.name,
        "data_cut": record.data_cut.isoformat(),
        "test_cutoff": record.judgement.cutoff.isoformat() if record.judgement else "",
        "horizon_days": str(record.model.horizon_days),
        "outcome": record.verdict.outcome,
        "flag": record.verdict.flag,
        "serves": "yes" if record.moves_alias else "no",
        "config_digest": record.config_digest,
        "habitue_run": record.run_id,
        "kind": record.judgement.candidate if record.judgement else "purchases",
        "measure": _measure(record),
        **{f"table.{table.name}": str(table.version) for table in record.inputs},
    }


def _measure(record: TrainingRecord) -> str:
    judgement = record.judgement
    return f"{judgement.metric} {judgement.value(judgement.candidate):.4f}" if judgement else "not judged"


def _metrics(record: TrainingRecord) -> dict[str, float]:
    found = record.judgement.flat() if record.judgement else {}
    return {name.translate(_METRIC_NAME): value for name, value in found.items()}


def _log_inputs(tables: Sequence[InputTable]) -> None:
    for table in tables:
        source = DeltaDatasetSource(path=table.path, delta_table_version=table.version)
        mlflow.log_input(_Versioned(source, name=f"{table.name}@v{table.version}"), context="training")


def _log_files(record: TrainingRecord, folder: Path) -> None:
    folder.mkdir()
    (folder / "model_card.md").write_text(model_card(record), encoding="utf-8")
    if record.judgement:
        content = json.dumps(judgement_content(record), indent=1)
        (folder / FILE).write_text(content, encoding="utf-8")
        plot_judgement(record.judgement, folder)
        if record.purchases is not None:
            plot_purchases(*record.purchases, folder)
    mlflow.log_artifacts(str(folder), REPORT_FOLDER)


def _signature(record: TrainingRecord) -> ModelSignature:
    columns: list[ColSpec | TensorSpec] = [ColSpec("double", name) for name in record.model.columns]
    output = "p_churn" if isinstance(record.model, ChurnModel) else "expected_revenue"
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double", output)]))


def _xgboost() -> str:
    import xgboost

    return f"xgboost=={xgboost.__version__}"
