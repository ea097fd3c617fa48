"""Visits: the events of one visitor, cut where nothing happened for longer than the gap and where rules say so.

Visitors are devices or cookies, never persons, so that a visit stays what it is when identities merge, split
or are erased. One shuffle by visitor and one sort in a total order (visitor, event_time, event_sequence,
event_id) feed everything: the result depends neither on the number of partitions nor on the order in which events arrived.
Times are compared in whole microseconds and money in decimals, since sums of doubles depend on their order.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import FORMER_SESSION, SESSION
from habitue.contracts.table import IDENTIFIERS, MONEY
from habitue.events import cart, funnel, orders
from habitue.events.hits import VISITOR, hits, in_order
from habitue.events.hot_visitors import PART, parted
from habitue.events.journey import JOURNEY, JourneyKernel
from habitue.events.settings import SessionSettings
from habitue.events.visit_kernel import VISIT, WITH_EVENTS, VisitKernel

EVENT_IDS = "event_ids"
_MICROS = 1_000_000
_OWN = tuple(name for name in SESSION.column_names if name != "row_hash")
_FORMER = tuple(name for name in FORMER_SESSION.column_names if name != "row_hash")
_SUPERSEDED = "superseded_time"
_JOURNEY = ("session_number", "is_returning", "first_campaign", "last_campaign", "abandoned_at")
"""Columns that look at other visits of the visitor."""


def sessions(events: DataFrame, *, settings: SessionSettings, zone: str) -> DataFrame:
    """The rows of silver.session but for its row hash. Grain: session. `zone` says where days end."""
    found = in_order(hits(events, settings=settings, zone=zone)).mapInArrow(VisitKernel(settings), VISIT)
    return present(_told(found, settings, zone)).select(*_OWN)


def sessions_with_events(
    events: DataFrame, *, settings: SessionSettings, zone: str, parts: DataFrame | None = None
) -> DataFrame:
    """The same with `event_ids`, the ids of each session's events; and former visits (`former`), which have none.

    `parts` are the hours of visitors with very many events (`hot_visitors.hour_parts`), who are worked off in parts:
    then the columns that look at other visits hold for the part alone, and `followed` makes them anew.
    """
    rows = hits(events, settings=settings, zone=zone)
    ordered = in_order(rows) if parts is None else in_order(parted(rows, parts), PART).drop(PART)
    found = ordered.mapInArrow(VisitKernel(settings, with_events=True), WITH_EVENTS)
    return _told(found, settings, zone).select(*_OWN, EVENT_IDS, _SUPERSEDED)


def present(visits: DataFrame) -> DataFrame:
    """The visits as all events so far say."""
    return visits.where(F.col(_SUPERSEDED).isNull()).drop(_SUPERSEDED)


def former(visits: DataFrame) -> DataFrame:
    """Visits as they were known on an earlier day: the rows of silver.former_session but for their row hash."""
    return visits.where(F.col(_SUPERSEDED).isNotNull()).select(*_FORMER)


def members(visits: DataFrame) -> DataFrame:
    """Which session each event belongs to: the rows of silver.session_event. Grain: event."""
    return present(visits).select(F.explode(EVENT_IDS).alias("event_id"), "session_id", "session_date")


def followed(visits: DataFrame, *, settings: SessionSettings) -> DataFrame:
    """Visits with the columns that look at other visits made anew; takes all visits of each visitor.

    A late early visit changes these columns of later ones, an order those of earlier ones: never an id.
    """
    kept = [name for name in visits.columns if name not in _JOURNEY]
    rows = visits.select(
        *kept,
        F.unix_micros("session_start").alias("start_micros"),
        F.unix_micros("order_time").alias("order_micros"),
    )
    ordered = rows.repartition(*VISITOR).sortWithinPartitions(
        *VISITOR, "session_start", "session_end", "first_event_id"
    )
    columns = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in rows.schema.fields)
    found = ordered.mapInArrow(JourneyKernel(settings), f"{columns}, {JOURNEY}")
    return found.withColumns(_of_journey(settings)).select(*visits.columns)


def _told(found: DataFrame, settings: SessionSettings, zone: str) -> DataFrame:
    """What the kernel found, as columns of the table."""
    start = F.timestamp_micros("start_micros")
    last_order = F.col("last_order")
    in_cart = F.when(cart.has_lines(), cart.held())
    measured = found.withColumns(
        {
            "session_id": session_id(),
            "session_start": start,
            "session_end": F.timestamp_micros("end_micros"),
            "session_date": F.to_date(F.from_utc_timestamp(start, zone)),
            "known_time": F.timestamp_micros("known_micros"),
            _SUPERSEDED: F.timestamp_micros("superseded_micros"),
            "order_time": F.timestamp_micros("order_micros"),
            "is_bot": F.col("bot_count") > 0,
            "logins": _sorted_logins(),
            "in_cart": in_cart,
            "first_orders": F.when(
                last_order >= 0, orders.first_of_each()
            ),  # most visits are spared the walk
            **_engaged(settings),
        }
    )
    no_order = last_order < 0
    left = F.when(no_order, F.col("in_cart")).when(cart.has_lines(), cart.held_after(last_order))
    valued = measured.withColumns(
        {
            "left_in_cart": left,
            "cart_value": F.col("in_cart.value").try_cast(MONEY),
            **orders.totals("first_orders"),
        }
    )
    judged = valued.withColumns(funnel.left_behind() | _judged(settings)).withColumns(funnel.steps())
    return judged.withColumn("lost_value", funnel.lost_value()).withColumns(_of_journey(settings))


def _sorted_logins() -> Column:
    """Most visits have none and are spared the look."""
    return F.when(F.size("logins") > 0, F.array_sort("logins")).otherwise(F.array().cast(IDENTIFIERS))


def session_id() -> Column:
    """The id of the session: a digest of visitor, first event and start, so that nothing renumbers it.

    Each part is preceded by its length, so that no two different sessions write the same text.
    """
    parts = ("visitor_type", "visitor_key", "first_event_id")
    texts = [F.concat(F.char_length(part).cast("string"), F.lit(":"), F.col(part)) for part in parts]
    return F.sha2(F.concat_ws("|", *texts, F.col("start_micros").cast("string")), 256)


def _engaged(settings: SessionSettings) -> dict[str, Column]:
    """What the tracker measured, where it measured anything in the visit; else its pings; else the pauses."""
    tracked, pings = F.col("tracked_micros"), F.col("ping_count")
    views = F.col("pinged_views")
    pinged = (pings - views) * settings.heartbeat_seconds + views * settings.ping_seconds
    seconds = F.when(tracked.isNotNull(), tracked / F.lit(float(_MICROS)))
    seconds = seconds.when(pings > 0, pinged.cast("double"))
    basis = F.when(tracked.isNotNull(), "tracker").when(pings > 0, "pings").otherwise("gaps")
    return {
        "engaged_seconds": seconds.otherwise(F.col("attention_micros") / F.lit(float(_MICROS))),
        "engaged_basis": basis,
    }


def _judged(settings: SessionSettings) -> dict[str, Column]:
    engaged = (
        (F.col("engaged_seconds") > settings.engaged_threshold_seconds)
        | (F.col("view_count") >= settings.engaged_views)
        | (F.col("last_order") >= 0)
        | (F.col("key_count") > 0)
    )
    return {"is_engaged": engaged, "is_bounce": ~engaged}


def _of_journey(settings: SessionSettings) -> dict[str, Column]:
    return {
        "is_returning": F.col("session_number") > 1,
        "abandoned_at": funnel.abandoned_at(settings),
    }
