"""New events beside those of the lake: what is decided anew because they came, and nothing else.

An id that the lake has too, a visitor who comes again and an order that is completed again change what stored events
are called, or whether they count. All of it follows from rules over ids, visitors and orders, so that looking at
all events of these gives what looking at all events gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.contracts.entities import EVENT
from habitue.contracts.row_hash import ROW_HASH
from habitue.events.bots import BURST, DAY_VOLUME, LONG_SESSION, flag_bots
from habitue.events.duplicates import fingerprint, mark_repeats
from habitue.events.repeated_orders import name_repeated_orders
from habitue.events.settings import BotSettings
from habitue.events.vocabulary import ORDER_COMPLETED, ORDER_REPEATED
from habitue.privacy.vault import open_identifiers
from habitue.sources.duplicates import IS_DUPLICATE
from habitue.sources.event_rows import PLACE
from habitue.sources.validation import is_good

_OURS = (BURST, DAY_VOLUME, LONG_SESSION)
"""Reasons that no source gives: they are found again."""
_ORDER = ("source", "number")


@dataclass(frozen=True)
class Settled:
    """New rows with ids and repeats marked, and the stored events that are repeats now or get another id."""

    rows: DataFrame
    overruled: DataFrame  # stored_id, source, own_id (null for a repeat)


@dataclass(frozen=True)
class Increment:
    """Rows that come or take the place of stored ones, and the stored ones that they are compared with."""

    rows: DataFrame
    present: DataFrame


def settled_beside(new: DataFrame, stored: DataFrame, *, checkpoint: Checkpoint) -> Settled:
    """Decide between new events (`dressed`, each with an id) and stored ones with the same ids."""
    sound = new.where(is_good())
    by_id = sound.groupBy(F.xxhash64("event_id").alias("_id_hash")).agg(F.count(F.lit(1)).alias("_times"))
    ids = checkpoint(by_id)
    tracked = F.coalesce("tracker_id", "event_id")
    narrow = stored.select(F.col("event_id").alias("_met_id"), tracked.alias("_tracked"), "event_date")
    met = checkpoint(
        narrow.join(ids, on=F.xxhash64("_tracked") == F.col("_id_hash"), how="inner").drop(
            "_times", "_tracked"
        )
    )
    shared = ids.where("_times > 1").select("_id_hash").union(met.select("_id_hash")).distinct()
    suspects = sound.join(shared, on=F.xxhash64("event_id") == F.col("_id_hash"), how="left_semi")
    own = suspects.withColumn("identifiers", open_identifiers()).withColumn(
        "_stored_id", F.lit(None).cast("string")
    )
    theirs = of_ids(stored, met.select(F.col("_met_id").alias("event_id"), "event_date"))
    theirs = theirs.withColumns(
        {
            "_stored_id": F.col("event_id"),
            "event_id": tracked,
            "bot_reason": given_reason(),
            "_file": F.lit(""),  # of equals the one that was there
            "_position": F.lit(0).cast("bigint"),
        }
    )
    columns = [*(n for n in EVENT.column_names if n != ROW_HASH), "_file", "_position", "_stored_id"]
    told = own.select(*columns).unionByName(theirs.select(*columns))
    content = F.coalesce(F.col("tracker_fingerprint"), fingerprint(told))
    marked = checkpoint(
        mark_repeats(told, fingerprint=content).select(
            *PLACE, "_stored_id", "_is_repeat", "event_id", "_tracker_id"
        )
    )
    is_new = F.col("_stored_id").isNull()
    own_id = F.when(F.col("event_id") != F.col("_tracker_id"), F.col("event_id"))
    decided = marked.where(is_new).select(*PLACE, "_is_repeat", own_id.alias("_own_id"))
    rows = new.join(decided, on=list(PLACE), how="left").withColumns(
        {
            IS_DUPLICATE: F.coalesce("_is_repeat", F.lit(False)),
            "tracker_id": F.when(F.col("_own_id").isNotNull(), F.col("event_id")),
            "event_id": F.coalesce("_own_id", "event_id"),
        }
    )
    is_other = F.col("_is_repeat") | (F.col("event_id") != F.col("_stored_id"))
    overruled = marked.where(~is_new & is_other).select(
        F.col("_stored_id").alias("stored_id"),
        "source",
        F.when(~F.col("_is_repeat"), F.col("event_id")).alias("own_id"),
    )
    return Settled(rows.drop("_is_repeat", "_own_id"), overruled)


def increment(
    good: DataFrame,
    overruled: DataFrame,
    stored: DataFrame,
    *,
    histories: Sequence[str],
    bots: BotSettings,
    checkpoint: Checkpoint,
) -> Increment:
    """What silver.event gains, loses and calls otherwise: by the new events that count, and what they overrule.

    `histories` names sources that are a first historical load.
    """
    hashed, stored = stored, stored.withColumn("_stated_time", _stated_time(histories)).drop(ROW_HASH)
    overruled = overruled.join(
        stored.select(F.col("event_id").alias("stored_id"), "event_date"), on="stored_id", how="inner"
    )
    overruled = checkpoint(overruled)
    gone = overruled.select(F.col("stored_id").alias("event_id"), "event_date")
    left = of_ids(stored, gone)
    called = overruled.where(F.col("own_id").isNotNull()).select(
        F.col("stored_id").alias("event_id"), "own_id"
    )
    renamed = left.join(called, on="event_id", how="inner").withColumns(
        {
            "tracker_id": F.coalesce("tracker_id", "event_id"),
            "event_id": F.col("own_id"),
            "bot_reason": given_reason(),
        }
    )
    opened = good.withColumn("identifiers", open_identifiers())
    come = checkpoint(opened.select(*stored.columns).unionByName(renamed.select(*stored.columns)))
    stay = stored.join(gone.select("event_id"), on="event_id", how="left_anti")
    reasons = _reasons(come, left, stay, bots, checkpoint)
    names = _names(come, left, stay, checkpoint)
    again = checkpoint(
        reasons.where("is_stored").select("event_id", "event_date")
        .unionByName(names.where("is_stored").select("event_id", "event_date")).distinct()
    )  # fmt: skip
    touched = of_ids(stored, again)
    rows = _told_anew(come.unionByName(touched), reasons, names)
    return Increment(rows, of_ids(hashed, gone.unionByName(again)))


def of_ids(stored: DataFrame, ids: DataFrame) -> DataFrame:
    """The stored events of these ids (`event_id`, `event_date`, materialised); files of other days are not opened."""
    row = ids.agg(F.min("event_date"), F.max("event_date")).first()
    first, last = row if row else (None, None)
    if first is None:
        return stored.limit(0)
    of_days = stored.where(F.col("event_date").between(F.lit(first), F.lit(last)))
    return of_days.join(ids.select("event_id"), on="event_id", how="left_semi")


def given_reason() -> Column:
    """The reason for a bot that the row itself gives."""
    return F.when(~F.col("bot_reason").isin(*_OURS), F.col("bot_reason"))


_NARROW = (
    "event_id", "source", "visitor_type", "visitor_key", "event_date", "event_time", "source_session_id", "bot_reason",
)  # fmt: skip


def _reasons(
    come: DataFrame, left: DataFrame, stay: DataFrame, bots: BotSettings, checkpoint: Checkpoint
) -> DataFrame:
    """Events whose reason for a bot is another than noted, of all visitors of whom an event came or left."""
    who = come.select("visitor_key").unionByName(left.select("visitor_key")).distinct()
    visitors = checkpoint(who.where(F.col("visitor_key").isNotNull()))
    theirs = stay.select(*_NARROW).join(visitors, on="visitor_key", how="left_semi")
    stored = theirs.withColumns(
        {"_noted": F.col("bot_reason"), "bot_reason": given_reason(), "is_stored": F.lit(True)}
    )
    own = come.select(*_NARROW).withColumns({"_noted": F.col("bot_reason"), "is_stored": F.lit(False)})
    every = checkpoint(stored.unionByName(own)).withColumn("is_bot", F.lit(False))
    flagged = flag_bots(every, settings=bots, checkpoint=checkpoint)
    is_other = ~F.col("bot_reason").eqNullSafe(F.col("_noted"))
    return checkpoint(
        flagged.where(is_other).select(
            "event_id", "event_date", "is_stored", F.col("bot_reason").alias("_reason")
        )
    )


def _names(come: DataFrame, left: DataFrame, stay: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """Completed orders whose name is another than noted, of all orders of which an event came or left."""
    touched = _orders(come).unionByName(_orders(left)).select(*_ORDER).distinct()
    numbers = checkpoint(touched)
    stored = (
        _orders(stay).join(numbers, on=list(_ORDER), how="left_semi").withColumn("is_stored", F.lit(True))
    )
    every = stored.unionByName(_orders(come).withColumn("is_stored", F.lit(False)))
    noted = checkpoint(every.withColumn("_noted", F.col("event_name")))
    named = name_repeated_orders(
        noted.withColumn("event_name", F.lit(ORDER_COMPLETED)), checkpoint=checkpoint
    )
    return checkpoint(
        named.where("event_name <> _noted").select(
            "event_id", "event_date", "is_stored", F.col("event_name").alias("_name")
        )
    )


def _orders(events: DataFrame) -> DataFrame:
    number = F.col("order.order_number")
    completed = events.where(F.col("event_name").isin(ORDER_COMPLETED, ORDER_REPEATED) & number.isNotNull())
    return completed.select(
        "source",
        number.alias("number"),
        "event_id",
        "event_name",
        "event_date",
        "event_time",
        "event_sequence",
        "visitor_key",
        "order",
    )


def _told_anew(rows: DataFrame, reasons: DataFrame, names: DataFrame) -> DataFrame:
    """Events with the reasons and names that were found; stored ones without the reason that was ours before."""
    told = reasons.select("event_id", "_reason", F.lit(True).alias("_is_told"))
    joined = rows.join(told, on="event_id", how="left").join(
        names.select("event_id", "_name"), on="event_id", how="left"
    )
    reason = F.when(F.col("_is_told"), F.col("_reason")).otherwise(F.col("bot_reason"))
    return (
        joined.withColumn("bot_reason", reason)
        .withColumns(
            {"is_bot": F.col("bot_reason").isNotNull(), "event_name": F.coalesce("_name", "event_name")}
        )
        .drop("_reason", "_is_told", "_name")
    )


def _stated_time(histories: Sequence[str]) -> Column:
    """What the data alone say of when a stored event was known, as `known_time` does for new ones."""
    happened = F.when(F.col("source").isin(*histories), F.col("event_time"))
    return F.coalesce("received_time", happened)
