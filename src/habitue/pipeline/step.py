"""A step of the pipeline and the fingerprint that tells whether its result is still right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.fingerprint import code_digest, digest, input_version, slice_commit


def _nothing(_: Run) -> Any:
    return None


@dataclass(frozen=True)
class Step:
    """What a step reads and writes; `marker` is written last and carries the fingerprint.

    `current` says whether the result holds as far as no fingerprint can tell: by the clock, or, of a
    step that writes no table (training) and so has no marker, at all. Neighbours with the same
    `together` are worked off in one call of it, which gets the leaf names of their markers and is
    spared repeated small writes.
    """

    name: str
    stage: str
    work: Callable[[Run], None] = _nothing
    marker: Table | None = None
    reads: tuple[Table, ...] = ()
    depends_on: Callable[[Run], Any] = _nothing  # settings and other inputs, as JSON can spell them
    current: Callable[[Run], bool] | None = None
    together: Callable[[Run, Sequence[str]], None] | None = None

    @property
    def is_dated(self) -> bool:
        """Whether the result belongs to the run's day."""
        return self.marker is None or self.marker.is_dated

    def fingerprint(self, run: Run) -> str:
        """Digest of code, configuration and input versions; the versions are noted in the run's record."""
        as_of = run.as_of.isoformat() if self.is_dated else None
        versions = {table.name: input_version(run.location, table, as_of) for table in self.reads}
        run.record.input_versions |= versions
        content = {
            "code": code_digest(),
            "step": self.name,
            "day": as_of,
            "inputs": versions,
            "on": self.depends_on(run),
        }
        return digest(content)

    def is_current(self, run: Run, fingerprint: str) -> bool:
        """Whether the result is already what this step would make."""
        if self.current is not None and not self.current(run):
            return False
        if self.marker is None:
            return self.current is not None
        as_of = run.as_of.isoformat() if self.marker.is_dated else None
        return slice_commit(run.location, self.marker, as_of)[1] == fingerprint
