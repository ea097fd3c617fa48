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
from habitue.sources.validation import is_good


def settled_events(rows: DataFrame, *, session: SessionSettings) -> DataFrame:
    """Checked and keyed events with ids and visitors; repeats of a delivery marked in `_is_duplicate`.

    Two events that share an id but not their content are both kept, under ids of their own.
    """
    with_ids = with_surrogate(rows.withColumn(IS_DUPLICATE, F.lit(False)), EVENT)
    open_rows = with_ids.withColumn("identifiers", open_identifiers())
    marked = mark_repeats(open_rows, fingerprint=fingerprint(open_rows))
    seen = marked.withColumn("_visitor", visitor(F.col("identifiers"), settings=session))
    return seen.withColumns(
        {
            IS_DUPLICATE: is_good() & F.col("_is_repeat"),
            "visitor_type": F.col("_visitor.visitor_type"),
            "visitor_key": F.col("_visitor.visitor_key"),
            "event_date": F.to_date("event_time"),
            "is_bot": F.coalesce("is_bot", F.lit(False)),
        }
    ).drop("_is_repeat", "_visitor", "identifiers")
