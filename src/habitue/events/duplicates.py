"""Repeats of an event, told apart from different events that share an id.

Trackers send at least once, so the same event arrives twice (a natural duplicate). Some
reuse an id for something else (a synthetic duplicate); both are kept then, under ids made
of the id and the content, which unlike random ones come out the same in every run. So does
the survivor.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.events.clock import MAPPED
from habitue.events.vocabulary import ORDER_COMPLETED, ORDER_REPEATED

DELIVERY_COLUMNS = frozenset(
    [
        "source",
        "event_id",  # what is compared has one id, whatever ours is called
        "tracker_id",
        "tracker_fingerprint",
        "sent_time",
        "received_time",
        "known_time",
        "event_time",
        "event_date",
        "time_quality",
        "is_bot",
        "bot_reason",
        "row_hash",
        "visitor_type",
        "visitor_key",
    ]
)
"""What may differ between two deliveries of one event: clocks of the way, and what follows from them."""


def fingerprint(events: DataFrame) -> Column:
    """Digest of what the client set: identifiers and all columns but those of the delivery."""
    names = [n for n in events.columns if not (n in DELIVERY_COLUMNS or n.startswith("_"))]
    types = dict(events.dtypes)
    # nulls are written out, so that a missing value is told from a missing column
    content = F.struct(*(_canonical(name, types[name]) for name in sorted(names)), _stated_time().alias("at"))
    return F.sha2(F.to_json(content, {"ignoreNullFields": "false"}), 256)


def _stated_time() -> Column:
    """The time of an event that states it and no other clock: content then, as nothing computed it on the way."""
    is_alone = F.col("original_time").isNull() & F.col("received_time").isNull()
    return F.when((F.col("time_quality") == MAPPED) & is_alone, F.col("event_time"))


def mark_repeats(events: DataFrame, *, fingerprint: Column, sound: Column | None = None) -> DataFrame:
    """Add `_is_repeat`, and give events that share an id but not the content an `event_id` of their own.

    Of the deliveries of one event the first received survives; of those received at once the first sent,
    then the first known (a warehouse may load one event twice), then by file and position. Rows that are not
    `sound` stand aside: none of them hides a sound one. Needs `event_id`, the clocks, `_file`, `_position` and
    looks at all rows of an id at once.
    """
    rows = events.withColumns(
        {"_fingerprint": fingerprint, "_sound": F.lit(True) if sound is None else sound}
    )
    by_content = Window.partitionBy("event_id", "_sound", "_fingerprint")
    survivor_first = by_content.orderBy(
        F.asc_nulls_last("received_time"), *(F.asc_nulls_last(n) for n in _LATER if n in events.columns),
        "_file", "_position",
    )  # fmt: skip
    by_id = Window.partitionBy("event_id", "_sound").rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    is_shared = F.min("_fingerprint").over(by_id) != F.max("_fingerprint").over(by_id)
    derived = F.sha2(F.concat_ws("|", "_tracker_id", "_fingerprint"), 256)
    marked = rows.withColumns(
        {"_is_repeat": F.row_number().over(survivor_first) > 1, "_is_shared": is_shared}
    )
    return (
        # renamed and not copied: each copy of a column doubles what the optimiser knows of the plan
        marked.withColumnRenamed("event_id", "_tracker_id")
        .withColumn("event_id", F.when(F.col("_is_shared"), derived).otherwise(F.col("_tracker_id")))
        .drop("_is_shared", "_sound")
    )


_LATER = ("sent_time", "event_time", "known_time", "source", "time_quality", "bot_reason")
"""After the receipt: what else two deliveries of one content may differ in. A tie is one of equal rows."""


def _canonical(name: str, type_: str) -> Column:
    column = F.col(f"`{name}`")
    if name == "event_name":  # a stored event's name may be ours, because of another event
        return F.when(column == ORDER_REPEATED, ORDER_COMPLETED).otherwise(column).alias(name)
    if type_ == "variant":
        return F.to_json(column).alias(name)
    if type_.startswith("map<"):
        return F.sort_array(F.map_entries(column)).alias(name)
    return column.alias(name)
