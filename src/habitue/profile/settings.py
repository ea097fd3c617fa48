"""Settings of the customer profile: rhythm, lifecycle thresholds, engagement weights, identifier order."""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator


class RhythmSettings(BaseModel, extra="forbid", frozen=True):
    """How a person's own gap between purchases is judged."""

    gap_quantile: float = Field(
        0.9, gt=0, lt=1, description="Quantile of a person's own gaps; a longer wait is unusual."
    )
    prior_gaps: float = Field(
        3.0, ge=0, description="The population's quantile weighs as much as this many own gaps."
    )
    default_gap_days: float = Field(
        90.0, gt=0, description="Expected gap while nobody has bought on three days yet."
    )


class LifecycleSettings(BaseModel, extra="forbid", frozen=True):
    """Where the stages part; ratios are multiples of the person's expected gap."""

    at_risk_ratio: float = Field(
        1.0, gt=0, description="Waiting longer than this many expected gaps: at_risk."
    )
    dormant_ratio: float = Field(2.0, gt=0, description="The same for dormant.")
    lost_ratio: float = Field(4.0, gt=0, description="The same for lost.")
    loyal_purchase_days: int = Field(5, ge=2, description="Purchase days that make an active buyer loyal.")
    evaluating_days: int = Field(
        30, ge=1, description="A product view or a cart this recent makes a prospect evaluate."
    )
    reactivated_days: int = Field(
        90, ge=1, description="Days for which a returned buyer counts as reactivated."
    )

    @model_validator(mode="after")
    def _ratios_rise(self) -> LifecycleSettings:
        if not self.at_risk_ratio < self.dormant_ratio < self.lost_ratio:
            raise ValueError("at_risk_ratio, dormant_ratio and lost_ratio must rise")
        return self


class EngagementWeights(BaseModel, extra="forbid", frozen=True):
    """Points of one action of the last 90 days in the engagement score."""

    visit: float = Field(1.0, ge=0, description="Points of a visit.")
    view: float = Field(0.1, ge=0, description="Points of a page or screen view.")
    product_view: float = Field(0.2, ge=0, description="Points of a product view.")
    engaged_minute: float = Field(0.2, ge=0, description="Points of an engaged minute.")
    response: float = Field(2.0, ge=0, description="Points of an open, a click or a redemption.")
    redemption: float = Field(
        3.0, ge=0, description="Points of a redemption, on top of the response that it is."
    )


class ProfileSettings(BaseModel, extra="forbid", frozen=True):
    """Everything that shapes `gold.customer_profile`."""

    rfm_scores: int = Field(5, ge=2, le=9, description="Steps of the R, F, M and E scores.")
    pareto_a: float = Field(
        0.80, gt=0, lt=1, description="Class A: the best persons who make this share of revenue."
    )
    pareto_b: float = Field(0.95, gt=0, lt=1, description="Classes A and B together make this share.")
    nps_valid_days: int = Field(365, ge=1, description="Days for which an NPS answer counts.")
    rhythm: RhythmSettings = RhythmSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    engagement: EngagementWeights = EngagementWeights()

    @model_validator(mode="after")
    def _classes_rise(self) -> ProfileSettings:
        if not self.pareto_a < self.pareto_b:
            raise ValueError("pareto_a must be below pareto_b")
        return self
