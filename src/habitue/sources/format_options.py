"""What `options` of a source may say of its files: names and values that readers understand."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping

from habitue.sources.fields import nearest

OptionValue = str | bool | int

_ONE_CHARACTER = ("quote", "escape", "comment")
_TRUE_OR_FALSE = ("header", "multiLine", "ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace")
_CSV = (
    *_ONE_CHARACTER, *_TRUE_OR_FALSE, "delimiter", "sep", "encoding", "charset", "emptyValue", "lineSep",
    "maxCharsPerColumn", "maxColumns", "unescapedQuoteHandling",
)  # fmt: skip
_OF_FORMAT: Mapping[str, tuple[str, ...]] = {"csv": _CSV, "json": ("multiLine",)}
_OF_ADAPTERS = ("currency",)


def option_problems(
    options: Mapping[str, OptionValue], *, form: str | None, is_adapter: bool
) -> Iterator[str]:
    """What is wrong with the options of a source, each in a sentence; a misspelt one would be passed over otherwise.

    `form` is the stated format; an adapter may find its own.
    """
    known = (*(_OF_ADAPTERS if is_adapter else ()), *_OF_FORMAT.get(form or "csv", ()))
    for name, value in options.items():
        if name not in known:
            hint = nearest(name, list(known)) if known else f"format {form} has none"
            yield f"options.{name} is not known; {hint}"
        elif name in _TRUE_OR_FALSE and str(value).lower() not in ("true", "false"):
            yield f"options.{name} is {value!r}; expected true or false"
        elif name in _ONE_CHARACTER and len(str(value)) > 1:
            yield f"options.{name} is {value!r}; expected one character, or '' for none"
        elif name in ("delimiter", "sep") and not _is_delimiter(str(value)):
            yield f"options.{name} is {value!r}; expected one or more characters, or \\t for a tab"
        elif name in ("encoding", "charset") and not _is_encoding(str(value)):
            yield f"options.{name} {value} is not known; use utf-8, cp1252, iso-8859-15, ..."


def separator(delimiter: str) -> str:
    """A delimiter as it stands in the file: a backslash and what follows mean the character that they mean in Spark."""
    return codecs.decode(delimiter, "unicode_escape") if delimiter.startswith("\\") else delimiter


def _is_delimiter(text: str) -> bool:
    try:
        return bool(separator(text)) and text != "\\"
    except UnicodeDecodeError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:
        return False
    return True
