"""Koelner Phonetik: a code for how a name sounds in German (Postel 1969), as one native expression.

What a letter becomes may depend on its neighbours, so these letters are settled first, pair of letters by pair, in
an order that matters; the rest is a translation, and repeated digits and vowels inside the word fall away at the end.
Plain replacements, since a search by pattern costs twenty times as much.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

_BEGIN = "^"
_X_AFTER_SIBILANT, _X = "Y", "Z"  # stand for x until c, which looks at its neighbours, is settled
_FIRST_VOWEL = "o"


def _rules() -> tuple[tuple[str, str], ...]:
    """Texts and what they become, in order."""
    x_after_sibilant = [(f"{letter}x", f"{letter}{_X_AFTER_SIBILANT}") for letter in "ckq"]
    sibilants = [(f"{one}{two}", f"8{two}") for one in "dt" for two in "csz"]
    first_c = [(f"{_BEGIN}c{letter}", f"{_BEGIN}4{letter}") for letter in "ahkloqruYZ"]
    later_c = [(f"c{letter}", f"4{letter}") for letter in "ahkoquYZ"]
    return (
        *x_after_sibilant,
        ("x", _X),
        ("ph", "3h"),
        *sibilants,
        *first_c,
        (f"{_BEGIN}c", f"{_BEGIN}8"),
        ("sc", "s8"),
        ("zc", "z8"),
        *later_c,
        (_X, "48"),
    )


LETTERS = "aeijouybpdtfvwgkqclmnrszYh"
DIGITS = "0000000112233344485667888"
"""One digit per letter; h, the last one, has none and falls away."""


def cologne_code(name: Column) -> Column:
    """Code of a folded name; null where it has no letter."""
    letters = F.concat(F.lit(_BEGIN), F.regexp_replace(name, "[^a-z]", ""))
    settled = reduce(lambda c, rule: F.replace(c, F.lit(rule[0]), F.lit(rule[1])), _rules(), letters)
    single = F.regexp_replace(F.translate(settled, LETTERS, DIGITS), r"([0-9])\1+", "$1")
    marked = F.replace(single, F.lit(f"{_BEGIN}0"), F.lit(f"{_BEGIN}{_FIRST_VOWEL}"))
    sound = F.translate(marked, f"{_FIRST_VOWEL}0{_BEGIN}", "0")
    return F.when(sound != "", sound)
