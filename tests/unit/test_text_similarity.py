"""Similarities of texts against published values and slow, plain implementations."""

from __future__ import annotations

import random

import numpy as np
import pytest

from habitue.identity.matching.comparisons import COMPARISONS
from habitue.identity.matching.edit_distance import edit_distance
from habitue.identity.matching.jaro_winkler import jaro_winkler
from habitue.identity.matching.value_pairs import FAR, ValuePairs


def plain_edits(a: str, b: str) -> int:
    d = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = int(a[i - 1] != b[j - 1])
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1)
    return d[-1][-1]


def plain_similarity(a: str, b: str) -> float:
    if not a or not b:
        return float(a == b)
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    taken: set[int] = set()
    matched_a, spots = [], []
    for i, letter in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if j not in taken and b[j] == letter:
                taken.add(j)
                matched_a.append(letter)
                spots.append(j)
                break
    common = len(matched_a)
    if not common:
        return 0.0
    swapped = sum(x != y for x, y in zip(matched_a, (b[j] for j in sorted(spots)), strict=True)) / 2
    jaro = (common / len(a) + common / len(b) + (common - swapped) / common) / 3
    prefix = 0
    while prefix < min(4, len(a), len(b)) and a[prefix] == b[prefix]:
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro) if jaro > 0.7 else jaro


@pytest.fixture(scope="module")
def words() -> list[str]:
    draw = random.Random(7)
    made = ["".join(draw.choice("abcdeü") for _ in range(draw.randint(0, 9))) for _ in range(60)]
    long = ["".join(draw.choice("abcdefgh ") for _ in range(draw.randint(25, 40))) for _ in range(8)]
    return [*made, *long, long[0][3:] + "abc", "müller", "mueller", "x" * 40]


def test_winklers_own_examples_have_their_published_similarity():
    left = ["martha", "dwayne", "dixon", "shackleford", "nichleson", "massey"]
    right = ["marhta", "duane", "dicksonx", "shackelford", "nichulson", "massie"]
    published = [0.961, 0.840, 0.813, 0.982, 0.956, 0.933]
    assert np.round(jaro_winkler(left, right), 3) == pytest.approx(published, abs=0.0011)


def test_both_kernels_equal_the_plain_definitions(words: list[str]):
    left = [a for a in words for _ in words]
    right = [b for _ in words for b in words]
    n = len(words)
    edits = edit_distance(words, np.repeat(np.arange(n), n), np.tile(np.arange(n), n))
    assert edits.tolist() == [plain_edits(*p) for p in zip(left, right, strict=True)]
    assert jaro_winkler(left, right) == pytest.approx(
        [plain_similarity(*p) for p in zip(left, right, strict=True)]
    )


def test_the_bounds_never_hide_a_pair_that_passes(words: list[str]):
    words = [word for word in words if word]
    n = len(words)
    left, right = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    pairs = ValuePairs(words, left, right)
    edits = edit_distance(words, left, right)
    bounded = pairs.edits_up_to(np.full(left.size, 2))
    assert bounded.tolist() == np.where(edits <= 2, edits, FAR).tolist()
    alike = jaro_winkler(*([words[i] for i in side] for side in (left, right)))
    found = pairs.similarity_from(0.85)
    assert found[alike >= 0.85] == pytest.approx(alike[alike >= 0.85])


@pytest.mark.parametrize(
    ("comparison", "pair", "level"),
    [
        ("name", ("meier|67", "meier|67"), 0),
        ("name", ("meier|67", "meyer|67"), 1),
        ("name", ("michael|645", "micheal|645"), 1),
        ("name", ("anna maria|667", "anna|6"), 2),
        ("name", ("j|0", "jutta|02"), 2),
        ("name", ("j p|01", "jan peter|06127"), 2),
        ("name", ("van den berg|03617", "berg|17"), 2),
        ("name", ("van der berg|03617", "van der meer|03267"), 3),
        ("name", ("de la cruz|0", "fernandez de la vega|0"), 4),
        ("name", ("maria b|671", "peter b|1271"), 4),
        ("name", ("katharina|4276", "katarzyna|42786"), 3),
        ("name", ("anna|6", "peter|127"), 4),
        ("date", ("19750818", "19750818"), 0),
        ("date", ("19750818", "19750881"), 1),
        ("date", ("19750802", "19750208"), 1),
        ("date", ("19750818", "19751218"), 2),
        ("date", ("19750818", "19720816"), 3),
        ("date", ("19750818", "19751101"), 4),
        ("date", ("19750818", "20011101"), 5),
        ("date", ("1975", "19750818"), 2),
        ("date", ("1975", "1976"), 1),
        ("date", ("1975", "19820818"), 5),
        ("text", ("hauptstr", "haupt str"), 0),
        ("text", ("lindenallee", "lindenalle"), 1),
        ("text", ("lindenallee", "rosenweg"), 3),
        ("code", ("10115", "10151"), 1),
        ("code", ("10115", "80331"), 3),
        ("number", ("12", "21"), 1),
        ("email", ("ada.l@web.de", "ada.l@wbe.de"), 1),
        ("email", ("ada.lovelace@web.de", "ada.lovelace@example.org"), 2),
        ("email", ("ada.lovelace@web.de", "adalovelace1@example.org"), 3),
        ("exact", ("nsw", "vic"), 1),
    ],
)
def test_levels_part_pairs_that_differ_in_kind(comparison: str, pair: tuple[str, str], level: int):
    compare, levels = COMPARISONS[comparison]
    found = compare(ValuePairs(pair, np.array([0, 1]), np.array([1, 0])))
    assert found.tolist() == [level, level] and level < levels
