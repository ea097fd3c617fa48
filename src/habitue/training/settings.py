"""Model definitions: a model is a YAML entry (conf/models/*.yaml) of label, horizon, features.

And gate, without code.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from habitue.training.feature_catalogue import (
    DEFAULT_CHURN_FEATURES,
    DEFAULT_VALUE_FEATURES,
    unknown_features,
)


def _known(features: tuple[str, ...]) -> tuple[str, ...]:
    problems = unknown_features(features)
    if problems:
        raise ValueError("; ".join(problems))
    return features


Features = Annotated[tuple[str, ...], AfterValidator(_known), Field(min_length=1)]


class BoosterSettings(BaseModel, extra="forbid", frozen=True):
    """Small, strongly regularised trees: a purchase log holds little more than recency and rhythm."""

    rounds: int = Field(120, ge=1, le=2000)
    learning_rate: float = Field(0.04, gt=0, le=1)
    max_depth: int = Field(2, ge=1, le=8)
    min_child_weight: float = Field(5.0, ge=0)
    l2: float = Field(10.0, ge=0)
    row_share: float = Field(0.7, gt=0, le=1)
    column_share: float = Field(0.5, gt=0, le=1)
    seed: int = 20_171_002


class CutoffSettings(BaseModel, extra="forbid", frozen=True):
    """Where in time models learn and are judged."""

    train_count: int = Field(
        3, ge=1, le=24, description="Cut-offs to learn from, before the calibration cut-off."
    )
    per_horizon: int = Field(3, ge=1, le=12, description="Cut-offs to learn from within one horizon.")
    min_history_days: int = Field(90, ge=14, description="History that must lie before every cut-off.")


class GateSettings(BaseModel, extra="forbid", frozen=True):
    """What a model must show before it becomes champion."""

    max_ece: float = Field(
        0.03, gt=0, lt=1, description="Largest expected calibration error of a churn model."
    )
    max_bias: float = Field(
        0.25, gt=0, description="Largest error of the total forecast of a value model, as a share."
    )
    bootstrap_draws: int = Field(400, ge=50, le=10_000)
    confidence: float = Field(0.95, gt=0.5, lt=1)


class _Model(BaseModel, extra="forbid", frozen=True):
    cutoffs: CutoffSettings = CutoffSettings()
    gate: GateSettings = GateSettings()
    max_rows: int = Field(
        500_000,
        ge=1_000,
        description="Rows a booster learns from; above it a sample drawn by the person's hash.",
    )
    min_buyers: int = Field(200, ge=20, description="Buyers at a cut-off below which no booster is trained.")
    stale_after_days: int = Field(
        91, ge=1, description="Age of the champion's data at which a run trains anew."
    )


class ChurnSettings(_Model, frozen=True):
    """P(no purchase within the horizon)."""

    label: Literal["no_purchase"] = "no_purchase"
    horizon_days: int = Field(91, ge=7, le=730)
    features: Features = DEFAULT_CHURN_FEATURES
    booster: BoosterSettings = BoosterSettings()
    min_churners: int = Field(
        30, ge=5, description="Churners (and buyers) at a cut-off below which no booster is trained."
    )


class ClvSettings(_Model, frozen=True):
    """Net present value of what a customer will still buy."""

    label: Literal["net_revenue"] = "net_revenue"
    horizon_days: int = Field(91, ge=7, le=730, description="Window in which the model is judged.")
    horizons_days: tuple[int, int, int] = (90, 365, 1095)
    features: Features = DEFAULT_VALUE_FEATURES
    booster: BoosterSettings = BoosterSettings(rounds=200, learning_rate=0.05, min_child_weight=20.0)
    tweedie_power: float = Field(1.3, gt=1, lt=2, description="Between counts (1) and amounts (2).")
    booster_weight: float = Field(
        0.5, ge=0, le=1, description="Share of the booster in the geometric mean with the BTYD value."
    )
    interval: float = Field(
        0.8, gt=0.5, lt=1, description="Central coverage of clv_365d_low to clv_365d_high."
    )


class ModelSettings(BaseModel, extra="forbid", frozen=True):
    """All models of a project."""

    churn: ChurnSettings = ChurnSettings()
    clv: ClvSettings = ClvSettings()


def is_stale(data_cut: date, as_of: date, stale_after_days: int) -> bool:
    """Whether a champion that has seen data up to `data_cut` is too old for `as_of`."""
    return (as_of - data_cut).days >= stale_after_days
