"""What a benchmark says of itself: input, contenders, and when their results are equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

THREADS = 2
SPARK = "spark"
"""The lane of everything that runs in Spark: ours and the peers that are other plans of the same engine."""


@dataclass(frozen=True)
class Task:
    """One run of one contender: read `data`, leave the result in `out` (which does not exist yet)."""

    data: Path
    out: Path
    rows: int
    heap: str = "2g"

    def to_json(self) -> dict[str, Any]:
        """Plain values for another process."""
        return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(Path(values["data"]), Path(values["out"]), int(values["rows"]), str(values["heap"]))


@dataclass(frozen=True)
class Contender:
    """Who does the work: a function of a Task, as `module:function`, run in a process of its lane.

    `plan` names a function that returns the plan of the engine as text; without one the function's own
    source is kept, since then it is the plan.
    """

    name: str
    run: str
    package: str
    lane: str = ""
    plan: str = ""
    before: str = ""  # called before each run, untimed
    after: str = ""  # called once after the last round, untimed, before results are compared
    most_rows: int | None = None  # beyond, it takes too long to be waited for

    @property
    def process(self) -> str:
        """Name of the process that it runs in."""
        return self.lane or self.name


@dataclass(frozen=True)
class Contest:
    """One of ours against its peers on one input, at each of the sizes.

    `generate(folder, rows)` writes the input; `differences(ours, peer)` returns sentences on how the two
    results differ, none where they are equal.
    """

    name: str
    ours: Contender
    peers: tuple[Contender, ...]
    sizes: Mapping[str, tuple[int, ...]]
    generate: Callable[[Path, int], int]
    differences: Callable[[Path, Path], list[str]]
    rows: str = "rows"  # what is counted
    quality: Callable[[Path], dict[str, float]] | None = (
        None  # how good a result is, where results may differ
    )
    data: str = ""  # contests of one name share their input unless this says otherwise

    dataset: str = ""  # name of a set that others measure on too, where the input is one

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Ours first, in the order in which they take their turns."""
        return (self.ours, *self.peers)
