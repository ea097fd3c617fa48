"""The shop's products: 400 in eight categories, the same in every lake."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from habitue.synth.process import Floats, Ints

CATEGORIES = ("Kaffee", "Tee", "Küche", "Garten", "Bücher", "Spielzeug", "Sport", "Mode")
PER_CATEGORY = 50
_NOUNS = (
    "Bohnen", "Mühle", "Kanne", "Tasse", "Schürze", "Gießkanne", "Säge", "Roman", "Würfel", "Schläger", "Mütze", "Hülle",
    "Löffel", "Körbchen", "Büchse", "Decke",
)  # fmt: skip
BRANDS = ("Nordlicht", "Höhle", "Grünfink", "Zwölf", "Maison", "Atlas")


class Catalogue:
    """Arrays by product."""

    def __init__(self) -> None:
        """Draw it, always the same."""
        draw = np.random.Generator(np.random.SFC64(7))
        count = PER_CATEGORY * len(CATEGORIES)
        self.category: Ints = np.repeat(np.arange(len(CATEGORIES)), PER_CATEGORY)
        self.number = np.array([f"A{10_000 + 3 * i}" for i in range(count)], dtype=object)
        self.brand: Ints = draw.integers(0, len(BRANDS), count)
        self.price: Floats = np.asarray(np.round(np.exp(draw.normal(3.0, 0.7, count)), 2), np.float64)
        self.margin: Floats = np.asarray(
            np.round(draw.uniform(0.15, 0.55, len(CATEGORIES))[self.category], 2), np.float64
        )
        nouns = draw.integers(0, len(_NOUNS), count)
        self.name = np.array(
            [f"{_NOUNS[n]} {BRANDS[b]} {i}" for i, (n, b) in enumerate(zip(nouns, self.brand, strict=True))],
            dtype=object,
        )

    @property
    def category_name(self) -> pa.Array:
        """Name of each product's category."""
        return pa.array(CATEGORIES).take(pa.array(self.category))


@cache
def catalogue() -> Catalogue:
    """The one catalogue."""
    return Catalogue()


def chosen(draw: np.random.Generator, taste: Ints) -> Ints:
    """A product for each of many persons: from the category they like, or from any; some sell far better."""
    own = draw.random(taste.size) < 0.6
    category = np.where(own, taste, draw.integers(0, len(CATEGORIES), taste.size))
    rank = np.minimum((PER_CATEGORY * draw.random(taste.size) ** 2).astype(np.int64), PER_CATEGORY - 1)
    return np.asarray(category * PER_CATEGORY + rank)
