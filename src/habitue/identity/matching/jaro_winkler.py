"""Similarity of Jaro and Winkler for many pairs of texts at once.

Winkler, W. E. (1990), "String Comparator Metrics and Enhanced Decision Rules in the
Fellegi-Sunter Model of Record Linkage". The letters of the first text are walked one
position at a time, for all pairs together: the work per position is a few array
operations, whatever the number of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from habitue.identity.matching.text_codes import Codes, Flags, Floats, Ints, text_codes

PREFIX_WEIGHT = 0.1
PREFIX_LENGTH = 4
BOOST_FROM = 0.7
"""Winkler's bonus for a common beginning is given to pairs that are similar already."""


def jaro_winkler(left: Sequence[str], right: Sequence[str]) -> Floats:
    """Similarity of each pair, 0 to 1; two empty texts are equal, an empty and another have nothing in common."""
    a, a_length = text_codes(left)
    b, b_length = text_codes(right)
    a_matched, b_matched = _matched(a, a_length, b, b_length)
    common = a_matched.sum(axis=1)
    out_of_order = _out_of_order(a, a_matched, b, b_matched)
    some = np.maximum(common, 1)
    jaro = (
        common / np.maximum(a_length, 1)
        + common / np.maximum(b_length, 1)
        + (common - out_of_order / 2) / some
    ) / 3
    jaro = np.where(common > 0, jaro, np.where((a_length == 0) & (b_length == 0), 1.0, 0.0))
    bonus = _common_prefix(a, b) * PREFIX_WEIGHT * (1 - jaro)
    return np.where(jaro > BOOST_FROM, jaro + bonus, jaro)


def _matched(a: Codes, a_length: Ints, b: Codes, b_length: Ints) -> tuple[Flags, Flags]:
    """Letters that find the same letter in the other text, near enough and not taken yet."""
    pairs, width = b.shape
    reach = np.maximum(np.maximum(a_length, b_length) // 2 - 1, 0)
    place = np.arange(width)
    is_letter = place < b_length[:, None]
    a_matched = np.zeros(a.shape, dtype=bool)
    b_matched = np.zeros(b.shape, dtype=bool)
    row = np.arange(pairs)
    for i in range(a.shape[1]):
        fits = (b == a[:, i : i + 1]) & is_letter & ~b_matched & (np.abs(place - i) <= reach[:, None])
        found = fits.any(axis=1) & (i < a_length)
        first = fits.argmax(axis=1)
        a_matched[:, i] = found
        b_matched[row[found], first[found]] = True
    return a_matched, b_matched


def _out_of_order(a: Codes, a_matched: Flags, b: Codes, b_matched: Flags) -> Ints:
    """Places at which the matched letters of the two texts, read in order, differ."""
    width = max(a.shape[1], b.shape[1])
    in_order = [np.zeros((a.shape[0], width), dtype=np.uint32) for _ in range(2)]
    for letters, matched, read in ((a, a_matched, in_order[0]), (b, b_matched, in_order[1])):
        row, column = np.nonzero(matched)
        position = np.cumsum(matched, axis=1)[row, column] - 1
        read[row, position] = letters[row, column]
    differing: Ints = (in_order[0] != in_order[1]).sum(axis=1)
    return differing


def _common_prefix(a: Codes, b: Codes) -> Ints:
    reach = min(PREFIX_LENGTH, a.shape[1], b.shape[1])
    same = (a[:, :reach] == b[:, :reach]) & (a[:, :reach] != 0)
    length: Ints = np.cumprod(same, axis=1, dtype=np.int64).sum(axis=1)
    return length
