"""Probability that two records are one person, from their pattern, as native expressions."""

from __future__ import annotations

from functools import reduce

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.identity.matching.comparisons import COMPARISONS, OTHER_DATE, OTHER_NAME, closest
from habitue.identity.matching.expectation_maximisation import POPULATIONS, Model, log_prior
from habitue.identity.matching.patterns import Pattern

ROLE_GROUPS = {"given": "name", "family": "name"}
"""Names are one piece of evidence; every other role is one by itself."""
OUTWEIGHS = ("email", "number")
"""Roles of which an equal value outweighs a birth date or given name; a household shares its telephone."""
SPEAKS_FROM = 4.0
"""How many times likelier a level must be for one person than for strangers, to count as evidence."""


def supports(model: Model, pattern: Pattern) -> dict[str, Column]:
    """What a pattern says for each population, its prior included: columns base_POPULATION; roles that agree; contradicts.

    To be worked out once per pattern; many pairs show the same one.
    """
    bases = {f"base_{p}": _support(p, model, pattern) for p in POPULATIONS}
    return bases | {"roles": agreeing_roles(model, pattern), "contradicts": contradicts(model, pattern)}


def log_odds(model: Model) -> Column:
    """Natural log odds of `person` against all other populations, from the supports of a pair's pattern and its rarity."""
    total = {p: F.col(f"base_{p}") + F.col(f"rarity_{p}") for p in POPULATIONS}
    others = F.lit(float(np.log(1 - sum(model.prior.values()))))
    rivals = [total[p] for p in POPULATIONS[1:]]
    top = reduce(F.greatest, [*rivals, others])
    spread = reduce(lambda sum_, rival: sum_ + F.exp(rival - top), rivals, F.exp(others - top))
    return total[POPULATIONS[0]] - (top + F.log(spread))


def agreeing_roles(model: Model, pattern: Pattern) -> Column:
    """How many independent pieces of evidence speak for a person: fields at a level that chance seldom gives."""
    groups: dict[str, list[Column]] = {}
    for i, field in enumerate(pattern.fields):
        ratio = model.level[POPULATIONS[0]][field.column] / model.chance[field.column]
        speaks = F.array(*(F.lit(bool(r >= SPEAKS_FROM)) for r in [0.0, *ratio.tolist()]))
        groups.setdefault(ROLE_GROUPS.get(field.role, field.role), []).append(
            F.get(speaks, _digit(pattern, i))
        )
    counted = [F.when(reduce(lambda a, b: a | b, flags), 1).otherwise(0) for flags in groups.values()]
    return reduce(lambda a, b: a + b, counted)


def contradicts(model: Model, pattern: Pattern) -> Column:
    """Whether birth dates are other days or given names other names rather than slips, and no mailbox or number is the same.

    Only where pairs of one household are about as frequent as those of one person: some households hand given names on, some
    have twins, and of these pairs all but one field agrees. Elsewhere a date or name that is quite another one is rather a
    wrong one. A household's pairs weigh double, since they agree so about twice as often as one person's date is a wrong one;
    pairs that contradict are counted with the households, since they are what such pairs are taken for.
    """
    first = {f: OTHER_DATE for f in pattern.fields if f.role == "birth" and f.comparison == "date"}
    first |= {f: OTHER_NAME for f in pattern.fields if f.role == "given" and f.comparison == "name"}
    last = {f: COMPARISONS[f.comparison][1] for f in first}  # levels from there on are swaps
    off = sum(float(model.level["person"][f.column][least : last[f]].sum()) for f, least in first.items())
    person, household = model.prior["person"], model.prior["household"]
    if 2 * household + person * off <= person * (1 - off):
        return F.lit(False)
    levels = {field: _level(pattern, i) for i, field in enumerate(pattern.fields)}
    apart = [(levels[f] >= least) & (levels[f] < last[f]) for f, least in first.items()]
    same = [level == 0 for f, level in levels.items() if f.role in OUTWEIGHS]
    return reduce(lambda a, b: a | b, apart, F.lit(False)) & ~reduce(lambda a, b: a | b, same, F.lit(False))


def agreement(pattern: Pattern) -> Column:
    """Names of the columns that agree, in words for a reviewer: `birth_date, phone (close)`."""
    words = []
    for i, field in enumerate(pattern.fields):
        level = _level(pattern, i)
        words.append(
            F.when(level == 0, F.lit(field.column))
            .when(level.between(1, closest(field.comparison)), F.lit(f"{field.column} (close)"))
            .when(level >= COMPARISONS[field.comparison][1], F.lit(f"{field.column} (swapped)"))
        )
    return F.array_join(F.array_compact(F.array(*words)), ", ")


def _support(population: str, model: Model, pattern: Pattern) -> Column:
    """Log of the prior and of all weights of one population, rarity aside."""
    total = F.lit(log_prior(model, population))
    for i, field in enumerate(pattern.fields):
        weights = np.log(model.level[population][field.column] / model.chance[field.column])
        by_digit = F.array(*(F.lit(w) for w in [0.0, *weights.tolist()]))  # digit 0 is a missing value
        total = total + F.get(by_digit, _digit(pattern, i))
    return total


def _level(pattern: Pattern, place: int) -> Column:
    return _digit(pattern, place) - 1


def _digit(pattern: Pattern, place: int) -> Column:
    bases = [pattern.levels(c) + 1 for c in pattern.columns]
    radix = int(np.prod([1, *bases[place + 1 :]], dtype=np.int64))
    return F.expr(f"int(pattern div {radix} % {bases[place]})")
