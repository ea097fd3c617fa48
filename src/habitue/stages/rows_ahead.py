"""Rows too far ahead wait in the quarantine: when the first of an entity's will have come, it is taken in again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.changes import made_from
from habitue.sources.fields import HAPPENED
from habitue.sources.validation import FUTURE, FUTURE_TOLERANCE, is_good

AHEAD = "future"
"""Under this name what an entity's table was made from says it: source -> microseconds since 1970."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def first_ahead(rows: DataFrame, entity: Table) -> dict[str, int]:
    """By source the time of the first row that lies too far ahead, in microseconds since 1970."""
    is_ahead = ~is_good() & (F.col("_faults")[0]["code"] == FUTURE)
    time = F.unix_micros(F.min(HAPPENED[entity.leaf]))
    first = rows.where(is_ahead).groupBy("source").agg(time.alias("micros"))
    return {row["source"]: row["micros"] for row in first.collect()}


def earlier(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The earlier of both times by source."""
    return {
        source: min(d[source] for d in (one, other) if source in d) for source in one.keys() | other.keys()
    }


def noted_ahead(run: Run, entity: Table) -> dict[str, int]:
    """What the entity's last writer noted of rows ahead."""
    return dict((made_from(run.location, entity) or {}).get(AHEAD, {}))


def has_come(run: Run, micros: int | None) -> bool:
    """Whether a row of this time is not too far ahead any more."""
    return micros is not None and micros <= (run.now + FUTURE_TOLERANCE - _EPOCH) // timedelta(microseconds=1)


def none_has_come(run: Run, entity: Table) -> bool:
    """Whether all rows of the entity that were too far ahead still are."""
    return not any(has_come(run, micros) for micros in noted_ahead(run, entity).values())
