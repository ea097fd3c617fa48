"""What a setting should have been and what it was, in plain English instead of pydantic's terms."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic_core import ErrorDetails

_LONGEST_QUOTE = 60

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a day like 2026-01-31",
    "date_parsing": "a day like 2026-01-31",
    "date_from_datetime_parsing": "a day like 2026-01-31",
    "date_from_datetime_inexact": "a day like 2026-01-31",
    "datetime_parsing": "a time like 2026-01-31T12:00:00Z",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "tuple_type": "a list",
    "list_type": "a list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


def expected(details: ErrorDetails) -> str:
    """What the setting allows."""
    words = _EXPECTED.get(details["type"])
    if details["type"] == "string_type" and isinstance(details["input"], (bool, int, float, date)):
        return "a text (quotes make it one)"
    if words is None:
        return f"something else ({details['msg']})"
    return words.format(**{k: _short(v) for k, v in details.get("ctx", {}).items()})


def found(value: Any, *, quote: bool) -> str:
    """What was given; its kind alone where it is long or must not be shown."""
    if value is None:
        return "nothing"
    is_short = isinstance(value, (str, int, float)) and len(str(value)) <= _LONGEST_QUOTE
    return f"{_kind(value)} {_quoted(value)}" if quote and is_short else _kind(value).replace("the ", "a ", 1)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "the truth value"),
        ((int, float), "the number"),
        (str, "the text"),
        (dict, "keys with values"),
        ((list, tuple), "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _quoted(value: str | int | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _short(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
