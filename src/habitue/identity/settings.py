"""Settings of identity resolution: types in order of strength, limits, tiers, cookie windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PositiveInt, model_validator

from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import Personal
from habitue.errors import did_you_mean
from habitue.identity.matching.settings import MatchingSettings
from habitue.identity.normalise import IDENTIFIER_TYPES, RECORD, EmailSettings

_ANONYMOUS = ("device_id", "anonymous_id")
_PRIORITY = ("customer_number", "loyalty_number", "user_id", "email", "phone", RECORD, *_ANONYMOUS)
_PER_PERSON = {
    "customer_number": 5,
    "loyalty_number": 2,
    "user_id": 2,
    "email": 5,
    "phone": 5,
    RECORD: 100,
    "device_id": 10,
    "anonymous_id": 50,
}
_OWNERS = {"loyalty_number": 1, "user_id": 1, "email": 1, "phone": 2, "device_id": 1, "anonymous_id": 1}
_NAMES = {"email": 20, "phone": 20}
_LIVE_DAYS = {"device_id": 365, "anonymous_id": 180}
_BY_TYPE = ("per_person", "owners_per_value", "names_per_value", "live_days")
_MATCHABLE = tuple(
    c.name for c in PERSON_RECORD.columns if c.personal in (Personal.CLEAR, Personal.ATTRIBUTE)
) + ("house_number",)
"""What `vault.person_record` says of a person; the house number is cut off the street."""
_CONFIDENCE = {"manual": 1.0, "same_record": 0.99, "login": 0.95}


class AttributionSettings(BaseModel, extra="forbid", frozen=True):
    """How sessions without a login find their person."""

    last_login_minutes: PositiveInt = Field(
        30, description="On a shared device: how long a login speaks for the next visit."
    )
    backfill_days: int = Field(
        30, ge=0, description="Days of anonymous history that are given to the first login."
    )
    backfill_purpose: str | None = Field(
        "profiling",
        description="Purpose that a visitor must have granted by the visit for that; empty: needs no consent.",
    )


class EvidenceConsentSettings(BaseModel, extra="forbid", frozen=True):
    """Evidence that counts only while a person or browser agrees; it is stored in any case."""

    purpose: str | None = Field(
        None, description="Purpose that evidence needs a granted consent to; empty: it needs none."
    )
    rules: tuple[str, ...] = Field(
        ("login", "same_record", "same_person"), description="Rules whose evidence needs it."
    )


class IdentitySettings(BaseModel, extra="forbid", frozen=True):
    """Which identifiers decide, and how much one person or one value may hold.

    Limits are judged on what was known at the moment: nothing that became known
    later may change an older state.
    """

    priority: tuple[str, ...] = Field(
        _PRIORITY,
        description="Types of identifiers, strongest first; a type not named ranks below all of them.",
    )
    exclusive_types: tuple[str, ...] = Field(
        ("customer_number",), description="Types of which two values of one number space never merge."
    )
    owner_types: tuple[str, ...] = Field(
        ("customer_number", "user_id"), description="What a value can belong to."
    )
    device_owner_types: tuple[str, ...] = Field(
        ("loyalty_number", "email"),
        description="What a device can belong to besides; of two that no record ties, each is somebody else.",
    )
    anonymous_types: tuple[str, ...] = Field(
        _ANONYMOUS, description="Types that name a device, not a person."
    )
    per_person: dict[str, PositiveInt] = Field(
        default_factory=lambda: dict(_PER_PERSON),
        description="Most values of a type that one person may hold; of types in live_days, that are new within these days.",
    )
    default_per_person: PositiveInt = Field(
        10, description="The same for types that per_person does not name."
    )
    owners_per_value: dict[str, PositiveInt] = Field(
        default_factory=lambda: dict(_OWNERS),
        description="Most owners of one value; with more it counts as shared and links nobody.",
    )
    names_per_value: dict[str, PositiveInt] = Field(
        default_factory=lambda: dict(_NAMES),
        description="Most given or family names that records show with one value; with more it links nobody.",
    )
    neighbours_per_value: PositiveInt = Field(
        100,
        description="Identifiers that a value may be tied to in any case; with more it links nobody if it is also odd.",
    )
    neighbours_percentile: float = Field(
        0.9999, gt=0, le=1, description="Share of values that have no more identifiers than one that is odd."
    )
    number_spaces: dict[str, str] = Field(
        default_factory=dict,
        description="Source to the name of its number space, in which two numbers never merge; unset: each source has its own.",
    )
    live_days: dict[str, PositiveInt] = Field(
        default_factory=lambda: dict(_LIVE_DAYS),
        description="How long a device or cookie lives: after so many days without a visit another owner may take it over, "
        "and one first known longer ago does not count in the limits of a person.",
    )
    cluster_limit: PositiveInt = Field(
        200, description="Most identifiers of one person, devices and cookies counted as in per_person."
    )
    rule_confidence: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=lambda: dict(_CONFIDENCE),
        description="Confidence of the rules that link identifiers.",
    )
    driver_tier_max_edges: int = Field(
        5_000_000,
        ge=0,
        description="Up to that many links components are found on the driver, above in parallel.",
    )
    source_rank: tuple[str, ...] = Field(
        (), description="Best source first, for surviving values; others come after, as equals."
    )
    survivorship: tuple[Literal["source", "recency", "frequency"], ...] = Field(
        ("source", "recency", "frequency"),
        min_length=1,
        description="What decides between values of one attribute, in this order; what is not named does not count.",
    )
    email: EmailSettings = EmailSettings()
    matching: MatchingSettings = MatchingSettings()
    consent: EvidenceConsentSettings = EvidenceConsentSettings()
    attribution: AttributionSettings = AttributionSettings()

    @model_validator(mode="before")
    @classmethod
    def _records_name_people(cls, values: Any) -> Any:
        """An order of types that leaves out records' own ids has them before what names a device."""
        priority = values.get("priority") if isinstance(values, Mapping) else None
        if not isinstance(priority, (list, tuple)) or RECORD in priority:
            return values
        devices = values.get("anonymous_types", _ANONYMOUS)
        place = next((i for i, name in enumerate(priority) if name in devices), len(priority))
        return {**values, "priority": [*priority[:place], RECORD, *priority[place:]]}

    @model_validator(mode="after")
    def _types_are_ranked(self) -> IdentitySettings:
        named = {*self.exclusive_types, *self.owner_types, *self.device_owner_types, *self.anonymous_types}
        unranked = sorted(named - set(self.priority))
        if unranked:
            raise ValueError(f"{', '.join(unranked)}: not in priority; add them to identity.priority")
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> IdentitySettings:
        types = (*IDENTIFIER_TYPES, RECORD)
        problems = [
            f"{key}.{name}: is not a type of identifier{did_you_mean(name, types)}"
            for key in _BY_TYPE
            for name in getattr(self, key)
            if name not in types
        ]
        problems += [
            f"matching.fields: {field.column} is not a column of person records{did_you_mean(field.column, _MATCHABLE)}"
            for field in self.matching.fields
            if field.column not in _MATCHABLE
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def all_owner_types(self) -> tuple[str, ...]:
        """What anything can belong to, a device included."""
        return tuple(dict.fromkeys((*self.owner_types, *self.device_owner_types)))

    def rank(self, id_type: str) -> int:
        """Position in the order of strength, 0 the strongest."""
        return self.priority.index(id_type) if id_type in self.priority else len(self.priority)

    @property
    def known_types(self) -> tuple[str, ...]:
        """Types that name a person rather than a device, ranked or not."""
        unranked = (t for t in IDENTIFIER_TYPES if t not in self.priority)
        return tuple(t for t in (*self.priority, *unranked) if t not in self.anonymous_types)
