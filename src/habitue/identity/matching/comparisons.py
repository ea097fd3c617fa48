"""How far two values agree: a level from 0 (the same) up to the last one (different), by kind of value.

What the levels are worth is learnt from the data, so a level only has to part pairs
that differ in kind: a slip of the finger, another form of the name, another name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from habitue.identity.matching.text_codes import Flags
from habitue.identity.matching.value_pairs import FAR, ValuePairs

Levels = NDArray[np.int8]

UNKNOWN = -1
"""Level of a pair of which one value is missing: it says nothing."""
_CLOSE = 1
"""Levels up to this one agree: the same value, or one slip away from it."""
_LIKE = 2
"""Level of names and dates that agree in part: an initial, two parts of three."""
YEAR = 4
"""Digits of a year."""
OTHER_DATE = 3
"""Level from which two dates are other days rather than slips: two digits by chance, the year, nothing."""
OTHER_NAME = 3
"""Level from which two given names are other names: neither a slip nor a part of each other."""
PARTICLES = frozenset((
    "af", "al", "ap", "bin", "da", "das", "de", "del", "dela", "della", "den", "der", "des", "di", "do", "dos", "du", "el",
    "ibn", "la", "le", "les", "lo", "ten", "ter", "the", "und", "van", "vom", "von", "zu", "zum", "zur",
))  # fmt: skip
"""Words that many names share: two names with nothing else in common are two names."""
SOUND = "|"
"""Between a name and its sound: `meier|67`."""
RANGE = "-"
"""Between the first and the last number of several houses: `5-7`."""


def name_levels(pairs: ValuePairs) -> Levels:
    """The same; a slip or the same sound; a part or initial of the other; similar; different."""
    names = pairs.of(lambda value: value.partition(SOUND)[0])
    solid, sounds = names.of(_solid), pairs.of(lambda value: value.partition(SOUND)[2])
    edits = solid.edits_up_to(np.where(solid.shorter >= 5, 2, 1))
    alike = solid.similarity_from(0.85)
    is_slip = ((edits <= 1) & (solid.shorter >= 3)) | (alike >= 0.94) | (sounds.same & (alike >= 0.85))
    is_near = ((edits < FAR) & (solid.shorter >= 5)) | (alike >= 0.85)
    return _first([solid.same, is_slip, _is_part(names), is_near])


def date_levels(pairs: ValuePairs) -> Levels:
    """The same; one digit, two swapped, or day and month; two parts of three; two digits; the same year; different.

    Of a date that is known by its year alone, the year is all that can agree: it is no other day then. Of two such years
    the next one is a slip, since ages are asked for at different times; another digit is but a typing error.
    """
    edits = pairs.edits_up_to(np.full(pairs.left.size, 2, dtype=np.int64))
    year, month, day = (pairs.of(itemgetter(part)) for part in _DATE_PARTS)
    months, days = np.array(month.values, dtype=object), np.array(day.values, dtype=object)
    crossed: Flags = (months[pairs.left] == days[pairs.right]) & (days[pairs.left] == months[pairs.right])
    two_parts = year.same.astype(int) + month.same + day.same >= 2
    two_parts |= year.same & (pairs.shorter == YEAR)
    is_slip = (edits == 1) | (year.same & crossed)
    gap = _years_apart(pairs)
    by_year: Levels = np.select([gap == 0, gap == 1, is_slip], [0, 1, 2], 5).astype(np.int8)
    return np.where(
        pairs.longer == YEAR, by_year, _first([edits == 0, is_slip, two_parts, edits == 2, year.same])
    )


def _years_apart(pairs: ValuePairs) -> NDArray[np.int64]:
    """Years between two values that are years alone; of others it says nothing."""
    years = [int(value) if len(value) == YEAR and value.isdigit() else 0 for value in pairs.values]
    number = np.array(years, dtype=np.int64)
    apart: NDArray[np.int64] = np.abs(number[pairs.left] - number[pairs.right])
    return apart


def text_levels(pairs: ValuePairs) -> Levels:
    """The same; a slip in every six letters; similar; different."""
    solid = pairs.of(_solid)
    slips = np.maximum(1, solid.longer // 6)
    edits = solid.edits_up_to(np.maximum(slips, solid.longer // 4))
    return _first([solid.same, edits <= slips, (edits < FAR) | (solid.similarity_from(0.88) >= 0.88)])


def code_levels(pairs: ValuePairs) -> Levels:
    """The same; one edit; two; different."""
    edits = pairs.edits_up_to(np.full(pairs.left.size, 2, dtype=np.int64))
    return _first([edits == 0, edits == 1, edits == 2])


def number_levels(pairs: ValuePairs) -> Levels:
    """The same; one edit, or the first house of a range (5 and 5-7); different.

    Numbers of houses are short: a second edit says nothing.
    """
    edits = pairs.edits_up_to(np.full(pairs.left.size, 1, dtype=np.int64))
    return _first([edits == 0, (edits == 1) | _begins_range(pairs)])


def _begins_range(pairs: ValuePairs) -> Flags:
    """Pairs of which one is a range (`5-7`) and the other the number that it begins with."""
    begins = [value.partition(RANGE)[0] for value in pairs.values]
    if begins == pairs.values:  # as in most lists
        return np.zeros(pairs.left.size, dtype=bool)
    _, number = np.unique(np.array([*pairs.values, *begins], dtype=object), return_inverse=True)
    whole, begin = number[: len(begins)], number[len(begins) :]
    found: Flags = (whole[pairs.left] == begin[pairs.right]) | (begin[pairs.left] == whole[pairs.right])
    return found


def email_levels(pairs: ValuePairs) -> Levels:
    """The same; up to two slips; the same mailbox elsewhere; a similar mailbox; different."""
    boxes = pairs.of(lambda value: value.partition("@")[0])
    two = np.full(pairs.left.size, 2, dtype=np.int64)
    edits, box_edits = pairs.edits_up_to(two), boxes.edits_up_to(two)
    is_slip, is_near = (edits < FAR) & (boxes.shorter >= 4), (box_edits < FAR) & (boxes.shorter >= 6)
    return _first([pairs.same, is_slip, boxes.same, is_near])


def exact_levels(pairs: ValuePairs) -> Levels:
    """The same; different."""
    return _first([pairs.same])


COMPARISONS: dict[str, tuple[Callable[[ValuePairs], Levels], int]] = {
    "name": (name_levels, 5),
    "date": (date_levels, 6),
    "text": (text_levels, 4),
    "code": (code_levels, 4),
    "number": (number_levels, 3),
    "email": (email_levels, 5),
    "exact": (exact_levels, 2),
}
"""Function and number of levels of each kind of comparison."""


def agrees(levels: Levels, comparison: str) -> Flags:
    """Whether each level is that of the same value or of a slip; the last level of a comparison never is."""
    found: Flags = (levels >= 0) & (levels <= closest(comparison))
    return found


def closest(comparison: str) -> int:
    """The last level that agrees."""
    return min(_CLOSE, COMPARISONS[comparison][1] - 2)


def speaks_for_one(levels: NDArray[np.int64], comparison: str) -> Flags:
    """Whether levels are those that two values of one person mostly have: the same, a slip, a part, a swap of columns."""
    size = COMPARISONS[comparison][1]
    last = _LIKE if comparison in ("name", "date") else closest(comparison)
    found: Flags = (levels <= last) | (levels >= size)
    return found


_DATE_PARTS = (slice(0, 4), slice(4, 6), slice(6, 8))


def _first(conditions: Sequence[Flags]) -> Levels:
    """Position of the first condition that holds, else their number."""
    numbers = [np.int8(i) for i in range(len(conditions))]
    return np.select(list(conditions), numbers, np.int8(len(conditions))).astype(np.int8)


def _solid(text: str) -> str:
    return text.replace(" ", "")


def _is_part(names: ValuePairs) -> Flags:
    """Pairs of which one is an initial, the beginning (from three letters on) or a word of the other."""
    first = np.array([ord(name[0]) if name else 0 for name in names.values], dtype=np.int64)
    has_words = np.array([" " in name for name in names.values], dtype=bool)
    same_start = first[names.left] == first[names.right]
    may = same_start | has_words[names.left] | has_words[names.right]
    result = np.zeros(names.left.size, dtype=bool)
    for i in np.flatnonzero(may).tolist():
        result[i] = _part_of(names.values[names.left[i]], names.values[names.right[i]])
    return result


def _part_of(a: str, b: str) -> bool:
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if (len(short) == 1 or len(short) >= 3) and long.startswith(short):
        return True
    if " " not in a and " " not in b:
        return False
    words, others = a.split(), b.split()
    shared = (word for word in set(words) & set(others) if len(word) > 1)
    return not PARTICLES.issuperset(shared) or _are_initials(words, others)


def _are_initials(words: list[str], others: list[str]) -> bool:
    """Whether one side has nothing but the first letters of the other's words, in order: `j p` of `jan peter`."""
    short, long = (words, others) if max(map(len, words)) == 1 else (others, words)
    begins = all(name.startswith(letter) for letter, name in zip(short, long, strict=False))
    return max(map(len, short)) == 1 and len(short) <= len(long) and begins
