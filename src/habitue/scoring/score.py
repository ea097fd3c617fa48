"""gold.customer_score: every person of a profile scored in one Arrow pass, without a shuffle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.contracts.conform import conform
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.table import MONEY
from habitue.privacy.consent import PROFILING, has_objected
from habitue.scoring.batch import NO_PURCHASE, NUMBERS, REASONS, score_batches
from habitue.scoring.priority import with_priority
from habitue.scoring.scoring_models import ScoringModels
from habitue.training.economics import EconomicsSettings

_KEPT = (
    "as_of_date",
    "person_id",
    "overdue_ratio",
    "expected_next_order_date",
    "clv_historic",
    "has_objected",
)
_KEPT_TYPES = ("date", "string", "double", "date", MONEY, "boolean")
OBJECTED = "objected to profiling"


@dataclass(frozen=True)
class Batch:
    """What every row of a scoring carries: the day, the run and what value means."""

    as_of: date
    batch_id: str


def score_customers(
    profile: DataFrame,
    *,
    models: ScoringModels,
    batch: Batch,
    settings: EconomicsSettings,
    checkpoint: Checkpoint,
    objected: DataFrame | None = None,
) -> DataFrame:
    """`gold.customer_score` of the persons in `profile`; `objected` (person_id) are those who object to it by now.

    The model pass is written once by `checkpoint`; ranks of all persons then come
    from it, so that no model runs twice.
    """
    scored = checkpoint(model_scores(profile, models=models, settings=settings, objected=objected))
    at_stake = F.coalesce(F.greatest("clv_365d", F.lit(0.0)) * F.col("urgency"), F.lit(0.0))
    ranked = with_priority(scored.withColumn("at_stake", at_stake), "at_stake", checkpoint=checkpoint)
    return conform(ranked.select(*_contract_columns(models, batch, settings)), CUSTOMER_SCORE)


def model_scores(
    profile: DataFrame,
    *,
    models: ScoringModels,
    settings: EconomicsSettings,
    objected: DataFrame | None = None,
) -> DataFrame:
    """The one pass: profile columns that the models read go in, scores come out, rows stay where they are.

    Nothing of who objected to profiling goes in, by the profile's day or since (`objected`).
    """
    plain = (F.col(name) for name in ("as_of_date", "person_id", "overdue_ratio"))
    next_order = F.when(~F.col("has_objected"), _next_order_date()).alias("expected_next_order_date")
    kept = [*plain, next_order, _historic(settings), F.col("has_objected")]
    said_no = has_objected(PROFILING)
    if objected is not None:
        since = objected.select("person_id", F.lit(True).alias("_since"))
        profile = profile.join(since, on="person_id", how="left")
        said_no = said_no | F.col("_since").isNotNull()
    asked = profile.withColumn("has_objected", said_no)  # once per person, and not once per column
    read = (
        F.when(~F.col("has_objected"), F.col(name)).cast("double").alias(name) for name in _inputs(models)
    )
    inputs = asked.select(*kept, *read)
    schema = ", ".join(
        [f"{name} {kind}" for name, kind in zip(_KEPT, _KEPT_TYPES, strict=True)]
        + [f"{name} double" for name in NUMBERS]
        + [f"{name} string" for name in (*REASONS, "score_note")]
    )
    run = partial(score_batches, models=models, economics=settings.economics(), kept=_KEPT)
    scores = inputs.mapInArrow(run, schema)
    note = F.when(F.col("has_objected"), OBJECTED).otherwise(F.col("score_note"))
    return scores.withColumns({"urgency": _urgency(), "score_note": note})


def _inputs(models: ScoringModels) -> tuple[str, ...]:
    return tuple(name for name in models.columns if name not in _KEPT)


def _urgency() -> Column:
    """P(churn) times how far the person's own usual gap has passed, 1 at most.

    Before its time nothing is lost by waiting.
    """
    return F.col("p_churn") * F.least(F.lit(1.0), F.greatest(F.lit(0.0), "overdue_ratio"))


def _next_order_date() -> Column:
    """Last order day plus the person's own mean gap; null where that day has passed or no gap is known."""
    gap = F.round("interpurchase_days").cast("int")
    expected = F.date_add("last_order_date", gap)
    return F.when(expected >= F.col("as_of_date"), expected)


def _historic(settings: EconomicsSettings) -> Column:
    """Contribution so far: from known costs, else revenue times the margin, else revenue.

    Null without an order.
    """
    if settings.margin is None:
        value = F.col("net_revenue")
    else:
        rate = F.lit(Decimal(str(settings.margin))).cast("decimal(9,8)")
        by_rate = F.round(F.col("net_revenue") * rate, 2).cast(MONEY)
        value = F.coalesce(F.col("contribution_margin"), by_rate)
    return F.when(F.col("order_count") > 0, value).cast(MONEY).alias("clv_historic")


def _contract_columns(models: ScoringModels, batch: Batch, settings: EconomicsSettings) -> list[Column]:
    money = {name: F.round(name, 2).cast(MONEY) for name in NUMBERS if name.startswith("clv_")}
    is_buyer = F.col("score_note").isNull() | ~F.col("score_note").isin(NO_PURCHASE, OBJECTED)
    churn = models.churn
    own = money | {
        "churn_horizon_days": F.when(is_buyer, F.lit(churn.horizon_days if churn else None).cast("int")),
        "clv_basis": F.lit(settings.basis),
        "p_unsubscribe": F.lit(None).cast("map<string,double>"),
        "p_first_purchase": F.lit(None).cast("double"),
        "churn_model_version": F.lit(churn.version if churn else None).cast("string"),
        "clv_model_version": F.lit(models.clv.version if models.clv else None).cast("string"),
        "batch_id": F.lit(batch.batch_id),
    }
    return [own.get(name, F.col(name)).alias(name) for name in CUSTOMER_SCORE.column_names]
