"""Orders that a tracker completes more than once: the confirmation page was loaded again, maybe days later."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint, as_it_is
from habitue.events.vocabulary import ORDER_COMPLETED, ORDER_REPEATED


def name_repeated_orders(events: DataFrame, *, checkpoint: Checkpoint = as_it_is) -> DataFrame:
    """Let each order of a source be completed once: later events of the same order become `order_repeated`.

    Looks at all events of a source, so that an order counts once over all visits; the first event of an
    order in the total order of events completes it. Where a server reports orders too, the one of the device
    does, since it ends the visit that led to it. An order without a number is one of its own.
    """
    of_order = Window.partitionBy("source", "number").orderBy(
        "is_servers", "event_time", "event_sequence", "event_id"
    )
    is_numbered = (F.col("event_name") == ORDER_COMPLETED) & F.col("order.order_number").isNotNull()
    completed = events.where(is_numbered).select(
        "source",
        F.col("order.order_number").alias("number"),
        F.col("visitor_key").isNull().alias("is_servers"),
        *("event_time", "event_sequence", "event_id"),
    )
    later = checkpoint(
        completed.withColumn("_place", F.row_number().over(of_order))
        .where("_place > 1")
        .select("event_id", F.lit(True).alias("_is_later"))
    )
    joined = events.join(later, on="event_id", how="left")
    name = F.when(F.col("_is_later"), ORDER_REPEATED).otherwise(F.col("event_name"))
    return joined.withColumn("event_name", name).drop("_is_later")
