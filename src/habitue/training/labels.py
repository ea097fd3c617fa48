"""Labels: what the persons of a cut-off bought in the window after it.

A window is [cut-off, cut-off + horizon), days cut in the project's zone. Orders
get their person by the identity map at the end of the window, collapsed onto the
persons that existed at the cut-off: where several of them turned out to be one,
the surviving id (else the smallest) stands for all, and the others are no
training rows, since they would look like people who left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.profile.conventions import Conventions
from habitue.profile.currency import in_project_currency
from habitue.profile.cuts import Cut, instant, local_date
from habitue.profile.persons import owners, valid_at


@dataclass(frozen=True)
class LabelWindow:
    """From the start of `cut.as_of` to the start of `end.as_of`."""

    cut: Cut
    end: Cut


def labels(
    lines: DataFrame,
    identity_map: DataFrame,
    windows: Sequence[LabelWindow],
    *,
    known_before: datetime,
    conventions: Conventions,
) -> DataFrame:
    """One row per as_of_date and person of the cut-off.

    `future_purchase_days`, `future_net_revenue` (both 0 without orders).

    Persons that another person of the same cut-off stands for are missing.
    """
    cuts = tuple(sorted({cut for window in windows for cut in (window.cut, window.end)}))
    spans = _spans(lines.sparkSession, windows, cuts)
    daily = _daily_revenue(lines, windows, known_before, conventions)
    owner = owners(daily.select("identifiers").distinct(), identity_map, cuts, conventions)
    in_window = (F.col("order_date") >= F.col("as_of_date")) & (F.col("order_date") < F.col("end_date"))
    bought = daily.join(F.broadcast(spans), on=in_window, how="inner").join(
        owner, on="identifiers", how="inner"
    )
    by_last_person = (
        bought.withColumn("last_person", F.try_element_at("person_at", F.col("end_index")))
        .where(F.col("last_person").isNotNull())
        .groupBy("as_of_date", "last_person")
        .agg(
            F.count_distinct(F.when(F.col("is_purchase"), F.col("order_date"))).alias("future_purchase_days"),
            F.sum("net_revenue").cast(MONEY).alias("future_net_revenue"),
        )
    )
    return (
        representatives(identity_map, windows)
        .join(by_last_person, on=["as_of_date", "last_person"], how="left")
        .select(
            "as_of_date",
            "person_id",
            F.coalesce("future_purchase_days", F.lit(0)).cast("bigint").alias("future_purchase_days"),
            F.coalesce("future_net_revenue", F.lit(0)).cast(MONEY).alias("future_net_revenue"),
        )
    )


def representatives(identity_map: DataFrame, windows: Sequence[LabelWindow]) -> DataFrame:
    """as_of_date, last_person, person_id: the one person of the cut-off that stands for a person at the end."""
    parts = [_representatives(identity_map, window) for window in windows]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole


def _representatives(identity_map: DataFrame, window: LabelWindow) -> DataFrame:
    keep = ("id_type", "id_key", "person_id")
    then = valid_at(identity_map, (window.cut,), keep=keep).select(*keep)
    last = valid_at(identity_map, (window.end,), keep=keep).select(
        "id_type", "id_key", F.col("person_id").alias("last_person")
    )
    # an identifier that was retired meanwhile leaves its person as it was
    pairs = then.join(last, on=["id_type", "id_key"], how="left").select(
        "person_id", F.coalesce("last_person", "person_id").alias("last_person")
    )
    # the person's id survives (rank 0) before any other; of those the smallest
    choice = F.min(F.struct((F.col("person_id") != F.col("last_person")).alias("is_other"), "person_id"))
    by_last = pairs.groupBy("last_person").agg(choice.alias("chosen"))
    # a person that was split stands for one of its parts only: its own id, else the smallest
    part = F.min(F.struct((F.col("person_id") != F.col("last_person")).alias("is_other"), "last_person"))
    return (
        by_last.select("last_person", F.col("chosen.person_id").alias("person_id"))
        .groupBy("person_id")
        .agg(part.alias("part"))
        .select(
            F.lit(window.cut.as_of).alias("as_of_date"),
            F.col("part.last_person").alias("last_person"),
            "person_id",
        )
    )


_ORDER = ("source", "order_number", "identifiers")
"""Numbers of receipts begin anew, and another customer's order is another one."""


def _daily_revenue(
    lines: DataFrame, windows: Sequence[LabelWindow], known_before: datetime, conventions: Conventions
) -> DataFrame:
    """One row per set of identifiers and day that falls into any window.

    An order is bought on the day of its earliest line, as in the profile, also where that lies before the
    window: a line added to it later brings revenue and is no purchase of its own.
    """
    first, last = min(w.cut.at for w in windows), max(w.end.at for w in windows)
    time, zone = F.col("order_time"), conventions.zone
    known = lines.where((time < instant(last)) & (F.col("known_time") < instant(known_before)))
    bought_at = F.min(F.when(~F.col("is_return"), time)).over(Window.partitionBy(*_ORDER))
    within = known.withColumn("bought_date", local_date(bought_at, zone)).where(time >= instant(first))
    priced = in_project_currency(within, conventions.money, zone)
    day = local_date(time, zone)
    return priced.groupBy("identifiers", day.alias("order_date")).agg(
        F.sum("net_revenue").alias("net_revenue"),
        F.bool_or(~F.col("is_return") & (day == F.col("bought_date"))).alias("is_purchase"),
    )


def _spans(spark: SparkSession, windows: Sequence[LabelWindow], cuts: Sequence[Cut]) -> DataFrame:
    rows: list[tuple[date, date, int]] = [(w.cut.as_of, w.end.as_of, cuts.index(w.end)) for w in windows]
    return spark.createDataFrame(rows, "as_of_date date, end_date date, end_index int")
