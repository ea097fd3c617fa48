"""Money in one currency: lines in another are converted by a dated rate, never summed as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.errors import CheckError

MONEY_COLUMNS = ("net_revenue", "discount", "cost")


class CurrencyRate(BaseModel, extra="forbid", frozen=True):
    """What one unit of `currency` is worth in the project's currency from a day on."""

    currency: str = Field(pattern="^[A-Z]{3}$", description="Currency of the orders.")
    from_date: date = Field(description="First day on which the rate holds.")
    rate: Decimal = Field(gt=0, description="Units of the project's currency for one unit.")


class Money(BaseModel, extra="forbid", frozen=True):
    """The project's currency and the rates of all others."""

    currency: str = Field(pattern="^[A-Z]{3}$", description="Currency of the orders.")
    rates: tuple[CurrencyRate, ...] = ()


def check_currencies(lines: DataFrame, money: Money, zone: str) -> None:
    """Stop with the names of all currencies that have lines without a rate for their day."""
    rate = rate_of(F.col("currency"), _day(zone), money)
    missing = lines.where(rate.isNull()).groupBy("currency").agg(F.min(_day(zone)).alias("first_day"))
    problems = [
        f"{row['currency']}: no rate to {money.currency} for {row['first_day']}"
        for row in missing.orderBy("currency").collect()  # one row per currency
    ]
    if problems:
        hint = "Add dated rates to conf/economics.yaml, or leave the source out."
        raise CheckError("Orders in currencies that cannot be summed:", problems, hint=hint)


def in_project_currency(lines: DataFrame, money: Money, zone: str) -> DataFrame:
    """Order lines with all money converted by the rate of their day; a line without a rate stops the read."""
    if not money.rates:
        foreign = F.concat(F.lit(f"order lines without a rate to {money.currency}: "), F.col("currency"))
        checked = F.when(F.col("currency") == money.currency, F.col("currency")).otherwise(
            F.raise_error(foreign)
        )
        return lines.withColumn("currency", checked)
    unknown = F.raise_error(F.concat(F.lit(f"no rate to {money.currency} for "), F.col("currency")))
    rate = F.coalesce(rate_of(F.col("currency"), _day(zone), money), unknown.cast("decimal(18,8)"))
    converted = {name: (F.col(name) * rate).cast(MONEY) for name in MONEY_COLUMNS}
    return lines.withColumns(converted | {"currency": F.lit(money.currency)})


def rate_of(currency: Column, day: Column, money: Money) -> Column:
    """The latest rate on or before the day; 1 for the project's own currency, null where there is none."""
    rate = F.when(currency == money.currency, F.lit(Decimal(1)).cast("decimal(18,8)"))
    for entry in _latest_first(money.rates):
        applies = (currency == entry.currency) & (day >= F.lit(entry.from_date))
        rate = rate.when(applies, F.lit(entry.rate).cast("decimal(18,8)"))
    return rate


def _latest_first(rates: Sequence[CurrencyRate]) -> list[CurrencyRate]:
    return sorted(rates, key=lambda entry: entry.from_date, reverse=True)


def _day(zone: str) -> Column:
    return F.to_date(F.from_utc_timestamp(F.col("order_time"), zone))
