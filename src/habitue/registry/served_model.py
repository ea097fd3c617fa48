"""What MLflow serves: the registered files behind a pyfunc written as code, so that nothing is pickled.

For the UI and for others; habitue itself reads the files (see `model_files`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from habitue.registry.model_files import read_model
from habitue.training.churn_model import ChurnModel
from habitue.training.model_bytes import Model


class ServedModel(PythonModel):
    """Input: the profile columns of the signature as doubles; output: one column."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the data files."""
        self._model: Model = read_model(Path(context.artifacts["model"]), None)[0]

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None
    ) -> pd.DataFrame:
        """Score buyers: probability of churn, or expected net revenue within the model's window."""
        columns = {name: model_input[name].to_numpy(np.float64) for name in self._model.columns}
        if isinstance(self._model, ChurnModel):
            return pd.DataFrame({"p_churn": self._model.predict(columns)})
        return pd.DataFrame({"expected_revenue": self._model.forecast(columns).revenue})


set_model(ServedModel())
