"""The stages in order, and from which to which a run goes."""

from __future__ import annotations

from dataclasses import dataclass

from habitue.errors import UsageError

STAGES = ("ingest", "sessionize", "resolve", "profile", "train", "score", "target", "publish")


@dataclass(frozen=True)
class Span:
    """From which stage to which one a run goes."""

    first: str = STAGES[0]
    last: str = STAGES[-1]

    def __post_init__(self) -> None:
        unknown = [name for name in (self.first, self.last) if name not in STAGES]
        if unknown:
            raise UsageError(
                f"{', '.join(unknown)} is not a stage.", [f"stages in order: {', '.join(STAGES)}"]
            )
        if STAGES.index(self.first) > STAGES.index(self.last):
            raise UsageError(
                f"--from {self.first} comes after --to {self.last}.", [f"order: {', '.join(STAGES)}"]
            )

    def holds(self, stage: str) -> bool:
        """Whether the stage is part of the span."""
        return STAGES.index(self.first) <= STAGES.index(stage) <= STAGES.index(self.last)
