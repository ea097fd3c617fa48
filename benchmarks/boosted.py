"""A churn model and buyers to score: trees trained on seeded numbers, in the form the product keeps models in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.buyers import ALPHA, A, B, R, histories, write_parts
from habitue.models.calibration import fit_calibration
from habitue.models.gamma_gamma import GammaGamma
from habitue.models.mbg_nbd import MbgNbd
from habitue.models.patterns import Floats
from habitue.registry.model_files import write_model
from habitue.training.blend import Blend
from habitue.training.boosters import fit_booster, load_booster, predict
from habitue.training.churn_model import ChurnModel
from habitue.training.feature_catalogue import DEFAULT_CHURN_FEATURES, profile_columns
from habitue.training.features import feature_matrix
from habitue.training.purchase_model import PurchaseModel
from habitue.training.settings import BoosterSettings

HORIZON_DAYS = 91
COLUMNS = profile_columns(DEFAULT_CHURN_FEATURES)
PROFILE, MODEL, SERVED = "profile", "model", "served"
_TRAINING_ROWS = 20_000
_SERVED_CODE = Path(__file__).parent / "peers" / "boosted_score_served.py"


def generate_scoring(folder: Path, rows: int) -> int:
    """Write profiles, the model as the product keeps it, and the same model as MLflow serves it."""
    random = np.random.default_rng(23)
    model = _model(random)
    write_model(model, folder / MODEL)
    _save_for_mlflow(folder)
    columns = _columns(rows, random)
    people = pa.array([f"p{i:09d}" for i in range(rows)])
    values = {name: pa.array(v, from_pandas=True) for name, v in columns.items()}
    (folder / PROFILE).mkdir()
    write_parts(pa.table({"person_id": people, **values}), folder / PROFILE)
    return rows


def _columns(rows: int, random: np.random.Generator) -> dict[str, Floats]:
    """Profile columns as doubles: histories that can be, everything else skewed and a tenth of it missing."""
    x, t_x, age = histories(rows, random)
    columns = {name: np.round(random.gamma(1.5, 10.0, rows), 2) for name in COLUMNS}
    for name in columns:
        columns[name][random.random(rows) < 0.1] = np.nan
    spent = np.where(x > 0, np.round(random.gamma(4.0, 10.0, rows), 2), np.nan)
    own = {"frequency": x, "recency_days": t_x, "age_days": age, "monetary_value": spent}
    return columns | own | {"days_since_last_order": age - t_x}


def _model(random: np.random.Generator) -> ChurnModel:
    columns = _columns(_TRAINING_ROWS, random)
    purchases = PurchaseModel(MbgNbd(R, ALPHA, A, B), GammaGamma(6.0, 4.0, 15.0, 40.0))
    btyd = purchases.features(columns, HORIZON_DAYS)
    matrix = feature_matrix(columns, btyd, DEFAULT_CHURN_FEATURES)
    churned = (random.random(_TRAINING_ROWS) < btyd["btyd_p_no_purchase"]).astype(np.float64)
    trees = fit_booster(matrix, churned, {"objective": "binary:logistic"}, BoosterSettings())
    blend = Blend.fit(predict(load_booster(trees), matrix), btyd["btyd_p_no_purchase"], churned)
    blended = blend.apply(predict(load_booster(trees), matrix), btyd["btyd_p_no_purchase"])
    return ChurnModel(
        kind="blend",
        horizon_days=HORIZON_DAYS,
        purchase_model=purchases,
        calibration=fit_calibration(blended, churned),
        features=DEFAULT_CHURN_FEATURES,
        medians=tuple(np.nanmedian(matrix, axis=0).tolist()),
        booster=trees,
        blend=blend,
    )


def _save_for_mlflow(folder: Path) -> None:
    """From code, as the product registers its models."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    texts = [ColSpec("string", name) for name in ("reason_1", "reason_2", "reason_3")]
    signature = ModelSignature(
        inputs=Schema([ColSpec("double", name, required=False) for name in COLUMNS]),
        outputs=Schema([ColSpec("double", "p_churn"), *texts]),
    )
    mlflow.pyfunc.save_model(
        path=str(folder / SERVED),
        python_model=str(_SERVED_CODE),
        artifacts={"model": str(folder / MODEL)},
        signature=signature,
        pip_requirements=["mlflow"],
    )
