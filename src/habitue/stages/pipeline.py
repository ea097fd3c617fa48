"""Run the stages in order, each only where its fingerprint says that its result is no longer right."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from habitue.errors import UsageError
from habitue.job import Run
from habitue.job.record import StepRecord, earlier_step
from habitue.lake.commit import CommitNote
from habitue.stages.step import Step

STAGES = ("ingest", "sessionize", "resolve", "profile", "train", "score", "target", "publish")


@dataclass(frozen=True)
class Span:
    """From which stage to which one a run goes."""

    first: str = STAGES[0]
    last: str = STAGES[-1]

    def __post_init__(self) -> None:
        unknown = [name for name in (self.first, self.last) if name not in STAGES]
        if unknown:
            raise UsageError(f"{', '.join(unknown)} is not a stage.", [f"stages in order: {', '.join(STAGES)}"])
        if STAGES.index(self.first) > STAGES.index(self.last):
            raise UsageError(f"--from {self.first} comes after --to {self.last}.", [f"order: {', '.join(STAGES)}"])

    def holds(self, stage: str) -> bool:
        """Whether the stage is part of the span."""
        return STAGES.index(self.first) <= STAGES.index(stage) <= STAGES.index(self.last)


def run_steps(run: Run, steps: Sequence[Step], *, dry_run: bool = False, forced: frozenset[str] = frozenset()) -> bool:
    """Work through the steps; True when anything was (or, in a dry run, would be) done."""
    return any(list(_outcomes(run, steps, dry_run, forced)))


def _outcomes(run: Run, steps: Sequence[Step], dry_run: bool, forced: frozenset[str]) -> Iterator[bool]:
    would_run = False  # in a dry run everything after the first step to be done may change
    for step in steps:
        fingerprint = step.fingerprint(run)
        current = step.is_current(run, fingerprint) and step.stage not in forced
        if dry_run:
            would_run = would_run or not current
            run.progress.line(step.name, "would run" if would_run else "unchanged")
            yield would_run
        elif current:
            _keep(run, step, fingerprint)
            yield False
        else:
            _work(run, step, fingerprint)
            yield True


def _work(run: Run, step: Step, fingerprint: str) -> None:
    started = time.monotonic()
    run.step = StepRecord(step.name, "failed", fingerprint=fingerprint)
    run.record.steps.append(run.step)
    run.save_record()
    with run.progress.step(step.name):
        run.lake.note = CommitNote(
            run_id=run.run_id,
            step=step.name,
            fencing_token=run.fencing_token,
            as_of=run.as_of.isoformat() if step.is_dated else None,
            fingerprint=fingerprint,
            marker=step.marker.name if step.marker else None,
        )
        step.work(run)
    run.step.outcome = "done"
    run.step.seconds = round(time.monotonic() - started, 2)
    run.save_record()


def _keep(run: Run, step: Step, fingerprint: str) -> None:
    """Leave the result of an earlier run, and keep its figures for the report."""
    earlier = earlier_step(run.location.records() / "runs", step.name, fingerprint)
    figures = earlier.figures if earlier else {}
    findings = earlier.findings if earlier else []
    run.record.steps.append(StepRecord(step.name, "unchanged", 0.0, fingerprint, findings, figures))
    run.progress.line(step.name, "unchanged")
