"""What can be mapped: the canonical fields of every entity, and what each entity cannot do without."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from habitue.contracts.entities import ENTITIES
from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import MONEY
from habitue.errors import did_you_mean

_DERIVED = {"source", "identifiers", "row_hash"}
_DERIVED_OF: dict[str, set[str]] = {
    "event": {
        "event_date",
        "time_quality",
        "visitor_type",
        "visitor_key",
        "is_bot",
        "bot_reason",
        "tracker_id",
        "tracker_fingerprint",
    },
    "order_line": {"vat_rate"},
    "customer_record": {"record_key", "has_address"},
    "touch": {"other_type", "other_key"},
}
_EXTRA: dict[str, dict[str, str]] = {
    "order_line": {"unit_price": "decimal(18,6)", "gross_revenue": "decimal(18,6)", "vat": "decimal(5,2)"},
    "touch": {"other_person": "map<string,string>"},
}
_PERSON_COLUMNS = (
    "record_id", "salutation", "title", "given_name", "family_name", "birth_date", "street", "postal_code",
)  # fmt: skip

ALIASES: dict[str, dict[str, str]] = {
    "customer_record": {"deceased": "is_deceased", "blocked": "is_blocked"},
    "product": {"blocked": "is_blocked"},
    "campaign": {"start": "start_time", "end": "end_time", "randomised": "is_randomised"},
    "subscription": {
        "start": "start_time",
        "end": "end_time",
        "renewal": "renewal_time",
        "cancelled": "cancelled_time",
    },
}
"""Short names that a mapping may use, and the columns they mean."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "event": ("event_name",),
    "customer_record": ("record_id",),
    "order_line": ("order_number", "order_time", "quantity", "currency"),
    "product": ("product_number",),
    "stock_level": ("product_number", "as_of_time", "quantity"),
    "consent": ("purpose", "channel", "status", "given_time"),
    "campaign": ("campaign",),
    "contact": ("campaign", "channel", "contact_time"),
    "response": ("type", "response_time"),
    "survey": ("kind", "survey_time"),
    "service_case": ("case_id", "opened_time"),
    "loyalty": ("status_time",),
    "subscription": ("contract_id", "start_time"),
    "touch": ("kind", "touch_time"),
}
"""What a mapping must map, and what no row may lack."""

ONE_OF: dict[str, tuple[str, ...]] = {
    "order_line": ("net_revenue", "gross_revenue", "unit_price"),
    "response": ("contact_id", "campaign"),
    "event": ("event_time", "original_time", "received_time"),
}
"""Fields of which a mapping needs at least one."""

HAPPENED: dict[str, str] = {
    "event": "event_time",
    "order_line": "order_time",
    "stock_level": "as_of_time",
    "consent": "given_time",
    "contact": "contact_time",
    "response": "response_time",
    "survey": "survey_time",
    "service_case": "opened_time",
    "loyalty": "status_time",
    "touch": "touch_time",
}
"""The time at which a row's fact happened: never in the future."""

SURROGATES: dict[str, str] = {
    "event": "event_id",
    "consent": "consent_id",
    "contact": "contact_id",
    "response": "response_id",
    "survey": "survey_id",
    "loyalty": "loyalty_id",
    "touch": "touch_id",
}
"""Ids that are made from the row's content where the source has none."""


@dataclass(frozen=True)
class Field:
    """One mappable field: its type, and for parts of a struct or map the column they go into."""

    name: str
    type: str

    is_member: bool = False
    """Whether it is a member of what a list holds: read from there, and no column of the source."""

    @property
    def is_map(self) -> bool:
        """Whether any key below it may be mapped."""
        return self.type.startswith("map<") or self.type == "variant"

    @property
    def is_list(self) -> bool:
        """Whether it holds a list, whose members are mapped by dotted names."""
        return self.type.startswith("array<struct<")


@cache
def fields(entity: str) -> dict[str, Field]:
    """All mappable fields of an entity by canonical name; parts of structs by dotted name."""
    contract = ENTITIES[entity]
    types = {
        c.name: c.type for c in contract.columns if c.name not in _DERIVED | _DERIVED_OF.get(entity, set())
    }
    types |= _EXTRA.get(entity, {})
    if entity == "customer_record":
        types |= {name: PERSON_RECORD.column(name).type for name in _PERSON_COLUMNS}
    found: dict[str, Field] = {}
    for name, type_ in types.items():
        if type_.startswith("struct<"):
            found |= {
                f"{name}.{part}": Field(f"{name}.{part}", of) for part, of in struct_parts(type_).items()
            }
        else:
            found[name] = Field(name, type_)
            of_item = type_.removeprefix("array<").removesuffix(">") if found[name].is_list else "struct<>"
            found |= {
                f"{name}.{part}": Field(f"{name}.{part}", of, is_member=True)
                for part, of in struct_parts(of_item).items()
            }
    return found


def struct_parts(type_: str) -> dict[str, str]:
    """`struct<a:string,b:decimal(18,2)>` as {a: string, b: decimal(18,2)} (no nested structs)."""
    return dict(re.findall(r"(\w+):(\w+(?:\([\d,]+\))?)", type_.removeprefix("struct<").removesuffix(">")))


def field_of(entity: str, name: str) -> Field | None:
    """The field a mapped name means, with keys below a map field (`attributes.age`); None if unknown."""
    name = ALIASES.get(entity, {}).get(name, name)
    known = fields(entity)
    if name in known:
        return known[name]
    head, _, key = name.partition(".")
    if key and head in known and known[head].is_map:
        return Field(name, MONEY if head == "discounts" else "string")
    return None


def nearest(name: str, known: list[str]) -> str:
    """A hint for a name that is not known: the closest one, or all of them."""
    return did_you_mean(name, known).removeprefix("; ") or f"known: {', '.join(sorted(known))}"
