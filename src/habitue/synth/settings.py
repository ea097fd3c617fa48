"""What a synthetic lake is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

BLOCK = 2_000
"""Persons that are drawn together from one stream of random numbers: the unit of work, whatever the partitions."""

FUTURE_DAYS = 365
"""How far the truth reaches beyond the last day of the lake."""

JUDGED_DAYS = 91
"""Horizon of the judged predictions, and how long before the last day they are judged."""


START = date(2023, 7, 1)
"""So that the judged days of a year lie in spring: with one year of history nothing can know what Christmas does."""


class SynthSettings(BaseModel, extra="forbid", frozen=True):
    """Size, seed and shares of faults of a synthetic lake."""

    persons: int = Field(3_000, ge=100, le=20_000_000, description="Real people, buyers or not.")
    days: int = Field(365, ge=120, le=3_650, description="Days of the lake.")
    seed: int = Field(1, ge=0, lt=2**32, description="Same seed, same bytes.")
    start: date = Field(START, description="First day.")
    process: Literal["rich", "pure"] = Field(
        "rich", description="pure: BG/NBD and Gamma-Gamma exactly; rich: with season, contacts and more."
    )
    shared_devices: float = Field(0.05, ge=0, le=1, description="Share of devices that a household uses.")
    junk: float = Field(
        0.01, ge=0, le=1, description="Share of records with an identifier that means nobody."
    )
    recycled_phones: float = Field(
        0.02, ge=0, le=1, description="Share of persons whose number had an owner."
    )
    changed_email: float = Field(0.05, ge=0, le=1, description="Share of persons who change their address.")
    duplicate_records: float = Field(0.10, ge=0, le=1, description="Share of persons with a second record.")
    bots: float = Field(0.02, ge=0, le=0.5, description="Share of visits that are a bot's.")
    repeated: float = Field(0.01, ge=0, le=0.5, description="Share of events that are sent twice.")
    late: float = Field(
        0.02, ge=0, le=0.5, description="Share of visits whose events arrive late, by up to 400 days."
    )
    skewed: float = Field(0.02, ge=0, le=0.5, description="Share of devices whose clock is wrong.")
    hot_share: float = Field(0.0, ge=0, le=0.9, description="Share of all events that one visitor has.")

    @property
    def blocks(self) -> int:
        """Number of blocks of persons."""
        return -(-self.persons // BLOCK)

    @property
    def as_of(self) -> date:
        """The day whose start is the end of the lake."""
        return self.start + timedelta(days=self.days)

    @property
    def judged_day(self) -> int:
        """Days from the start to the cut-off at which predictions are judged on known outcomes."""
        return self.days - JUDGED_DAYS


@dataclass(frozen=True)
class Block:
    """One block of persons, and its own stream of random numbers."""

    settings: SynthSettings
    number: int

    @property
    def size(self) -> int:
        """Persons in the block: the last one may be smaller."""
        return min(BLOCK, self.settings.persons - self.number * BLOCK)

    @property
    def first(self) -> int:
        """Number of its first person."""
        return self.number * BLOCK

    def ties(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of the block's rows in a file: behind those of the blocks before it."""
        return (np.int64(self.number) << np.int64(32)) + rows

    def stream(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose: a change in one part of the lake leaves the others as they are."""
        key = [self.settings.seed, self.number, *purpose.encode()]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(key)))
