"""XGBoost: small regularised trees, deterministic, kept as UBJ bytes (data, never code)."""

from __future__ import annotations

import numpy as np
import xgboost as xgb

from habitue.models.patterns import Floats
from habitue.training.settings import BoosterSettings


def fit_booster(
    matrix: Floats, label: Floats, objective: dict[str, object], settings: BoosterSettings
) -> bytes:
    """Trees as UBJ bytes; same data, settings and version give the same bytes (one thread, fixed seed)."""
    parameters = {
        "eta": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "lambda": settings.l2,
        "subsample": settings.row_share,
        "colsample_bytree": settings.column_share,
        "seed": settings.seed,
        "tree_method": "hist",
        "nthread": 1,
        "base_score": float(label.mean()),
        **objective,
    }
    booster = xgb.train(parameters, xgb.DMatrix(matrix, label, nthread=1), settings.rounds)
    return bytes(booster.save_raw("ubj"))


def load_booster(trees: bytes) -> xgb.Booster:
    """The booster of these bytes, on one thread: in Spark each task has one core."""
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(trees))
    booster.set_param({"nthread": 1})
    return booster


def predict(booster: xgb.Booster, matrix: Floats) -> Floats:
    """Prediction per row: a probability or an expected amount, as trained."""
    return np.asarray(booster.predict(xgb.DMatrix(matrix, nthread=1)), dtype=np.float64)


def contributions(booster: xgb.Booster, matrix: Floats) -> Floats:
    """What each feature adds to the log-odds of each row (TreeSHAP), one column per feature.

    The base is left out.
    """
    found = booster.predict(xgb.DMatrix(matrix, nthread=1), pred_contribs=True)
    return np.asarray(found, dtype=np.float64)[:, :-1]
