"""Which row of several with the same key stays, and how rows without a number of their own get one."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.contracts.entities import ORDER_LINE
from habitue.contracts.table import Table
from habitue.sources.fields import SURROGATES
from habitue.sources.validation import is_good

IS_DUPLICATE = "_is_duplicate"
_RETURNS = 1_000_000
"""Between the numbers of several returns of one line: no order has so many lines."""


def settled(rows: DataFrame, entity: Table, *, has_key: bool, has_number: bool) -> DataFrame:
    """Checked rows of one source with their numbers and ids, duplicates marked in `_is_duplicate`.

    Faulty rows stand aside: they are no duplicates and take no number from good ones.

    `has_key`: the source names a key, so that of several rows with one key the one known
    last stays (of equals, the last in the order of files and positions).
    `has_number`: rows bring their own line number or id, which must be unique likewise.
    Without either every row counts.
    """
    once = only_last(rows, "_key") if has_key else rows.withColumn(IS_DUPLICATE, F.lit(False))
    if entity.leaf in SURROGATES:
        once = with_surrogate(once, entity)
    elif entity.leaf == "order_line" and not has_number:
        once = _with_line_number(once)
    elif entity.leaf == "order_line":
        once = _with_every_line_numbered(once)
    is_made_here = (entity.leaf in SURROGATES or entity.leaf == "order_line") and not has_number
    return once if is_made_here else only_last_of_grain(once, entity)


def only_last_of_grain(rows: DataFrame, entity: Table) -> DataFrame:
    """Mark all but one of the rows that share the grain of their table."""
    before = rows.withColumnRenamed(IS_DUPLICATE, "_before")
    marked = only_last(before, "_before", *entity.grain)
    return marked.withColumn(IS_DUPLICATE, F.col("_before") | F.col(IS_DUPLICATE)).drop("_before")


def only_last(rows: DataFrame, *key: str) -> DataFrame:
    """Mark all but one of the good rows with one key in `_is_duplicate`: that known last, of equals the last in order."""
    newest = Window.partitionBy(*key, is_good()).orderBy(
        F.col("known_time").desc(), F.col("_file").desc(), F.col("_position").desc()
    )
    return rows.withColumn(IS_DUPLICATE, is_good() & (F.row_number().over(newest) > 1))


def _with_line_number(rows: DataFrame) -> DataFrame:
    in_order = Window.partitionBy("order_number", is_good(), IS_DUPLICATE).orderBy("_file", "_position")
    return rows.withColumn("line_number", F.row_number().over(in_order))


def _with_every_line_numbered(rows: DataFrame) -> DataFrame:
    """Lines with numbers of their own: one without gets a next one, a return under its sale's number a negative one.

    Both follow from what the line says, so that a second delivery of it is still a repeat.
    """
    is_return = F.coalesce("is_return", F.lit(False))
    stated = F.col("line_number").cast("bigint")
    last = F.coalesce(F.max(stated).over(Window.partitionBy("order_number", *_standing())), F.lit(0))
    has_sale = F.bool_or(~is_return).over(Window.partitionBy("order_number", "line_number", *_standing()))
    # what a nameless line says, and which of the equal ones of its file it is
    says = ("order_time", "product_number", "quantity", "net_revenue")
    alike = Window.partitionBy("order_number", "line_number", "_file", *says, *_standing())
    nameless = Window.partitionBy("order_number", "line_number", *_standing()).orderBy(*says, "_occurrence")
    numbered = F.when(stated.isNull(), last + F.dense_rank().over(nameless)).when(
        is_return & has_sale, _number_of_return(stated, is_return)
    )
    own = F.when(is_good(), numbered).try_cast(ORDER_LINE.column("line_number").type)
    return (
        rows.withColumn("_occurrence", F.row_number().over(alike.orderBy("_position")))
        .withColumn("line_number", F.coalesce(own, F.col("line_number")))
        .drop("_occurrence")
    )


def _standing() -> tuple[Column | str, ...]:
    """Faulty rows and repeats stand aside, each by themselves."""
    return is_good(), IS_DUPLICATE


def _number_of_return(stated: Column, is_return: Column) -> Column:
    """The negative number of what came back; of several returns of one line the later ones lie further below."""
    by_time = Window.partitionBy("order_number", "line_number", is_return, *_standing()).orderBy("order_time")
    place = F.dense_rank().over(by_time)
    return -(stated + F.lit(_RETURNS).cast("bigint") * F.when(stated > 0, place - 1).otherwise(place))


def with_surrogate(rows: DataFrame, entity: Table) -> DataFrame:
    """An id from the key, or from the whole content and how often it occurred before."""
    name = SURROGATES[entity.leaf]
    made_later = (name, "known_time", "row_hash", "identifiers", "tracker_id", "tracker_fingerprint")
    content = ["_keyed", *(c.name for c in entity.columns if c.name not in made_later)]
    canonical = F.sha2(F.to_json(F.struct(*(_text(c, entity) for c in content))), 256)
    base = F.coalesce(F.sha2(F.concat(F.col("source"), F.lit("\x1f"), F.col("_key")), 256), canonical)
    occurrence = Window.partitionBy("_base", is_good(), IS_DUPLICATE).orderBy("_file", "_position")
    made = F.sha2(F.concat_ws("\x1f", F.col("_base"), F.row_number().over(occurrence)), 256)
    return rows.withColumn("_base", base).withColumn(name, F.coalesce(F.col(name), made)).drop("_base")


def _text(name: str, entity: Table) -> Column:
    if name == "_keyed":  # keys, never clear values: an id must not lead back to them
        return F.transform(name, lambda k: F.struct(k["id_type"], k["id_key"])).alias("identifiers")
    type_ = entity.column(name).type
    if type_.startswith("map<"):
        return F.sort_array(F.map_entries(F.col(name))).alias(name)
    return F.to_json(F.col(name)).alias(name) if type_ == "variant" else F.col(f"`{name}`")
