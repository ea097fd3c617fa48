"""What `options` of a source may say of its files: names and values that readers understand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from habitue.sources.currencies import CURRENCIES
from habitue.sources.fields import nearest

OptionValue = str | bool | int

_ONE_CHARACTER = ("quote", "escape", "comment", "charToEscapeQuoteEscaping")
_TRUE_OR_FALSE = ("header", "multiLine", "ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace")
_DELIMITER, _ENCODING = ("delimiter", "sep"), ("encoding", "charset")
_CSV = (
    *_ONE_CHARACTER, *_TRUE_OR_FALSE, *_DELIMITER, *_ENCODING, "emptyValue", "nullValue", "lineSep",
    "maxCharsPerColumn", "maxColumns", "unescapedQuoteHandling",
)  # fmt: skip
_OF_FORMAT: Mapping[str, tuple[str, ...]] = {"csv": _CSV, "json": ("multiLine",)}
OF_ORDERS = "currency"
"""Of trackers: the currency of orders that state none."""
_SPELT = {name.casefold(): name for name in (*_CSV, OF_ORDERS)}
_NAMED = {"t": "\t", "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:t|\\|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.|$)", re.DOTALL)


def spelt(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """The same options by the names that readers have; like Spark's, they may be written in any case."""
    return {_SPELT.get(name.casefold(), name): value for name, value in options.items()}


def option_problems(
    options: Mapping[str, OptionValue], *, form: str, is_adapter: bool, has_orders: bool
) -> Iterator[str]:
    """What is wrong with the options of a source, each in a sentence; a misspelt one would be passed over otherwise.

    `form` is the format of the files. Adapters tell on their own what lies in a file, by cells that one character parts.
    """
    known = (*((OF_ORDERS,) if has_orders else ()), *_OF_FORMAT.get(form, ()))
    for name, value in options.items():
        if name not in known:
            hint = nearest(name, list(known)) if known else f"format {form} has none"
            yield f"options.{name} is not known; {hint}"
        elif name in _TRUE_OR_FALSE and str(value).lower() not in ("true", "false"):
            yield f"options.{name} is {value!r}; expected true or false"
        elif name in _ONE_CHARACTER and len(str(value)) > 1:
            yield f"options.{name} is {value!r}; expected one character, or '' for none"
        elif name in _DELIMITER:
            yield from _delimiter_problem(name, str(value), is_adapter=is_adapter)
        elif name in _ENCODING and not _is_encoding(str(value)):
            yield f"options.{name} {value} is not known; use utf-8, cp1252, iso-8859-15, ..."
        elif name == OF_ORDERS and str(value).upper() not in CURRENCIES:
            yield f"options.{name} {value} is not an ISO 4217 code such as EUR"


def separator(delimiter: str) -> str:
    r"""A delimiter as it stands in the file: `\t` is a tab, `\\` a backslash, `\u0001` or `\x01` the character of that number.

    ValueError for a backslash before anything else.
    """
    return _ESCAPE.sub(_meant, delimiter)


def _meant(escape: re.Match[str]) -> str:
    told = escape.group()[1:]
    if told in _NAMED:
        return _NAMED[told]
    if len(told) < 2:
        raise ValueError(escape.group())
    return chr(int(told[1:], 16))


def _delimiter_problem(name: str, text: str, *, is_adapter: bool) -> Iterator[str]:
    expected = "one character" if is_adapter else "one or more characters"
    try:
        length = len(separator(text))
    except ValueError:
        length = 0
    if not length or (is_adapter and length > 1):
        yield f"options.{name} is {text!r}; expected {expected}, or \\t for a tab"


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:
        return False
    return True
