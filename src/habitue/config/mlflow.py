"""Where models are registered: the `mlflow` section of the configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class MlflowSettings(BaseModel, extra="forbid", frozen=True):
    """Defaults keep everything in the project's folder."""

    tracking_uri: str = Field(
        "", description="Tracking server or store; empty: sqlite file mlflow.db in the project."
    )
    artifact_root: str = Field(
        "", description="Where artifacts go; empty: folder mlartifacts in the project."
    )
    experiment: str = Field(
        "habitue",
        description="Experiment of training runs, and what names of models begin with; one per project of a server.",
    )
    timeout_seconds: int = Field(
        10, ge=1, le=60, description="Longest wait for one answer of a tracking server."
    )

    def store(self, project: Path) -> str:
        """URI of the tracking server, or of the project's own SQLite file."""
        return self.tracking_uri or f"sqlite:///{(project / 'mlflow.db').resolve()}"
