"""A run: project, settings, day, lake, registry and record, handed to every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

from pyspark.sql import SparkSession

from habitue.config.settings import Settings
from habitue.errors import CheckError
from habitue.job.progress import Progress
from habitue.job.record import Figure, RunRecord, StepRecord
from habitue.lake.commit import CommitNote
from habitue.lake.lake import Lake
from habitue.lake.location import Location
from habitue.lake.session import open_session, stop
from habitue.registry.registry import Registry


@dataclass
class Run:
    """Opened lazily: Spark and MLflow start when the first stage needs them."""

    project: Path
    settings: Settings
    location: Location
    record: RunRecord
    progress: Progress
    now: datetime
    day: date | None = None  # as asked for; else found in the data
    assert_held: Callable[[], None] = lambda: None
    fencing_token: int = 0
    step: StepRecord = field(default_factory=lambda: StepRecord("", "done"))
    _focused_at: float = field(default_factory=monotonic)
    _opened: list[SparkSession] = field(default_factory=list)
    _is_own_session: bool = False

    @property
    def run_id(self) -> str:
        """Id of this run."""
        return self.record.run_id

    @property
    def as_of(self) -> date:
        """The day whose start cuts what is known."""
        if self.day is None:
            raise CheckError(
                "The data hold no dated facts (orders, events, contacts), so no day can be chosen.",
                hint="Map a source of orders, events or contacts, or name the day with --as-of.",
            )
        return self.day

    @property
    def cut(self) -> datetime:
        """The instant of `as_of`: start of that day in the project's zone, in UTC."""
        return self.instant(self.as_of)

    def instant(self, day: date) -> datetime:
        """Start of a day in the project's zone, as a UTC instant."""
        return datetime.combine(day, time.min, ZoneInfo(self.settings.project.zone)).astimezone(UTC)

    @cached_property
    def spark(self) -> SparkSession:
        """The session, opened on first use."""
        log_file = self.location.records() / "logs" / "spark.log"
        is_given = SparkSession.getActiveSession() is not None
        session = open_session(self.settings.spark, app_name="habitue", log_file=log_file)
        self._opened.append(session)
        self._is_own_session = not is_given
        return session

    @cached_property
    def lake(self) -> Lake:
        """The lake's tables."""
        lake = Lake(self.location, self.spark, assert_held=self.assert_held)
        lake.note = CommitNote(run_id=self.run_id)  # a scratch folder of its own, for look-ups too
        return lake

    @cached_property
    def registry(self) -> Registry:
        """The model registry."""
        return Registry(self.settings.mlflow, self.project)

    @cached_property
    def pepper(self) -> bytes:
        """The secret that identifier keys are made with."""
        return self.settings.privacy.pepper_bytes(self.project)

    @property
    def spark_is_open(self) -> bool:
        """Whether a session has been needed so far."""
        return bool(self._opened)

    def close(self) -> None:
        """Remove what was materialised on the way, and stop the session unless it was given."""
        if self.spark_is_open:
            self.lake.clear_checkpoints()
            if self._is_own_session:
                stop(self.spark)

    def focus(self, step: str | None) -> None:
        """Let findings, figures and seconds from now on belong to this step of the record."""
        now = monotonic()
        self.step.seconds = round(self.step.seconds + now - self._focused_at, 2)
        self._focused_at = now
        self.step = next((s for s in reversed(self.record.steps) if s.name == step), StepRecord("", "done"))

    def save_record(self) -> None:
        """Write the run record as it stands."""
        self.record.write(self.location.records() / "runs")

    def note(self, text: str) -> None:
        """One finding for the person, kept in the run record."""
        self.progress.finding(text)
        self.step.findings.append(text)

    def count(self, name: str, value: Figure) -> None:
        """One figure for the record and the report."""
        self.step.figures[name] = value
