"""Where and what a person buys: shares of purchase channels, stores and categories of the last 365 days.

Categories are attributes of the product, taken as the product table has them
now: reference data are not facts about a person, so no cut hides them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.conventions import Conventions
from habitue.profile.currency import in_project_currency
from habitue.profile.cuts import Cut, each_cut, local_date
from habitue.profile.facts import KEYS, seen_by

WINDOW_DAYS = 365
OF_STORES = ("store_count",)
_SUM = "decimal(28,2)"


def places() -> dict[str, Column]:
    """Aggregates over a person's orders: channel and store of each recent purchase, and whether any store is known."""
    is_recent = F.col("is_purchase") & (F.col("days_ago") <= WINDOW_DAYS)
    return {
        "channels": F.collect_list(F.when(is_recent, F.col("place.channel"))),
        "stores": F.collect_list(F.when(is_recent, F.col("place.store"))),
        "has_stores_stated": F.bool_or(F.col("is_purchase") & F.col("place.store").isNotNull()),
    }


def place_counts() -> dict[str, Column]:
    """How often each channel and store occurs, for `place_columns`: computed once, as columns."""
    return {"channel_counts": counted("channels"), "store_counts": counted("stores")}


def place_columns() -> dict[str, Column]:
    """Channel shares, the preferred channel and the home store (ties: the smaller name)."""
    total = F.size("channels")
    shares = F.transform(
        "channel_counts", lambda c: F.struct(c["name"], (c["amount"] / total).alias("share"))
    )
    return {
        "channel_shares": F.when(total > 0, F.map_from_entries(shares)),
        "preferred_purchase_channel": _most("channel_counts")["name"],
        "home_store": _most("store_counts")["name"],
        "store_count": F.when(F.col("order_count") > 0, F.size("store_counts").cast("bigint")),
    }


def counted(name: str) -> Column:
    """How often each value of an array occurs, sorted by value: array of (name, amount)."""

    def occurrences(value: Column) -> Column:
        same = F.filter(F.col(name), lambda other: other == value)
        return F.struct(value.alias("name"), F.size(same).cast("double").alias("amount"))

    return F.transform(F.array_sort(F.array_distinct(name)), occurrences)


def category_shares(
    lines: DataFrame, product: DataFrame, owner: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut and person with a category bought in the last 365 days: shares, top, breadth.

    Lines are summed per set of identifiers, category and span of cuts (first that
    sees them, last that still has them within the window) before they are looked
    at from each cut: the work does not grow with lines times cuts.
    """
    spans = _category_spans(lines, product, cuts, conventions)
    owned = spans.join(owner, on="identifiers", how="inner")
    keep = ("person_at", "category", "revenue", "bought")
    spread = each_cut(owned, cuts, first=F.col("first_cut"), last=F.col("last_cut"), keep=keep)
    person = F.try_element_at("person_at", F.col("cut_index"))
    placed = spread.withColumn("person_id", person).where(person.isNotNull()).drop("person_at")
    by_category = (
        placed.repartition(*KEYS)
        .groupBy(*KEYS, "category")
        .agg(F.sum("revenue").alias("revenue"), F.sum("bought").alias("bought"))
        .where(F.col("bought") > 0)
    )
    revenue = F.greatest("revenue", F.lit(0).cast(_SUM)).alias("amount")
    entries = F.array_sort(F.collect_list(F.struct(F.col("category").alias("name"), revenue)))
    grouped = by_category.groupBy(*KEYS).agg(
        entries.alias("categories"), F.sum(revenue).cast("double").alias("category_total")
    )
    return grouped.select(*KEYS, *(column.alias(name) for name, column in _category_columns().items()))


def _category_spans(
    lines: DataFrame, product: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    seen = seen_by(in_project_currency(lines, conventions.money, conventions.zone), "order_time", cuts)
    day = local_date(F.col("order_time"), conventions.zone)
    last = F.lit(-1)
    for cut in cuts:
        last = last + F.when(F.date_diff(F.lit(cut.as_of), day) <= WINDOW_DAYS, 1).otherwise(0)
    products = product.where(F.col("category").isNotNull()).select("source", "product_number", "category")
    return (
        seen.select("*", last.alias("last_cut"))
        .join(products, on=["source", "product_number"], how="inner")
        .groupBy("identifiers", "category", "first_cut", "last_cut")
        .agg(
            F.sum("net_revenue").cast(_SUM).alias("revenue"), F.count_if(~F.col("is_return")).alias("bought")
        )
    )


def _category_columns() -> dict[str, Column]:
    """Shares of positive net revenue; a category that was returned in full has share 0."""
    total = F.col("category_total")
    has_total = total > 0

    def share(category: Column) -> Column:
        return F.struct(category["name"], (category["amount"].cast("double") / total).alias("share"))

    top = _most("categories")
    return {
        "category_shares": F.when(has_total, F.map_from_entries(F.transform("categories", share))),
        "top_category": F.when(has_total, top["name"]),
        "top_category_share": F.when(has_total, -top["less"].cast("double") / total),
        "category_breadth": F.size("categories").cast("bigint"),
    }


def _most(counts: str) -> Column:
    """Of an array column the entry with the largest amount, of equal ones the first by name; else null."""
    return F.array_min(F.transform(counts, lambda c: F.struct((-c["amount"]).alias("less"), c["name"])))
