"""Releases: which versions of all tables belong together, and how to go back to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.decision import RELEASE
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.table import BY_HAND, Table
from habitue.contracts.tables import BY_NAME, TABLES
from habitue.errors import UsageError
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake
from habitue.lake.location import Location

CREATED = 0
"""Every table's first version: its contract, and no rows."""


@dataclass(frozen=True)
class Release:
    """One published run (or rollback)."""

    release_id: str
    published_at: datetime
    run_id: str
    as_of_date: date
    versions: dict[str, int]
    export_digests: dict[str, str]
    fencing_token: int
    rolled_back_to: str | None = None


def published_versions(location: Location) -> dict[str, int]:
    """Head version of every table that exists, the release table left out."""
    heads = {t.name: DeltaLog(location.table(t)).head() for t in TABLES if t.name != RELEASE.name}
    return {name: head for name, head in heads.items() if head is not None}


def publish(lake: Lake, release: Release) -> None:
    """One commit that makes the whole run visible."""
    row = lake.spark.createDataFrame([_as_row(release)], RELEASE.ddl)
    lake.append(RELEASE, row)


def releases(rows: DataFrame, limit: int = 30) -> list[Release]:
    """The newest releases, newest first; a bounded list.

    By the token of the lease, which only grows: ids hold the time of a clock that may have been wrong.
    """
    newest = rows.orderBy(F.col("fencing_token").desc(), F.col("release_id").desc()).limit(limit)
    return [Release(**row.asDict()) for row in newest.collect()]


def last_token(location: Location) -> int:
    """The token of the lease under which something was published last; 0 before."""
    newest = DeltaLog(location.table(RELEASE)).last_change()
    return int(newest.metadata.get("fencing_token") or 0) if newest else 0


def retention(kept: Sequence[Release], now: datetime, *, at_least: timedelta) -> timedelta:
    """How long files stay after they left their table, so that the `kept` releases can be read as they were.

    A release reads versions that were there when it was published, so what left a table before the oldest of
    them is read by none. An hour more stands for clocks that differ.
    """
    ages = (now - release.published_at.replace(tzinfo=now.tzinfo) for release in kept)
    return max([at_least, *(age + timedelta(hours=1) for age in ages)])


def last_release(rows: DataFrame) -> Release | None:
    """The release that readers see."""
    return next(iter(releases(rows, 1)), None)


def find_release(rows: DataFrame, release_id: str, *, kept: int) -> Release:
    """One of the releases that are `kept`, by id; UsageError naming the known ones."""
    known = releases(rows, kept)
    for release in known:
        if release.release_id == release_id:
            return release
    names = ", ".join(r.release_id for r in known[:5]) or "none yet"
    raise UsageError(
        f"There is no release {release_id} among the last {kept}.", [f"newest releases: {names}"]
    )


def roll_back(lake: Lake, target: Release, as_new: Release) -> Release:
    """Restore every table's head to the target's version and publish that as a new release.

    A table that came later is emptied: the restored tables say nothing of its rows. What people decided
    by hand stays: no run could bring it back.
    """
    for table, version in _to_restore(lake, target):
        lake.note = replace(lake.note, step="rollback", restored_version=version)
        lake.restore(table, version)
    # no run's fingerprint: the next one publishes in any case, since the exports of the target were taken away
    fingerprints = {RELEASE.name: f"rollback {as_new.release_id}"}
    lake.note = replace(lake.note, restored_version=None, fingerprints=fingerprints)
    heads = published_versions(lake.location)
    done = replace(as_new, versions={n: v for n, v in heads.items() if n in target.versions})
    publish(lake, done)
    return done


def _to_restore(lake: Lake, target: Release) -> Sequence[tuple[Table, int]]:
    """Tables with another version; the figures of ingest after the rows that they are of."""
    heads = published_versions(lake.location)
    wanted = {name: target.versions.get(name, CREATED) for name in heads}
    others = [
        (BY_NAME[name], version)
        for name, version in wanted.items()
        if heads[name] != version and BY_NAME[name].stage != BY_HAND
    ]
    return sorted(others, key=lambda each: each[0] is QUARANTINE_COUNT)


def _as_row(release: Release) -> tuple[object, ...]:
    return tuple(getattr(release, name) for name in RELEASE.column_names)
