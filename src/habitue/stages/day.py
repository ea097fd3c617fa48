"""The default day of a run: the last complete day of the data + 1."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import functions as F

from habitue.contracts.entities import CONTACT, EVENT, ORDER_LINE, RESPONSE
from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.fingerprint import data_version
from habitue.lake.whole_file import write_whole

# what people did says when the data end; contacts and responses only where nothing else is there
_FACTS: tuple[tuple[tuple[Table, str], ...], ...] = (
    ((ORDER_LINE, "order_time"), (EVENT, "event_time")),
    ((CONTACT, "contact_time"), (RESPONSE, "response_time")),
)


def day_after_data(run: Run) -> date | None:
    """Start of the day in which the newest fact (not after the run's now) lies; None without facts.

    That day is taken as incomplete, so every day before it is complete.
    """
    newest = newest_fact(run)
    return newest.astimezone(ZoneInfo(run.settings.project.zone)).date() if newest else None


def newest_fact(run: Run) -> datetime | None:
    """When the newest fact happened that is not after the run's now; None without facts.

    It is kept beside the run records for the versions it was found in, so that a run on unchanged input needs no
    Spark to know its day.
    """
    versions = {table.name: data_version(run.location, table) for group in _FACTS for table, _ in group}
    file = run.location.records() / "newest_fact.json"
    known = _remembered(file, versions)
    newest = known if known is not None else _newest_fact(run, versions)
    if known is None and newest is not None:
        write_whole(file, json.dumps({"versions": versions, "newest_fact": newest.isoformat()}))
    return newest


def _remembered(file: Path, versions: dict[str, int | None]) -> datetime | None:
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text())
    return datetime.fromisoformat(content["newest_fact"]) if content["versions"] == versions else None


def _newest_fact(run: Run, versions: dict[str, int | None]) -> datetime | None:
    for group in _FACTS:
        found = [_newest(run, table, column) for table, column in group if versions[table.name] is not None]
        times = [moment for moment in found if moment is not None]
        if times:
            return max(times)
    return None


def _newest(run: Run, table: Table, column: str) -> datetime | None:
    facts = run.lake.read(table).where(F.col(column) <= F.lit(run.now))
    row = facts.agg(F.unix_micros(F.max(column)).alias("micros")).first()
    return datetime.fromtimestamp(row["micros"] / 1e6, UTC) if row and row["micros"] is not None else None
