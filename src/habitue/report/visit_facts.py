"""Visits of the last days: who comes back, how far visits come, and what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.profile.engagement import is_attended

DAYS = 30
STEPS = ("visit", "browse", "form", "cart", "checkout", "order")


@dataclass(frozen=True)
class VisitFacts:
    """Counts of visits that began in the last days; those of bots stand aside."""

    visits: int = 0
    returning: int = 0
    engaged: int = 0
    bots: int = 0
    steps: dict[str, int] = field(default_factory=dict)  # furthest step -> visits
    left: tuple[tuple[str, int, float | None], ...] = ()  # step, visits that left it, value as tracked


def visit_facts(session: DataFrame, cut: datetime, anonymous_types: Sequence[str]) -> VisitFacts:
    """Counts by furthest step, in one pass. What was left counts once it is known that no order followed.

    As in the profile, what servers report is no visit unless somebody looked at something.
    """
    began = F.col("session_start").between(F.lit(cut - timedelta(days=DAYS)), F.lit(cut))
    known = F.col("known_time") < F.lit(cut)
    recent = session.where(began & known & is_attended(anonymous_types))
    left = F.when(F.col("abandoned_at") < F.lit(cut), F.col("abandoned_step"))
    rows = (
        recent.groupBy("is_bot", "furthest_step", left.alias("left"))
        .agg(
            F.count(F.lit(1)).alias("visits"),
            F.count_if("is_returning").alias("returning"),
            F.count_if("is_engaged").alias("engaged"),
            F.sum(F.col("lost_value").cast("decimal(38,2)")).alias("value"),
        )
        .collect()
    )
    human = [r for r in rows if not r["is_bot"]]
    steps = {step: sum(r["visits"] for r in human if r["furthest_step"] == step) for step in STEPS}
    lost = []
    for step in reversed(STEPS):
        own = [r for r in human if r["left"] == step]
        values = [float(r["value"]) for r in own if r["value"] is not None]
        if own:
            lost.append((step, sum(r["visits"] for r in own), sum(values) if values else None))
    return VisitFacts(
        visits=sum(r["visits"] for r in human),
        returning=sum(r["returning"] for r in human),
        engaged=sum(r["engaged"] for r in human),
        bots=sum(r["visits"] for r in rows if r["is_bot"]),
        steps={step: count for step, count in steps.items() if count},
        left=tuple(lost),
    )
