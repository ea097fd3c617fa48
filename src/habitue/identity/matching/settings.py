"""Settings of probabilistic matching: which columns are compared and how, blocking caps, thresholds."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, Field, PositiveInt, model_validator

from habitue.identity.matching.comparisons import COMPARISONS

Comparison = Literal["name", "date", "text", "code", "number", "email", "exact"]
Role = Literal["given", "family", "birth", "address", "email", "phone", "number"]


class MatchField(BaseModel, extra="forbid", frozen=True):
    """One column of person records that is compared."""

    column: str = Field(description="Column of the records; records without it are compared by the others.")
    comparison: Comparison = Field(
        description="name, date, text, code (may be mistyped), number (of a house), email, exact."
    )
    role: Role = Field(
        description="What it says of a person: given, family, birth, address, email, phone, number."
    )
    implied_by: str | None = Field(
        None, description="Column that mostly tells this one too, as a postal code tells its town."
    )


def _field(column: str, comparison: Comparison, role: Role, *, implied_by: str | None = None) -> MatchField:
    return MatchField(column=column, comparison=comparison, role=role, implied_by=implied_by)


PERSON_FIELDS = (
    _field("given_name", "name", "given"),
    _field("family_name", "name", "family"),
    _field("birth_date", "date", "birth"),
    _field("street", "text", "address"),
    _field("house_number", "number", "address"),
    _field("postal_code", "code", "address"),
    _field("city", "text", "address", implied_by="postal_code"),
    _field("email", "email", "email"),
    _field("phone", "code", "phone"),
)
"""What `vault.person_record` offers; the house number is cut off the street."""


class MatchingSettings(BaseModel, extra="forbid", frozen=True):
    """How records of persons are matched by what they say, where no identifier ties them."""

    enabled: bool = Field(
        True, description="Whether person records are matched by names, dates and addresses."
    )
    fields: tuple[MatchField, ...] = Field(
        PERSON_FIELDS, description="Columns that are compared, each with its comparison and its role."
    )
    country: str = Field(
        "DE",
        pattern="^[A-Z]{2}$",
        description="Country of phone numbers without a prefix, where records hold any.",
    )
    swaps: tuple[tuple[str, str], ...] = Field(
        (("given_name", "family_name"),), description="Pairs of columns whose contents are mixed up."
    )
    accept: float = Field(
        0.95, gt=0.5, lt=1, description="Probability from which two records are one person."
    )
    review: float = Field(
        0.5, gt=0, lt=1, description="Probability from which a person should look at a pair."
    )
    independent_roles: PositiveInt = Field(
        2, description="Roles (names count as one) that must agree before a pair is accepted."
    )
    block_limit: PositiveInt = Field(60, description="Most records in a block; larger blocks are left out.")
    pairs_per_record: PositiveInt = Field(
        12, description="Most pairs per record from one blocking pass; a pass that makes more is left out."
    )
    pairs_in_all: PositiveInt = Field(
        60,
        description="Most pairs per record from all passes, two million in any case; the largest are left out.",
    )
    sample_records: int = Field(
        500,
        ge=100,
        le=5000,
        description="Records that are compared each with each, to learn what chance gives.",
    )
    component_limit: PositiveInt = Field(
        200, description="Most records in a group of links within which every pair is compared."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> MatchingSettings:
        columns = [f.column for f in self.fields]
        doubled = sorted({c for c in columns if columns.count(c) > 1})
        problems = [f"{c}: named twice in fields" for c in doubled]
        problems += [
            f"{c}: in swaps but not in fields" for pair in self.swaps for c in pair if c not in columns
        ]
        problems += [
            f"{f.column}: implied_by {f.implied_by}, which is not in fields"
            for f in self.fields
            if f.implied_by is not None and f.implied_by not in columns
        ]
        swapped = [c for pair in self.swaps for c in pair]
        problems += [f"{c}: in swaps more than once" for c in sorted(set(swapped)) if swapped.count(c) > 1]
        # beside its levels a field has one for unknown, and two if it may be swapped
        if math.prod(COMPARISONS[f.comparison][1] + 3 for f in self.fields) >= 2**63:
            problems.append(
                f"fields: {len(self.fields)} are too many to compare at once; name the telling ones"
            )
        if self.review > self.accept:
            problems.append("review: must not be above accept")
        if problems:
            raise ValueError("; ".join(problems))
        return self
