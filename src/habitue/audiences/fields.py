"""The fields a rule may name: the columns of profile and score, with the kind of value each holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Column
from habitue.errors import did_you_mean


class Kind(StrEnum):
    """What a field holds, as far as comparisons care; the values are what errors call it."""

    NUMBER = "a number"
    TEXT = "a text"
    FLAG = "true or false"
    DAY = "a day"
    INSTANT = "a point in time"
    TEXTS = "a list of texts"
    NUMBERS_BY_KEY = "numbers by key"
    TEXTS_BY_KEY = "texts by key"


BY_KEY = {Kind.NUMBERS_BY_KEY: Kind.NUMBER, Kind.TEXTS_BY_KEY: Kind.TEXT}
"""What one key of a keyed field holds."""

IS_HOLDOUT = Column(
    "is_holdout", "boolean", "In the global holdout: never contacted, so that the effect of contacts shows."
)

_NOT_FOR_RULES = frozenset({
    "as_of_date", "person_id", "batch_id", "score_note", "churn_model_version", "clv_model_version",
    "sources", "freshness",  # where facts come from and how new they are says nothing of the person
})  # fmt: skip
_KINDS = {
    "string": Kind.TEXT,
    "boolean": Kind.FLAG,
    "date": Kind.DAY,
    "timestamp": Kind.INSTANT,
    "array<string>": Kind.TEXTS,
    "map<string,double>": Kind.NUMBERS_BY_KEY,
    "map<string,string>": Kind.TEXTS_BY_KEY,
}
_NUMBER = re.compile(r"^(int|bigint|double|float|smallint|tinyint|decimal\(\d+,\d+\))$")
_REFERENCE = re.compile(r"^([a-z0-9_]+)(?:\[([^\[\]\ud800-\udfff]{1,200})\])?\Z")


@dataclass(frozen=True)
class Field:
    """A field of a rule: a column, or one key of a keyed column (`category_shares[GROCERY]`)."""

    column: str
    key: str | None
    kind: Kind

    @property
    def name(self) -> str:
        """As it is written in a definition."""
        return self.column if self.key is None else f"{self.column}[{self.key}]"


def kind_of(type_: str) -> Kind:
    """The kind of a contract's column type."""
    return Kind.NUMBER if _NUMBER.match(type_) else _KINDS[type_]


FIELDS: dict[str, Column] = {
    column.name: column
    for column in (*CUSTOMER_PROFILE.columns, *CUSTOMER_SCORE.columns, IS_HOLDOUT)
    if column.name not in _NOT_FOR_RULES
}


def find_field(reference: object) -> Field | str:
    """The field that a definition names, or what is wrong with the name."""
    match = _REFERENCE.match(reference) if isinstance(reference, str) else None
    if match is None:
        return f"field must be a name, also with a key: category_shares[GROCERY]; found {shown(reference)}"
    column, key = match.groups()
    if column not in FIELDS:
        return f"{shown(column)} is not a field{did_you_mean(column, FIELDS)}"
    kind = kind_of(FIELDS[column].type)
    if key is None:
        return Field(column, None, kind)
    if kind not in BY_KEY:
        return f"{column} has no keys (it is {kind}); leave out [{key}]"
    return Field(column, key, BY_KEY[kind])


def shown(value: object) -> str:
    """A value of a definition in an error: short, on one line."""
    text = repr(value) if not isinstance(value, (dict, list)) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
