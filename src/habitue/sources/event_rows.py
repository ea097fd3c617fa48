"""Events once each, with the visitor they came from: what other entities need not."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.events.duplicates import fingerprint, mark_repeats
from habitue.events.settings import SessionSettings
from habitue.events.visitor import visitor
from habitue.privacy.vault import open_identifiers
from habitue.sources.duplicates import IS_DUPLICATE, with_surrogate
from habitue.sources.slices import IS_REPLACED
from habitue.sources.validation import is_good


def settled_events(rows: DataFrame, *, session: SessionSettings) -> DataFrame:
    """Checked and keyed events with ids and visitors; repeats of a delivery marked in `_is_duplicate`.

    Two events that share an id but not their content are both kept, under ids of their own. `_tracker_id`
    and `_fingerprint` stay, so that the same can be asked of the events of all sources.
    """
    is_replaced = F.col(IS_REPLACED) if IS_REPLACED in rows.columns else F.lit(False)
    with_ids = with_surrogate(rows.withColumn(IS_DUPLICATE, is_replaced), EVENT)
    open_rows = with_ids.withColumn("identifiers", open_identifiers())
    content = F.coalesce(F.col("_fingerprint"), fingerprint(open_rows))
    marked = mark_repeats(open_rows, fingerprint=content, sound=is_good() & ~F.col(IS_DUPLICATE))
    seen = marked.withColumn("_visitor", visitor(F.col("identifiers"), settings=session))
    return seen.withColumns(
        {
            IS_DUPLICATE: F.col(IS_DUPLICATE) | (is_good() & F.col("_is_repeat")),
            "visitor_type": F.col("_visitor.visitor_type"),
            "visitor_key": F.col("_visitor.visitor_key"),
            "event_date": F.to_date("event_time"),
            "event_sequence": F.coalesce("event_sequence", F.lit(0).cast("bigint")),
            "is_bot": F.coalesce("is_bot", F.lit(False)),
        }
    ).drop("_is_repeat", "_visitor", "identifiers", IS_REPLACED)


def settled_between_sources(rows: DataFrame) -> DataFrame:
    """Settled events of several sources with repeats between them marked.

    Each event goes back to the id its tracker gave it, so that an id that two sources use for different
    events is told from one event that both deliver. Survivors of each source compete; who was a repeat stays one.
    """
    told = rows.drop("event_id").withColumnRenamed("_tracker_id", "event_id")
    is_survivor = is_good() & ~F.col(IS_DUPLICATE)
    marked = mark_repeats(told, fingerprint=F.col("_fingerprint"), sound=is_survivor)
    is_repeat = is_survivor & F.col("_is_repeat")
    return marked.withColumn(IS_DUPLICATE, F.col(IS_DUPLICATE) | is_repeat).drop("_is_repeat")
