"""One form for Snowplow's rows, whatever file they come from: typed columns, entities, the event's own data.

Entities (contexts) and self-describing events come as one JSON column of the enriched
stream, or as a column per schema and version (`contexts_com_acme_user_1_0_0`), with or
without a list around them, in camelCase or snake_case. Here all become `entities`, an
array of schema and JSON text, and `told`, the schema and JSON text of the event itself.
Where a cell holds something that cannot be read, a JSON that was cut off for example,
`entities` are null, and `told` has no data.
Schemas are written as the columns of a warehouse are named, without their version:
`com_acme_user`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.errors import InputError
from habitue.sources.json_line import NOTHING, is_one_object
from habitue.sources.snowplow_atomic import KEPT, KNOWN, TYPED
from habitue.sources.values import as_text

DESCRIBED = "struct<schema:string,data:string>"
ENTITIES = f"array<{DESCRIBED}>"
TOLD = "struct<schema:string,name:string,data:string>"
"""The event's own data; `name` is the schema's without its vendor, null where a column is named by both."""
_ENTITY, _EVENT = "contexts_", "unstruct_event_"
_VERSION = r"_\d+(_\d+_\d+)?(_recovered_\w+)?$"
_URI = r"^iglu:([^/]+/[^/]+)"
_NAME = r"^iglu:[^/]+/([^/]+)"
_WORKING = ("_file", "_position", "_raw", "_corrupt")

Cell = Callable[[str], Column]


def rows_of_table(raw: DataFrame, *, nulls: Sequence[str]) -> DataFrame:
    """Rows of CSV or Parquet files, whose columns are known before they are read."""
    by_name = {name.lower(): name for name in raw.columns if name not in _WORKING}
    _check(by_name)

    def cell(name: str) -> Column:
        return _text(raw, by_name[name], nulls) if name in by_name else F.lit(None).cast("string")

    entities = [_of_column(name, _ENTITY, cell) for name in by_name if name.startswith(_ENTITY)]
    events = _events([name for name in by_name if name.startswith(_EVENT)], cell)
    extra = [name for name in by_name if name not in KNOWN and not name.startswith((_ENTITY, _EVENT))]
    kept = [name for name in (*KEPT, *extra) if name in by_name]
    return raw.select(
        "_file",
        "_position",
        "_raw",
        F.col("_corrupt").alias("is_corrupt"),
        *(cell(name).alias(name) for name in TYPED),
        _every([_described(cell("contexts")), _described(cell("derived_contexts")), *entities]).alias(
            "entities"
        ),
        F.coalesce(_described_event(cell("unstruct_event")), *events).alias("told"),
        (F.to_json(F.struct(*(cell(name).alias(name) for name in kept))) if kept else F.lit("{}")).alias(
            "kept"
        ),
    )


def _events(names: Sequence[str], cell: Cell) -> list[Column]:
    """What the columns of self-describing events tell, that of the schema which `event_name` names first."""
    told = [_told(_of_column(name, _EVENT, cell)) for name in names]
    if len(told) < 2:
        return told
    schemas = [F.lit(schema_of_column(name, _EVENT)) for name in names]
    named = [F.when(_is_named(of, cell), event) for of, event in zip(schemas, told, strict=True)]
    return [*named, *told]


def _is_named(schema: Column, cell: Cell) -> Column:
    """Whether a schema ends in the event's name: com_acme_user_signed_up in signed_up."""
    return schema.endswith(F.concat(F.lit("_"), F.lower(cell("event_name"))))


def rows_of_lines(raw: DataFrame, *, nulls: Sequence[str]) -> DataFrame:
    """Rows of JSON lines, each of which has the columns that its event fills."""
    parsed = F.from_json("value", "map<string,string>", {"mode": "PERMISSIVE"})
    with_cells = raw.where(F.trim("value") != "").withColumn("cells", parsed)
    cells = F.col("cells")

    def cell(name: str) -> Column:
        spelt = F.coalesce(F.try_element_at(cells, F.lit(name)), F.try_element_at(cells, F.lit(name.upper())))
        return _filled(spelt, nulls)

    entries = F.map_entries(cells)
    entities = F.flatten(F.transform(_starting(entries, _ENTITY), lambda e: _of_entry(e, _ENTITY)))
    events = F.flatten(F.transform(_starting(entries, _EVENT), lambda e: _of_entry(e, _EVENT)))
    is_own = F.map_filter(
        cells,
        lambda key, value: (
            (F.lower(key).isin(*KEPT) | ~F.lower(key).isin(*sorted(KNOWN)))
            & ~F.lower(key).rlike(f"^({_ENTITY}|{_EVENT})")
            & value.isNotNull()
        ),
    )
    return with_cells.select(
        "_file",
        "_position",
        F.col("value").alias("_raw"),
        (cells.isNull() | ~is_one_object(F.col("value")) | (F.size(cells) == 0)).alias("is_corrupt"),
        *(cell(name).alias(name) for name in TYPED),
        _every([_described(cell("contexts")), _described(cell("derived_contexts")), entities]).alias(
            "entities"
        ),
        F.coalesce(
            _described_event(cell("unstruct_event")),
            _told(F.filter(events, lambda e: _is_named(e["schema"], cell))),
            _told(events),
        ).alias("told"),
        F.to_json(is_own).alias("kept"),
    )


def schema_of_column(name: str, prefix: str) -> str:
    """`contexts_com_acme_user_1_0_0` is of the schema com_acme_user, whatever the version."""
    return re.sub(_VERSION, "", name.lower().removeprefix(prefix))


def _check(by_name: dict[str, str]) -> None:
    needed = {
        "event_id": ("event_id",),
        "what happened": ("event_name", "event"),
        "a time": ("collector_tstamp", "derived_tstamp", "dvce_created_tstamp", "dvce_tstamp"),
    }
    missing = [
        f"{what} is missing: expected {' or '.join(names)}"
        for what, names in needed.items()
        if not any(name in by_name for name in names)
    ]
    if missing:
        raise InputError(
            "The files do not have the columns of Snowplow's atomic events:",
            missing,
            hint="Deliver atomic.events or the enriched stream, or map the files without an adapter.",
        )


def _text(raw: DataFrame, name: str, nulls: Sequence[str]) -> Column:
    """A cell as text; nested ones as JSON."""
    quoted = F.col("`" + name.replace("`", "``") + "`")
    kind = raw.schema[name].dataType.typeName()
    if kind in ("struct", "array", "map", "variant"):
        return F.to_json(quoted)
    return _filled(as_text(quoted, kind), nulls)


def _filled(text: Column, nulls: Sequence[str]) -> Column:
    kept = F.trim(text)
    return F.when((kept != "") & ~kept.isin(*nulls) if nulls else kept != "", kept)


def _of_column(name: str, prefix: str, cell: Cell) -> Column:
    return _objects(F.lit(schema_of_column(name, prefix)), cell(name))


def _starting(entries: Column, prefix: str) -> Column:
    return F.filter(entries, lambda e: F.lower(e["key"]).startswith(prefix) & e["value"].isNotNull())


def _of_entry(entry: Column, prefix: str) -> Column:
    schema = F.regexp_replace(F.regexp_replace(F.lower(entry["key"]), f"^{prefix}", ""), _VERSION, "")
    return _objects(schema, entry["value"])


def _objects(schema: Column, text: Column) -> Column:
    """Each object of a cell that holds one object, a list of them, or such a list in a list; null where it is cut off."""
    flat = F.regexp_replace(F.regexp_replace(text, r"^\s*\[\s*\[", "["), r"\]\s*\]\s*$", "]")
    is_nested = text.rlike(r"^\s*\[\s*\[")
    listed = F.when(text.rlike(r"^\s*\{"), F.concat(F.lit("["), text, F.lit("]"))).otherwise(
        F.when(is_nested, flat).otherwise(text)
    )
    found = F.filter(F.from_json(listed, "array<string>"), lambda data: data.startswith("{"))
    described = F.transform(found, lambda data: F.struct(schema.alias("schema"), data.alias("data")))
    is_json = F.coalesce(text.startswith("{") | text.startswith("["), F.lit(False))
    return F.coalesce(described, F.when(~is_json, F.array())).cast(ENTITIES)


def _described(text: Column) -> Column:
    """Entities of a self-describing JSON: a list of schema and data under `data`; null where that cannot be read."""
    listed = F.from_json(text, f"struct<data:{ENTITIES}>")["data"]
    named = F.transform(
        listed, lambda e: F.struct(_schema(e["schema"]).alias("schema"), e["data"].alias("data"))
    )
    found = F.filter(named, lambda e: e["data"].isNotNull())
    return F.coalesce(found, F.when(~_holds_something(text), F.array())).cast(ENTITIES)


def _holds_something(text: Column) -> Column:
    """Whether a self-describing JSON says more than that there is nothing; asked of those alone that are not read."""
    data = F.coalesce(F.get_json_object(text, "$.data"), F.lit("null"))
    is_bare = F.json_object_keys(text).isNotNull() & data.isin(*NOTHING)
    return text.isNotNull() & ~text.isin(*NOTHING) & ~is_bare


def _described_event(text: Column) -> Column:
    """The event of a self-describing JSON: one schema and data under `data`; without data where it cannot be read."""
    inner = F.from_json(text, f"struct<data:{DESCRIBED}>")["data"]
    uri = inner["schema"]
    whole = F.struct(
        _schema(uri).alias("schema"),
        _snake(F.regexp_extract(uri, _NAME, 1)).alias("name"),
        inner["data"].alias("data"),
    )
    is_unread = inner.isNull() & _holds_something(text)
    return F.when(inner["data"].isNotNull() | is_unread, whole).cast(TOLD)


def _told(described: Column) -> Column:
    """The first of the objects that a column of one schema holds; without data where it cannot be read."""
    first = F.get(described, F.lit(0))
    whole = F.struct(
        first["schema"].alias("schema"), F.lit(None).cast("string").alias("name"), first["data"].alias("data")
    )
    return F.when(first.isNotNull() | described.isNull(), whole).cast(TOLD)


def _schema(uri: Column) -> Column:
    """`iglu:com.acme/userData/jsonschema/1-0-0` as com_acme_user_data."""
    return _snake(F.regexp_extract(uri, _URI, 1))


def _snake(text: Column) -> Column:
    words = F.regexp_replace(text, r"(?<=[a-z0-9])(?=[A-Z])", "_")
    return F.regexp_replace(F.lower(words), r"[^a-z0-9]+", "_")


def _every(parts: Sequence[Column]) -> Column:
    return reduce(F.concat, parts)
