"""Settings of exports: the `activation` section of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ActivationSettings(BaseModel, extra="forbid", frozen=True):
    """How exports are written."""

    rows_per_file: int = Field(
        500_000, ge=1, description="An export with more rows is cut into several files."
    )
