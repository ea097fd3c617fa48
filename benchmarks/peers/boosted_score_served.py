"""The churn model as MLflow serves it, with reasons: one call per batch of pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from habitue.registry.model_files import read_model
from habitue.training.churn_model import ChurnModel


class ServedChurn(PythonModel):
    """Profile columns in; p_churn and three reasons out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the data files."""
        model, _ = read_model(Path(context.artifacts["model"]), None)
        assert isinstance(model, ChurnModel)
        self._model = model

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None
    ) -> pd.DataFrame:
        """Score a batch."""
        columns = {name: model_input[name].to_numpy(np.float64) for name in self._model.columns}
        reasons = self._model.reasons(columns)
        texts = {
            f"reason_{i + 1}": [found[i] if i < len(found) else None for found in reasons] for i in range(3)
        }
        return pd.DataFrame({"p_churn": self._model.predict(columns), **texts})


set_model(ServedChurn())
