"""One call from a request to a finished run: configuration, lease, steps, report, record, exit code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from habitue import __version__
from habitue.config.project import load_settings
from habitue.config.settings import Settings
from habitue.errors import ConfigError, ExitCode, UsageError
from habitue.job import Progress, Run, RunRecord
from habitue.job.failure import explain
from habitue.job.record import new_run_id
from habitue.lake.card import check_card, make_card
from habitue.lake.fingerprint import code_digest, digest
from habitue.lake.lease import Lease, hold_lease
from habitue.lake.location import Location
from habitue.lake.release import last_token
from habitue.pipeline.plan import dated_steps, undated_steps
from habitue.pipeline.run_steps import foresee_steps, run_steps
from habitue.pipeline.span import STAGES, Span
from habitue.pipeline.step import Step
from habitue.privacy.keys import key_id
from habitue.stages.day import day_after_data
from habitue.stages.publish import finish_publication, withheld_exports
from habitue.stages.report import is_reported, write_report
from habitue.stages.unfed import unfed_entities


@dataclass(frozen=True)
class Request:
    """What a person or scheduler asks for."""

    project: Path
    env: str = "local"
    lake: str | None = None
    assignments: tuple[str, ...] = ()
    as_of: date | None = None
    span: Span = field(default_factory=Span)
    dry_run: bool = False
    retrain: bool = False
    export: bool = False  # also for a day that is not the newest
    quiet: bool = False

    def settings(self) -> Settings:
        """The project's settings as this request sees them."""
        return load_settings(self.project, env=self.env, assignments=self.assignments)

    def location(self, settings: Settings) -> Location:
        """Where the lake lies."""
        path = self.lake or settings.lake.path
        return Location(path if "://" in path else str(self.project / path))


def execute(request: Request) -> Run:
    """Run what was asked for and return the run with its record; raises only HabitueErrors and bugs."""
    with opened(request) as run:
        if request.dry_run:
            _foresee(run, request)
            return run
        with writing(run):
            try:
                _work(run, request)
            except BaseException as error:
                code, message = explain(error)
                run.record.outcome, run.record.exit_code, run.record.message = "failed", int(code), message
                raise
            finally:
                run.save_record()
    return run


@contextmanager
def opened(request: Request) -> Iterator[Run]:
    """A run with settings and lake checked; nothing is started or written yet. All is closed at the end."""
    settings = request.settings()
    now = datetime.now(UTC)
    location = request.location(settings)
    config_digest = digest(settings.model_dump(mode="json"))
    record = RunRecord(new_run_id(now), now.isoformat(), __version__, code_digest(), config_digest)
    run = Run(request.project, settings, location, record, Progress(quiet=request.quiet), now, request.as_of)
    check_card(location.records(), key_id(run.pepper))
    try:
        yield run
    finally:
        run.close()


@contextmanager
def writing(run: Run) -> Iterator[Lease]:
    """The lease on the run's lake, which from now on has a card; every commit is checked against the lease."""
    with hold_lease(run.location.records(), run.run_id, above=last_token(run.location)) as lease:
        make_card(run.location.records(), key_id(run.pepper))
        clear_dead_scratch(run.location.records())
        run.assert_held, run.fencing_token = lease.assert_held, lease.token
        yield lease


def clear_dead_scratch(records: Path) -> None:
    """Remove what killed runs had materialised; a look-up, which holds no lease and has no record, keeps its own."""
    for folder in records.glob("scratch/*"):
        if (records / "runs" / f"{folder.name}.json").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _work(run: Run, request: Request) -> None:
    finish_publication(run)
    _check_sources(run, request.span)
    if request.span.holds("train") or request.span.holds("score"):
        run.registry.ensure_reachable()  # before hours of other work
    undated = _undated(run)
    _check_skipped(run, request.span, undated)
    did = run_steps(run, _within(request.span, undated))
    dated = _dated(run, request)
    _check_skipped(run, request.span, dated)
    did = run_steps(run, _within(request.span, dated), forced=_forced(request)) or did
    _finish(run, did=did, published=request.span.holds("publish"))


def _foresee(run: Run, request: Request) -> None:
    """Say what a run would do, as far as that can be known before it."""
    _check_sources(run, request.span)
    would_run = foresee_steps(run, _within(request.span, _undated(run)))
    foresee_steps(
        run, _within(request.span, _dated(run, request)), forced=_forced(request), after_change=would_run
    )
    run.record.outcome, run.record.exit_code = "dry run", int(ExitCode.OK)


def _forced(request: Request) -> frozenset[str]:
    return frozenset({"train"} if request.retrain else ())


def _check_sources(run: Run, span: Span) -> None:
    if span.holds(STAGES[0]) and not run.settings.sources:
        raise ConfigError(
            "No source is mapped, so there is nothing to take in.",
            hint="`habitue map data/FILE > conf/sources/NAME.yaml` proposes a mapping.",
        )


def _check_skipped(run: Run, span: Span, steps: Sequence[Step]) -> None:
    """Stop before anything is published that rests on results which no longer hold.

    New files and newer models may wait: the last that was taken in and trained is used as it is.
    """
    before = [s for s in steps if not span.holds(s.stage) and s.stage != STAGES[0] and s.marker is not None]
    if not span.holds(STAGES[-1]):
        return
    stale = [step.stage for step in before if not step.is_current(run, step.fingerprint(run))]
    if stale:
        raise UsageError(
            f"What --from {span.first} would publish rests on results that no longer hold:",
            [f"{stage}: what it read has changed, or it has not run for this day" for stage in stale],
            hint=f"Start there: `habitue run --from {stale[0]}`.",
        )


def _within(span: Span, steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if span.holds(step.stage)]


def _undated(run: Run) -> tuple[Step, ...]:
    return undated_steps(run.settings, unfed_entities(run))


def _dated(run: Run, request: Request) -> tuple[Step, ...]:
    """The steps of the run's day, which is found in what has been taken in by now."""
    newest = day_after_data(run)
    run.day = request.as_of or newest
    run.record.as_of = run.day.isoformat() if run.day else None
    is_newest = newest is None or run.as_of >= newest
    return dated_steps(with_exports=is_newest or request.export)


def _finish(run: Run, *, did: bool, published: bool) -> None:
    run.record.exports_withheld = withheld_exports(run)
    code = ExitCode.EXPORTS_WITHHELD if run.record.exports_withheld else ExitCode.OK
    run.record.outcome, run.record.exit_code = (
        "published" if published else "stopped before publishing",
        int(code),
    )
    run.save_record()
    if published and (did or not is_reported(run)):
        write_report(run)
