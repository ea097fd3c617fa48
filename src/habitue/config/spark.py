"""How Spark is started: the `spark` section of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, Field


class SparkSettings(BaseModel, extra="forbid", frozen=True):
    """Settings of the session. A session that habitue is given keeps its own, save `shuffle_partitions`."""

    master: str = Field("local[*]", description="Where Spark runs when habitue starts it itself.")
    driver_memory: str = Field("3g", pattern=r"^\d+[mg]$", description="Heap of the driver: 3g, 2048m.")
    shuffle_partitions: int | None = Field(
        None,
        ge=1,
        description="Parts of a shuffle. Unset: two per core on one machine, else as the session has it.",
    )
    extra: dict[str, str] = Field(
        default_factory=dict, description="Further Spark settings, by their full names."
    )
