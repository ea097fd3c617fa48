"""A rule in words: what `reason` of a member, `audience explain` and the report show."""

from __future__ import annotations

from habitue.audiences.grammar import AllOf, AnyOf, Comparison, Member, Not, Op, Rule, Value

_SIGNS = {
    Op.EQ: "is",
    Op.NE: "is not",
    Op.GT: "above",
    Op.GTE: "at least",
    Op.LT: "below",
    Op.LTE: "at most",
    Op.IN: "is one of",
    Op.NOT_IN: "is none of",
    Op.CONTAINS: "contains",
}


def in_words(rule: Rule) -> str:
    """One line in English."""
    match rule:
        case Comparison():
            return _comparison(rule)
        case AllOf(clauses):
            return " and ".join(_nested(clause) for clause in clauses)
        case AnyOf(clauses):
            return " or ".join(_nested(clause) for clause in clauses)
        case Not(clause):
            return f"not ({in_words(clause)})"
        case Member(audience):
            return f"member of {audience}"


def _nested(rule: Rule) -> str:
    joined = isinstance(rule, (AllOf, AnyOf)) and len(rule.clauses) > 1
    return f"({in_words(rule)})" if joined else in_words(rule)


def _comparison(rule: Comparison) -> str:
    name, value = rule.field.name, rule.value
    match rule.op:
        case Op.IS_NULL:
            return f"{name} is {'missing' if value else 'known'}"
        case Op.BETWEEN if isinstance(value, tuple):
            return f"{name} from {_value(value[0])} to {_value(value[1])}"
        case Op.PERCENTILE_GTE:
            return f"{name} at or above percentile {_value(value)}"
        case Op.PERCENTILE_LT:
            return f"{name} below percentile {_value(value)}"
        case op:
            return f"{name} {_SIGNS[op]} {_value(value)}"


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
