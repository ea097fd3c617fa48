"""What was found, held against what was planted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.models.metrics import gini, roc_auc


@dataclass(frozen=True)
class Line:
    """One line of the scoreboard."""

    stage: str
    measure: str
    found: float
    beside: float | None  # the truth, or the best attainable
    beside_is: str
    count: int


def named_identifiers(truth: DataFrame, vault: DataFrame) -> DataFrame:
    """True owner of each key: (id_type, id_key, person). A value that changed hands is left out: it has two."""
    alone = truth.groupBy("id_type", "value").agg(
        F.min("person").alias("person"), F.max("person").alias("other")
    )
    clear = vault.select("id_type", "id_key", F.col("clear_value").alias("value"))
    return (
        alone.where("person = other").join(clear, ["id_type", "value"]).select("id_type", "id_key", "person")
    )


def identity(named: DataFrame, present: DataFrame) -> list[Line]:
    """Pairs of identifiers: of those put together how many belong together (precision), and the other way (recall).

    One that nobody has is alone: what was lost must cost recall.
    """
    both = named.join(present.select("id_type", "id_key", "person_id"), ["id_type", "id_key"], "left")
    alone = F.concat_ws(":", "id_type", "id_key")
    cells = (
        both.withColumn("person_id", F.coalesce("person_id", alone)).groupBy("person", "person_id").count()
    )
    together = _pairs(cells.groupBy("person_id").agg(F.sum("count").alias("count")))
    belong = _pairs(cells.groupBy("person").agg(F.sum("count").alias("count")))
    right = _pairs(cells)
    return [
        Line(
            "identity", "precision of pairs of identifiers", _share(right, together), 1.0, "truth", together
        ),
        Line("identity", "recall of pairs of identifiers", _share(right, belong), 1.0, "truth", belong),
    ]


def _pairs(counts: DataFrame) -> int:
    row = counts.agg(F.sum((F.col("count") * (F.col("count") - 1) / 2).cast("bigint")).alias("pairs")).first()
    return int(row["pairs"] or 0) if row else 0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def sessions(truth: DataFrame, session_event: DataFrame) -> Line:
    """Share of true visits that are found as they were: the same events, no more and no fewer."""
    sizes = session_event.groupBy("session_id").agg(F.count("*").alias("size"))
    ends = session_event.select(
        F.col("event_id").alias("first_event"), F.col("session_id").alias("first_session")
    )
    found = (
        truth.join(ends, "first_event", "left")
        .join(ends.toDF("last_event", "last_session"), "last_event", "left")
        .join(sizes, F.col("first_session") == F.col("session_id"), "left")
    )
    is_exact = F.coalesce(
        (F.col("first_session") == F.col("last_session")) & (F.col("size") == F.col("events")), F.lit(False)
    )
    row = found.agg(F.count("*").alias("count"), F.avg(is_exact.cast("double")).alias("share")).first()
    count, share = (int(row["count"]), float(row["share"] or math.nan)) if row else (0, math.nan)
    return Line("sessions", "share of visits found exactly", share, 1.0, "truth", count)


def scored(
    named: DataFrame, present: DataFrame, score: DataFrame, outcome: DataFrame, prediction: DataFrame
) -> pd.DataFrame:
    """One row per true person with a score: ours, the best attainable and what came; the best known of several."""
    owner = named.join(present.select("id_type", "id_key", "person_id"), ["id_type", "id_key"])
    votes = owner.groupBy("person_id", "person").count().groupBy("person_id").agg(
        F.max_by("person", F.struct("count", -F.col("person"))).alias("person")
    )  # fmt: skip
    wanted = (
        "p_churn",
        "expected_orders_365d",
        "expected_spend",
        "clv_365d",
        "clv_365d_low",
        "clv_365d_high",
    )
    ours = score.where("p_churn IS NOT NULL").select("person_id", *(_double(c) for c in wanted))
    one = ours.join(votes, "person_id").groupBy("person").agg(
        *(F.max_by(c, F.struct("clv_365d", "person_id")).alias(c) for c in wanted)
    )  # fmt: skip
    rows = one.join(prediction.drop("day"), "person").join(outcome.drop("day").toDF(
        "person", "came_orders_91", "came_orders_365", "came_spend_91", "came_spend_365"), "person")  # fmt: skip
    return rows.orderBy("person").toPandas()


def _double(name: str) -> Column:
    return F.col(name).cast("double").alias(name)


def models(rows: pd.DataFrame) -> list[Line]:
    """Scores of the last day against what the future brought, beside the best attainable on the same persons."""
    n = len(rows)
    gone = (rows["came_orders_91"] == 0).to_numpy(bool)
    came = rows["came_spend_365"].to_numpy(float)
    inside = (came >= rows["clv_365d_low"]) & (came <= rows["clv_365d_high"])
    return [
        Line("churn", "AUC, next 91 days", roc_auc(gone, rows["p_churn"].to_numpy()),
             roc_auc(gone, rows["no_purchase_91"].to_numpy()), "best attainable", n),
        Line("churn", "mean probability", float(rows["p_churn"].mean()), float(gone.mean()), "truth", n),
        Line("clv", "Gini, next 365 days", gini(came, rows["clv_365d"].to_numpy()),
             gini(came, rows["spend_365"].to_numpy()), "best attainable", n),
        Line("clv", "sum of CLV over spend that came", float(rows["clv_365d"].sum() / came.sum()),
             float(rows["spend_365"].sum() / came.sum()), "best attainable", n),
        Line("clv", "share inside the 80 % interval", float(inside.mean()), 0.8, "nominal", n),
    ]  # fmt: skip


def with_owner(rows: DataFrame, present: DataFrame, key: str) -> DataFrame:
    """The person of each row by its identifiers; of several persons the one with the smallest id."""
    named = rows.select(key, F.explode("identifiers").alias("i")).select(key, "i.id_type", "i.id_key")
    owner = named.join(present, ["id_type", "id_key"]).groupBy(key).agg(F.min("person_id").alias("person_id"))
    return rows.join(owner, key)


def lift(contact: DataFrame, orders: DataFrame, effect: DataFrame, randomised: DataFrame, days: int) -> Line:
    """Further orders per contact by the coin's campaigns: contacted less held back, beside the planted effect.

    `contact` has contact_id, campaign, person_id, contact_time, is_control; `orders` has order_number, person_id,
    order_time, one row per order; `randomised` the campaigns whose contacts a coin decided.
    """
    tossed = contact.join(randomised, "campaign", "left_semi")
    within = (F.col("o.person_id") == F.col("c.person_id")) & F.col("order_time").between(
        F.col("contact_time"), F.col("contact_time") + F.make_dt_interval(F.lit(days))
    )
    counted = (
        tossed.alias("c").join(orders.alias("o"), within, "left").groupBy("c.contact_id", "is_control")
        .agg(F.count("order_number").alias("orders")).join(effect, "contact_id")
    )  # fmt: skip
    row = counted.agg(
        F.count("*").alias("count"),
        F.avg(F.when(~F.col("is_control"), F.col("orders"))).alias("treated"),
        F.avg(F.when(F.col("is_control"), F.col("orders"))).alias("control"),
        F.avg("effect").alias("true"),
    ).first()
    if row is None or row["treated"] is None or row["control"] is None:
        return Line("lift", "orders per contact", math.nan, math.nan, "truth", 0)
    return Line(
        "lift",
        "orders per contact",
        row["treated"] - row["control"],
        float(row["true"]),
        "truth",
        int(row["count"]),
    )


def as_text(value: float | None) -> str:
    """A figure as it is shown."""
    return "–" if value is None or np.isnan(value) else f"{value:.4f}"
