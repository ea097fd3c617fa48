"""The models of a scoring pass as bytes that travel with the task, and the cache that reads them once per worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from habitue.training.churn_model import ChurnModel
from habitue.training.clv_model import ClvModel
from habitue.training.feature_catalogue import PURCHASE_INPUTS
from habitue.training.model_bytes import Model, digest_of, from_bytes, to_bytes


@dataclass(frozen=True)
class ModelPayload:
    """One model as bytes; `digest` is its name in the cache of a worker, `version` the registered one."""

    files: Mapping[str, bytes] = field(repr=False)
    digest: str
    version: str
    columns: tuple[str, ...]
    horizon_days: int

    @classmethod
    def of(cls, model: Model, version: str) -> Self:
        """Pack a model for the workers."""
        files = to_bytes(model)
        return cls(files, digest_of(files), version, model.columns, model.horizon_days)


@dataclass(frozen=True)
class ScoringModels:
    """What scores a day; None where a model could not be trained, with the reason for the score note."""

    churn: ModelPayload | None
    clv: ModelPayload | None
    missing_reason: str = "no model"

    @property
    def columns(self) -> tuple[str, ...]:
        """Profile columns that any of the models reads, in a fixed order; a purchase history is told without one, too."""
        read = (c for payload in (self.churn, self.clv) if payload for c in payload.columns)
        return tuple(sorted({*PURCHASE_INPUTS, *read}))


_LOADED: dict[str, Model] = {}
_loads = 0


def load_count() -> int:
    """How often this process has read a model from bytes."""
    return _loads


def churn_model(payload: ModelPayload | None) -> ChurnModel | None:
    """The churn model, read once per process."""
    model = _load(payload) if payload else None
    assert model is None or isinstance(model, ChurnModel)
    return model


def clv_model(payload: ModelPayload | None) -> ClvModel | None:
    """The value model, read once per process."""
    model = _load(payload) if payload else None
    assert model is None or isinstance(model, ClvModel)
    return model


def _load(payload: ModelPayload) -> Model:
    global _loads
    if payload.digest not in _LOADED:
        _LOADED[payload.digest] = from_bytes(payload.files)
        _loads += 1
    return _LOADED[payload.digest]
