"""Reconciliation: what the order lines say at a cut against what the profiles say, to the cent.

The lines are counted anew and in another way than the profile does it. Orders
that name nobody are counted apart: profile + unattributed = all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.errors import CheckError
from habitue.profile.conventions import Conventions
from habitue.profile.currency import in_project_currency
from habitue.profile.cuts import Cut, instant
from habitue.profile.facts import known_before
from habitue.profile.persons import owners, with_person

_MONEY = "decimal(28,2)"


@dataclass(frozen=True)
class OrderTotals:
    """Totals of a day: what all lines say, what of it belongs to persons."""

    orders: int  # bought by a person; an order shared by two counts for both
    buyers: int
    net_revenue: Decimal
    unattributed_orders: int
    unattributed_revenue: Decimal
    all_orders: int  # distinct order numbers with a bought line
    all_revenue: Decimal


@dataclass(frozen=True)
class LateOrders:
    """Orders of before a cut that were not known by then, and so are in no profile of its day."""

    orders: int
    revenue: Decimal


@dataclass(frozen=True)
class ProfileTotals:
    """The same as the profiles of a day add up to."""

    persons: int
    orders: int
    buyers: int
    net_revenue: Decimal


def late_orders(lines: DataFrame, *, cut: Cut, conventions: Conventions) -> LateOrders:
    """What was ordered before the cut and known from the cut on, as far as it is known by now."""
    late = lines.where((F.col("order_time") < instant(cut.at)) & (F.col("known_time") >= instant(cut.at)))
    priced = in_project_currency(late, conventions.money, conventions.zone)
    bought = F.when(~F.col("is_return"), F.struct("source", "order_number"))
    revenue = F.coalesce(F.sum("net_revenue"), F.lit(0)).cast(_MONEY)
    return LateOrders(
        **_only_row(priced.agg(F.count_distinct(bought).alias("orders"), revenue.alias("revenue")))
    )


def order_totals(
    lines: DataFrame, identity_map: DataFrame, *, cut: Cut, conventions: Conventions
) -> OrderTotals:
    """Totals of all order lines known at the cut, by whether they belong to a person."""
    known = known_before(lines, "order_time", cut)
    orders = in_project_currency(known, conventions.money, conventions.zone).groupBy(
        "identifiers", "source", "order_number"
    )
    summed = orders.agg(
        F.sum("net_revenue").alias("net"), F.count_if(~F.col("is_return")).alias("bought")
    ).withColumn("first_cut", F.lit(0))
    named = summed.where(F.size("identifiers") > 0).select("identifiers").distinct()
    owner = owners(named, identity_map, [cut], conventions)
    per_person = (
        with_person(summed, owner, [cut])
        .groupBy("person_id", "source", "order_number")
        .agg(F.sum("net").alias("net"), F.sum("bought").alias("bought"))
    )
    return OrderTotals(**_only_row(per_person.agg(*_totals())))


def profile_totals(profiles: DataFrame) -> ProfileTotals:
    """Sums over the profiles of one day."""
    return ProfileTotals(
        **_only_row(
            profiles.agg(
                F.count("*").alias("persons"),
                F.coalesce(F.sum("order_count"), F.lit(0)).alias("orders"),
                F.count_if(F.col("order_count") > 0).alias("buyers"),
                F.coalesce(F.sum("net_revenue"), F.lit(0)).cast(_MONEY).alias("net_revenue"),
            )
        )
    )


def reconcile(lines: OrderTotals, profiles: ProfileTotals) -> None:
    """CheckError with every figure that does not tie."""
    expected = {
        "orders of persons": (lines.orders, profiles.orders),
        "buyers": (lines.buyers, profiles.buyers),
        "net revenue of persons": (lines.net_revenue, profiles.net_revenue),
        "net revenue in all": (lines.all_revenue, profiles.net_revenue + lines.unattributed_revenue),
    }
    problems = [
        f"{name}: {found:,} in the profiles, {wanted:,} in the order lines"
        for name, (wanted, found) in expected.items()
        if wanted != found
    ]
    if problems:
        raise CheckError(
            "The profiles do not add up to the order lines:",
            problems,
            hint="Nothing was written for this day. Run again from resolve; if it stays, it is a bug.",
        )


def _totals() -> Sequence[Column]:
    owned, bought = F.col("person_id").isNotNull(), F.col("bought") > 0
    return (
        F.count_if(owned & bought).alias("orders"),
        F.count_distinct(F.when(owned & bought, F.col("person_id"))).alias("buyers"),
        _revenue(owned).alias("net_revenue"),
        F.count_if(~owned & bought).alias("unattributed_orders"),
        _revenue(~owned).alias("unattributed_revenue"),
        F.count_distinct(F.when(bought, F.struct("source", "order_number"))).alias("all_orders"),
        F.coalesce(F.sum("net"), F.lit(0)).cast(_MONEY).alias("all_revenue"),
    )


def _revenue(belongs: Column) -> Column:
    return F.coalesce(F.sum(F.when(belongs, F.col("net"))), F.lit(0)).cast(_MONEY)


def _only_row(totals: DataFrame) -> dict[str, Any]:
    row = totals.first()
    if row is None:
        raise CheckError("An aggregate over all rows returned no row.")
    return row.asDict()
