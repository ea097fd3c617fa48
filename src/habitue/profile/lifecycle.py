"""The lifecycle stage of a person by its own rhythm, and since when it holds.

Buyers are judged by the days since the last purchase in multiples of their
expected gap; everybody else by what is known of them and what they looked at.
`stage_since` is worked out from the facts: the day a limit was passed, or the
purchase or look that began the present stage.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.profile.settings import LifecycleSettings


def lifecycle_stage(settings: LifecycleSettings) -> Column:
    """The stage of a row that carries its rhythm; `lifecycle_dates` needs it as a column."""
    days = F.col("purchase_day_count")
    waited = F.col("days_since_last_order")
    buyer = (
        F.when(waited > _limit(settings.lost_ratio), "lost")
        .when(waited > _limit(settings.dormant_ratio), "dormant")
        .when(waited > _limit(settings.at_risk_ratio), "at_risk")
        .when(days >= settings.loyal_purchase_days, "loyal")
        .when(days >= 2, "active")
        .otherwise("first_buyer")
    )
    visitor = (
        F.when(~F.col("is_known"), "anonymous")
        .when(F.col("evaluating_since").isNotNull(), "evaluating")
        .otherwise("prospect")
    )
    return F.when(days > 0, buyer).otherwise(visitor)


def lifecycle_dates(settings: LifecycleSettings) -> dict[str, Column]:
    """Since when the stage holds, and whether the person came back from being dormant or lost."""
    came_back = _last_return(settings.dormant_ratio)
    is_recent = F.date_diff(F.col("as_of_date"), came_back) <= settings.reactivated_days
    return {
        "stage_since": _since(settings),
        "is_reactivated": F.coalesce(is_recent, F.lit(False)),
    }


def _since(settings: LifecycleSettings) -> Column:
    stage, days = F.col("lifecycle_stage"), F.col("purchase_days")
    came_back = _last_return(settings.at_risk_ratio)
    loyal_from = F.try_element_at(days, F.lit(settings.loyal_purchase_days))
    active_from = F.try_element_at(days, F.lit(2))
    return (
        F.when(stage == "lost", _passed(settings.lost_ratio))
        .when(stage == "dormant", _passed(settings.dormant_ratio))
        .when(stage == "at_risk", _passed(settings.at_risk_ratio))
        .when(stage == "loyal", F.greatest(loyal_from, came_back))
        .when(stage == "active", F.greatest(active_from, came_back))
        .when(stage == "first_buyer", F.col("first_order_date"))
        .when(stage == "evaluating", F.greatest("evaluating_since", "person_since"))
        .when(stage == "prospect", F.greatest("evaluation_over", "person_since"))
        .otherwise(F.col("person_since"))
    )


def _limit(ratio: float) -> Column:
    """Days without a purchase up to which the next stage is not reached."""
    return F.floor(F.col("expected_gap_days") * ratio).cast("int")


def _passed(ratio: float) -> Column:
    return F.date_add(F.col("last_order_date"), _limit(ratio) + 1)


def _last_return(ratio: float) -> Column:
    """The last purchase day after a gap that was a lapse by the person's other gaps; null without one."""
    lapse = F.floor(F.col("lapse_gap_days") * ratio)
    later = F.slice("purchase_days", 2, F.greatest(F.size("purchase_days") - 1, F.lit(0)))
    returns = F.zip_with(later, F.col("gaps"), lambda day, gap: F.when(gap > lapse, day))
    return F.array_max(returns)
