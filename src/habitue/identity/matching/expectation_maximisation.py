"""Fellegi and Sunter's model with five populations of pairs, learnt without labels from counts of patterns.

A pair of records is one **person**, or two strangers, as in Fellegi, I. P. and Sunter, A. B.
(1969), "A Theory for Record Linkage". Three more populations keep the model honest where
its assumption of independent fields is wrong: a **household** shares family name,
address, telephone and mailbox, but not given name and birth date; **namesakes** share
given and family name and so have mailboxes that look alike, and may live in one town, but share nothing else;
**neighbours** share some of the address, since a postal code and its town go together.
Without them the mother and the son, or two Anna Müllers, pass as one person, and where
neighbours have to pass as households, these pass as persons. The larger the list, the more
namesakes live in one town: their number grows with its square, that of persons with it.

Of what tells a person, most agrees in one: without that a list that holds nobody twice
would learn its largest other group as persons.

What chance gives (u) comes from a sample of records compared each with each, and from
counts of values; what a person gives (m) from the candidate pairs by expectation and
maximisation (Winkler 1988), over all pairs that could be: pairs that no block holds are
taken as strangers. Fields that a population does not share follow chance in it, fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from habitue.identity.matching.comparisons import Levels, speaks_for_one
from habitue.identity.matching.patterns import Pattern
from habitue.identity.matching.settings import MatchField
from habitue.identity.matching.text_codes import Floats, Ints

POPULATIONS = ("person", "household", "namesake", "neighbour")
"""Those that share something; strangers are what is left."""
BY_CHANCE = {
    "person": frozenset[str](),
    "household": frozenset({"given", "birth", "number"}),
    "namesake": frozenset({"birth", "address", "phone", "number"}),
    "neighbour": frozenset({"given", "family", "birth", "email", "phone", "number"}),
}
"""Roles of fields that agree in a population no more often than between strangers."""
TWINS = 0.0005
"""Share of pairs in a household who bear one given name and yet are born on one day, as far as fields are independent.

Of all pairs about 1 % are twins, but twins have other given names, which `contradicts` looks at: more here would take a person
who moved for a twin."""
TELLING = ("given", "family", "birth", "number")
LEAST_AGREEMENT = 0.7
"""Share of one person's pairs in which each telling field agrees, at least nearly: typing is not that bad."""
EXPECTED_SAME = 0.9
"""Share of exact agreement among true pairs before anything is learnt."""
PRIOR_PAIRS = 2.0
"""Weight of what is expected, in pairs: it only keeps levels that never occur from being impossible."""
MAX_ROUNDS = 300
SETTLED = 1e-3
LEFT_OUT = -1e6

Tables = dict[str, Floats]


@dataclass(frozen=True)
class Chance:
    """What is known of strangers: share of each level per field, and how many pairs it rests on.

    `known` is the share of records that have a value in the field.
    """

    share: Tables
    pairs: dict[str, float]
    known: dict[str, float]


@dataclass(frozen=True)
class Model:
    """Shares of the populations among all pairs, and of each level within them; `chance` is that of strangers."""

    prior: dict[str, float]
    level: dict[str, Tables]
    chance: Tables
    matches: float
    rounds: int


def learn(
    pattern: Pattern, levels: Mapping[str, Levels], counts: Floats, records: int, chance: Chance
) -> Model:
    """Learn from distinct patterns (`levels`) and how many candidate pairs show each."""
    # copies are pairs of an original with itself, and may be more than the pairs of originals
    pairs = max(records * (records - 1) / 2, float(counts.sum()), 1.0)
    expected = {f.column: _expected(pattern.levels(f.column)) for f in pattern.fields}
    digits = {column: levels[column].astype(np.int64) for column in pattern.columns}
    by_chance = {c: np.maximum(s, 1 / (chance.pairs[c] + 1)) for c, s in chance.share.items()}
    by_chance = {c: s / s.sum() for c, s in by_chance.items()}
    # strangers are half of a tiny table at least
    start = min(1 / records, 1 / (2 * len(POPULATIONS)))
    model = Model(
        prior={p: start if is_apart(p, pattern) else 0.0 for p in POPULATIONS},
        level={p: _bound(p, pattern, expected, by_chance) for p in POPULATIONS},
        chance=by_chance,
        matches=0.0,
        rounds=0,
    )
    for number in range(1, MAX_ROUNDS + 1):
        before = model
        model = _better(before, pattern, digits, counts, expected, chance, pairs, records, number)
        if _moved(before, model) < SETTLED:
            break
    return model


def posterior(model: Model, digits: Mapping[str, Ints], count: int) -> Floats:
    """Probability of each population for each pattern, strangers last: populations x patterns."""
    rows = [np.full(count, log_prior(model, p)) for p in POPULATIONS]
    for row, population in zip(rows, POPULATIONS, strict=True):
        for column, digit in digits.items():
            weight = np.log(model.level[population][column] / model.chance[column])
            row += np.append(weight, 0.0)[digit]  # -1, a missing value, takes the last
    rows.append(np.full(count, np.log(1 - sum(model.prior.values()))))
    odds = np.stack(rows)
    odds = np.exp(odds - odds.max(axis=0))
    share: Floats = odds / odds.sum(axis=0)
    return share


def log_prior(model: Model, population: str) -> float:
    """Natural log of the share of a population; of one that is left out a number that outweighs all evidence."""
    share = model.prior[population]
    return float(np.log(share)) if share > 0 else LEFT_OUT


def follows_chance(population: str, field: MatchField, pattern: Pattern) -> bool:
    """Whether a field says nothing about membership in the population.

    What tells a town twice agrees together among namesakes too: taken for two facts it would make one person of them.
    """
    if population == "namesake" and field.column in pattern.area:
        return False
    return field.role in BY_CHANCE[population]


def is_apart(population: str, pattern: Pattern) -> bool:
    """Whether any field tells the population from `person`; else it would take half of every true pair."""
    if population == "person":
        return True
    if population == "neighbour" and sum(f.role == "address" for f in pattern.fields) < 2:
        return False  # one field goes together with none
    mailbox = population == "namesake" and any(f.role == "email" for f in pattern.fields)
    return mailbox or any(follows_chance(population, field, pattern) for field in pattern.fields)


def _better(
    model: Model,
    pattern: Pattern,
    digits: dict[str, Ints],
    counts: Floats,
    expected: Tables,
    chance: Chance,
    pairs: float,
    records: int,
    number: int,
) -> Model:
    """One round: expect which pairs belong where, then take the shares that fit best."""
    share = posterior(model, digits, counts.size) * counts
    totals = dict(zip(POPULATIONS, share.sum(axis=1), strict=False))
    # one pair more than there are: however few records, some share is left for strangers
    prior = {p: max(float(n), 1e-3) / (pairs + 1) if model.prior[p] else 0.0 for p, n in totals.items()}
    matches = float(totals["person"])
    # pairs of different persons are fewer than pairs of records: what never met among them may still be
    persons = records**2 / (records + 2 * matches)
    level: dict[str, Tables] = {p: {} for p in POPULATIONS}
    by_chance: Tables = {}
    for field in pattern.fields:
        column, size = field.column, pattern.levels(field.column)
        for row, population in zip(share, POPULATIONS, strict=False):
            known = digits[column] >= 0
            counted = np.bincount(digits[column][known], weights=row[known], minlength=size)
            seen = counted.astype(np.float64) + PRIOR_PAIRS * expected[column]
            if population == "namesake" and field.role == "email":
                seen[0] = model.chance[column][0] * seen.sum()  # one mailbox is more than one name
            level[population][column] = seen / seen.sum()
        rarest = 2 / max(persons * chance.known[column], 1.0) ** 2
        unseen = np.full(size, max(1 / chance.pairs[column], rarest))
        unseen[0] = rarest
        shared = sum(
            prior[p] * (model.chance[column] if follows_chance(p, field, pattern) else level[p][column])
            for p in POPULATIONS
        )
        left = np.maximum(chance.share[column] - shared, 0) + unseen
        by_chance[column] = left / left.sum()
    bound = {p: _bound(p, pattern, level[p], by_chance) for p in POPULATIONS}
    return Model(prior, bound, by_chance, matches, number)


def _bound(population: str, pattern: Pattern, free: Tables, by_chance: Tables) -> Tables:
    """Shares of levels within a population; what it does not share is as between strangers."""
    bound: Tables = {}
    for field in pattern.fields:
        column = field.column
        bound[column] = by_chance[column] if follows_chance(population, field, pattern) else free[column]
        if population == "household" and field.role == "birth":
            bound[column] = bound[column] * (1 - TWINS)
            bound[column][0] += TWINS
        if population == "person" and field.role in TELLING:
            bound[column] = _mostly_agreeing(bound[column], field.comparison)
    return bound


def _mostly_agreeing(shares: Floats, comparison: str) -> Floats:
    """The shares, those of levels that agree raised to the least that they hold of one person's pairs."""
    agrees = speaks_for_one(np.arange(shares.size), comparison)
    found = shares[agrees].sum()
    if found >= LEAST_AGREEMENT:
        return shares
    raised: Floats = np.where(
        agrees, shares * LEAST_AGREEMENT / found, shares * (1 - LEAST_AGREEMENT) / (1 - found)
    )
    return raised


def _expected(size: int) -> Floats:
    shares = np.full(size, (1 - EXPECTED_SAME) / (size - 1))
    shares[0] = EXPECTED_SAME
    return shares


def _moved(before: Model, after: Model) -> float:
    old, new = before.level["person"], after.level["person"]
    return max(float(np.abs(np.log(new[c] / old[c])).max()) for c in new)
