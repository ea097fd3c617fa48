"""`habitue optimize`: few large files instead of many small ones, and an end to files that no release reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from habitue.contracts.decision import RELEASE
from habitue.contracts.table import Table
from habitue.contracts.tables import BY_NAME, TABLES
from habitue.errors import UsageError, did_you_mean
from habitue.job import Run
from habitue.lake.commit import CommitNote
from habitue.lake.footprint import Footprint, footprint
from habitue.lake.release import releases, retention
from habitue.pipeline.execute import Request, opened, writing


@dataclass(frozen=True)
class Optimized:
    """A table before and after."""

    table: str
    before: Footprint
    after: Footprint


@dataclass(frozen=True)
class Outcome:
    """All tables, and how long files were kept after they left their table."""

    tables: tuple[Optimized, ...]
    kept_days: float


def optimize(request: Request, *, names: Sequence[str] = (), retain_days: int = 7) -> Outcome:
    """Compact and vacuum tables (all that exist, unless named) under the lease.

    No row changes, so that no stage becomes stale. Files stay for `retain_days` after they left their table, and for as
    long as one of the last releases (`lake.keep_releases`) reads them.
    """
    wanted = [_table(name) for name in names] or list(TABLES)
    with opened(request) as run, writing(run) as lease:
        run.lake.note = CommitNote(run_id=run.run_id, step="optimize", fencing_token=lease.token)
        kept = releases(run.lake.read(RELEASE), run.settings.lake.keep_releases)
        keep = retention(kept, run.now, at_least=timedelta(days=retain_days))
        done = tuple(_optimized(run, table, keep) for table in wanted if run.lake.exists(table))
    return Outcome(done, round(keep / timedelta(days=1), 2))


def _optimized(run: Run, table: Table, keep: timedelta) -> Optimized:
    before = footprint(run.lake, table)
    with run.progress.step(table.name):
        run.lake.compact(table)
        run.lake.vacuum(table, keep=keep)
    return Optimized(table.name, before, footprint(run.lake, table))


def _table(name: str) -> Table:
    if name in BY_NAME:
        return BY_NAME[name]
    raise UsageError(
        f"There is no table {name}{did_you_mean(name, BY_NAME) or did_you_mean(f'silver.{name}', BY_NAME)}",
        hint="`habitue catalog` lists them, as silver.event.",
    )
