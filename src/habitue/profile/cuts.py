"""Cuts: the instants at which the world is looked at, and which facts each of them sees.

One pass over the facts serves any number of cuts. A fact is seen by every cut
after both its own time and the time it was known, so with cuts in ascending
order one number says it all: the index of the first cut that sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Cut:
    """The start of a day in the project's zone, as the day and as the UTC instant."""

    as_of: date
    at: datetime


def cut_of(as_of: date, zone: str) -> Cut:
    """The cut at the start of `as_of` in `zone`."""
    return Cut(as_of, datetime.combine(as_of, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC))


def ascending(cuts: Sequence[Cut]) -> tuple[Cut, ...]:
    """Cuts in order of time, each once."""
    if not cuts:
        raise ValueError("a profile needs at least one cut")
    return tuple(sorted(set(cuts)))


def instant(at: datetime) -> Column:
    """A UTC instant as a literal, whatever the session's or the machine's zone."""
    return F.timestamp_micros(F.lit((at - _EPOCH) // timedelta(microseconds=1)))


def first_cut(cuts: Sequence[Cut], *times: Column) -> Column:
    """Index of the first cut after all of `times`; the number of cuts where none is.

    A null time counts as not before any cut.
    """
    latest = F.greatest(*times) if len(times) > 1 else times[0]
    is_missing = times[0].isNull()
    for moment in times[1:]:
        is_missing = is_missing | moment.isNull()
    passed = F.lit(0)
    for cut in cuts:
        passed = passed + F.when(instant(cut.at) <= latest, 1).otherwise(0)
    return F.when(is_missing, F.lit(len(cuts))).otherwise(passed)


def each_cut(
    rows: DataFrame, cuts: Sequence[Cut], *, first: Column, last: Column | None = None, keep: Sequence[str]
) -> DataFrame:
    """One row per fact and cut from index `first` to `last` (all later ones): adds cut_index, as_of_date."""
    end = F.lit(len(cuts) - 1) if last is None else last
    exploded = rows.where(first <= end).select(*keep, F.explode(F.sequence(first, end)).alias("cut_index"))
    return exploded.withColumn("as_of_date", as_of_date(cuts, F.col("cut_index")))


def as_of_date(cuts: Sequence[Cut], index: Column) -> Column:
    """The day of the cut with that index."""
    return F.element_at(F.array(*(F.lit(cut.as_of) for cut in cuts)), index + 1)


def local_date(moment: Column, zone: str) -> Column:
    """The day of an instant in the project's zone."""
    return F.to_date(F.from_utc_timestamp(moment, zone))


def days_before(day: Column, as_of: Column | None = None) -> Column:
    """Days from `day` to the as_of_date of the row: 1 is the day before it."""
    return F.date_diff(F.col("as_of_date") if as_of is None else as_of, day)
