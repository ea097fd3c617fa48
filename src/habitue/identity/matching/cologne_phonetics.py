"""Koelner Phonetik: a code for how a name sounds in German (Postel 1969), as one native expression.

What a letter becomes may depend on its neighbours, so these letters are settled first,
by look-around on the untouched letters; the rest is a translation, and repeated digits
and vowels inside the word fall away at the end.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

_X_AFTER_SIBILANT, _X = "Y", "Z"  # stand for x until c, which looks at its neighbours, is settled
CONTEXT_RULES = (
    (r"(?<=[ckq])x", _X_AFTER_SIBILANT),
    (r"x", _X),
    (r"p(?=h)", "3"),
    (r"[dt](?=[csz])", "8"),
    (r"^c(?=[ahkloqruYZ])", "4"),
    (r"^c", "8"),
    (r"(?<=[sz])c", "8"),
    (r"c(?=[ahkoquYZ])", "4"),
    (r"c", "8"),
    (_X, "48"),
)
LETTERS = "aeijouybpdtfvwgkqlmnrszYh"
DIGITS = "000000011223334445667888"
"""One digit per letter; h, the last one, has none and falls away."""


def cologne_code(name: Column) -> Column:
    """Code of a folded name; null where it has no letter."""
    letters = F.regexp_replace(name, "[^a-z]", "")
    settled = reduce(lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), CONTEXT_RULES, letters)
    single = F.regexp_replace(F.translate(settled, LETTERS, DIGITS), r"([0-9])\1+", "$1")
    sound = F.regexp_replace(single, "(?<=.)0", "")
    return F.when(sound != "", sound)
