"""MLflow's own switches, set before MLflow is imported: no telemetry, no pickle, short waits, no chatter."""

from __future__ import annotations

import logging
import os

_RETRIES = "1"


def quiet_mlflow(timeout_seconds: int) -> None:
    """Bind MLflow to the project's rules.

    Waits per call, so that an unreachable server fails within a minute.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(timeout_seconds)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = _RETRIES
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
