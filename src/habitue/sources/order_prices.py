"""Net revenue of an order line from whatever prices a source has, and the sign of returns."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.sources.faults import faults_where

_HELPERS = ("unit_price", "gross_revenue", "vat")


def with_prices(rows: DataFrame) -> DataFrame:
    """Add `net_revenue`, discounts, `vat_rate` and `is_return`; take `unit_price`, `gross_revenue`, `vat` away.

    `vat` (in percent) says that unit prices, gross revenue and discounts contain VAT:
    net = gross / (1 + vat / 100). A mapped net_revenue is taken as it is. From a unit
    price alone the line is quantity x price - discount. Returns end with negative
    quantity, revenue and cost, also where the source marks them with a flag and writes
    positive figures.
    """
    rows = _with_all_columns(rows)
    factor = 1 + F.coalesce(F.col("vat"), F.lit(0).cast("decimal(5,2)")) / 100
    parts = F.transform_values("discounts", lambda _, amount: F.abs(amount).cast(MONEY))
    total = F.coalesce(F.abs("discount"), _sum_of(parts))
    quantity, flagged = F.col("quantity"), F.coalesce("is_return", F.lit(False))
    list_value = F.abs(quantity) * F.col("unit_price") - F.coalesce(total, F.lit(0).cast(MONEY))
    from_price = F.when(quantity < 0, -list_value).otherwise(list_value) / factor
    net = F.coalesce(F.col("net_revenue"), _money(F.col("gross_revenue") / factor), _money(from_price))
    is_return = F.coalesce(flagged | (quantity < 0) | ((quantity == 0) & (net < 0)), F.lit(False))
    made = {
        "net_revenue": F.when(flagged, -F.abs(net)).otherwise(net).cast(MONEY),
        "quantity": F.when(flagged, -F.abs(quantity)).otherwise(quantity).cast("decimal(18,3)"),
        "discount": _money(total / factor),
        "discounts": F.transform_values(parts, lambda _, amount: _money(amount / factor)),
        "discount_type": F.coalesce("discount_type", _largest(parts)),
        "vat_rate": F.col("vat"),
        "cost": F.when(is_return, -F.abs("cost")).otherwise(F.col("cost")),
        "is_return": is_return,
        "_faults": F.concat("_faults", _faults(quantity, net, flagged)),
    }
    return rows.withColumns(made).drop(*_HELPERS)


def _with_all_columns(rows: DataFrame) -> DataFrame:
    types = {
        "unit_price": "decimal(18,6)", "gross_revenue": "decimal(18,6)", "vat": "decimal(5,2)", "net_revenue": MONEY,
        "discount": MONEY, "discounts": f"map<string,{MONEY}>", "discount_type": "string", "is_return": "boolean",
        "cost": MONEY,
    }  # fmt: skip
    missing = {name: F.lit(None).cast(type_) for name, type_ in types.items() if name not in rows.columns}
    return rows.withColumns(missing) if missing else rows


def _faults(quantity: Column, net: Column, flagged: Column) -> Column:
    negative_price, vat = F.col("unit_price") < 0, F.col("vat")
    wrong_sign = (quantity < 0) & (net > 0) & ~flagged
    return faults_where(
        [
            (negative_price, "impossible_value", "unit_price is negative"),
            (wrong_sign, "impossible_value", "net_revenue is positive for a negative quantity"),
            ((vat > 0) & (vat < 1), "impossible_value", "vat is a fraction; it is read as percent: 19"),
            (vat >= 100, "impossible_value", "vat is no rate in percent"),
        ]
    )


def _sum_of(amounts: Column) -> Column:
    zero = F.lit(0).cast("decimal(28,2)")
    total = F.aggregate(
        F.map_values(amounts), zero, lambda a, b: (a + F.coalesce(b, F.lit(0))).cast("decimal(28,2)")
    )
    return total.try_cast(MONEY)


def _largest(amounts: Column) -> Column:
    entries = F.transform(
        F.map_entries(amounts), lambda e: F.struct((-e["value"]).alias("amount"), e["key"].alias("type"))
    )
    given = F.filter(entries, lambda e: e["amount"] < 0)
    return F.get(F.array_sort(given), F.lit(0))["type"]


def _money(amount: Column) -> Column:
    return F.round(amount, 2).try_cast(MONEY)
