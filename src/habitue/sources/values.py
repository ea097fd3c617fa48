"""Read one cell as text, number, truth, day or instant; what cannot be read is null with a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.sources.settings import EPOCHS, Expression, SourceSettings

# NUL and other control characters, and those that turn the direction of writing; emoji joiners stay
_UNWANTED = "[\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F\\u200E\\u200F\\u202A-\\u202E\\u2066-\\u2069\\uFEFF]"
_BLANK = "[\\t\\r\\n\\u00A0\\u202F ]+"
_PATTERNS = {
    "plain": r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$",
    "en": r"^-?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?$",
    "de": r"^-?([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d+)?$",
    "fr": r"^-?\d+(,\d+)?$",
    "ch": r"^-?([1-9]\d{0,2}(['\u2019]\d{3})+|\d+)(\.\d+)?$",
}
_GROUPS = {"en": ",", "de": r"\.", "ch": "['\u2019]"}
DECIMAL_COMMA = ("de", "fr")
_TRUE = ("true", "t", "1", "1.0", "yes", "y", "ja", "j", "wahr", "x", "oui", "si", "on")
_FALSE = ("false", "f", "0", "0.0", "no", "n", "nein", "falsch", "non", "off")
_ISO_DAY = r"^\d{4}-\d{1,2}-\d{1,2}"
_OFFSET = r"[T ]\d{1,2}:\d{2}.*([A-Za-z][A-Za-z_/]*|[+-]\d{2}(:?\d{2})?)$"
"""A time with its offset or the name of its zone behind it: Z, UTC, Europe/Berlin, +0200."""
DST_GAP = "dst_gap"


@dataclass(frozen=True)
class Cell:
    """A value as read; `fault` names what is wrong where the cell holds something else."""

    value: Column
    is_faulty: Column | None = None
    code: str = ""
    reason: str = ""
    is_in_gap: Column | None = None  # a wall clock time that the change to summer time leaves out


def clean_text(text: Column, nulls: tuple[str, ...] = ()) -> Column:
    """Trimmed text without control characters; null where nothing is left or the text means nothing."""
    kept = F.trim(F.regexp_replace(F.regexp_replace(text, _UNWANTED, ""), _BLANK, " "))
    return F.when((kept != "") & ~kept.isin(*nulls) if nulls else kept != "", kept)


def read_cell(
    cell: Column, found: str, wanted: str, name: str, given: Expression, settings: SourceSettings
) -> Cell:
    """Read a cell of Spark type `found` as contract type `wanted`; `name` is used in the fault's reason."""
    text = clean_text(cell.cast("string"), settings.nulls) if found == "string" else cell
    if wanted == "string":
        return Cell(text if found == "string" else as_text(cell, found))
    if wanted == "boolean":
        return _boolean(text, found, name)
    if wanted == "timestamp":
        return _instant(text, found, name, given, settings)
    if wanted == "date":
        return _day(text, found, name, given, settings)
    return _number(text, found, wanted, name, settings)


def as_text(cell: Column, found: str) -> Column:
    """A cell of Spark type `found` as text, nested ones as JSON; a whole number has no point, however it is kept."""
    if found in ("double", "float"):  # 17850.0 is the number 17850
        whole = (cell == F.floor(cell)) & (F.abs(cell) < 1e15)
        return F.when(whole, cell.try_cast("bigint").cast("string")).otherwise(cell.cast("string"))
    if found.startswith("decimal"):  # Oracle's NUMBER comes as 17850.0000000000
        return F.regexp_replace(cell.cast("string"), r"\.0+$", "")
    if found.startswith(("struct", "array", "map")):
        return F.to_json(cell)
    return cell.cast("string")


def _number(text: Column, found: str, wanted: str, name: str, settings: SourceSettings) -> Cell:
    number = decimal_text(text, settings.numbers) if found == "string" else text
    if wanted in ("int", "bigint"):
        exact = number.try_cast("decimal(38,6)")
        value = F.when(exact == F.floor(exact), exact.try_cast(wanted))
        what = "not a whole number"
    else:
        value = number.try_cast(wanted)
        what = "not a number"
    written = f", written as numbers: {settings.numbers} says" if found == "string" else ""
    return Cell(value, text.isNotNull() & value.isNull(), "not_a_number", f"{name} is {what}{written}")


def decimal_text(text: Column, numbers: str) -> Column:
    """The number with a decimal point alone, or null: "1.234,50 EUR" -> "1234.50", "12,50-" -> "-12.50"."""
    bare = F.regexp_replace(text, r"[\s\u20ac$\u00a3]|EUR|USD|CHF|GBP", "")
    signed = F.regexp_replace(F.regexp_replace(bare, r"^\+", ""), r"^(.*\d)-$", "-$1")
    plain = F.regexp_replace(signed, _GROUPS[numbers], "") if numbers in _GROUPS else signed
    pointed = F.replace(plain, F.lit(","), F.lit(".")) if numbers in DECIMAL_COMMA else plain
    return F.when(signed.rlike(_PATTERNS[numbers]), pointed)


def _boolean(text: Column, found: str, name: str) -> Cell:
    if found == "boolean":
        return Cell(text)
    lowered = F.lower(text.cast("string"))
    value = F.when(lowered.isin(*_TRUE), True).when(lowered.isin(*_FALSE), False)
    return Cell(
        value, text.isNotNull() & value.isNull(), "not_a_boolean", f"{name} is neither true nor false"
    )


def _instant(text: Column, found: str, name: str, given: Expression, settings: SourceSettings) -> Cell:
    zone = settings.zone or "UTC"
    wall, instant = _wall_and_instant(text, found, given.format)
    local = F.to_utc_timestamp(wall, zone)
    value = local if instant is None else F.coalesce(instant, local)
    is_in_gap = F.from_utc_timestamp(local, zone) != wall if zone != "UTC" else None
    if found in ("timestamp", "timestamp_ntz", "date"):
        return Cell(value, is_in_gap=is_in_gap)
    expected = given.format or "yyyy-MM-dd HH:mm:ss"
    hint = "" if given.format else "; another one is named by `format`"
    reason = f"{name} is not a time of the form {expected}{hint}"
    return Cell(value, text.isNotNull() & value.isNull(), "not_a_date", reason, is_in_gap)


def _wall_and_instant(text: Column, found: str, format_: str | None) -> tuple[Column, Column | None]:
    """The time as a wall clock shows it, and the instant where the cell says which one it is."""
    nothing = F.lit(None).cast("timestamp")
    if found == "timestamp":
        return nothing, text
    if found in ("timestamp_ntz", "date"):
        return text.cast("timestamp"), None
    if format_ in EPOCHS:
        return nothing, F.timestamp_micros(
            (text.try_cast("decimal(38,6)") * EPOCHS[format_]).try_cast("bigint")
        )
    text = text.cast("string")
    if format_ is not None:
        read = F.try_to_timestamp(text, F.lit(format_))
        return (nothing, read) if _names_zone(format_) else (read, None)
    has_offset = text.rlike(_OFFSET)
    read = F.when(text.rlike(_ISO_DAY), F.when(has_offset, _full(text)).otherwise(text).try_cast("timestamp"))
    return F.when(~has_offset, read), F.when(has_offset, read)


def instant(text: Column) -> Column:
    """The instant that a tracker's text names, also without seconds or with a short offset; null if it names none."""
    short = F.when(text.rlike(_OFFSET), _full(text).try_cast("timestamp"))
    return F.coalesce(text.try_cast("timestamp"), short)  # a pattern is tried only where it is needed


def _full(text: Column) -> Column:
    """A time with an offset in the one form that Spark casts: 10:00+0200 -> 10:00:00+02:00."""
    with_seconds = F.regexp_replace(text, r"([T ]\d{1,2}:\d{2})( ?[A-Za-z+-])", "$1:00$2")
    with_minutes = F.regexp_replace(with_seconds, r"([+-]\d{2})$", "$1:00")
    return F.regexp_replace(with_minutes, r"([+-]\d{2})(\d{2})$", "$1:$2")


def _day(text: Column, found: str, name: str, given: Expression, settings: SourceSettings) -> Cell:
    if found in ("date", "timestamp_ntz"):
        return Cell(text.cast("date"))
    if found == "timestamp":
        return Cell(F.to_date(F.from_utc_timestamp(text, settings.zone or "UTC")))
    text = text.cast("string")
    if given.format is not None:
        value = F.try_to_timestamp(text, F.lit(given.format)).cast("date")
    else:
        value = F.when(text.rlike(_ISO_DAY), text.try_cast("date"))
    hint = "" if given.format else "; another one is named by `format`"
    reason = f"{name} is not a day of the form {given.format or 'yyyy-MM-dd'}{hint}"
    return Cell(value, text.isNotNull() & value.isNull(), "not_a_date", reason)


def _names_zone(format_: str) -> bool:
    """Whether a pattern reads an offset or zone (its quoted parts left aside)."""
    return bool(re.search("[VzOXxZ]", re.sub("'[^']*'", "", format_)))
