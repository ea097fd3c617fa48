"""What the whole project agrees on and the profile must follow: zone, currency, strength of identifiers."""

from __future__ import annotations

from dataclasses import dataclass

from habitue.identity.survivorship import Survivorship
from habitue.profile.currency import Money


@dataclass(frozen=True)
class Conventions:
    """The project's zone for days, its money, its identifier types in order, and which of several values survives."""

    zone: str
    money: Money
    strongest_first: tuple[str, ...]
    anonymous_types: tuple[str, ...]  # types that name a device, not a person
    survivorship: Survivorship = Survivorship()
