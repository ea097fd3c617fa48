"""Run the stages in order, each only where its fingerprint says that its result is no longer right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from habitue.job import Run
from habitue.job.record import StepRecord, earlier_step
from habitue.lake.commit import CommitNote
from habitue.pipeline.step import Step


def run_steps(run: Run, steps: Sequence[Step], *, forced: frozenset[str] = frozenset()) -> bool:
    """Work through the steps; True when anything was done."""
    return any(list(_outcomes(run, steps, forced)))


def foresee_steps(
    run: Run, steps: Sequence[Step], *, forced: frozenset[str] = frozenset(), after_change: bool = False
) -> bool:
    """Say of each step whether it would run; what reads behind a step to be done may change, so it would too."""
    for step in steps:
        is_behind = after_change and (bool(step.reads) or step.marker is None)
        would_run = is_behind or step.stage in forced or _earlier(run, _due(run, step)) is None
        run.progress.line(step.name, "would run" if would_run else "unchanged")
        after_change = after_change or would_run
    return after_change


def _outcomes(run: Run, steps: Sequence[Step], forced: frozenset[str]) -> Iterator[bool]:
    for joint_work, neighbours in groupby(steps, key=lambda step: step.together):
        stale: list[Due] = []
        for step in neighbours:
            due = _due(run, step)
            earlier = None if step.stage in forced else _earlier(run, due)
            if earlier is not None:
                _keep(run, due, earlier)
            elif joint_work is None:
                _work(run, [due], step.work)
            else:
                stale.append(due)
            yield earlier is None
        if stale and joint_work is not None:
            _work(run, stale, partial(joint_work, names=[due.leaf for due in stale]))


@dataclass(frozen=True)
class Due:
    """A step with the fingerprint that its result will carry."""

    step: Step
    fingerprint: str

    @property
    def leaf(self) -> str:
        """Name of the marker table without its layer; empty for a step that writes none."""
        return self.step.marker.leaf if self.step.marker else ""


def _due(run: Run, step: Step) -> Due:
    return Due(step, step.fingerprint(run))


def _earlier(run: Run, due: Due) -> StepRecord | None:
    """The record of the result that still holds; None where the step has to be done.

    A run that died after its commit and before its record has left a result whose findings
    and figures nobody knows: such a step is done again.
    """
    if not due.step.is_current(run, due.fingerprint):
        return None
    known = earlier_step(run.location.records() / "runs", due.step.name, due.fingerprint)
    return known if due.step.marker else known or StepRecord(due.step.name, "unchanged")


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


def _keep(run: Run, due: Due, earlier: StepRecord) -> None:
    """Leave the result of an earlier run, and keep what it found for the report."""
    name = due.step.name
    kept = replace(earlier, name=name, outcome="unchanged", seconds=0.0, fingerprint=due.fingerprint)
    run.record.steps.append(kept)
    run.progress.line(name, "unchanged")
