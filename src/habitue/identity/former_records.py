"""What a customer record stated before it was corrected: it holds until another record states the value.

A corrected record is silent about its former values, and silence alone ends nothing: visits and orders with an old
address are still those of its owner. But from the moment at which another owner is known with the value, the former
one yields, so that a value that was mistyped or handed on is not shared for ever.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import FORMERLY_STATED, NODE, PAIR
from habitue.identity.guards import owned_values, owner_spaces
from habitue.identity.normalise import RECORD
from habitue.identity.pauses import PAUSE, STATED_BY_ANOTHER, far
from habitue.identity.settings import IdentitySettings

_RECORD = ("source", "record_key")


def former_records(
    records: DataFrame, present: DataFrame, former: DataFrame, repeats: DataFrame
) -> DataFrame:
    """Times in which records had other identifiers, or the same before another change: rows of silver.former_record.

    `records` are the rows of silver.customer_record to come, `present` those that are there, `former` what is known
    of such times, `repeats` other rows of the same records in the files (with `_file` and `_position`). A record that
    is gone leaves nothing; what only a delivery that was taken back had stated neither.
    """
    was = present.select(*_RECORD, F.col("row_hash").alias("_hash"), F.col("known_time").alias("_known"))
    is_same = F.col("row_hash") == F.col("_hash")  # delivered again: the merge leaves its known time as it is
    current = records.join(was, on=list(_RECORD), how="left").select(
        *_RECORD,
        F.when(is_same, F.col("_known")).otherwise(F.col("known_time")).alias("_current"),
        has_own_id("identifiers").alias("_has_own"),
    )
    # of several states of one moment the one that the lake held, else the last in the files
    columns = (*_RECORD, "known_time", "identifiers")
    kept = present.select(*columns).unionByName(former.select(*columns))
    held = F.struct(
        F.lit(1).alias("is_held"), F.lit("").alias("file"), F.lit(0).cast("bigint").alias("position")
    )
    told = F.struct(
        F.lit(0).alias("is_held"), F.col("_file").alias("file"), F.col("_position").alias("position")
    )
    stated = kept.withColumn("_order", held).unionByName(repeats.select(*columns, told.alias("_order")))
    earlier = (
        stated.join(current, on=list(_RECORD), how="inner")
        .where("known_time < _current")
        .groupBy(*_RECORD, "known_time", "_current", "_has_own")
        .agg(F.max_by("identifiers", "_order").alias("identifiers"))
    )
    earlier = _tied_to_own_id(earlier, records)
    in_order = Window.partitionBy(*_RECORD).orderBy("known_time")
    ended = F.coalesce(F.lead("known_time").over(in_order), F.col("_current"))
    differs = ~F.lag("identifiers").over(in_order).eqNullSafe(F.col("identifiers"))
    return (
        earlier.withColumns({"ended_time": ended, "_differs": differs.cast("int")})
        .withColumn("_time", F.sum("_differs").over(in_order))
        .groupBy(*_RECORD, "_time", "identifiers")
        .agg(F.min("known_time").alias("known_time"), F.max("ended_time").alias("ended_time"))
        .select(*_RECORD, "identifiers", "known_time", "ended_time")
    )


def with_own_ids(good: DataFrame, *states: DataFrame) -> DataFrame:
    """Rows to come (with `_keyed`) of which a record that had no identifier once keeps its own id beside its first one.

    `states` are rows of the same records as they were (source, record_key, identifiers). So the person that the record
    was goes on, and so does one whose record loses its last identifier (`former_records`).
    """
    bare = [rows.where(has_own_id("identifiers")).select(*_RECORD) for rows in states]
    ever = reduce(DataFrame.unionByName, bare).distinct()
    if ever.isEmpty():
        return good
    own = F.struct(
        F.lit(RECORD).alias("id_type"),
        F.col("record_key").alias("id_key"),
        F.concat("source", F.lit("/"), "record_id").alias("value"),
    )
    lacks = F.col("_was_bare").isNotNull() & ~has_own_id("_keyed")
    both = F.array_sort(F.array_append("_keyed", own))
    marked = good.join(ever.withColumn("_was_bare", F.lit(True)), on=list(_RECORD), how="left")
    return marked.withColumn("_keyed", F.when(lacks, both).otherwise(F.col("_keyed"))).select(*good.columns)


def has_own_id(identifiers: str) -> Column:
    """Whether a record is known by its own id, since it has or had no other identifier."""
    return F.exists(identifiers, lambda i: i["id_type"] == RECORD)


def _tied_to_own_id(earlier: DataFrame, records: DataFrame) -> DataFrame:
    """Former states of records that have their own id now, tied to it; not what another record states by now."""
    present = records.select(F.inline("identifiers")).where(F.col("id_type") != RECORD).distinct()
    theirs = (
        earlier.where("_has_own")
        .select(*_RECORD, "known_time", F.inline("identifiers"))
        .join(present, on=list(NODE), how="left_semi")
        .select(*_RECORD, "known_time", F.lit(True).alias("_is_anothers"))
        .distinct()
    )
    own = F.array(F.struct(F.lit(RECORD).alias("id_type"), F.col("record_key").alias("id_key")))
    bare = F.array_except("identifiers", own)
    is_tied = F.col("_has_own") & (F.col("_is_anothers").isNull() | (F.size(bare) == 0))
    tied = F.when(is_tied, F.array_sort(F.array_union(bare, own))).when(F.col("_has_own"), bare)
    joined = earlier.join(theirs, on=[*_RECORD, "known_time"], how="left")
    return joined.withColumn("identifiers", tied.otherwise(F.col("identifiers"))).drop("_is_anothers")


def removed_identifiers(former: DataFrame, records: DataFrame, observations: DataFrame) -> DataFrame:
    """What no record states any more and nothing else ties to anybody: id_type, id_key, removed_at.

    `records` are those of silver.customer_record. It still says whose visits and orders were whose, but is no address
    to write to. A contact or a consent that names it alone shows that it was used, and not whose it is.
    """
    was = former.select(F.inline("identifiers"), "ended_time")
    ended = was.groupBy(*NODE).agg(F.max("ended_time").alias("removed_at"))
    tied = observations.where((F.col("rule") != FORMERLY_STATED) & F.col("hub_key").isNotNull())
    hubs = tied.select(F.col("hub_type").alias("id_type"), F.col("hub_key").alias("id_key"))
    stated = records.select(F.inline("identifiers")).union(tied.select(*NODE)).union(hubs).distinct()
    return ended.join(stated, on=list(NODE), how="left_anti")


def yielding(edges: DataFrame, sightings: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Pauses of edges of owners that state a value no more, where another owner of their type and number space has it.

    Of owners that all were corrected the last one keeps the value. Who came with the value after the correction takes
    it over from then on. Where both stated it at the same time, the correction says that it never was the former
    owner's, else a typing error would leave the other one without an own address for ever.
    """
    held = owned_values(edges, *PAIR, "rule", "first_known", "stated_until", settings=settings).join(
        owner_spaces(sightings, settings), on=["owner_type", "owner_key"], how="inner"
    )
    place = [*NODE, "owner_type", "space"]
    owners = held.groupBy(*place, "owner_key").agg(
        F.min(F.greatest("first_known", "space_known")).alias("known"),
        F.max(F.coalesce("stated_until", far())).alias("until"),
    )
    later = (
        Window.partitionBy(*place)
        .orderBy(F.col("until").desc(), F.col("owner_key").desc())
        .rowsBetween(Window.unboundedPreceding, -1)
    )
    yields = (
        owners.withColumn("taken_at", F.min("known").over(later))
        .where((F.col("until") < far()) & F.col("taken_at").isNotNull())
        .select(*place, "owner_key", "until", "taken_at")
    )
    is_after = F.col("taken_at") >= F.col("until")
    start = F.min(F.when(is_after, F.col("taken_at")).otherwise(F.col("first_known")))
    return (
        held.join(yields, on=[*place, "owner_key"], how="inner")
        .groupBy(*PAIR, "rule")
        .agg(start.alias("start"))
        .select(*PAIR, "rule", "start", far().alias("end"), F.lit(STATED_BY_ANOTHER).alias("why"))
        .select(*PAUSE)
    )
