"""One row of GA4's export, from JSON lines or Parquet: every leaf a text, parameters as one JSON object.

BigQuery's export to JSON writes whole numbers as texts and leaves empty fields out; Parquet
keeps types and nesting. (developers.google.com/analytics/bigquery/event-schema.)
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.errors import InputError
from habitue.sources.faults import CORRUPT, Condition
from habitue.sources.json_line import NOTHING, is_one_object

_VALUE = "value:struct<string_value:string,int_value:string,float_value:string,double_value:string>"
_PARAMETERS = f"array<struct<key:string,{_VALUE}>>"
ITEM_FIELDS = (
    *(
        "item_id",
        "item_name",
        "item_brand",
        "item_variant",
        "price",
        "price_in_usd",
        "quantity",
        "item_revenue",
    ),
    *("item_refund", "coupon", "affiliation", "location_id", "discount"),
    *("item_category", "item_category2", "item_category3", "item_category4", "item_category5"),
    *("item_list_id", "item_list_name", "item_list_index"),
    *("promotion_id", "promotion_name", "creative_name", "creative_slot"),
)

PURCHASE_FIELDS = (
    *("transaction_id", "purchase_revenue", "refund_value", "tax_value", "shipping_value"),
    *("purchase_revenue_in_usd", "refund_value_in_usd", "tax_value_in_usd", "shipping_value_in_usd"),
    *("total_item_quantity", "unique_items"),
)
ITEM_NUMBERS = ("price", "price_in_usd", "quantity", "item_revenue", "item_refund", "discount")


def _struct(*fields: str) -> str:
    return "struct<" + ",".join(f if ":" in f else f"{f}:string" for f in fields) + ">"


NESTED = {
    "event_params": _PARAMETERS,
    "user_properties": _PARAMETERS,
    "privacy_info": _struct("analytics_storage", "ads_storage", "uses_transient_token"),
    "device": _struct(
        *("category", "operating_system", "language", "time_zone_offset_seconds", "browser"),
        *("mobile_brand_name", "mobile_model_name", "operating_system_version"),
        f"web_info:{_struct('browser', 'hostname')}",
    ),
    "geo": _struct("continent", "sub_continent", "country", "region", "city", "metro"),
    "app_info": _struct("id", "version"),
    "collected_traffic_source": _struct(
        *("manual_campaign_name", "manual_source", "manual_medium", "manual_term", "manual_content"),
        *("gclid", "dclid", "srsltid"),
    ),
    "session_traffic_source_last_click": _struct(
        f"google_ads_campaign:{_struct('campaign_name')}",
        f"manual_campaign:{_struct('source', 'medium', 'campaign_name')}",
        f"cross_channel_campaign:{_struct('source', 'medium', 'campaign_name')}",
    ),
    "traffic_source": _struct("name", "medium", "source"),
    "user_ltv": _struct("revenue", "currency"),
    "ecommerce": _struct(*PURCHASE_FIELDS),
    "items": f"array<{_struct(*ITEM_FIELDS, f'item_params:{_PARAMETERS}')}>",
}
"""Nested columns with the fields that are read of them."""

OF_BATCH = (
    *("event_previous_timestamp", "event_bundle_sequence_id", "event_server_timestamp_offset"),
    "is_active_user",
)
"""What the export says of an event's place in its upload: properties, as they came."""

PLAIN = (
    *OF_BATCH,
    *("event_date", "event_timestamp", "event_name", "user_id", "user_pseudo_id", "stream_id", "platform"),
    *("batch_page_id", "batch_ordering_id", "batch_event_index"),
    *("event_value_in_usd", "user_first_touch_timestamp"),
)
READ = (
    *(
        "ga_session_id",
        "ga_session_number",
        "page_location",
        "page_title",
        "page_referrer",
        "firebase_screen",
    ),
    *("engagement_time_msec", "search_term", "source", "medium", "campaign", "term", "content", "gclid"),
    *("transaction_id", "value", "currency", "coupon", "discount"),
    *("product_id", "product_name", "price", "quantity"),
    *("batch_page_id", "batch_ordering_id", "batch_event_index"),
)
"""Parameters that become columns of the contract."""

_UNREAD = "_unread"
"""Member of a nested object that holds its text where that is of another form; null in what was read."""

_NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"
_WORKING = ("_file", "_position", "_raw", "_corrupt")

Cell = Callable[[str], Column]


def rows_of_table(raw: DataFrame) -> DataFrame:
    """Rows of Parquet files."""
    by_name = {name.lower(): name for name in raw.columns if name not in _WORKING}
    missing = [name for name in ("event_name", "event_timestamp") if name not in by_name]
    if missing:
        raise InputError(
            "The files do not have the columns of GA4's export:",
            [f"{name} is missing" for name in missing],
            hint="Deliver the export of the events tables as it is, nested.",
        )

    def cell(name: str) -> Column:
        if name not in by_name:
            return F.lit(None).cast("string")
        quoted = F.col("`" + by_name[name].replace("`", "``") + "`")
        kind = raw.schema[by_name[name]].dataType.typeName()
        is_nested = kind in ("struct", "array", "map", "variant")
        return F.to_json(quoted) if is_nested else quoted.cast("string")

    return _row(raw, cell, raw_row=F.col("_raw"), is_corrupt=F.col("_corrupt"))


def rows_of_lines(raw: DataFrame) -> DataFrame:
    """Rows of JSON lines."""
    names = (*PLAIN, *NESTED)
    schema = f"struct<{','.join(f'{name}:string' for name in names)}>"
    parsed = raw.where(F.trim("value") != "").withColumn("line", F.from_json("value", schema))
    line = F.col("line")
    nothing = F.coalesce(*(line[name] for name in names)).isNull()
    is_corrupt = nothing | ~is_one_object(F.col("value"))
    return _row(parsed, lambda name: line[name], raw_row=F.col("value"), is_corrupt=is_corrupt)


def _row(rows: DataFrame, cell: Cell, *, raw_row: Column, is_corrupt: Column) -> DataFrame:
    texts = rows.select(
        "_file",
        "_position",
        raw_row.alias("_raw"),
        is_corrupt.alias("is_corrupt"),
        *(F.nullif(F.trim(cell(name)), F.lit("")).alias(name) for name in PLAIN),
        *(cell(name).alias(_text(name)) for name in NESTED),
    )
    shaped = texts.withColumns({name: _read(_text(name), type_) for name, type_ in NESTED.items()})
    known = f"struct<{','.join(f'`{name}`:string' for name in READ)}>"
    with_json = shaped.withColumns(
        {
            "parameters": as_object(F.col("event_params")),
            "sorted_parameters": as_object(F.array_sort("event_params")),
        }
    )
    return with_json.withColumn("p", F.from_json("parameters", known))


def _text(name: str) -> str:
    return f"{name}_json"


def _read(text: str, type_: str) -> Column:
    """A nested cell; an object keeps in `_unread` what could not be read, a list is null then."""
    if type_.startswith("array"):
        return F.from_json(text, type_)
    return F.from_json(text, f"{type_[:-1]},{_UNREAD}:string>", {"columnNameOfCorruptRecord": _UNREAD})


def unread_faults() -> list[Condition]:
    """Nested cells that hold something, but not in the form that the export has.

    Such a row would be an event without its page, session or items, and nobody would know.
    """
    return [_unread_fault(name, type_) for name, type_ in NESTED.items()]


def _unread_fault(name: str, type_: str) -> Condition:
    text, read = F.col(_text(name)), F.col(name)
    is_stated = text.isNotNull() & ~F.trim(text).isin(*NOTHING)
    if type_ == _PARAMETERS:
        return (is_stated & _is_lost(text, read), "not_a_list", f"{name} is not a list of keys with values")
    if type_.startswith("array"):
        return (is_stated & read.isNull(), "not_a_list", f"{name} is not a list of objects")
    return (read[_UNREAD].isNotNull() & is_stated, CORRUPT, f"{name} is not an object of the export")


def _is_lost(text: Column, parameters: Column) -> Column:
    """Whether parameters have no key, as those of one object, or values that stand there without their type."""
    has_no_key = F.exists(parameters, lambda p: p["key"].isNull())
    has_no_value = F.exists(parameters, lambda p: p["value"].isNull())
    stated = F.filter(F.from_json(text, "array<struct<value:string>>"), lambda p: p["value"].isNotNull())
    typed = F.filter(parameters, lambda p: p["value"].isNotNull())
    return parameters.isNull() | has_no_key | (has_no_value & (F.size(typed) < F.size(stated)))


def as_object(parameters: Column) -> Column:
    """Parameters as one JSON object; of the four values of each the one that is set."""
    named = F.filter(parameters, lambda p: p["key"].isNotNull())
    members = F.transform(named, lambda p: F.concat(quoted(p["key"]), F.lit(":"), _value(p["value"])))
    return F.concat(F.lit("{"), F.coalesce(F.array_join(members, ","), F.lit("")), F.lit("}"))


def item_objects(items: Column) -> Column:
    """Items as one JSON list; their parameters as an object, as those of the event are."""

    def item_object(item: Column) -> Column:
        told = {name: item[name] for name in ITEM_FIELDS}
        told |= {name: plain_number(item[name]) for name in ITEM_NUMBERS}
        fields = F.to_json(F.struct(*(value.alias(name) for name, value in told.items())))
        own = as_object(item["item_params"])
        beside = F.concat(F.left(fields, F.length(fields) - 1), F.lit(',"item_params":'), own, F.lit("}"))
        return F.when((own == "{}") | (fields == "{}"), fields).otherwise(beside)

    return F.concat(F.lit("["), F.array_join(F.transform(items, item_object), ","), F.lit("]"))


def plain_number(text: Column) -> Column:
    """A number as JSON lines spell it: Parquet's doubles end in .0 where nothing is behind the point."""
    return F.regexp_replace(text, r"^(-?\d+)\.0$", "$1")


def _value(value: Column) -> Column:
    number = F.coalesce(
        value["int_value"], plain_number(value["double_value"]), plain_number(value["float_value"])
    )
    as_number = F.when(number.rlike(_NUMBER), number)
    return F.coalesce(as_number, quoted(F.coalesce(number, value["string_value"])), F.lit("null"))


def quoted(text: Column) -> Column:
    """The text as a JSON string; null where it is null."""
    return F.when(text.isNotNull(), F.regexp_replace(F.to_json(F.array(text)), r"^\[|\]$", ""))
