"""Collect the report's facts from the published tables of a day: bounded aggregates only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from habitue.audiences.overlap import audience_overlap
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import FieldClass
from habitue.report.facts import AudienceFacts, SourceFacts

STAGES = (
    "anonymous",
    "prospect",
    "evaluating",
    "first_buyer",
    "active",
    "loyal",
    "at_risk",
    "dormant",
    "lost",
)
PARETO_POINTS = 50


def audience_facts(
    funnel: DataFrame,
    member: DataFrame,
    change: DataFrame,
    descriptions: dict[str, str],
    exported: dict[str, int],
) -> list[AudienceFacts]:
    """One entry per audience from gold.audience_funnel, its members' groups and its changes."""
    steps: dict[str, dict[str, int]] = {}
    losses: dict[str, dict[str, int]] = {}
    for row in funnel.where("channel = ''").collect():
        name, count = row["audience"], int(row["person_count"])
        steps.setdefault(name, {}).setdefault(row["step"], 0)
        steps[name][row["step"]] += count
        if row["step"] not in ("members", "exportable", "exported") and count:
            reason = row["reason"] or row["step"].replace("_", " ")
            losses.setdefault(name, {})[reason] = losses.get(name, {}).get(reason, 0) + count
    held = counts(member.where("split_group = 'holdout'"), "audience")
    moved = {
        (r["audience"], r["change"]): r["count"]
        for r in change.groupBy("audience", "change").count().collect()
    }
    return [
        AudienceFacts(
            name=name,
            description=descriptions.get(name, ""),
            members=found.get("members", 0),
            holdout=held.get(name, 0),
            exportable=found.get("exportable", 0),
            exported=exported.get(name, 0),
            entered=moved.get((name, "entered"), 0),
            left=moved.get((name, "left"), 0),
            losses=losses.get(name, {}),
        )
        for name, found in sorted(steps.items())
    ]


def counts(rows: DataFrame, column: str) -> dict[str, int]:
    """Rows by value of a column with few values."""
    return {str(row[column]): int(row["count"]) for row in rows.groupBy(column).count().collect()}


def stages(profile: DataFrame) -> dict[str, int]:
    """Persons by lifecycle stage, in the order of a customer's life."""
    found = counts(profile, "lifecycle_stage")
    return {stage: found[stage] for stage in STAGES if stage in found}


def pareto_points(profile: DataFrame) -> list[tuple[float, float]]:
    """Points of the curve share of buyers -> share of revenue, from the profile's own cumulative shares."""
    by_share = (
        profile.where("pareto_share IS NOT NULL").groupBy("pareto_share").agg(F.count(F.lit(1)).alias("n"))
    )
    in_order = Window.orderBy("pareto_share")
    last = F.sum("n").over(in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    total = F.sum("n").over(in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing))
    # equal buyers share one value, the share of all up to the last of them: between its ends the curve is straight
    stretches = by_share.select(
        ((last - F.col("n")) / total).alias("x0"),
        (last / total).alias("x1"),
        F.coalesce(F.lag("pareto_share").over(in_order), F.lit(0.0)).alias("y0"),
        F.col("pareto_share").alias("y1"),
    )
    holds_a_point = F.floor(F.col("x1") * PARETO_POINTS + 1e-9) > F.floor(F.col("x0") * PARETO_POINTS + 1e-9)
    rows = stretches.where(holds_a_point).orderBy("x0").collect()
    return [
        (x, row["y0"] + (row["y1"] - row["y0"]) * (x - row["x0"]) / (row["x1"] - row["x0"]))
        for row in rows
        for x in _grid_within(row["x0"], row["x1"])
    ]


def _grid_within(low: float, high: float) -> list[float]:
    first, last = (math.floor(edge * PARETO_POINTS + 1e-9) for edge in (low, high))
    return [i / PARETO_POINTS for i in range(first + 1, last + 1)]


@dataclass(frozen=True)
class ScoredBy:
    """What a day's scores say of how they were made; None where nothing was."""

    churn_model_version: str | None
    clv_model_version: str | None
    clv_basis: str | None


def scored_by(score: DataFrame) -> ScoredBy:
    """The model versions and the basis of CLV of a day's scores."""
    row = score.agg(*(F.max(name).alias(name) for name in ScoredBy.__dataclass_fields__)).first()
    return ScoredBy(**row.asDict()) if row else ScoredBy(None, None, None)


def clv_tenths(score: DataFrame) -> list[tuple[int, int, float, float]]:
    """Number, persons, mean clv_365d and share of all value of each tenth of scored buyers, best first.

    Equal values are in one tenth, so that some may hold nobody.
    """
    scored = score.where("clv_365d IS NOT NULL AND p_churn IS NOT NULL").select(
        F.col("clv_365d").cast("double").alias("clv")
    )
    edges_row = scored.agg(F.percentile("clv", [i / 10 for i in range(1, 10)]).alias("edges")).first()
    edges = edges_row["edges"] if edges_row else None
    if not edges:
        return []
    tenth = F.lit(1)
    for edge in edges:
        tenth = tenth + F.when(F.col("clv") <= F.lit(edge), 1).otherwise(0)
    by_tenth = scored.groupBy(tenth.alias("tenth")).agg(
        F.count("*").alias("n"), F.avg("clv").alias("mean"), F.sum("clv").alias("sum")
    )
    rows = sorted(by_tenth.collect(), key=lambda row: row["tenth"])
    total = sum(row["sum"] for row in rows) or 1.0
    return [(int(row["tenth"]), int(row["n"]), float(row["mean"]), float(row["sum"]) / total) for row in rows]


def fill_rates(profile: DataFrame) -> dict[str, float]:
    """Share of filled cells by class of profile columns."""
    classes = {c: [k.name for k in CUSTOMER_PROFILE.columns if k.field_class is c] for c in FieldClass}
    rates = [
        # of nobody there is no share
        F.try_divide(sum((F.count(name) for name in names), F.lit(0)), F.count("*") * len(names)).alias(
            field_class.value
        )
        for field_class, names in classes.items()
        if names
    ]
    row = profile.agg(*rates).first()
    return {name: float(value or 0.0) for name, value in row.asDict().items()} if row else {}


def source_facts(
    quarantine_count: DataFrame, figures: Mapping[str, object]
) -> tuple[list[SourceFacts], dict[str, int]]:
    """Rows by source and entity, and quarantined rows by reason; `figures` of the run name the rule of known times."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    reasons: dict[str, int] = {}
    for row in quarantine_count.collect():
        outcomes = found.setdefault((row["source"], row["entity"]), {})
        outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + int(row["row_count"])
        if row["outcome"] == "quarantined" and row["row_count"]:
            reasons[row["reason_code"]] = reasons.get(row["reason_code"], 0) + int(row["row_count"])
    facts = [
        SourceFacts(
            source,
            entity,
            o.get("read", 0),
            o.get("good", 0),
            o.get("duplicate", 0),
            o.get("quarantined", 0),
            str(figures.get(f"known_time.{source}.{entity}", "")),
        )
        for (source, entity), o in sorted(found.items())
    ]
    return facts, dict(sorted(reasons.items(), key=lambda item: -item[1]))


def freshness(rows: DataFrame) -> tuple[int, datetime | None]:
    """Rows of a table, and its newest known time where it has one."""
    latest = F.max("known_time") if "known_time" in rows.columns else F.lit(None).cast("timestamp")
    row = rows.agg(F.count("*").alias("rows"), latest.alias("newest")).first()
    return (int(row["rows"]), row["newest"]) if row else (0, None)


def overlaps(member: DataFrame) -> dict[tuple[str, str], int]:
    """Persons that two audiences share."""
    shared = audience_overlap(member).collect()
    return {(row["audience_a"], row["audience_b"]): int(row["person_count"]) for row in shared}


def transitions(moves: DataFrame) -> dict[tuple[str, str], int]:
    """Persons by the lifecycle stage they came from and the one they are in."""
    return {(r["from_stage"], r["to_stage"]): int(r["person_count"]) for r in moves.collect()}


def of_day(rows: DataFrame, day: date) -> DataFrame:
    """The day's slice."""
    return rows.where(F.col("as_of_date") == F.lit(day))


def reached_persons(member: DataFrame) -> tuple[int, int]:
    """Persons in any audience, and persons with a channel in any."""
    row = member.agg(
        F.count_distinct("person_id").alias("members"),
        F.count_distinct(F.when(F.size("channels") > 0, F.col("person_id"))).alias("reachable"),
    ).first()
    return (int(row["members"]), int(row["reachable"])) if row else (0, 0)
