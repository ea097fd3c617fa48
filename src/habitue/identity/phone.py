"""Telephone numbers in their one spelling, E.164: the same rules as a native expression and for a single value.

A rule is a pattern and what it is replaced by, in an order that matters; both readings go
through the same list, so they cannot differ. National numbers are read as numbers of one
country. Numbers of a country in the table must have a length that exists there; of any
other country what E.164 allows.
"""

from __future__ import annotations

import re
from functools import cache, reduce
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F


class Dialling(NamedTuple):
    """How a country dials: its code, what is dialled before a national number at home, digits of that number."""

    code: int
    trunk: str
    shortest: int
    longest: int


UNKNOWN_COUNTRY = "??"
"""Stands for a country that was stated and that nobody knows; no data can state it, since codes are letters."""
DIALLING = {
    "AT": Dialling(43, "0", 4, 13), "AU": Dialling(61, "0", 5, 12), "BE": Dialling(32, "0", 8, 9),
    "BG": Dialling(359, "0", 6, 12), "BR": Dialling(55, "0?", 8, 11), "CA": Dialling(1, "1", 10, 10),
    "CH": Dialling(41, "0", 9, 12), "CY": Dialling(357, "", 8, 8), "CZ": Dialling(420, "", 9, 12),
    "DE": Dialling(49, "0", 4, 13), "DK": Dialling(45, "", 8, 8), "EE": Dialling(372, "", 7, 10),
    "ES": Dialling(34, "", 9, 9), "FI": Dialling(358, "0", 5, 12), "FR": Dialling(33, "0", 9, 9),
    "GB": Dialling(44, "0", 7, 10), "GR": Dialling(30, "", 10, 12), "HR": Dialling(385, "0", 7, 9),
    "HU": Dialling(36, "06", 8, 9), "IE": Dialling(353, "0", 7, 10), "IN": Dialling(91, "0", 8, 13),
    "IS": Dialling(354, "", 7, 9), "IT": Dialling(39, "", 6, 12), "JP": Dialling(81, "0", 8, 13),
    "LI": Dialling(423, "", 7, 9), "LT": Dialling(370, "[08]", 8, 8), "LU": Dialling(352, "", 4, 11),
    "LV": Dialling(371, "", 8, 8), "MT": Dialling(356, "", 8, 8), "NL": Dialling(31, "0", 5, 11),
    "NO": Dialling(47, "", 5, 8), "PL": Dialling(48, "", 6, 10), "PT": Dialling(351, "", 9, 9),
    "RO": Dialling(40, "0", 6, 9), "RS": Dialling(381, "0", 6, 12), "SE": Dialling(46, "0", 6, 12),
    "SI": Dialling(386, "0", 5, 8), "SK": Dialling(421, "0", 6, 9), "TR": Dialling(90, "0", 7, 13),
    "UA": Dialling(380, "0", 9, 10), "US": Dialling(1, "1", 10, 10),
}  # fmt: skip
"""After the tables of the ITU. Italy keeps its zero abroad, so it has no trunk prefix."""
USUAL = {
    "CY": 8, "CZ": 9, "DK": 8, "EE": 7, "ES": 9, "GR": 10, "IS": 7, "IT": 10, "LI": 7, "LU": 9, "LV": 8, "MT": 8, "NO": 8,
    "PL": 9, "PT": 9,
}  # fmt: skip
"""Digits of an ordinary number where nothing is dialled before it: so many behind the code tell the code from a number."""

Rules = tuple[tuple[str, str], ...]

_CLEAN: Rules = (
    (r"(?i)^\s*tel:", ""),
    (r"(?i)\s*(ext|x|;ext=|durchwahl)\.?\s*[0-9]{1,5}\s*$", ""),
    (r"^\s*\(0\)", "0"),
    (r"((?:\+|00)39\s*)\(", "$1"),  # Italy keeps the zero
    (r"\(0\)", ""),
    (r"[\s()/.\u00a0\u2010-\u2015-]", ""),
)


def e164(value: str, country: str) -> str | None:
    """The number of a text, `+4930123456`; None where the text is no number that can be dialled."""
    found = value
    for pattern, replacement in _rules(country):
        found = re.sub(pattern, replacement.replace("$1", r"\1"), found)
    return found if re.search(_valid(), found) else None


def e164_number(text: Column, country: str) -> Column:
    """The same as a native expression; null where the text is no number that can be dialled."""
    found = reduce(lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), _rules(country), text)
    return F.when(text.rlike(_spelt()), text).when(found.rlike(_valid()), found)


@cache
def _rules(country: str) -> Rules:
    """All rules, in order, for numbers written in a country; one not in the table knows full numbers only."""
    return (*_CLEAN, (r"^00(?=[1-9])", "+"), *_national(country), *_international())


def _national(country: str) -> Rules:
    if country not in DIALLING:
        return ()
    dialling = DIALLING[country]
    with_code = (
        rf"^(?:011)?{dialling.code}(?=[0-9]{{{dialling.shortest},{dialling.longest}}}$)",
        f"+{dialling.code}",
    )
    if dialling.code == 1:
        return ((r"^011(?=[1-9])", "+"), (r"^1?(?=[2-9][0-9]{9}$)", "+1"))
    if not dialling.trunk:
        longer = rf"^{dialling.code}(?=[0-9]{{{USUAL[country]},}}$)"  # too long for a national number
        return ((longer, f"+{dialling.code}"), (r"^(?=[0-9])", f"+{dialling.code}"))
    return ((rf"^{dialling.trunk}(?=[0-9])", f"+{dialling.code}"), with_code)


def _international() -> Rules:
    """The trunk prefix does not belong behind the code, though people write it there."""
    codes: dict[str, set[int]] = {}
    for dialling in DIALLING.values():
        if dialling.trunk and dialling.code != 1:
            codes.setdefault(dialling.trunk, set()).add(dialling.code)
    return tuple(
        (rf"^(\+(?:{'|'.join(map(str, sorted(group)))})){trunk}(?=[0-9])", "$1")
        for trunk, group in sorted(codes.items())
    )


@cache
def _spelt() -> str:
    """Numbers that no rule alters, as those of the vault: then there is one search instead of many."""
    altered = "|".join(pattern.removeprefix("^") for pattern, _ in _international())
    return rf"^(?!{altered}){_valid().removeprefix('^').removesuffix('$')}\z"  # Java's $ overlooks a last line break


@cache
def _valid() -> str:
    """Lengths that exist; behind a trunk prefix of zero no number begins with another one."""
    known = {d.code: d for d in DIALLING.values()}
    bodies = "|".join(
        f"{c}{'(?!0)' if d.trunk == '0' else ''}[0-9]{{{d.shortest},{min(d.longest, 15 - len(str(c)))}}}"
        for c, d in sorted(known.items())
    )
    codes = "|".join(str(code) for code in sorted(known))
    return rf"^\+(?:{bodies}|(?!{codes})[1-9][0-9]{{6,14}})$"
