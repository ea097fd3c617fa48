"""Rules as Spark conditions: built from typed columns and literals only, never from text of a definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.audiences.fields import Field, Kind
from habitue.audiences.grammar import (
    PERCENTILES,
    AllOf,
    AnyOf,
    Comparison,
    Member,
    Not,
    Offset,
    Op,
    Rule,
    Scalar,
)

Cutoffs = Mapping[tuple[str, float], float | None]
"""The value at a percentile of a field, by (field, percentile); None where no person has the field."""


@dataclass(frozen=True)
class Moment:
    """The run's day and the instant at which it starts in the project's zone."""

    day: date
    cut: datetime

    def resolve(self, value: Scalar, kind: Kind) -> float | str | bool | date | datetime:
        """A literal of a definition, with relative times made absolute (instants aware, in UTC)."""
        if not isinstance(value, Offset):
            return value
        if kind is Kind.INSTANT:
            return self.cut.astimezone(UTC) + timedelta(hours=value.hours)
        return self.day + timedelta(days=value.hours // 24)


def value_of(field: Field) -> Column:
    """A field's value; numbers as doubles, with NaN as missing so that every engine compares alike."""
    column = F.col(field.column)
    if field.key is not None:
        column = F.try_element_at(column, F.lit(field.key))
    if field.kind is not Kind.NUMBER:
        return column
    number = column.cast("double") + F.lit(0.0)  # makes a zero of a negative zero
    return F.when(~F.isnan(number), number)


def condition(rule: Rule, *, moment: Moment, cutoffs: Cutoffs, members: Mapping[str, Column]) -> Column:
    """True or false for every row, never null; `members` holds the condition of each audience referred to."""
    match rule:
        case Comparison():
            return F.coalesce(_comparison(rule, moment, cutoffs), F.lit(False))
        case Member(audience):
            return members[audience]
        case Not(clause):
            return ~condition(clause, moment=moment, cutoffs=cutoffs, members=members)
        case AllOf(clauses) | AnyOf(clauses):
            parts = [condition(c, moment=moment, cutoffs=cutoffs, members=members) for c in clauses]
            return reduce(Column.__and__ if isinstance(rule, AllOf) else Column.__or__, parts)


def _comparison(rule: Comparison, moment: Moment, cutoffs: Cutoffs) -> Column:
    value, op = value_of(rule.field), rule.op
    if op is Op.IS_NULL:
        return value.isNull() if rule.value else value.isNotNull()
    if op in PERCENTILES:
        return _beyond(value, op, cutoffs[cutoff_key(rule)])
    stated = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    literals = [F.lit(moment.resolve(item, rule.field.kind)) for item in stated]
    if op is Op.CONTAINS:
        is_list = rule.field.kind is Kind.TEXTS
        return F.array_contains(value, literals[0]) if is_list else value.contains(literals[0])
    return _compare(value, op, literals)


def _compare(value: Column, op: Op, literals: list[Column]) -> Column:
    first = literals[0]
    match op:
        case Op.EQ:
            return value == first
        case Op.NE:
            return value != first
        case Op.GT:
            return value > first
        case Op.GTE:
            return value >= first
        case Op.LT:
            return value < first
        case Op.LTE:
            return value <= first
        case Op.BETWEEN:
            return (value >= first) & (value <= literals[1])
        case Op.IN:
            return value.isin(literals)
        case Op.NOT_IN:
            return ~value.isin(literals)
        case _:
            raise AssertionError(f"no comparison for {op}")


def _beyond(value: Column, op: Op, cutoff: float | None) -> Column:
    if cutoff is None:
        return F.lit(False)
    return value >= F.lit(cutoff) if op is Op.PERCENTILE_GTE else value < F.lit(cutoff)


def cutoff_key(rule: Comparison) -> tuple[str, float]:
    """Under which a percentile comparison finds its cut-off."""
    if not isinstance(rule.value, float):
        raise AssertionError(f"{rule.op} of {rule.field.name} without a number")
    return rule.field.name, rule.value
