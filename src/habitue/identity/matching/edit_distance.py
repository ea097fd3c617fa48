"""Edits that turn one text into another, a swap of neighbours being one, for many pairs at once.

The optimal string alignment distance (Damerau 1964 restricted to one edit per
substring): Spark's `levenshtein` counts a transposed pair of digits as two edits, and
transpositions are what people make when they type numbers and dates.

Hyyrö, H. (2003), "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit
Distances": a column of the table of distances is the bits of one integer, so that a letter
costs some twenty operations for all pairs together, however long the other text is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from habitue.identity.matching.text_codes import Codes, Ints, text_codes

Bits = NDArray[np.uint64]

_CELLS = 1 << 20
"""Cells of a table of letters, and so how many pairs are worked off together: what stays close to the processor."""
_MOST_PAIRS = 1 << 15
_ONE = np.uint64(1)


def edit_distance(texts: Sequence[str], left: Ints, right: Ints) -> Ints:
    """Insertions, deletions, replacements and swaps of neighbours between the two texts of each pair.

    Pairs are places in `texts`; it is quicker where pairs of one left text lie together.
    """
    letters, lengths = _symbols(texts)
    result = np.empty(left.size, dtype=np.int64)
    pairs = max(1, min(_MOST_PAIRS, _CELLS // (int(letters.max(initial=0)) + 1)))
    for first in range(0, left.size, pairs):
        part = slice(first, first + pairs)
        result[part] = _distances(letters, lengths, left[part], right[part])
    return result


def _symbols(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """Letters of each text as small numbers from 1, and 0 behind its end; and the lengths."""
    codes, lengths = text_codes(texts)
    known, symbols = np.unique(np.append(codes.ravel(), np.uint32(0)), return_inverse=True)
    return symbols[:-1].reshape(codes.shape).astype(np.uint32), lengths


def _distances(letters: Codes, lengths: Ints, left: Ints, right: Ints) -> Ints:
    """The algorithm of the paper; its VP, VN and D0 are `rises`, `falls` and `same`, HP and HN are `up` and `down`."""
    sides, owner = np.unique(left, return_inverse=True)
    places, size = _places(letters[sides]), lengths[left]
    last = _ONE << np.maximum(size - 1, 0).astype(np.uint64)
    # a letter that no left text has is nowhere, as the end of a text is
    read = np.where(letters[right] < places.shape[1], letters[right], 0)
    rises = np.full(left.size, ~np.uint64(0))
    falls, same, before = (np.zeros(left.size, dtype=np.uint64) for _ in range(3))
    found = size.copy()
    for place in range(int(lengths[right].max(initial=0))):
        here = places[owner, read[:, place]]
        swapped = ((~same & here) << _ONE) & before
        same = (((here & rises) + rises) ^ rises) | here | falls | swapped
        up, down = falls | ~(same | rises), same & rises
        is_letter = place < lengths[right]
        found += ((up & last) != 0) & is_letter
        found -= ((down & last) != 0) & is_letter
        up = (up << _ONE) | _ONE
        rises, falls, before = (down << _ONE) | ~(same | up), up & same, here
    return np.where(size == 0, lengths[right], found)


def _places(letters: Codes) -> Bits:
    """Where each text has each letter, as bits. Grain: text and letter."""
    places = np.zeros((len(letters), int(letters.max(initial=0)) + 1), dtype=np.uint64)
    row = np.arange(len(letters))
    for place in range(letters.shape[1]):
        places[row, letters[:, place]] |= _ONE << np.uint64(place)
    places[:, 0] = 0
    return places
