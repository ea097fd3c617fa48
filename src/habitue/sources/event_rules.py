"""What a project configures for its events, handed to every adapter."""

from __future__ import annotations

from dataclasses import dataclass

from habitue.events.settings import ClockSettings
from habitue.privacy.redaction import RedactionSettings


@dataclass(frozen=True)
class EventRules:
    """Clocks and redaction as configured; defaults where a project says nothing."""

    clock: ClockSettings = ClockSettings()
    redaction: RedactionSettings = RedactionSettings()


DEFAULT_RULES = EventRules()
