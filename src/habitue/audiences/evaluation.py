"""A rule evaluated on one person in pure Python, clause by clause, with the same meaning as in Spark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from habitue.audiences.conditions import Cutoffs, Moment, cutoff_key
from habitue.audiences.definition import Audience
from habitue.audiences.dependencies import levels, rivals
from habitue.audiences.fields import Field, Kind
from habitue.audiences.grammar import PERCENTILES, AllOf, AnyOf, Comparison, Member, Not, Op, Rule
from habitue.audiences.words import in_words

PersonRow = Mapping[str, Any]
"""One person's profile, score and is_holdout, by column; naive times are UTC."""


@dataclass(frozen=True)
class Finding:
    """One rule and whether it holds for the person; `found` is the value of a comparison's field."""

    rule: str
    holds: bool
    found: str = ""
    inside: tuple[Finding, ...] = field(default=())


def evaluate(
    rule: Rule, row: PersonRow, *, moment: Moment, cutoffs: Cutoffs, members: Mapping[str, Finding]
) -> Finding:
    """The finding of a rule, with those of the rules inside it; `members` holds the audiences referred to."""
    match rule:
        case Comparison():
            value = value_in(row, rule.field)
            return Finding(_with_cutoff(rule, cutoffs), _holds(rule, value, moment, cutoffs), _shown(value))
        case Member(audience):
            return Finding(in_words(rule), members[audience].holds, inside=(members[audience],))
        case Not(clause):
            inner = evaluate(clause, row, moment=moment, cutoffs=cutoffs, members=members)
            return Finding("not", not inner.holds, inside=(inner,))
        case AllOf(clauses) | AnyOf(clauses):
            inside = tuple(evaluate(c, row, moment=moment, cutoffs=cutoffs, members=members) for c in clauses)
            every = isinstance(rule, AllOf)
            held = [finding.holds for finding in inside]
            return Finding("all of" if every else "any of", all(held) if every else any(held), inside=inside)


def evaluate_all(
    audiences: Sequence[Audience], row: PersonRow, *, moment: Moment, cutoffs: Cutoffs
) -> dict[str, Finding]:
    """The finding of every audience; limits, which depend on other persons, are left out."""
    findings: dict[str, Finding] = {}
    for layer in levels(audiences):
        for audience in layer:
            fits = evaluate(audience.rule, row, moment=moment, cutoffs=cutoffs, members=findings)
            served = [rival for rival in rivals(audience, audiences) if findings[rival].holds]
            group = audience.definition.exclusive_group
            taken = tuple(
                Finding(f"not yet served by {rival} of the group {group}", False) for rival in served
            )
            holds = fits.holds and not served
            findings[audience.name] = Finding(audience.name, holds, inside=(fits, *taken))
    return findings


def value_in(row: PersonRow, of: Field) -> Any:
    """A field's value in a row; numbers as floats, NaN as missing."""
    value = row.get(of.column)
    if of.key is not None:
        value = None if value is None else value.get(of.key)
    if of.kind is Kind.NUMBER and value is not None:
        number = float(value)
        return None if math.isnan(number) else number
    if of.kind is Kind.INSTANT and isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def _holds(rule: Comparison, value: Any, moment: Moment, cutoffs: Cutoffs) -> bool:
    if rule.op is Op.IS_NULL:
        return (value is None) is rule.value
    if value is None:
        return False
    if rule.op in PERCENTILES:
        cutoff = cutoffs[cutoff_key(rule)]
        if cutoff is None:
            return False
        return bool(value >= cutoff) if rule.op is Op.PERCENTILE_GTE else bool(value < cutoff)
    stated = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    return _compare(value, rule.op, [moment.resolve(item, rule.field.kind) for item in stated])


def _compare(value: Any, op: Op, literals: list[Any]) -> bool:
    first = literals[0]
    match op:
        case Op.EQ:
            return bool(value == first)
        case Op.NE:
            return bool(value != first)
        case Op.GT:
            return bool(value > first)
        case Op.GTE:
            return bool(value >= first)
        case Op.LT:
            return bool(value < first)
        case Op.LTE:
            return bool(value <= first)
        case Op.BETWEEN:
            return bool(first <= value <= literals[1])
        case Op.IN:
            return value in literals
        case Op.NOT_IN:
            return value not in literals
        case Op.CONTAINS:
            return first in value
        case _:
            raise AssertionError(f"no comparison for {op}")


def _with_cutoff(rule: Comparison, cutoffs: Cutoffs) -> str:
    if rule.op not in PERCENTILES:
        return in_words(rule)
    cutoff = cutoffs[cutoff_key(rule)]
    return f"{in_words(rule)} ({'no person has a value' if cutoff is None else f'{cutoff:.6g}'})"


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal)):
        return f"{float(value):.6g}"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in sorted(value.items())) or "empty"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
