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
    """What must be reached, in one figure; kept for people, nothing measures it yet."""

    metric: Sentence = Field(
        description="The figure that must be reached; kept for people, not measured yet."
    )
    baseline: float | None = Field(None, description="Where it stands; unset: not known.")
    target: float = Field(description="Where it must go.")


class UseCase(Section):
    """The five steps of a use case: problem, measurable goal, approach, test, tools."""

    problem: Sentence = Field(description="Step 1: what is wrong today.")
    goal: Goal
    approach: Sentence = Field(description="Step 3: what is done.")
    test: Sentence = Field(description="Step 4: how the effect is told from chance.")
    tools: tuple[Sentence, ...] = Field((), description="Step 5: what it is done with.")


class Requires(Section):
    """What a person must allow; `channels` unset means every channel that conf/consent.yaml knows."""

    purpose: Name = Field(
        "marketing", description="Purpose that a person must allow; one of conf/consent.yaml."
    )
    channels: tuple[Name, ...] | None = Field(
        None, description="Channels the audience wants; unset: all of conf/consent.yaml."
    )
    exclusion: bool = Field(
        False,
        description="A list that keeps people out of advertising: who is held out of contacts stays on it.",
    )


class Split(Section):
    """An A/B test inside the audience. A new salt draws a new one."""

    salt: Salt = Field(description="Draws the test; a new salt draws a new one.")
    holdout_pct: float = Field(0, ge=0, le=100, description="Percent of the members who are not contacted.")
    variants: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,32}$")], float] = Field(
        default_factory=dict, description="Name of each variant and its percent."
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
    """When an export is held back rather than sent: too small, or too different from what last went out."""

    min_size: int = Field(1, ge=1, description="An export that reaches fewer persons is withheld.")
    max_change_pct: float | None = Field(
        None,
        gt=0,
        description="An export whose audience changed by more percent since it last went out on another day is withheld.",
    )
    max_age_days: int | None = Field(
        None,
        ge=1,
        description="An export whose data end more days ago is withheld; unset: however old they are.",
    )


class ExportTarget(Section):
    """One file for one channel; `fields` are columns of profile and score, or names from the vault."""

    to: Literal["csv"] = Field("csv", description="Kind of export.")
    channel: Name = Field(description="Channel the file is for.")
    fields: tuple[str, ...] = Field(
        (), description="Columns of profile and score, or names of the vault, to hand over."
    )


class AudienceDefinition(Section):
    """The shape of an audience file; `where` is checked by the grammar afterwards."""

    audience: Name = Field(description="The audience's name, as the file's.")
    description: Sentence = Field(description="What it is, in a sentence.")
    use_case: UseCase
    where: Any = Field(description="The rule.")
    rank_by: str = Field("priority_score", description="Field by which members are ranked, highest first.")
    limit: int | None = Field(None, ge=1, description="Most members, by rank.")
    requires: Requires = Requires()
    split: Split | None = None
    export: tuple[ExportTarget, ...] = Field(
        (), description="Files to write; without an entry nothing leaves."
    )
    exclusive_group: Name | None = Field(None, description="Nobody is in two audiences of one group.")
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
