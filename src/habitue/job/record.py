"""The run record: what ran on which inputs with which outcome, as JSON beside the tables."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from habitue.lake.whole_file import write_whole

Figure = int | float | str


@dataclass
class StepRecord:
    """One step of a run."""

    name: str
    outcome: str  # done, unchanged, skipped, failed
    seconds: float = 0.0
    fingerprint: str | None = None
    findings: list[str] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)  # exports that a guard held back, each with its reasons


@dataclass
class RunRecord:
    """Everything needed to say later how a release came about; no personal data."""

    run_id: str
    started_at: str
    code_version: str
    code_digest: str
    config_digest: str
    as_of: str | None = None
    outcome: str = "running"
    exit_code: int | None = None
    message: str = ""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    input_versions: dict[str, int | None] = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)
    exports_withheld: list[str] = field(default_factory=list)

    def note_inputs(self, files: Mapping[str, tuple[int, str]]) -> None:
        """Keep which files were found, each once, with its size and the digest of its content."""
        known = {entry["path"] for entry in self.inputs}
        new = sorted((path, *about) for path, about in files.items() if path not in known)
        self.inputs += [{"path": path, "bytes": size, "digest": content} for path, size, content in new]

    def write(self, folder: Path) -> None:
        """Write (again) to `<folder>/<run_id>.json`, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{self.run_id}.json", json.dumps(asdict(self), indent=1, default=str))

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures of all steps."""
        return {name: value for step in self.steps for name, value in step.figures.items()}


def read_record(folder: Path, run_id: str) -> RunRecord:
    """A record written earlier, also by a version that kept more in it."""
    content = json.loads((folder / f"{run_id}.json").read_text())
    known = {each.name for each in fields(RunRecord)} - {"steps"}
    steps = [StepRecord(**step) for step in content["steps"]]
    return RunRecord(**{name: value for name, value in content.items() if name in known}, steps=steps)


def earlier_step(folder: Path, name: str, fingerprint: str) -> StepRecord | None:
    """The newest record of a step that was done, or found done, with the same fingerprint."""
    for file in sorted(folder.glob("*.json"), reverse=True):
        for step in read_record(folder, file.stem).steps:
            is_same = (step.name, step.fingerprint) == (name, fingerprint)
            if is_same and step.outcome in ("done", "unchanged"):
                return step
    return None


def new_run_id(now: datetime) -> str:
    """Sorts by time, to the millisecond since a run with nothing to do takes less than a second, and does not repeat."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(3)}"
