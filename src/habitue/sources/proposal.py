"""Propose the mapping of a file: what `habitue map FILE` prints for a person to check and save."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from habitue.contracts.entities import ENTITIES
from habitue.sources.fields import ONE_OF, REQUIRED, field_of
from habitue.sources.settings import SourceSettings
from habitue.sources.sniffing import MOST, Sniffed, date_format, sniff
from habitue.sources.synonyms import (
    COLUMNS,
    OF_WHOLE_ORDERS,
    SURELY_MONEY,
    SURELY_NET,
    bare,
    currency_of,
    find_columns,
    find_identifiers,
    plain,
)

_GUESSES: dict[str, dict[str, Any]] = {
    "order_line": {"quantity": {"value": 1}},
    "consent": {"purpose": {"value": "marketing"}},
}
_GIVEN: dict[str, Any] = {"quantity": {"value": 1}, "currency": {"value": "EUR"}}
"""What a file of orders may leave out."""
_ON_SITE = {"source_session_id", "product.product_number"}
"""What only a tracked event has beside its name and time: a log of mails has neither session nor product."""
_POSITION = re.compile(r"\d{1,9}(\.0+)?")
_IDENTIFIERS_OF = {name: "identifiers" in table.column_names for name, table in ENTITIES.items()}


@dataclass(frozen=True)
class Proposal:
    """A mapping as YAML; `settings` where it is complete, else `missing` says what a person must add."""

    yaml: str
    settings: SourceSettings | None
    missing: tuple[str, ...]


def propose(path: Path, *, project: Path, zone: str, currency: str, entity: str | None = None) -> Proposal:
    """A mapping for the file at `path`, guessed from names and first values; the entity too where none is named."""
    found = sniff(path)
    entity = entity or _entity(found)
    location = str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
    data = _data(found, entity, location, zone, currency)
    missing = _missing(entity, data["columns"])
    settings = None if missing else _valid(data)
    return Proposal(_as_yaml(data, entity, found, missing), settings, tuple(missing))


def _entity(found: Sniffed) -> str:
    """The entity that most column names speak for, and that lacks least of what it requires.

    Exports of orders bring names and addresses along: what has the number, time and price of an order is one.
    """
    names = list(found.columns)
    of_order = find_columns("order_line", names)
    of_event = find_columns("event", names)
    if {"event_name", "event_time"} <= of_event.keys() and of_event.keys() & _ON_SITE:
        return "event"
    if "event_name" not in of_event and _is_of_orders(of_order, names):
        return "order_line"

    def fit(entity: str) -> int:
        columns = find_columns(entity, names)
        # a customer number is on every kind of record and speaks for none
        speaking = [name for name in columns if name != "record_id"]
        return 2 * len(speaking) - len(_missing(entity, columns | _GUESSES.get(entity, {})))

    # a session at a time is one kind of event, which the file does not name
    is_tracked = "event_name" in of_event or {"source_session_id", "event_time"} <= of_event.keys()
    return max((name for name in COLUMNS if name != "event" or is_tracked), key=fit)


def _is_of_orders(of_order: dict[str, str], names: list[str]) -> bool:
    """Whether lines have all that an order needs; or say who bought what, and when, which no list of products does."""
    if {"order_number", "order_time"} <= of_order.keys() and not _missing("order_line", of_order | _GIVEN):
        return True
    is_priced = {"product_number", "unit_price"} <= of_order.keys()
    is_bought = is_priced or {"product_number", "net_revenue"} <= of_order.keys()
    return "order_time" in of_order and is_bought and bool(find_identifiers(names))


def _data(found: Sniffed, entity: str, location: str, zone: str, currency: str) -> dict[str, Any]:
    columns = {
        name: _expression(entity, name, column, found)
        for name, column in find_columns(entity, list(found.columns)).items()
    }
    if entity == "order_line":
        _leave_out_what_cannot_be(columns, found)
        spelt = _currency(columns)
        columns["currency"] = {"value": spelt} if spelt else columns.get("currency", {"value": currency})
    for name, guess in _GUESSES.get(entity, {}).items():
        columns.setdefault(name, guess)
    if {"unit_price", "gross_revenue"} & columns.keys() and not _is_surely_net(columns.get("net_revenue")):
        columns.pop("net_revenue", None)  # it may contain VAT, or be that of the whole order
    if "net_revenue" in columns:
        columns.pop("unit_price", None)
    if "gross_revenue" in columns and ("vat" not in columns or "net_revenue" in columns):
        columns.pop("gross_revenue")
    data: dict[str, Any] = {
        "source": _source_name(location),
        "entity": entity,
        "format": found.format,
        "path": location,
    }
    if found.format == "csv":
        data["options"] = {"header": True, "delimiter": found.delimiter, "encoding": found.encoding}
    if found.is_multi_line:
        data.setdefault("options", {})["multiLine"] = True
    data |= {"zone": zone, "numbers": found.numbers if found.format == "csv" else "plain", "history": True}
    data["columns"] = columns
    identifiers = find_identifiers(list(found.columns)) if _IDENTIFIERS_OF[entity] else {}
    return data | ({"identifiers": identifiers} if identifiers else {})


def _leave_out_what_cannot_be(columns: dict[str, Any], found: Sniffed) -> None:
    """A discount that is a share of the price is no money, a text no line number, an order's total not that of its lines."""
    discount, revenue = columns.get("discount"), columns.get("net_revenue")
    if discount and plain(discount) not in SURELY_MONEY and _is_share(_values(discount, found)):
        columns.pop("discount")
    positions = [bool(_POSITION.fullmatch(value)) for value in _values(columns.get("line_number"), found)]
    if sum(positions) < MOST * len(positions):
        columns.pop("line_number")
    numbers = _values(columns.get("order_number"), found)
    if revenue and bare(revenue) in OF_WHOLE_ORDERS and len(set(numbers)) < len(numbers):
        columns.pop("net_revenue")


def _values(column: str | None, found: Sniffed) -> list[str]:
    return [value for value in found.columns[column] if value] if column else []


def _is_share(values: list[str]) -> bool:
    """Whether all are from 0 to 1, and some between."""
    numbers = [value.replace(",", ".") for value in values]
    if not all(re.fullmatch(r"[01]|[01]?\.\d+", number) for number in numbers):
        return False
    found = [float(number) for number in numbers]
    return any(0 < n < 1 for n in found) and max(found) <= 1


def _currency(columns: dict[str, Any]) -> str | None:
    """What the names of the columns with money say."""
    money = (columns.get(name) for name in ("net_revenue", "gross_revenue", "unit_price"))
    return next((code for name in money if name and (code := currency_of(name))), None)


def _is_surely_net(column: Any) -> bool:
    return isinstance(column, str) and bare(column) in SURELY_NET


def _expression(entity: str, name: str, column: str, found: Sniffed) -> Any:
    field = field_of(entity, name)
    if field is None or field.type not in ("timestamp", "date"):
        return column
    pattern = date_format(found.columns[column])
    if field.type == "date" and pattern and re.search(r"(?<!y)yy(?!y)|epoch", pattern):
        return column  # two digits would be a year of this century, and births are not; an epoch is no day
    return {"column": column, "format": pattern} if pattern else column


def _missing(entity: str, columns: dict[str, Any]) -> list[str]:
    missing = [name for name in REQUIRED[entity] if name not in columns]
    choices = ONE_OF.get(entity, ())
    if choices and not set(choices) & set(columns):
        missing.append(choices[0])
    return missing


def _valid(data: dict[str, Any]) -> SourceSettings | None:
    try:
        return SourceSettings.model_validate(data)
    except ValidationError:
        return None


def _source_name(location: str) -> str:
    stem = Path(location).name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_]+", "_", stem).strip("_")[:63] or "source"


def _as_yaml(data: dict[str, Any], entity: str, found: Sniffed, missing: list[str]) -> str:
    """The mapping in the order of thought, with what a person must check as comments."""
    lines = [f"# Save as conf/sources/{data['source']}.yaml after checking it."]
    for key, value in data.items():
        if key in ("columns", "identifiers"):
            lines.append(f"{key}:")
            lines += [f"  {name}: {_flow(expression)}" for name, expression in value.items()]
            if key == "columns":
                lines += [
                    f"  # {name}: ...  # required for {entity}, no column looks like it" for name in missing
                ]
        else:
            lines.append(f"{key}: {_flow(value)}{_REMARKS.get(key, '')}")
    used = json.dumps(data)
    unused = [name for name in found.columns if json.dumps(name) not in used]
    if unused:
        lines.append(f"# not used: {', '.join(unused)}")
    if entity == "order_line":
        lines += _remarks_on_orders(data["columns"], data.get("identifiers", {}))
        lines += _remarks_on_what_is_left_out(data["columns"], found)
    if entity == "consent":
        lines += _remarks_on_consents(data["columns"])
    if not data.get("identifiers") and _IDENTIFIERS_OF[entity]:
        lines.append(
            "# Without identifiers these records are joined to others by names, birth date and address alone."
            if entity == "customer_record"
            else "# Without identifiers these rows belong to nobody."
        )
    return "\n".join(lines) + "\n"


def _remarks_on_consents(columns: dict[str, Any]) -> list[str]:
    """What only a person can say: a list of addresses alone grants nothing."""
    lines = []
    if "status" not in columns:
        lines.append(
            "# status: {value: granted} only where every row of the file is a consent that was given."
        )
    if isinstance(columns["purpose"], dict):
        lines.append("# No column names the purpose: is it marketing for all rows?")
    return lines


def _remarks_on_orders(columns: dict[str, Any], identifiers: dict[str, str]) -> list[str]:
    remarks = []
    if "order_number" not in columns and identifiers and "order_time" in columns:
        time = columns["order_time"]
        parts = [next(iter(identifiers.values())), time if isinstance(time, str) else time["column"]]
        spelt = ", ".join(f"`{part}`" for part in parts)
        remarks.append(
            f"# If a purchase is what one buyer bought at one time: order_number: {{sql: \"concat_ws(' ', {spelt})\"}}"
        )
    if "vat" not in columns and "unit_price" in columns:
        remarks.append("# If prices contain VAT, add under columns -> vat: {value: 19}")
    revenue = columns.get("net_revenue")
    if revenue is not None and not _is_surely_net(revenue):
        remarks.append(
            f"# net_revenue is taken as it is: if {revenue} contains VAT, call it gross_revenue and name its vat"
        )
    if "line_number" not in columns:
        remarks.append(
            "# key: [...]  # columns that tell a row from all others, so that a later delivery of it replaces it"
        )
    return remarks


def _remarks_on_what_is_left_out(columns: dict[str, Any], found: Sniffed) -> list[str]:
    """Columns with a fitting name and other content."""
    named = find_columns("order_line", list(found.columns))
    remarks = []
    if "discount" in named and "discount" not in columns:
        remarks.append(f"# {named['discount']} looks like a share of the price; discount is money")
    revenue = named.get("net_revenue")
    if revenue and bare(revenue) in OF_WHOLE_ORDERS and not {"net_revenue", "unit_price"} & columns.keys():
        remarks.append(f"# {revenue} looks like that of the whole order, on each of its lines")
    return remarks


_REMARKS = {
    "path": "  # of several files: data/orders-*.csv",
    "history": "  # a first historical load: rows were known when they happened",
    "zone": "  # of times without one",
    "numbers": "  # plain 1234.50, en 1,234.50, de 1.234,50, fr 1 234,50, ch 1'234.50",
}


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
