"""The rhythm of a person: gaps between purchase days, and how late it is by its own measure.

The expected gap is the person's own upper quantile, drawn to the population's
as long as there are few gaps: (n q_own + k q_population) / (n + k).
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.profile.settings import RhythmSettings


def gaps() -> Column:
    """Days between consecutive purchase days, in order of time."""
    days = F.col("purchase_days")
    later = F.slice(days, 2, F.greatest(F.size(days) - 1, F.lit(0)))
    earlier = F.slice(days, 1, F.greatest(F.size(days) - 1, F.lit(0)))
    return F.zip_with(later, earlier, lambda after, before: F.date_diff(after, before))


def columns(settings: RhythmSettings) -> dict[str, Column]:
    """Mean, median and variation of the gaps and the person's own quantile; null without a gap."""
    gap, ordered = F.col("gaps"), F.col("ordered_gaps")
    count = F.size(gap).cast("bigint")
    total = F.col("recency_days").cast("bigint")
    mean = total.cast("double") / count
    zero = F.lit(0).cast("bigint")
    squares = F.aggregate(gap, zero, lambda total, days: total + days.cast("bigint") * days.cast("bigint"))
    variance = (count * squares - total * total).cast("double") / (
        count * (count - 1)
    )  # exact before the division
    has_gap, has_two = F.size(gap) > 0, F.size(gap) > 1
    usual = F.slice(ordered, 1, F.greatest(F.size(ordered) - 1, F.lit(0)))
    return {
        "interpurchase_days": F.when(has_gap, mean),
        "interpurchase_median_days": quantile(ordered, 0.5),
        "regularity_cv": F.when(has_two, F.sqrt(variance) / mean),
        "own_gap_days": quantile(ordered, settings.gap_quantile),
        # the longest gap left out: the measure for whether that one was a lapse
        "usual_gap_days": quantile(usual, settings.gap_quantile),
    }


def quantile(ordered: Column, share: float) -> Column:
    """Quantile of a sorted array by linear interpolation (type 7 of Hyndman, Fan 1996); null when empty."""
    position = (F.size(ordered) - 1) * F.lit(share)
    below = F.floor(position).cast("int")
    low = F.try_element_at(ordered, below + 1).cast("double")
    high = F.coalesce(F.try_element_at(ordered, below + 2).cast("double"), low)
    return F.when(F.size(ordered) > 0, low + (high - low) * (position - below))


def population_gap() -> Column:
    """Median over persons of their own quantile, of those with two gaps or more: what is usual."""
    return F.expr("percentile(own_gap_days, 0.5) FILTER (WHERE size(gaps) >= 2)")


def shrunk(own: Column, gap_count: Column, settings: RhythmSettings) -> Column:
    """The person's own quantile drawn to the population's by the number of its gaps."""
    population = F.coalesce(F.col("population_gap_days"), F.lit(settings.default_gap_days))
    weight = gap_count.cast("double")
    drawn = (weight * own + settings.prior_gaps * population) / (weight + settings.prior_gaps)
    return F.when(gap_count > 0, drawn).otherwise(population)
