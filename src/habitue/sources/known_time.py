"""When a row was known: the first of mapped column, received time, event time of a historical load, arrival."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table
from habitue.sources.draft import Draft
from habitue.sources.fields import HAPPENED

ALWAYS_KNOWN = "1970-01-01"
"""Rows of a historical load that say nothing of time (products, demographics) count as known from the start."""

_SINCE = {
    "customer_record": "customer_since",
    "product": "introduced_on",
    "campaign": "start_time",
    "subscription": "start_time",
}


def known_time_rule(draft: Draft) -> str:
    """The rule that gives a source's rows their known time, in words for the report."""
    columns = set(draft.rows.columns)
    if "known_time" in columns:
        return "mapped column"
    if "received_time" in columns:
        return "received time in the data"
    if not draft.is_history:
        return "time of ingest"
    happened = happened_column(draft.entity)
    return f"historical load: {happened}" if happened in columns else "historical load: always known"


def with_known_time(rows: DataFrame, draft: Draft, arrivals: DataFrame, latest: datetime) -> DataFrame:
    """Fill `known_time`, and keep in `_stated_time` what the data alone say of it.

    `arrivals` says per `_file` when habitue first met its content (`arrived`); rows of a
    Delta table, whose files are not followed one by one, take the `latest`. A row that
    is delivered again in another file has another arrival but is the same row: its hash
    is made with `_stated_time`, so that the merge leaves it with its first known time.
    """
    mapped = F.col("known_time")
    received = F.col("received_time") if draft.entity.leaf == "event" else mapped
    others = []
    if draft.is_history:
        happened = F.col(happened_column(draft.entity)).cast("timestamp")
        others = [happened, F.lit(ALWAYS_KNOWN).cast("timestamp")]
    # an event's receipt comes first in its hash: a stored event tells that, and not when a loader wrote it
    with_stated = rows.withColumns(
        {
            "_known": F.coalesce(mapped, received, *others),
            "_stated_time": F.coalesce(received, mapped, *others),
        }
    )
    if draft.is_history:
        return with_stated.withColumn("known_time", F.col("_known")).drop("_known")
    joined = with_stated.join(F.broadcast(arrivals), on="_file", how="left")
    return joined.withColumn("known_time", F.coalesce("_known", "arrived", F.lit(latest))).drop(
        "arrived", "_known"
    )


def happened_column(entity: Table) -> str:
    """The column that says when a row's fact happened, or began."""
    return HAPPENED.get(entity.leaf) or _SINCE[entity.leaf]
