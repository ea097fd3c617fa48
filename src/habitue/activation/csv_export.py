"""Rows and columns of a CSV export: clear contact data, chosen fields, texts made harmless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.activation.clear_contacts import NAME_COLUMNS, POSTAL_COLUMNS
from habitue.audiences.definition import ExportTarget
from habitue.audiences.fields import FIELDS
from habitue.contracts.intake import PERSON_RECORD
from habitue.privacy.consent import Address

CSV_OPTIONS = {
    "header": "true",
    "encoding": "UTF-8",
    "sep": ",",
    "quote": '"',
    "escape": '"',  # a quote inside a value is doubled, as RFC 4180 says
    "quoteAll": "true",
    "nullValue": "",
    "emptyValue": "",
    "lineSep": "\r\n",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
    "compression": "none",
}

_INVISIBLE = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u200B-\u200F\u202A-\u202E\u2060-\u2069\u061C\uFEFF]"
_BREAKS = r"[\t\r\n\u2028\u2029]+"
_FORMULA = r"^\s*[=+\-@|%\uFF1D\uFF0B\uFF0D\uFF20]"
_PHONE = r"^\+[0-9]{4,15}$"

_DESCRIPTIONS = {
    "customer_number": "Customer number of the source system, in clear.",
    "email": "E-mail address, in clear, normalised.",
    "phone": "Phone number in E.164, in clear.",
    "device_id": "Device id for push messages.",
    "variant": "Variant of the content that the person is to get; empty without an A/B test.",
}


@dataclass(frozen=True)
class ExportColumn:
    """One column of the file and what it means."""

    name: str
    description: str


def address_columns(address: Address) -> tuple[str, ...]:
    """The clear columns that reach a person."""
    if address is Address.POSTAL:
        return (*NAME_COLUMNS, *POSTAL_COLUMNS)
    return () if address is Address.CUSTOMER_NUMBER else (address.value,)


def export_columns(target: ExportTarget, address: Address) -> list[ExportColumn]:
    """Columns of the file in order: customer number, address, variant, then the fields asked for."""
    names = dict.fromkeys(("customer_number", *address_columns(address), "variant", *target.fields))
    return [ExportColumn(name, describe(name)) for name in names]


def describe(name: str) -> str:
    """What a column means, from the contract it comes from."""
    if name in _DESCRIPTIONS:
        return _DESCRIPTIONS[name]
    return (FIELDS.get(name) or PERSON_RECORD.column(name)).comment


def export_rows(
    members: DataFrame, contacts: Sequence[DataFrame], persons: DataFrame, *, channel: str
) -> DataFrame:
    """Members reachable through the channel, with their clear contact data and their profile and score.

    `contacts` and `persons` have one row per person. Whose address is missing in the vault stays, with an
    empty cell; `file_rows` drops them.
    """
    chosen = members.where(F.array_contains("channels", channel)).select(
        "person_id", "variant", "priority_score"
    )
    rows = chosen.join(persons.drop("variant", "priority_score"), "person_id", "left")
    for contact in contacts:
        rows = rows.drop(*(set(contact.columns) - {"person_id"})).join(contact, "person_id", "left")
    return rows


def file_rows(rows: DataFrame, columns: Sequence[ExportColumn], *, address: Address, files: int) -> DataFrame:
    """The rows as they are written: harmless texts, best first, spread over `files` parts by person."""
    needed = address_columns(address) or ("customer_number",)
    needed = tuple(name for name in needed if name not in (*NAME_COLUMNS, "country"))
    addressed = rows.where(" AND ".join(f"`{name}` IS NOT NULL" for name in needed))
    types = dict(addressed.dtypes)
    cells = [_cell(c.name, types[c.name]).alias(c.name) for c in columns]
    spread = addressed.coalesce(1) if files == 1 else addressed.repartition(files, "person_id")
    best_first = spread.sortWithinPartitions(F.col("priority_score").desc_nulls_last(), "person_id")
    return best_first.select(*cells)


def _cell(name: str, type_: str) -> Column:
    column = F.col(name)
    return harmless(column) if type_ == "string" else column.cast("string")


def harmless(text: Column) -> Column:
    """A text that no spreadsheet runs as a formula and no reader is misled by.

    Control and bidirectional marks go, line breaks and tabs become spaces; what could start a formula gets an
    apostrophe before it, save phone numbers in E.164.
    """
    visible = F.regexp_replace(F.regexp_replace(text, _INVISIBLE, ""), _BREAKS, " ")
    is_formula = visible.rlike(_FORMULA) & ~visible.rlike(_PHONE)
    return F.when(is_formula, F.concat(F.lit("'"), visible)).otherwise(visible)
