"""Run the stages in order, each only where its fingerprint says that its result is no longer right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from habitue.job import Run
from habitue.job.record import StepRecord, earlier_step
from habitue.lake.commit import CommitNote
from habitue.stages.step import Step


def run_steps(
    run: Run, steps: Sequence[Step], *, dry_run: bool = False, forced: frozenset[str] = frozenset()
) -> bool:
    """Work through the steps; True when anything was (or, in a dry run, would be) done."""
    return any(list(_outcomes(run, steps, dry_run, forced)))


def _outcomes(run: Run, steps: Sequence[Step], dry_run: bool, forced: frozenset[str]) -> Iterator[bool]:
    would_run = False  # in a dry run everything after the first step to be done may change
    for is_joint, neighbours in groupby(steps, key=lambda step: step.together):
        stale: list[Due] = []
        for step in neighbours:
            due = Due(step, step.fingerprint(run))
            current = step.is_current(run, due.fingerprint) and step.stage not in forced
            if dry_run:
                would_run = would_run or not current
                run.progress.line(step.name, "would run" if would_run else "unchanged")
            elif current:
                _keep(run, due)
            elif is_joint is None:
                _work(run, [due], step.work)
            else:
                stale.append(due)
            yield would_run or (not dry_run and not current)
        if stale and is_joint is not None:
            _work(run, stale, partial(is_joint, names=[due.leaf for due in stale]))


@dataclass(frozen=True)
class Due:
    """A step with the fingerprint that its result will carry."""

    step: Step
    fingerprint: str

    @property
    def leaf(self) -> str:
        """Name of the marker table without its layer; empty for a step that writes none."""
        return self.step.marker.leaf if self.step.marker else ""


def _work(run: Run, due: Sequence[Due], work: Callable[[Run], None]) -> None:
    """Work off one step, or several in one call; their records say `failed` until all is written."""
    first = due[0].step
    records = [StepRecord(d.step.name, "failed", fingerprint=d.fingerprint) for d in due]
    run.record.steps += records
    run.focus(records[0].name)
    run.save_record()
    with run.progress.step(first.name if len(due) == 1 else first.stage):
        run.lake.note = CommitNote(
            run_id=run.run_id,
            step=first.stage,
            fencing_token=run.fencing_token,
            as_of=run.as_of.isoformat() if first.is_dated else None,
            fingerprints={d.step.marker.name: d.fingerprint for d in due if d.step.marker},
        )
        work(run)
    run.focus(None)
    for record in records:
        record.outcome = "done"
    run.save_record()


def _keep(run: Run, due: Due) -> None:
    """Leave the result of an earlier run, and keep its figures for the report."""
    name = due.step.name
    earlier = earlier_step(run.location.records() / "runs", name, due.fingerprint)
    figures = earlier.figures if earlier else {}
    findings = earlier.findings if earlier else []
    run.record.steps.append(StepRecord(name, "unchanged", 0.0, due.fingerprint, findings, figures))
    run.progress.line(name, "unchanged")
