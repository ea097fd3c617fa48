"""The rule grammar of audiences: typed comparisons joined by all, any and not; no code, no SQL.

A rule is one of

    {field: NAME, COMPARISON: VALUE}      eq ne gt gte lt lte in not_in between is_null contains
                                          percentile_gte percentile_lt
    {all: [RULE, ...]}  {any: [RULE, ...]}  {not: RULE}
    {audience: NAME}                      member of that audience

A comparison with a missing value is false, and `not` of it is true; only `is_null` asks for missing values.
Days may be given relative to the day of the run (`-30d`, `+7d`), points in time only so (`-6h`, `-3d`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from habitue.audiences.fields import Field, Kind, find_field, shown
from habitue.errors import did_you_mean

MAX_DEPTH = 12
MAX_VALUES = 1000

KeyPath = tuple[str | int, ...]
Report = Callable[[KeyPath, str], None]
"""Takes one problem and the place in the file where it stands."""


class Op(StrEnum):
    """A comparison, spelled as in a definition."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    BETWEEN = "between"
    IS_NULL = "is_null"
    CONTAINS = "contains"
    PERCENTILE_GTE = "percentile_gte"
    PERCENTILE_LT = "percentile_lt"


PERCENTILES = (Op.PERCENTILE_GTE, Op.PERCENTILE_LT)
_EQUALITY = frozenset({Op.EQ, Op.NE})
_LISTS = frozenset({Op.IN, Op.NOT_IN})
_ORDER = frozenset({Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN})
_NULL = frozenset({Op.IS_NULL})

COMPARISONS: dict[Kind, frozenset[Op]] = {
    Kind.NUMBER: _EQUALITY | _LISTS | _ORDER | _NULL | set(PERCENTILES),
    Kind.TEXT: _EQUALITY | _LISTS | _NULL | {Op.CONTAINS},
    Kind.FLAG: _EQUALITY | _NULL,
    Kind.DAY: _EQUALITY | _LISTS | _ORDER | _NULL,
    Kind.INSTANT: _ORDER | _NULL,
    Kind.TEXTS: _NULL | {Op.CONTAINS},
    Kind.NUMBERS_BY_KEY: _NULL,
    Kind.TEXTS_BY_KEY: _NULL,
}
"""Which comparisons make sense for which kind; texts have no order, since order depends on the language."""


@dataclass(frozen=True)
class Offset:
    """A time relative to the start of the run's day."""

    hours: int
    text: str

    def __str__(self) -> str:
        return self.text


Scalar = float | str | bool | date | Offset
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True)
class Comparison:
    """One field compared with a value that the definition states."""

    field: Field
    op: Op
    value: Value


@dataclass(frozen=True)
class AllOf:
    """True if every clause is."""

    clauses: tuple[Rule, ...]


@dataclass(frozen=True)
class AnyOf:
    """True if at least one clause is."""

    clauses: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    """True if the clause is false, also where it is false for want of a value."""

    clause: Rule


@dataclass(frozen=True)
class Member:
    """True for the members of another audience."""

    audience: str


Rule = Comparison | AllOf | AnyOf | Not | Member

_SHAPES = ("all", "any", "not", "audience", "field")
_OFFSET = re.compile(r"^([+-]?\d{1,5})([dh])$")


class _Wrong(Exception):
    """One problem of a rule and where it stands; reported by `parse_rule`, never seen outside."""

    def __init__(self, at: KeyPath, problem: str) -> None:
        super().__init__(problem)
        self.at = at
        self.problem = problem


def parse_rule(raw: object, report: Report, at: KeyPath = ("where",)) -> Rule | None:
    """The rule, or None after every problem in it has been reported."""
    try:
        return _rule(raw, report, at)
    except _Wrong as wrong:
        report(wrong.at, wrong.problem)
        return None


def _rule(raw: object, report: Report, at: KeyPath) -> Rule | None:
    if len(at) > 2 * MAX_DEPTH:
        raise _Wrong(at, f"is nested too deeply; the limit is {MAX_DEPTH} levels")
    if not isinstance(raw, Mapping):
        raise _Wrong(at, f"must be a rule such as {{field: p_churn, gte: 0.5}}; found {shown(raw)}")
    shapes = [shape for shape in _SHAPES if shape in raw]
    if len(shapes) != 1:
        raise _Wrong(at, f"must have exactly one of {', '.join(_SHAPES)}; found {_keys(raw)}")
    shape = shapes[0]
    if shape == "field":
        return _comparison(raw, at)
    if len(raw) > 1:
        raise _Wrong(at, f"{shape} stands alone in its rule; found {_keys(raw)}")
    if shape == "audience":
        return _member(raw["audience"], at)
    if shape == "not":
        clause = parse_rule(raw["not"], report, (*at, "not"))
        return None if clause is None else Not(clause)
    clauses = _clauses(raw[shape], report, (*at, shape))
    if clauses is None:
        return None
    return AllOf(clauses) if shape == "all" else AnyOf(clauses)


def _member(name: object, at: KeyPath) -> Member:
    if not isinstance(name, str):
        raise _Wrong((*at, "audience"), f"must be the name of an audience; found {shown(name)}")
    return Member(name)


def _clauses(raw: object, report: Report, at: KeyPath) -> tuple[Rule, ...] | None:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_VALUES:
        raise _Wrong(at, f"must be a list of 1 to {MAX_VALUES} rules; found {shown(raw)}")
    parsed = [parse_rule(item, report, (*at, position)) for position, item in enumerate(raw)]
    clauses = tuple(clause for clause in parsed if clause is not None)
    return clauses if len(clauses) == len(parsed) else None


def _comparison(raw: Mapping[object, object], at: KeyPath) -> Comparison:
    field = find_field(raw["field"])
    if isinstance(field, str):
        raise _Wrong((*at, "field"), field)
    operators = [key for key in raw if key != "field"]
    if len(operators) != 1:
        raise _Wrong(at, f"{field.name} needs exactly one comparison; found {_keys(operators)}")
    name = operators[0]
    if not isinstance(name, str) or name not in set(Op):
        raise _Wrong(
            at, f"{shown(name)} is not a comparison{did_you_mean(str(name), [op.value for op in Op])}"
        )
    op, fitting = Op(name), COMPARISONS[field.kind]
    if op not in fitting:
        raise _Wrong(
            at, f"{field.name} is {field.kind}; {op} does not fit it ({_join(fitting)} do){_key_hint(field)}"
        )
    value = _value(field, op, raw[name], (*at, name))
    return Comparison(field, op, value)


def _value(field: Field, op: Op, raw: object, at: KeyPath) -> Value:
    if op is Op.IS_NULL:
        return _scalar(Kind.FLAG, field, raw, at)
    if op in PERCENTILES:
        return _percentile(field, raw, at)
    if op is Op.BETWEEN:
        return _pair(field, raw, at)
    if op in _LISTS:
        if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_VALUES:
            raise _Wrong(at, f"{field.name}: takes a list of 1 to {MAX_VALUES} values; found {shown(raw)}")
        return tuple(_scalar(field.kind, field, item, at) for item in raw)
    return _scalar(Kind.TEXT if op is Op.CONTAINS else field.kind, field, raw, at)


def _percentile(field: Field, raw: object, at: KeyPath) -> float:
    number = _number(raw)
    if number is None or not 0 <= number <= 100:
        raise _Wrong(at, f"{field.name}: takes a number from 0 to 100; found {shown(raw)}")
    return number


def _pair(field: Field, raw: object, at: KeyPath) -> tuple[Scalar, Scalar]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise _Wrong(at, f"{field.name}: takes two values, [from, to], both included; found {shown(raw)}")
    low, high = (_scalar(field.kind, field, item, at) for item in raw)
    if _lies_above(low, high):
        told = f"{shown(raw[0])} lies above {shown(raw[1])}"
        raise _Wrong(at, f"{field.name}: the ends are the wrong way round, {told}")
    return low, high


def _lies_above(low: Scalar, high: Scalar) -> bool:
    """Whether of two ends of one kind the first lies behind the second; a day and an offset depend on the run's day."""
    if isinstance(low, Offset) and isinstance(high, Offset):
        return low.hours > high.hours
    if isinstance(low, date) and isinstance(high, date):
        return str(low) > str(high)
    return isinstance(low, float) and isinstance(high, float) and low > high


def _scalar(kind: Kind, field: Field, raw: object, at: KeyPath) -> Scalar:
    value: Scalar | None
    match kind:
        case Kind.NUMBER:
            value = _number(raw)
        case Kind.FLAG:
            value = raw if isinstance(raw, bool) else None
        case Kind.DAY:
            value = _day(raw)
        case Kind.INSTANT:
            value = _offset(raw)
        case _:
            value = raw if isinstance(raw, str) and len(raw) <= 1000 and _encodable(raw) else None
    if value is None:
        raise _Wrong(at, f"{field.name}: expected {_EXPECTED[kind]}, found {shown(raw)}")
    return value


_EXPECTED = {
    Kind.NUMBER: "a finite number",
    Kind.FLAG: "true or false",
    Kind.DAY: "a day as in 2026-01-31, or one relative to the run's day as in -30d",
    Kind.INSTANT: "a time before or after the start of the run's day, as in -6h or -3d",
    Kind.TEXT: "a text (put numbers in quotes)",
}


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    exact = abs(raw) <= 2**53  # beyond it two numbers may become one double
    return float(raw) if exact and math.isfinite(raw) else None


def _day(raw: object) -> date | Offset | None:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    offset = _offset(raw)
    if offset is not None:
        return offset if offset.text.endswith("d") else None
    try:
        return date.fromisoformat(raw) if isinstance(raw, str) and len(raw) == 10 else None
    except ValueError:
        return None


def _offset(raw: object) -> Offset | None:
    match = _OFFSET.match(raw) if isinstance(raw, str) else None
    return Offset(int(match[1]) * (24 if match[2] == "d" else 1), match[0]) if match else None


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def comparisons(rule: Rule) -> Iterator[Comparison]:
    """Every comparison of a rule, in the order of the definition."""
    for clause in clauses_of(rule):
        yield from comparisons(clause)
    if isinstance(rule, Comparison):
        yield rule


def references(rule: Rule) -> Iterator[str]:
    """Every audience that a rule refers to."""
    for clause in clauses_of(rule):
        yield from references(clause)
    if isinstance(rule, Member):
        yield rule.audience


def clauses_of(rule: Rule) -> tuple[Rule, ...]:
    """The rules directly inside a rule."""
    match rule:
        case AllOf(clauses) | AnyOf(clauses):
            return clauses
        case Not(clause):
            return (clause,)
        case _:
            return ()


def _keys(raw: Iterable[object]) -> str:
    return ", ".join(shown(key).strip("'") for key in list(raw)[:8]) or "nothing"


def _join(ops: frozenset[Op]) -> str:
    return ", ".join(op.value for op in Op if op in ops)


def _key_hint(field: Field) -> str:
    keyed = field.kind in (Kind.NUMBERS_BY_KEY, Kind.TEXTS_BY_KEY)
    return f"; name one key of it, as in {field.column}[KEY]" if keyed else ""
