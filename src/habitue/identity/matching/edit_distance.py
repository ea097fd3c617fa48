"""Edits that turn one text into another, a swap of neighbours being one, for many pairs at once.

The optimal string alignment distance (Damerau 1964 restricted to one edit per
substring): Spark's `levenshtein` counts a transposed pair of digits as two edits, and
transpositions are what people make when they type numbers and dates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from habitue.identity.matching.text_codes import Ints, text_codes


def edit_distance(left: Sequence[str], right: Sequence[str]) -> Ints:
    """Insertions, deletions, replacements and swaps of neighbours between the texts of each pair."""
    a, a_length = text_codes(left)
    b, b_length = text_codes(right)
    pairs, rows, columns = a.shape[0], a.shape[1] + 1, b.shape[1] + 1
    above = np.zeros((pairs, columns), dtype=np.int64)
    last = np.tile(np.arange(columns), (pairs, 1))
    result = np.where(a_length == 0, b_length, 0)
    for i in range(1, rows):
        current = np.empty((pairs, columns), dtype=np.int64)
        current[:, 0] = i
        for j in range(1, columns):
            cost = (a[:, i - 1] != b[:, j - 1]).astype(np.int64)
            best = np.minimum(np.minimum(last[:, j], current[:, j - 1]) + 1, last[:, j - 1] + cost)
            if i > 1 and j > 1:
                is_swap = (a[:, i - 1] == b[:, j - 2]) & (a[:, i - 2] == b[:, j - 1])
                best = np.where(is_swap, np.minimum(best, above[:, j - 2] + 1), best)
            current[:, j] = best
        here = a_length == i
        result = np.where(here, current[np.arange(pairs), b_length], result)
        above, last = last, current
    return result
