"""The model of matching on planted populations, and the repair of groups of links, without Spark."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from habitue.identity.matching.expectation_maximisation import Chance, learn, posterior
from habitue.identity.matching.patterns import Pattern, pattern_of
from habitue.identity.matching.repair import Link, repaired
from habitue.identity.matching.settings import PERSON_FIELDS, MatchField, MatchingSettings

EXACT = tuple(
    MatchField(column=c, comparison="exact", role=r)
    for c, r in (
        ("given", "given"),
        ("family", "family"),
        ("birth", "birth"),
        ("street", "address"),
        ("mail", "email"),
    )
)
PATTERN = Pattern(EXACT, ())
# chance that a field differs: by population, in the order of EXACT
PERSON = (0.05, 0.04, 0.03, 0.10, 0.20)
HOUSEHOLD = (0.97, 0.10, 0.995, 0.02, 0.60)
NAMESAKE = (0.02, 0.02, 0.999, 0.995, 1.0)
STRANGER = (0.97, 0.98, 0.999, 0.995, 1.0)
RECORDS = 4_000


def drawn(count: int, differs: tuple[float, ...], draw: np.random.Generator) -> np.ndarray:
    return (draw.random((count, len(differs))) < np.array(differs)).astype(np.int8)


def test_persons_are_told_from_households_and_namesakes_without_labels():
    draw = np.random.default_rng(3)
    planted = [(800, PERSON), (900, HOUSEHOLD), (1_500, NAMESAKE), (30_000, STRANGER)]
    pairs = np.concatenate([drawn(n, differs, draw) for n, differs in planted])
    is_person = np.arange(len(pairs)) < 800
    patterns, position, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    levels = {f.column: patterns[:, i] for i, f in enumerate(EXACT)}
    chance = Chance(
        {
            f.column: np.array([1 - d, d])
            for f, d in zip(EXACT, (0.97, 0.98, 0.999, 0.995, 0.99999), strict=True)
        },
        dict.fromkeys(PATTERN.columns, 1e5),
        dict.fromkeys(PATTERN.columns, 1.0),
    )
    model = learn(PATTERN, levels, counts.astype(float), RECORDS, chance)
    digits = {c: v.astype(np.int64) for c, v in levels.items()}
    probability = posterior(model, digits, len(patterns))[0][position.ravel()]
    accepted = probability >= 0.95
    assert is_person[accepted].mean() > 0.99
    assert accepted[is_person].mean() > 0.85
    assert probability.sum() == pytest.approx(800, rel=0.05)
    learnt = {c: model.level["person"][c][1] for c in PATTERN.columns}
    assert list(learnt.values()) == pytest.approx(PERSON, abs=0.03)


def test_namesakes_of_one_town_are_no_persons_however_many_there_are():
    """A postal code tells its town: that both agree is one fact, which strangers of one name share too."""
    kinds = (("given", "given"), ("family", "family"), ("birth", "birth"), ("street", "address"))
    fields = [MatchField(column=c, comparison="date" if c == "birth" else "exact", role=r) for c, r in kinds]
    fields.append(MatchField(column="postal", comparison="exact", role="address"))
    fields.append(MatchField(column="city", comparison="exact", role="address", implied_by="postal"))
    pattern = Pattern(tuple(fields), ())
    draw = np.random.default_rng(3)
    by_chance = np.array([4e-5, 0.0013, 0.003, 0.0136, 0.0096, 0.9725])
    of_one = np.array([0.95, 0.03, 0, 0, 0, 0.02])

    def of(count: int, differs: tuple[float, ...], births: np.ndarray) -> np.ndarray:
        pairs = drawn(count, differs, draw)
        pairs[:, 2] = draw.choice(len(births), count, p=births / births.sum())
        pairs[:, 5] = pairs[:, 4]  # the town goes with its postal code
        return pairs

    persons = of(3_000, (0.05, 0.04, 0, 0.10, 0.06, 0), of_one)
    households = of(2_400, (0.95, 0.05, 0, 0.02, 0.03, 0), by_chance)
    namesakes = of(70_000, (0.02, 0.02, 0, 0.95, 0.05, 0), by_chance)
    strangers = of(60_000, (0.97, 0.98, 0, 0.95, 0.93, 0), by_chance)
    pairs = np.concatenate([persons, households, namesakes, strangers])
    patterns, position, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    levels = {c: patterns[:, i] for i, c in enumerate(pattern.columns)}
    same = {"given": 0.011, "family": 0.012, "street": 0.056, "postal": 0.068, "city": 0.067}
    chance = Chance(
        {c: np.array([s, 1 - s]) for c, s in same.items()} | {"birth": by_chance},
        dict.fromkeys(pattern.columns, 1e5),
        dict.fromkeys(pattern.columns, 1.0),
    )
    model = learn(pattern, levels, counts.astype(float), 20_000, chance)
    digits = {c: v.astype(np.int64) for c, v in levels.items()}
    accepted = posterior(model, digits, len(patterns))[0][position.ravel()] >= 0.95
    is_person = np.arange(len(pairs)) < len(persons)
    assert model.matches == pytest.approx(3_000, rel=0.05)
    assert is_person[accepted].mean() > 0.99
    assert accepted[is_person].mean() > 0.9


def test_a_level_never_seen_among_persons_is_unlikely_but_not_impossible():
    levels = {c: np.array([0, 1], dtype=np.int8) for c in PATTERN.columns}
    chance = Chance(
        {c: np.array([0.01, 0.99]) for c in PATTERN.columns},
        dict.fromkeys(PATTERN.columns, 1e4),
        dict.fromkeys(PATTERN.columns, 1.0),
    )
    model = learn(PATTERN, levels, np.array([50.0, 5_000.0]), 1_000, chance)
    assert all(0 < model.level["person"][c][1] < 0.05 for c in PATTERN.columns)


def test_packed_patterns_come_back_as_they_were(seeds: range):
    pattern = pattern_of(PERSON_FIELDS, (("given_name", "family_name"),), [f.column for f in PERSON_FIELDS])
    for seed in seeds:
        draw = np.random.default_rng(seed)
        levels = {c: draw.integers(-1, pattern.levels(c), 100).astype(np.int8) for c in pattern.columns}
        back = pattern.unpacked(pattern.packed(levels))
        assert all((back[c] == levels[c]).all() for c in pattern.columns)


def test_swapped_names_are_one_piece_of_evidence():
    pattern = pattern_of(PERSON_FIELDS[:2], (("given_name", "family_name"),), ["given_name", "family_name"])
    ada, none = "ada|02", None
    lang, rest = "lang|564", "peter|127"

    def level(left: tuple[str | None, ...], right: tuple[str | None, ...]) -> tuple[int, int]:
        sides = [
            {c: np.array([v], dtype=object) for c, v in zip(pattern.columns, side, strict=True)}
            for side in (left, right)
        ]
        found = pattern.compare(*sides)
        return int(found["given_name"][0]), int(found["family_name"][0])

    assert level((ada, lang), (ada, lang)) == (0, 0)
    assert level((ada, lang), (lang, ada)) == (5, -1)
    assert level((ada, none), (lang, ada)) == (6, -1)
    assert level((ada, none), (none, ada)) == (6, -1)
    assert level((ada, lang), (rest, ada)) == (4, 4)


def links(text: str) -> list[Link]:
    """`a b 9` is accepted with log odds 9; `a b -9` is a pair that is not; `a b x` a conflict."""
    rows = (line.split() for line in text.strip().splitlines())
    return [
        Link(ord(a), ord(b), 0.0 if w == "x" else float(w), w == "x", w != "x" and float(w) >= 3)
        for a, b, w in rows
    ]


@pytest.mark.parametrize("records", [2, 3, 4, 12])
@pytest.mark.parametrize("level", [0, 1])
def test_the_model_of_a_tiny_table_is_finite_whatever_its_pairs_say(records: int, level: int):
    levels = {c: np.array([level], dtype=np.int8) for c in PATTERN.columns}
    chance = Chance(
        {c: np.array([1 - level, level], dtype=float) for c in PATTERN.columns},
        dict.fromkeys(PATTERN.columns, records * (records - 1) / 2),
        dict.fromkeys(PATTERN.columns, 1.0),
    )
    model = learn(PATTERN, levels, np.array([records * (records - 1) / 2]), records, chance)
    share = posterior(model, {c: v.astype(np.int64) for c, v in levels.items()}, 1)
    assert 0 < sum(model.prior.values()) < 1
    assert np.isfinite(share).all() and share.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("evidence", "kept"),
    [
        ("a b 9\nb c 9", "ab bc"),  # nothing speaks against the chain
        ("a b 9\nb c 4\na c -9", "ab bc"),  # one contradiction does not outweigh a link
        ("a b 9\nc d 9\nb c 4\na c -9\na d -9\nb d -9", "ab cd"),  # three do: a weak bridge
        ("a b 9\nc d 9\nb c 9\na c -9\na d -9\nb d -9", "ab bc cd"),  # but not against a strong one
        ("a b 9\nb c 4\na c x", "ab"),  # two numbers of one source never meet, the stronger link stays
    ],
)
def test_a_weak_bridge_falls_and_a_supported_one_stays(evidence: str, kept: str):
    found = {chr(a) + chr(b) for a, b in repaired(links(evidence))}
    assert found == set(kept.split())


def test_repair_does_not_depend_on_the_order_of_links(seeds: range):
    for seed in seeds:
        draw = random.Random(seed)
        pairs = [
            Link(a, b, w := round(draw.gauss(0, 6), 1), False, w >= 3)
            for a, b in itertools.combinations(range(12), 2)
        ]
        shuffled = draw.sample(pairs, len(pairs))
        assert repaired(shuffled) == repaired(pairs)


def test_settings_name_every_fault():
    field = PERSON_FIELDS[0]
    with pytest.raises(ValueError, match=r"given_name: named twice.*shoe: in swaps"):
        MatchingSettings(fields=(field, field), swaps=(("given_name", "shoe"),))
