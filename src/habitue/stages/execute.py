"""One call from a request to a finished run: configuration, lease, steps, report, record, exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from habitue import __version__
from habitue.config.project import load_settings
from habitue.config.settings import Settings
from habitue.errors import ExitCode
from habitue.job import Progress, Run, RunRecord
from habitue.job.failure import explain
from habitue.job.record import new_run_id
from habitue.lake.card import check_card
from habitue.lake.fingerprint import code_digest, digest
from habitue.lake.lease import hold_lease
from habitue.lake.location import Location
from habitue.lake.session import stop
from habitue.privacy.keys import key_id
from habitue.stages.day import day_after_data
from habitue.stages.pipeline import run_steps
from habitue.stages.plan import dated_steps, undated_steps
from habitue.stages.publish import finish_publication, withheld_exports
from habitue.stages.report import write_report
from habitue.stages.span import Span


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
    with opened(request) as run, hold_lease(run.location.records(), run.run_id) as lease:
        run.assert_held, run.fencing_token = lease.assert_held, lease.token
        try:
            _work(run, request)
        except BaseException as error:
            code, message = explain(error)
            run.record.outcome, run.record.exit_code, run.record.message = "failed", int(code), message
            raise
        finally:
            if not request.dry_run:
                run.save_record()
            if run.spark_is_open:
                run.lake.clear_checkpoints()
    return run


@contextmanager
def opened(request: Request) -> Iterator[Run]:
    """A run with settings and lake checked; nothing is started yet. The session is stopped at the end."""
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
        if run.spark_is_open:
            stop(run.spark)


def _work(run: Run, request: Request) -> None:
    if not request.dry_run:
        finish_publication(run)
    forced = frozenset({"train"} if request.retrain else ())
    steps = [s for s in undated_steps(run.settings) if request.span.holds(s.stage)]
    did = run_steps(run, steps, dry_run=request.dry_run)
    newest = day_after_data(run)
    run.day = request.as_of or newest
    run.record.as_of = run.day.isoformat() if run.day else None
    is_newest = newest is None or run.as_of >= newest
    dated = [s for s in dated_steps(with_exports=is_newest or request.export) if request.span.holds(s.stage)]
    did = run_steps(run, dated, dry_run=request.dry_run, forced=forced) or did
    if not request.dry_run:
        _finish(run, did=did, published=request.span.holds("publish"))


def _finish(run: Run, *, did: bool, published: bool) -> None:
    run.record.exports_withheld = withheld_exports(run)
    code = ExitCode.EXPORTS_WITHHELD if run.record.exports_withheld else ExitCode.OK
    run.record.outcome, run.record.exit_code = (
        "published" if published else "stopped before publishing",
        int(code),
    )
    run.save_record()
    if did and published:
        write_report(run)
