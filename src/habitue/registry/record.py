"""What a training run leaves in the registry beside the model itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from habitue.models.patterns import Floats
from habitue.training.gate import Verdict
from habitue.training.judgement import Judgement
from habitue.training.model_bytes import Model


@dataclass(frozen=True)
class InputTable:
    """A table that a model learnt from, at a version."""

    name: str
    path: str
    version: int


@dataclass(frozen=True)
class TrainingRecord:
    """Everything to be kept about one trained model; `data_cut` is the first day it has not seen."""

    name: str
    model: Model
    judgement: Judgement | None
    verdict: Verdict
    data_cut: date
    cutoffs: Mapping[str, str]
    notes: Sequence[str]
    parameters: Mapping[str, str | int | float]
    inputs: Sequence[InputTable]
    config_digest: str
    run_id: str
    moves_alias: bool = True
    purchases: tuple[Floats, Floats] | None = None  # actual and expected purchase days in the test window


@dataclass(frozen=True)
class Version:
    """A registered version as its tags tell it."""

    name: str
    version: str
    data_cut: date
    sha256: str
    outcome: str
    flag: str
    horizon_days: int
    config_digest: str
    run: str  # MLflow run that made it
    kind: str
    measure: str
    serves: bool = True
    """Whether it was trained to serve; one of an earlier day only scores days of then."""

    aliases: tuple[str, ...] = ()

    @property
    def age(self) -> tuple[date, int]:
        """Order of versions by the data that they have seen, then by number."""
        return self.data_cut, int(self.version)

    @property
    def data_until(self) -> str:
        """`data_cut` as text."""
        return self.data_cut.isoformat()


@dataclass(frozen=True)
class LoadedModel:
    """A model read from the registry, with where it comes from."""

    model: Model
    version: Version
    digest: str
