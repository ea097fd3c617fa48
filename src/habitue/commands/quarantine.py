"""`habitue quarantine`: what is locked away and why, and what of it a mended mapping takes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pyspark.sql import functions as F

from habitue.contracts.intake import QUARANTINE
from habitue.job import Run
from habitue.lake.deltalog import DeltaLog
from habitue.pipeline.execute import Request, execute, opened
from habitue.pipeline.span import Span

_GROUP = ("source", "entity", "file", "reason_code", "reason")


@dataclass(frozen=True)
class Locked:
    """Rows in quarantine that share source, entity, file and reasons; never the rows themselves."""

    source: str
    entity: str
    file: str
    reason_code: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Replayed:
    """Quarantined rows of a source and entity before and after a replay."""

    source: str
    entity: str
    before: int
    after: int
    changed: bool  # whether a mapping or file was new, so that the rows were read again


def locked_rows(run: Run, source: str | None = None) -> list[Locked]:
    """What is in quarantine, of one source or of all: rows by file and reason."""
    rows = run.lake.read(QUARANTINE)
    chosen = rows if source is None else rows.where(F.col("source") == source)
    groups = chosen.groupBy(*_GROUP).count().orderBy(*_GROUP)
    return [Locked(**{n: row[n] for n in _GROUP}, rows=row["count"]) for row in groups.collect()]


def replay(request: Request, source: str | None = None) -> list[Replayed]:
    """Take the quarantined rows in again as the mappings are now; what is still faulty stays locked away.

    A row is read again from its file, which is the row as it was received. Entities whose
    mappings and files did not change are not read again: their rows would end where they are.
    """
    location = request.location(request.settings())
    before = DeltaLog(location.table(QUARANTINE)).head()
    done = execute(replace(request, span=Span("ingest", "ingest")))
    read_again = {step.name.removeprefix("ingest ") for step in done.record.steps if step.outcome == "done"}
    with opened(request) as run:
        counts = {} if before is None else _counts(run, before), _counts(run, None)
    keys = sorted(counts[0].keys() | counts[1].keys())
    return [
        Replayed(*key, counts[0].get(key, 0), counts[1].get(key, 0), key[1] in read_again)
        for key in keys
        if source in (None, key[0])
    ]


def findings(replayed: Iterable[Replayed]) -> list[str]:
    """The outcome in sentences."""
    lines = []
    for each in replayed:
        what = f"{each.entity} rows of {each.source}"
        if not each.changed:
            lines.append(
                f"{each.after:,} {what} stay in quarantine: neither their mapping nor their files changed."
            )
        elif each.after < each.before:
            lines.append(
                f"{each.before - each.after:,} of {each.before:,} {what} were taken in; {each.after:,} stay."
            )
        else:
            lines.append(f"{each.after:,} {what} are in quarantine; {each.before:,} were before.")
    return lines or ["Nothing is in quarantine."]


def _counts(run: Run, version: int | None) -> dict[tuple[str, str], int]:
    rows = run.lake.read(QUARANTINE, version=version).groupBy("source", "entity").count()
    return {(row["source"], row["entity"]): int(row["count"]) for row in rows.collect()}
