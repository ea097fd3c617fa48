"""What turns revenue into value: the `economics` section, read from conf/economics.yaml.

Nothing here is ever guessed. Without a margin, value is discounted net revenue
less costs and every score says so (`clv_basis: revenue`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from habitue.models.npv import Economics
from habitue.profile.currency import CurrencyRate

Basis = Literal["margin", "revenue"]


class EconomicsSettings(BaseModel, extra="forbid", frozen=True):
    """Margin, discount rate and costs, in the project's currency without VAT."""

    margin: float | None = Field(
        None, gt=0, le=1, description="Contribution margin as a share of net revenue; unknown: null."
    )
    discount_rate: float = Field(
        0.10, ge=0, lt=1, description="Yearly rate by which later money counts less."
    )
    order_cost: float = Field(0.0, ge=0, description="Handling and shipping cost per purchase day.")
    return_rate: float = Field(0.0, ge=0, le=1, description="Share of purchase days that cause a return.")
    return_cost: float = Field(0.0, ge=0, description="Handling cost of one return.")
    service_cost: float = Field(0.0, ge=0, description="Customer service cost per purchase day, on average.")
    contact_cost_per_year: float = Field(
        0.0, ge=0, description="Cost of contacting one living customer for a year."
    )
    rates: tuple[CurrencyRate, ...] = Field(
        (), description="Dated rates of other currencies to the project's."
    )

    def economics(self) -> Economics:
        """The same for the value model: service is a cost of each purchase day there."""
        return Economics(
            margin_rate=self.margin,
            discount_rate_per_year=self.discount_rate,
            cost_per_order=self.order_cost + self.service_cost,
            return_rate=self.return_rate,
            cost_per_return=self.return_cost,
            contact_cost_per_year=self.contact_cost_per_year,
        )

    @property
    def basis(self) -> Basis:
        """Whether value means contribution margin or revenue."""
        return "revenue" if self.margin is None else "margin"
