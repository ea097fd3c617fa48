"""Events once each, with the visitor they came from: what other entities need not.

Wide rows are never shuffled: what is decided of an event depends on few narrow columns, and what is decided
otherwise than for most (a repeat, an id of its own) is a short list that the rows are looked up in.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.contracts.entities import EVENT
from habitue.events.bots import USER_AGENT
from habitue.events.duplicates import fingerprint, mark_repeats
from habitue.events.settings import BotSettings, SessionSettings
from habitue.events.user_agent import told_by_agent
from habitue.events.visitor import visitor
from habitue.privacy.vault import open_identifiers
from habitue.sources.duplicates import IS_DUPLICATE, with_surrogate
from habitue.sources.event_parts import KINDS
from habitue.sources.slices import IS_REPLACED
from habitue.sources.validation import is_good

PLACE = ("source", "_file", "_position")
"""Where an event was delivered. Unique."""


def with_agent(rows: DataFrame, *, bots: BotSettings) -> DataFrame:
    """Events with what their user agents tell in `_agent`.

    A step before keys are made, and apart from `by_agent`: so both ways to Python are one.
    """
    return rows.withColumn("_agent", told_by_agent(F.col("device.user_agent"), bots=bots))


def by_agent(rows: DataFrame) -> DataFrame:
    """Events `with_agent` whose device has the kind and browser that the agent tells; programs among them are bots.

    A kind that the tracker states is believed where it is one of those known, and a browser where the agent names none.
    """
    device, told = F.col("device"), F.col("_agent")
    kind = F.when(device["type"].isin(*KINDS), device["type"]).otherwise(
        F.coalesce(told["device_type"], device["type"])
    )
    family = F.coalesce(told["browser"], device["browser"])
    whole = device.withField("type", kind).withField("browser", family)
    reason = F.coalesce("bot_reason", F.when(told["is_program"], USER_AGENT))
    return rows.withColumns({"device": whole, "bot_reason": reason}).drop("_agent")


def dressed(rows: DataFrame, *, session: SessionSettings) -> DataFrame:
    """Checked and keyed events with all columns that follow from the row alone, before they are materialised."""
    seen = visitor(F.col("_keyed"), settings=session)
    return (
        by_agent(rows)
        .withColumn("_visitor", seen)
        .withColumns(
            {
                "visitor_type": F.col("_visitor.visitor_type"),
                "visitor_key": F.col("_visitor.visitor_key"),
                "event_date": F.to_date("event_time"),
                "event_sequence": F.coalesce("event_sequence", F.lit(0).cast("bigint")),
                "is_bot": F.col("bot_reason").isNotNull(),
                "tracker_id": F.lit(None).cast("string"),
                "tracker_fingerprint": F.col("_fingerprint"),
            }
        )
        .drop("_visitor", "_fingerprint")
    )


def settled_events(rows: DataFrame, *, checkpoint: Checkpoint) -> DataFrame:
    """Materialised events of all sources with their ids; repeats of a delivery marked in `_is_duplicate`.

    Takes `dressed` rows, with `_is_replaced`. Two events that share an id but not their content are both kept, under
    ids of their own; `tracker_id` keeps the one they share. An event that two sources deliver is one event.
    """
    named = _named(rows, checkpoint)
    decided = checkpoint(_decisions(named, checkpoint))
    joined = named.join(decided, on=list(PLACE), how="left")
    is_repeat = F.col(IS_REPLACED) | F.coalesce(F.col("_is_repeat"), F.lit(False))
    own_id = F.coalesce("_own_id", "event_id")
    return joined.withColumns(
        {
            IS_DUPLICATE: is_repeat,
            "tracker_id": F.when(F.col("_own_id").isNotNull(), F.col("event_id")),
            "event_id": own_id,
        }
    ).drop("_is_repeat", "_own_id", IS_REPLACED)


def _named(rows: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """Rows that bring no id get one from their content and how often it occurred before."""
    nameless = rows.where(F.col("event_id").isNull())
    if nameless.isEmpty():
        return rows
    of_source = with_surrogate(nameless.withColumn(IS_DUPLICATE, F.col(IS_REPLACED)), EVENT)
    made = checkpoint(of_source.select(*PLACE, F.col("event_id").alias("_made_id")))
    joined = rows.join(made, on=list(PLACE), how="left")
    return joined.withColumn("event_id", F.coalesce("event_id", "_made_id")).drop("_made_id")


def _decisions(rows: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """Repeats (`_is_repeat`) and events with an id of their own (`_own_id`), by place. Faulty rows stand aside."""
    sound = rows.where(is_good() & ~F.col(IS_REPLACED))
    several = sound.join(_shared_ids(sound, checkpoint), on=_id_hash() == F.col("_id_hash"), how="left_semi")
    told = several.withColumn("identifiers", open_identifiers())
    content = F.coalesce(F.col("tracker_fingerprint"), fingerprint(told))
    marked = mark_repeats(told, fingerprint=content)
    own_id = F.when(F.col("event_id") != F.col("_tracker_id"), F.col("event_id"))
    found = marked.select(*PLACE, "_is_repeat", own_id.alias("_own_id"))
    return found.where(F.col("_is_repeat") | F.col("_own_id").isNotNull())


def _shared_ids(rows: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """Digests of ids that occur twice: of eight bytes each, so that finding them shuffles little."""
    counted = rows.groupBy(_id_hash().alias("_id_hash")).count()
    return checkpoint(counted.where("count > 1").select("_id_hash"))


def _id_hash() -> Column:
    return F.xxhash64("event_id")
