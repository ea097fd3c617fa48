"""Model definitions: a model is a YAML file in conf/models with label, horizon, features and gate, without code."""

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

    rounds: int = Field(120, ge=1, le=2000, description="Trees.")
    learning_rate: float = Field(0.04, gt=0, le=1, description="Weight of each tree.")
    max_depth: int = Field(2, ge=1, le=8, description="Depth of a tree.")
    min_child_weight: float = Field(5.0, ge=0, description="Least weight in a leaf.")
    l2: float = Field(10.0, ge=0, description="Penalty on the values of leaves.")
    row_share: float = Field(0.7, gt=0, le=1, description="Share of the rows that each tree sees.")
    column_share: float = Field(0.5, gt=0, le=1, description="Share of the features that each tree sees.")
    seed: int = Field(20_171_002, description="Seed of the draws.")


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
        0.03,
        gt=0,
        lt=1,
        description="Largest expected calibration error of a churn model; of no effect on a value model.",
    )
    max_bias: float = Field(
        0.25,
        gt=0,
        description="Largest error of the total forecast of a value model, as a share; of no effect on a churn model.",
    )
    bootstrap_draws: int = Field(
        400, ge=50, le=10_000, description="Draws of the interval of the gain over the champion."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of that interval.")


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
        91,
        ge=1,
        description="Age of the newest version's data, champion or challenger, at which a run trains anew.",
    )


class ChurnSettings(_Model, frozen=True):
    """P(no purchase within the horizon)."""

    label: Literal["no_purchase"] = Field("no_purchase", description="What is predicted.")
    horizon_days: int = Field(91, ge=7, le=730, description="Window of the label.")
    features: Features = Field(
        DEFAULT_CHURN_FEATURES,
        description="Inputs of the booster; the names are those of the feature catalogue.",
    )
    booster: BoosterSettings = BoosterSettings()
    min_churners: int = Field(
        30, ge=5, description="Churners (and buyers) at a cut-off below which no booster is trained."
    )


class ClvSettings(_Model, frozen=True):
    """Net present value of what a customer will still buy."""

    label: Literal["net_revenue"] = Field("net_revenue", description="What is predicted.")
    horizon_days: int = Field(91, ge=7, le=730, description="Window in which the model is judged.")
    horizons_days: tuple[Literal[90], Literal[365], Literal[1095]] = Field(
        (90, 365, 1095),
        description="Windows of the three values of a customer, which the columns are named by: these and no others.",
    )
    features: Features = Field(
        DEFAULT_VALUE_FEATURES,
        description="Inputs of the booster; the names are those of the feature catalogue.",
    )
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
    """Whether a version that has seen data up to `data_cut` is too old for `as_of`."""
    return (as_of - data_cut).days >= stale_after_days
