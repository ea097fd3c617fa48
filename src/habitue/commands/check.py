"""`habitue check --data`: what the data of the last run support, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.checks.readiness import Evidence, capabilities
from habitue.commands.person import published
from habitue.contracts import entities
from habitue.contracts.behaviour import IDENTITY_MAP, SESSION
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.job import Run
from habitue.profile.reconciliation import order_totals
from habitue.stages.profile import conventions_of, cuts_of


@dataclass(frozen=True)
class Books:
    """What a company's own books say up to the same day; None for what was not entered."""

    orders: int | None = None
    customers: int | None = None
    net_revenue: Decimal | None = None

    def compared(self, orders: int, customers: int, net_revenue: Decimal) -> list[dict[str, str]]:
        """Of each figure that was entered: expected, found and found less expected."""
        pairs = (
            ("orders", self.orders, orders),
            ("customers who bought", self.customers, customers),
            ("net revenue", self.net_revenue, net_revenue),
        )
        return [
            {"figure": name, "expected": str(own), "found": str(found), "difference": f"{found - own:+}"}
            for name, own, found in pairs
            if own is not None
        ]


def data_findings(run: Run, books: Books) -> dict[str, Any]:
    """Figures beside those of one's own `books`, and for each capability whether these data support it."""
    release = published(run)
    profile = run.lake.read(CUSTOMER_PROFILE).where(F.col("as_of_date") == F.lit(release.as_of_date))
    evidence = _evidence(run, profile)
    [cut] = cuts_of(run, [release.as_of_date])
    lines = run.lake.read(entities.ORDER_LINE)
    totals = order_totals(lines, run.lake.read(IDENTITY_MAP), cut=cut, conventions=conventions_of(run))
    figures = {
        "as of": str(release.as_of_date),
        "orders": totals.all_orders,
        "customers who bought": totals.buyers,
        f"net revenue ({run.settings.project.currency})": str(Decimal(totals.all_revenue)),
        "orders that name nobody": totals.unattributed_orders,
        "revenue that names nobody": str(Decimal(totals.unattributed_revenue)),
        "days of order history": evidence.history_days,
        "share of buyers with a second purchase day": f"{evidence.repeat_share:.1%}",
        "buyers with three purchase days or more": evidence.buyers_with_three,
    }
    found = (totals.all_orders, totals.buyers, Decimal(totals.all_revenue))
    return {
        "figures": figures,
        "books": books.compared(*found),
        "capabilities": [vars(c) for c in capabilities(evidence)],
    }


def _evidence(run: Run, profile: DataFrame) -> Evidence:
    row = profile.agg(
        F.count_if(F.expr("order_count > 0")).alias("buyers"),
        F.count_if(F.expr("frequency > 0")).alias("repeat"),
        F.count_if(F.expr("purchase_day_count >= 3")).alias("three"),
        F.max("age_days").alias("history"),
        F.count_if(F.expr("days_since_last_order <= 30")).alias("recent"),
    ).first()
    assert row is not None, "an aggregate without groups has one row"
    filled = {t.leaf: not run.lake.is_empty(t) for t in (*entities.ENTITIES.values(), SESSION)}
    buyers = int(row["buyers"])
    return Evidence(
        buyers=buyers,
        repeat_share=int(row["repeat"]) / buyers if buyers else 0.0,
        repeat_buyers=int(row["repeat"]),
        buyers_with_three=int(row["three"]),
        history_days=int(row["history"] or 0),
        recent_buyers=int(row["recent"]),
        has_margin=run.settings.economics.margin is not None,
        filled=filled,
    )
