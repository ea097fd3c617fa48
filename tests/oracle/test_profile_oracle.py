"""The profile against a recount in plain Python, against later knowledge and against other partitionings."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.errors import CheckError
from habitue.profile.cuts import Cut, cut_of
from habitue.profile.facts import ProfileFacts
from habitue.profile.reconciliation import OrderTotals, ProfileTotals, order_totals, profile_totals, reconcile
from tests.oracle.profile_recount import recount
from tests.oracle.profile_worlds import World, frame, later_world, random_world
from tests.spec.profile_world import CONTRACTS, CONVENTIONS, profiles_of

_DAYS = ("2025-09-01", "2026-04-01")


def test_profile_equals_a_recount_at_several_cuts_and_ties_to_the_order_lines(spark):
    world = random_world(1)
    facts = _facts(spark, world)
    profiles = profiles_of(facts, *_DAYS).cache()
    for cut in _cuts():
        expected = recount(world, cut)
        today = profiles.where(F.col("as_of_date") == F.lit(cut.as_of))
        columns = list(next(iter(expected.values())))
        found = {row["person_id"]: row.asDict() for row in today.select("person_id", *columns).collect()}
        assert set(found) == set(expected)
        problems = [
            f"{person} {name}: {found[person][name]}, expected {value}"
            for person, row in expected.items()
            for name, value in row.items()
            if not _same(found[person][name], value)
        ]
        assert not problems, f"{cut.as_of}\n" + "\n".join(problems)
        lines = order_totals(facts.order_line, facts.identity_map, cut=cut, conventions=CONVENTIONS)
        assert lines.unattributed_orders > 0
        reconcile(lines, profile_totals(today))


def test_nothing_that_happens_or_becomes_known_later_changes_a_profile(spark):
    [cut] = _cuts()[:1]
    world = random_world(2)
    before = _rows(profiles_of(_facts(spark, world), _DAYS[0]))
    grown = later_world(2, world, cut.at)
    assert sum(map(len, grown.values())) > sum(map(len, world.values())) * 1.5
    assert _rows(profiles_of(_facts(spark, grown), _DAYS[0])) == before


@pytest.mark.parametrize("partitions", [pytest.param(1, marks=pytest.mark.accept), 7])
def test_profile_is_the_same_for_any_number_of_partitions_and_any_company_of_cuts(spark, partitions):
    facts = _facts(spark, random_world(3))
    alone = _rows(profiles_of(facts, _DAYS[1]))
    usual = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        scattered = ProfileFacts(
            **{f.name: getattr(facts, f.name).repartition(3) for f in fields(ProfileFacts)}
        )
        together = profiles_of(scattered, *_DAYS)
        assert _rows(together.where(F.col("as_of_date") == F.lit(date.fromisoformat(_DAYS[1])))) == alone
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", usual)


def test_reconciliation_names_every_figure_that_does_not_tie():
    lines = OrderTotals(10, 5, 100, 1, 9, 11, 109)
    reconcile(lines, ProfileTotals(7, 10, 5, 100))
    with pytest.raises(
        CheckError, match="orders of persons: 9 in the profiles, 10(.|\n)*net revenue in all: 108"
    ):
        reconcile(lines, ProfileTotals(7, 9, 5, 99))


def _cuts() -> list[Cut]:
    return [cut_of(date.fromisoformat(day), "UTC") for day in _DAYS]


def _facts(spark: SparkSession, world: World) -> ProfileFacts:
    return ProfileFacts(
        **{f.name: frame(spark, CONTRACTS[f.name], world.get(f.name, [])) for f in fields(ProfileFacts)}
    )


def _rows(profiles: DataFrame) -> list[str]:
    """Every column of every row, exact: doubles as text keep all their digits."""
    text = F.to_json(F.struct(*profiles.columns), {"ignoreNullFields": "false"})
    return sorted(row[0] for row in profiles.select(text).collect())


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(_same(found[k], v) for k, v in expected.items())
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    return found == expected
