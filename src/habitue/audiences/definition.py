"""An audience as its YAML file defines it: who, why, how it is tested, where it may go."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from habitue.audiences.grammar import Rule

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$")]
Salt = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{4,63}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]

PERCENT_STEPS = 100
"""Shares of a split are counted in hundredths of a percent, the width of one of its 10,000 buckets."""


class Section(BaseModel, extra="forbid", frozen=True):
    """A part of a definition: unknown keys are refused, nothing changes after reading."""


class Goal(Section):
    """What must be reached, in one figure; without a baseline the system measures it first."""

    metric: Sentence
    baseline: float | None = None
    target: float


class UseCase(Section):
    """The five steps of a use case: problem, measurable goal, approach, test, tools."""

    problem: Sentence
    goal: Goal
    approach: Sentence
    test: Sentence
    tools: tuple[Sentence, ...] = ()


class Requires(Section):
    """What a person must allow; `channels` unset means every channel that conf/consent.yaml knows."""

    purpose: Name = "marketing"
    channels: tuple[Name, ...] | None = None


class Split(Section):
    """An A/B test inside the audience. A new salt draws a new one."""

    salt: Salt
    holdout_pct: float = Field(0, ge=0, le=100)
    variants: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,32}$")], float] = Field(
        default_factory=dict
    )

    @field_validator("variants")
    @classmethod
    def _shares(cls, variants: dict[str, float]) -> dict[str, float]:
        wrong = [name for name, share in variants.items() if not 0 < share <= 100]
        if wrong:
            raise ValueError(f"shares must lie above 0 and up to 100 percent; wrong: {', '.join(wrong)}")
        return variants

    @model_validator(mode="after")
    def _complete(self) -> Split:
        shares = [self.holdout_pct, *self.variants.values()]
        if any(abs(share * PERCENT_STEPS - round(share * PERCENT_STEPS)) > 1e-6 for share in shares):
            raise ValueError("shares are counted in hundredths of a percent, as in 12.5 or 0.25")
        total = sum(self.steps(share) for share in shares)
        if self.variants and total != 100 * PERCENT_STEPS:
            raise ValueError(
                f"holdout_pct and variants must add up to 100; they make {total / PERCENT_STEPS:g}"
            )
        return self

    @staticmethod
    def steps(share_pct: float) -> int:
        """A share in buckets."""
        return round(share_pct * PERCENT_STEPS)


class Guard(Section):
    """When an export is held back rather than sent: too small, or too different from the last release."""

    min_size: int = Field(1, ge=1)
    max_change_pct: float | None = Field(None, gt=0)


class ExportTarget(Section):
    """One file for one channel; `fields` are columns of profile and score, or names from the vault."""

    to: Literal["csv"] = "csv"
    channel: Name
    fields: tuple[str, ...] = ()


class AudienceDefinition(Section):
    """The shape of an audience file; `where` is checked by the grammar afterwards."""

    audience: Name
    description: Sentence
    use_case: UseCase
    where: Any
    rank_by: str = "priority_score"
    limit: int | None = Field(None, ge=1)
    requires: Requires = Requires()
    split: Split | None = None
    export: tuple[ExportTarget, ...] = ()
    exclusive_group: Name | None = None
    priority: int = Field(
        100, description="Place within its exclusive group: the smallest number is served first."
    )
    guard: Guard = Guard()


@dataclass(frozen=True)
class Audience:
    """A definition that has passed every check, with its rule read."""

    definition: AudienceDefinition
    rule: Rule

    @property
    def name(self) -> str:
        """The audience's name."""
        return self.definition.audience

    @property
    def digest(self) -> str:
        """SHA-256 of the definition: equal digests select by equal rules."""
        content = self.definition.model_dump(mode="json", exclude={"where"}) | {"where": repr(self.rule)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
