"""Who is in which audience: all audiences decided in one pass over profile and score."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.audiences.conditions import Cutoffs, Moment, condition, value_of
from habitue.audiences.definition import Audience
from habitue.audiences.dependencies import levels, rivals
from habitue.audiences.fields import Field, find_field
from habitue.audiences.grammar import AnyOf
from habitue.audiences.words import in_words

_SPREAD = 64
"""Audiences without a limit need no ranking; their rows are spread over this many groups."""


def select_members(
    population: DataFrame,
    audiences: Sequence[Audience],
    *,
    moment: Moment,
    cutoffs: Cutoffs,
    keep: Sequence[str],
) -> DataFrame:
    """One row per audience and member: audience, person_id, rank, reason and the columns of `keep`.

    `population` has one row per person: profile, score and is_holdout. `rank` is the value of `rank_by`;
    where an audience has a limit the best stay, equal ranks in the order of person_id, missing ranks last.
    """
    if not audiences:
        raise ValueError("no audience to select")
    decided = _decide(population, audiences, moment, cutoffs)
    hits = F.array_compact(F.array(*(_hit(audience, audiences, moment, cutoffs) for audience in audiences)))
    rows = decided.select("person_id", *keep, F.explode(hits).alias("hit"))
    members = rows.select("hit.audience", "person_id", "hit.rank", "hit.reason", *keep)
    return _within_limits(members, audiences)


def _decide(
    population: DataFrame, audiences: Sequence[Audience], moment: Moment, cutoffs: Cutoffs
) -> DataFrame:
    """One boolean column per audience, layer by layer, so that no rule is written out inside another."""
    flags = {audience.name: _flag(audience.name) for audience in audiences}
    decided = population
    for layer in levels(audiences):
        fits = {
            _flag_name(a.name): _not_taken(a, audiences)
            & condition(a.rule, moment=moment, cutoffs=cutoffs, members=flags)
            for a in layer
        }
        decided = decided.withColumns(fits)
    return decided


def _not_taken(audience: Audience, audiences: Sequence[Audience]) -> Column:
    taken = [_flag(rival) for rival in rivals(audience, audiences)]
    return ~reduce(Column.__or__, taken) if taken else F.lit(True)


def _hit(audience: Audience, audiences: Sequence[Audience], moment: Moment, cutoffs: Cutoffs) -> Column:
    rank = find_field(audience.definition.rank_by)
    if not isinstance(rank, Field):
        raise AssertionError(rank)
    flags = {a.name: _flag(a.name) for a in audiences}
    facts = F.struct(
        F.lit(audience.name).alias("audience"),
        value_of(rank).alias("rank"),
        _reason(audience, moment, cutoffs, flags).alias("reason"),
    )
    return F.when(_flag(audience.name), facts)


def _reason(audience: Audience, moment: Moment, cutoffs: Cutoffs, flags: dict[str, Column]) -> Column:
    """The clauses that hold, in words: all of them, or those of the alternatives that the person meets."""
    rule = audience.rule
    if not isinstance(rule, AnyOf):
        return F.lit(in_words(rule))
    held = [
        F.when(condition(clause, moment=moment, cutoffs=cutoffs, members=flags), F.lit(in_words(clause)))
        for clause in rule.clauses
    ]
    return F.concat_ws(" and ", *held)


def _within_limits(members: DataFrame, audiences: Sequence[Audience]) -> DataFrame:
    limits = {a.name: a.definition.limit for a in audiences if a.definition.limit is not None}
    if not limits:
        return members
    limit = F.create_map(*(F.lit(part) for item in limits.items() for part in item))[F.col("audience")]
    spread = F.when(limit.isNotNull(), 0).otherwise(F.pmod(F.xxhash64("person_id"), F.lit(_SPREAD)))
    group = Window.partitionBy("audience", "spread")
    # who may not be contacted at all takes nobody's place
    last = [F.col("is_suppressed")] if "is_suppressed" in members.columns else []
    place = F.row_number().over(group.orderBy(*last, F.col("rank").desc_nulls_last(), "person_id"))
    ranked = members.withColumns({"limit": limit, "spread": spread}).withColumn("place", place)
    is_within = F.col("limit").isNull() | (F.col("place") <= F.col("limit"))
    return ranked.where(is_within).drop("limit", "spread", "place")


def _flag_name(audience: str) -> str:
    return f"_in_{audience}"


def _flag(audience: str) -> Column:
    return F.col(_flag_name(audience))
