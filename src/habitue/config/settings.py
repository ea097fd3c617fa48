"""All settings of a project in one frozen tree; each domain package owns its section."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, Field

from habitue.activation.settings import ActivationSettings
from habitue.audiences.definition import AudienceDefinition
from habitue.audiences.holdout import HoldoutSettings
from habitue.config.mlflow import MlflowSettings
from habitue.config.secret import check_reference, resolve_secret
from habitue.config.spark import SparkSettings
from habitue.events.settings import BotSettings, ClockSettings, SessionSettings
from habitue.identity.settings import IdentitySettings
from habitue.privacy.consent import ConsentSettings
from habitue.privacy.redaction import RedactionSettings
from habitue.profile.settings import ProfileSettings
from habitue.sources.event_rules import EventRules
from habitue.sources.settings import SourceSettings
from habitue.training.economics import EconomicsSettings
from habitue.training.settings import ModelSettings


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone} is not a known time zone; expected a name like Europe/Berlin or UTC")
    ZoneInfo(zone)
    return zone


class ProjectSettings(BaseModel, extra="forbid", frozen=True):
    """What holds for the whole project."""

    name: str = Field("habitue", description="Shown in reports.")
    zone: Annotated[str, AfterValidator(_known_zone)] = Field("UTC", description="Days are cut in this zone.")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="Currency of all sums.")
    country: str = Field(
        "DE",
        pattern="^[A-Z]{2}$",
        description="Country of phone numbers without a prefix, where a record names no country.",
    )
    language: str = Field("en", pattern="^(en|de)$", description="Language of the report.")

    @property
    def meaning(self) -> dict[str, str]:
        """What gives data their meaning; a new name or language of the report makes no figure another one."""
        return {"zone": self.zone, "currency": self.currency, "country": self.country}


class LakeSettings(BaseModel, extra="forbid", frozen=True):
    """Where the tables lie."""

    path: str = Field("lake", description="Folder (relative to the project) or URI.")
    keep_releases: int = Field(30, ge=1, description="Releases that stay readable.")


class PrivacySettings(BaseModel, extra="forbid", frozen=True):
    """How identifiers are protected."""

    pepper: Annotated[str, AfterValidator(check_reference)] = Field(
        "${file:secrets/pepper}",
        description="Reference to the secret that keys are made with: ${env:NAME} or ${file:PATH}.",
    )

    def pepper_bytes(self, project: Path) -> bytes:
        """The pepper itself; ConfigError where the reference leads nowhere."""
        return resolve_secret(self.pepper, project, name="privacy.pepper")


class Settings(BaseModel, extra="forbid", frozen=True):
    """The whole configuration of a project."""

    project: ProjectSettings = ProjectSettings()
    lake: LakeSettings = LakeSettings()
    spark: SparkSettings = SparkSettings()
    mlflow: MlflowSettings = MlflowSettings()
    privacy: PrivacySettings = PrivacySettings()
    session: SessionSettings = SessionSettings()
    clock: ClockSettings = ClockSettings()
    bots: BotSettings = BotSettings()
    redaction: RedactionSettings = RedactionSettings()
    identity: IdentitySettings = IdentitySettings()
    profile: ProfileSettings = ProfileSettings()
    holdout: HoldoutSettings = HoldoutSettings()
    activation: ActivationSettings = ActivationSettings()
    economics: EconomicsSettings = EconomicsSettings()
    consent: ConsentSettings = ConsentSettings()
    models: ModelSettings = ModelSettings()
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    audiences: dict[str, AudienceDefinition] = Field(default_factory=dict)

    @property
    def event_rules(self) -> EventRules:
        """What every adapter of events is handed."""
        return EventRules(self.clock, self.redaction)
