"""Texts as one padded array of code points, the form in which the string kernels compare many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_LETTERS = 40
"""Longer texts are compared by their beginning: names and streets end before."""


def text_codes(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """Code points of each text, one row each, padded with zeros; and the lengths."""
    width = max(1, min(MAX_LETTERS, max((len(text) for text in texts), default=1)))
    padded = np.array(texts, dtype=f"<U{width}")  # numpy cuts what is longer
    codes = padded.view(np.uint32).reshape(len(texts), width)
    return codes, np.count_nonzero(codes, axis=1).astype(np.int64)
