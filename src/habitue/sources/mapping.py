"""From a source's columns to canonical draft rows, as its mapping says; nothing but native expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import ENTITIES, EVENT
from habitue.errors import ConfigError, InputError
from habitue.events.clock import corrected_time, is_too_early
from habitue.privacy.redaction import once, redacted_json, redacted_text
from habitue.sources.draft import CLEAR_IDENTIFIERS, FLAGS, Draft, listed
from habitue.sources.event_names import OF_PRODUCT, named
from habitue.sources.event_parts import CAMPAIGN_FIELDS
from habitue.sources.event_parts import campaign as whole_campaign
from habitue.sources.event_parts import device as whole_device
from habitue.sources.event_parts import page as whole_page
from habitue.sources.event_rules import DEFAULT_RULES, EventRules
from habitue.sources.faults import CORRUPT, faults_where
from habitue.sources.fields import field_of, nearest, struct_parts
from habitue.sources.mapped_products import listed_products, negative_faults, whole_order
from habitue.sources.order_prices import with_prices
from habitue.sources.settings import Expression, SourceSettings
from habitue.sources.values import DST_GAP, Cell, clean_text, read_cell
from habitue.sources.vocabulary import canonical_word

__all__ = ["SourceSettings", "map_source"]

_READING = ("_file", "_position", "_raw")
_PERCENT = ("vat",)
_BIRTH_YEARS = (1900, 2100)
"""Years of customers. A date before them tells records of a historical list apart, so it is kept as a date."""
_BIRTH_DATES = (1500, 2100)
_NO_DATES = ("1899-12-30", "1899-12-31")
"""What spreadsheets make of an empty cell."""
_CAMPAIGN = EVENT.column("campaign").type


_SINCE_WHEN = ("is_deceased", "is_blocked")
_DAY = (
    r"^\s*(?:(?:19|20)\d\d-(?!00?-)\d{1,2}-(?!00?\b)\d{1,2}"
    r"|(?!00?[./])\d{1,2}[./](?!00?[./])\d{1,2}[./](?:(?:19|20)\d\d|\d\d)\b)"
)
_NO_DAY = r"^\s*(?:1900-0?1-0?1|0?1[./]0?1[./]1900)"
"""How a day of our time begins, in any of the usual forms, and the one that stands for none."""


@dataclass(frozen=True)
class _Mapped:
    name: str  # of the contract; parts of structs and maps dotted
    expression: Expression
    cell: Cell


def map_source(raw: DataFrame, settings: SourceSettings, rules: EventRules = DEFAULT_RULES) -> Draft:
    """Draft rows of a mapped source.

    `raw` has the source's columns beside `_file`, `_position`, `_raw` and `_corrupt` (a
    row that does not have the form of its file). Times without a zone are those of
    `settings.zone`; one that the change to summer time leaves out is taken as an hour
    later and flagged.
    """
    entity = settings.entity or ""
    cells = _selected(raw, settings)
    mapped = _mapped(cells, settings, entity)
    flagged = F.array_compact(F.array(*(_gap_flag(m) for m in mapped if m.cell.is_in_gap is not None)))
    rows = cells.select(
        *_READING,
        _faults(mapped, settings).alias("_faults"),
        _identifiers(cells, settings).alias("_identifiers"),
        F.array_distinct(flagged).cast(FLAGS).alias("_flags"),
        *([_key(cells, settings).alias("_key")] if settings.key else []),
        *_columns(mapped, entity, rules),
    )
    return Draft(settings.source, ENTITIES[entity], _derived(rows, entity, rules), settings.history)


def _selected(raw: DataFrame, settings: SourceSettings) -> DataFrame:
    """Every mapped expression once, under a name of its own; all that cannot be resolved in one error."""
    wanted = _expressions(settings)
    try:
        columns = [
            _source_column(expression, raw.columns).alias(alias) for alias, (_, expression) in wanted.items()
        ]
        selected = raw.select(*_READING, "_corrupt", *columns)
        selected.schema  # noqa: B018  # a client of Spark Connect analyses no sooner
        return selected
    except (AnalysisException, ParseException):
        problems = [problem for label, e in wanted.values() if (problem := _unresolved(label, e, raw))]
        if not problems:
            raise
    raise InputError(
        f"Source {settings.source} cannot be mapped:", problems, hint="Correct its columns or its files."
    )


def _expressions(settings: SourceSettings) -> dict[str, tuple[str, Expression]]:
    found = {f"_in_{name}": (name, e) for name, e in settings.mapped.items()}
    for id_type, several in settings.identifiers.items():
        found |= {f"_id_{id_type}_{i}": (id_type, e) for i, e in enumerate(several)}
    return found | {f"_key_{i}": (name, Expression(column=name)) for i, name in enumerate(settings.key)}


def _source_column(expression: Expression, names: Sequence[str]) -> Column:
    """A column by its whole name, which may hold dots (`Art.-Nr.`), else a part of a nested one."""
    if expression.sql is not None:
        return F.expr(expression.sql)
    if expression.column is not None:
        parts = [expression.column] if expression.column in names else expression.column.split(".")
        return F.col(".".join(f"`{part.replace('`', '``')}`" for part in parts))
    return F.lit(expression.value)


def _unresolved(label: str, expression: Expression, raw: DataFrame) -> str | None:
    """What is wrong with an expression by itself; None where nothing is."""
    try:
        raw.select(_source_column(expression, raw.columns)).schema  # noqa: B018  # analysis only
        return None
    except (AnalysisException, ParseException) as caught:
        error = caught
    known = [name for name in raw.columns if not name.startswith("_")]
    if expression.column is not None:
        return f"{label}: column {expression.column} is missing; {nearest(expression.column, known)}"
    # only the class of the error: its text could quote the statement
    condition = error.getCondition() or type(error).__name__
    return f"{label}: its sql cannot be understood ({condition}); columns: {', '.join(known)}"


def _mapped(cells: DataFrame, settings: SourceSettings, entity: str) -> list[_Mapped]:
    types = dict(cells.dtypes)
    mapped = []
    for name, expression in settings.mapped.items():
        field = field_of(entity, name)
        if field is None:
            raise ConfigError(f"{name} is not a column of {entity}.")
        alias = f"_in_{name}"
        label = f"{name} (from {expression.column})" if expression.column else name
        wanted = "string" if field.is_map or field.is_list else field.type
        source = F.col(f"`{alias}`")
        if name in _PERCENT and types[alias] == "string":
            source = F.regexp_replace(source, r"\s*%\s*$", "")
        cell = read_cell(source, types[alias], wanted, label, expression, settings)
        if field.is_list:
            cell = listed_products(cell.value, settings.members[name], settings, label)
        elif wanted == "string":
            cell = Cell(canonical_word(entity, name, cell.value))
        elif name in _SINCE_WHEN and types[alias] in ("string", "date", "timestamp", "timestamp_ntz"):
            cell = _since_when(cell, source.cast("string"))
        mapped.append(_Mapped(name, expression, cell))
    return mapped


def _since_when(cell: Cell, text: Column) -> Cell:
    """A day instead of yes or no, as of death or of a block, says that there is one."""
    is_day = F.coalesce(text.rlike(_DAY) & ~text.rlike(_NO_DAY), F.lit(False))
    assert cell.is_faulty is not None
    return replace(cell, value=F.when(is_day, True).otherwise(cell.value), is_faulty=cell.is_faulty & ~is_day)


def _faults(mapped: list[_Mapped], settings: SourceSettings) -> Column:
    conditions = [
        (
            F.col("_corrupt"),
            CORRUPT,
            f"the row does not have the form of the {settings.format} file",
        ),
        *((m.cell.is_faulty, m.cell.code, m.cell.reason) for m in mapped if m.cell.is_faulty is not None),
    ]
    if settings.key:
        no_key = F.coalesce(*(F.col(f"_key_{i}").cast("string") for i in range(len(settings.key)))).isNull()
        conditions.append((no_key, "missing_value", f"the key ({', '.join(settings.key)}) is empty"))
    return faults_where(conditions)


def _identifiers(cells: DataFrame, settings: SourceSettings) -> Column:
    types = dict(cells.dtypes)
    items = []
    for id_type, several in settings.identifiers.items():
        for i, expression in enumerate(several):
            alias = f"_id_{id_type}_{i}"
            value = read_cell(F.col(alias), types[alias], "string", id_type, expression, settings).value
            item = F.struct(F.lit(id_type).alias("id_type"), value.alias("value"))
            items.append((value.isNotNull(), item))
    return listed(items, CLEAR_IDENTIFIERS)


def _key(cells: DataFrame, settings: SourceSettings) -> Column:
    parts = [clean_text(F.col(f"_key_{i}").cast("string")).alias(name) for i, name in enumerate(settings.key)]
    return F.to_json(F.struct(*parts), {"ignoreNullFields": "false"})


def _gap_flag(mapped: _Mapped) -> Column:
    assert mapped.cell.is_in_gap is not None
    return F.when(mapped.cell.is_in_gap, F.lit(DST_GAP))


def _columns(mapped: list[_Mapped], entity: str, rules: EventRules) -> list[Column]:
    """Plain columns as they are; dotted ones gathered into their struct or map."""
    plain = [m.cell.value.alias(m.name) for m in mapped if "." not in m.name]
    heads = dict.fromkeys(m.name.split(".")[0] for m in mapped if "." in m.name)
    contract = ENTITIES[entity]
    gathered = []
    for head in heads:
        parts = {m.name.partition(".")[2]: m.cell.value for m in mapped if m.name.startswith(f"{head}.")}
        type_ = contract.column(head).type if head in contract.column_names else "map<string,string>"
        gathered.append(_gathered(parts, type_, rules).alias(head))
    return plain + gathered


def _gathered(parts: Mapping[str, Column], type_: str, rules: EventRules) -> Column:
    if type_ == "variant":
        as_json = F.to_json(F.struct(*(value.alias(name) for name, value in parts.items())))
        return F.try_parse_json(once(as_json, lambda text: redacted_json(text, settings=rules.redaction)))
    if type_.startswith("map<"):
        pairs = F.create_map(*(c for name, value in parts.items() for c in (F.lit(name), value)))
        return F.map_filter(pairs, lambda _, value: value.isNotNull()).cast(type_)
    fields = struct_parts(type_)
    whole = F.struct(*(parts.get(n, F.lit(None)).cast(t).alias(n) for n, t in fields.items()))
    is_empty = F.coalesce(*(parts[n].cast("string") for n in parts)).isNull()
    return F.when(~is_empty, whole)


def _derived(rows: DataFrame, entity: str, rules: EventRules) -> DataFrame:
    if entity == "order_line":
        return with_prices(rows)
    if entity == "customer_record":
        return _with_person(rows)
    if entity == "event":
        return _as_tracked(rows, rules)
    if entity == "stock_level" and "store" not in rows.columns:
        return rows.withColumn("store", F.lit(""))
    return rows


def _with_person(rows: DataFrame) -> DataFrame:
    """Year of birth, postal area and whether there is an address, from what the vault alone may hold."""
    present = set(rows.columns)

    def column(name: str, type_: str) -> Column:
        return F.col(name) if name in present else F.lit(None).cast(type_)

    born = column("birth_date", "date")
    year = F.coalesce(column("birth_year", "int"), F.year(born))
    is_sensible = year.between(*_BIRTH_YEARS)
    is_date = F.year(born).between(*_BIRTH_DATES) & ~born.cast("string").isin(*_NO_DATES)
    kept = F.when(is_date, born)
    ignored = F.when(year.isNotNull() & ~is_sensible & kept.isNull(), F.array(F.lit("birth_ignored")))
    address = [column(name, "string").isNotNull() for name in ("street", "postal_code", "city")]
    return rows.withColumns(
        {
            "birth_year": F.when(is_sensible, year),
            "birth_date": kept,
            "postal_area": F.coalesce(
                column("postal_area", "string"), F.left(column("postal_code", "string"), F.lit(2))
            ),
            "has_address": address[0] & address[1] & address[2],
            "_flags": F.concat("_flags", F.coalesce(ignored, F.array().cast(FLAGS))),
        }
    )


def _as_tracked(rows: DataFrame, rules: EventRules) -> DataFrame:
    """What adapters find out for every event: name, time, campaign and device; nothing in it names a person."""
    present = set(rows.columns)
    nothing = F.lit(None).cast("timestamp")
    clocks = [
        F.col(name) if name in present else nothing
        for name in ("original_time", "sent_time", "received_time", "event_time")
    ]
    timed = rows.withColumn("_clock", corrected_time(*clocks, settings=rules.clock))
    before = f"event_time lies before {rules.clock.earliest}"
    is_before = is_too_early(F.col("_clock.event_time"), settings=rules.clock)
    made = {
        "event_time": F.col("_clock.event_time"),
        "time_quality": F.col("_clock.time_quality"),
        "event_date": F.to_date("_clock.event_time"),
    }
    name = F.col("event_name")
    if "product" in present:
        of_product = F.when(F.col("product.product_number").isNotNull(), named(OF_PRODUCT, name))
        name = made["event_name"] = F.coalesce(of_product, name)
        made["order"] = whole_order(rows, name)
    if "search_term" in present:
        made["search_term"] = redacted_text(F.col("search_term"))
    if "page" in present:
        page = F.col("page")
        made["page"] = whole_page(
            url=page["url"],
            path=page["path"],
            title=page["title"],
            referrer=page["referrer"],
            redaction=rules.redaction,
        )
    if {"page", "campaign"} & present:
        stated = F.col("campaign") if "campaign" in present else F.from_json(F.lit("{}"), _CAMPAIGN)
        url = F.col("page.url") if "page" in present else F.lit(None).cast("string")
        of_field = {name: stated[name] for name in CAMPAIGN_FIELDS}
        made["campaign"] = whole_campaign(of_field, url, click_id=stated["click_id"])
    if "device" in present:
        device = F.col("device")
        made["device"] = whole_device(
            agent=device["user_agent"],
            kind=device["type"],
            system=device["os"],
            app=device["app"],
            locale=device["locale"],
            zone=device["zone"],
            browser_name=device["browser"],
        )
    faults = [(is_before, "impossible_value", before), *negative_faults(rows, name)]
    made["_faults"] = F.concat("_faults", faults_where(faults))
    return timed.withColumns(made).drop("_clock")
