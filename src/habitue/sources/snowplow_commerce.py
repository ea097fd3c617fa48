"""Products and orders of Snowplow: e-commerce entities, the enhanced plugin's, and the transactions of old."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY
from habitue.events import vocabulary
from habitue.sources.event_parts import is_unreadable, number, order_number, present
from habitue.sources.faults import Condition
from habitue.sources.snowplow_entities import ENHANCED_PRODUCT, PRODUCT
from habitue.sources.tracked_products import TEXTS_TYPE, currency_of, items, product_faults, worth


def listed(entities: Column, told: Mapping[str, Column], row: Mapping[str, Column]) -> Column:
    """All products of an event as texts, in the order they were sent."""
    of_event = F.struct(
        F.coalesce(told["sku"], row["ti_sku"]).alias("id"),
        F.coalesce(told["category"], row["ti_category"]).alias("category"),
        F.lit(None).cast("string").alias("brand"),
        F.coalesce(told["unit_price"], row["ti_price"]).alias("price"),
        F.coalesce(told["quantity"], row["ti_quantity"]).alias("quantity"),
        F.coalesce(told["currency"], row["ti_currency"]).alias("currency"),
    )
    own = F.when(present(of_event["id"]).isNotNull(), F.array(of_event)).otherwise(F.array())
    every = F.concat(PRODUCT.read_every(entities), ENHANCED_PRODUCT.read_every(entities))
    return F.when(F.size(every) > 0, every).otherwise(own.cast(TEXTS_TYPE))


def amounts(of: Mapping[str, Mapping[str, Column]], row: Mapping[str, Column]) -> dict[str, Column]:
    """What an event says of its order, as texts: by transaction, refund or cart, or by the columns of old."""
    sold, returned, enhanced, cart = of["sold"], of["returned"], of["enhanced"], of["cart"]
    return {
        "order_number": order_number(
            *(sold["transaction_id"], returned["transaction_id"], enhanced["id"]),
            *(row["tr_orderid"], row["ti_orderid"]),
        ),
        "total": F.coalesce(*(present(v) for v in (sold["revenue"], enhanced["revenue"], row["tr_total"]))),
        "tax": F.coalesce(*(present(v) for v in (sold["tax"], enhanced["tax"], row["tr_tax"]))),
        "shipping": F.coalesce(
            *(present(v) for v in (sold["shipping"], enhanced["shipping"], row["tr_shipping"]))
        ),
        "refund": present(returned["refund_amount"]),
        "cart": present(cart["total_value"]),
        "discount": present(sold["discount_amount"]),
        "coupon": F.coalesce(present(sold["discount_code"]), present(enhanced["coupon"])),
        "currency": F.coalesce(
            *(
                present(v)
                for v in (sold["currency"], returned["currency"], enhanced["currency"], cart["currency"])
            ),
            present(row["tr_currency"]),
            present(row["ti_currency"]),
        ),
    }


def order(stated: Mapping[str, Column], products: Column, name: Column, *, currency: str | None) -> Column:
    """The order of an order event, of a checkout or of any that names one.

    A transaction's revenue is its total: tax and shipping are taken away to find what the goods cost.
    """
    none = F.lit(0).cast(MONEY)
    total, tax, shipping = (number(stated[n], MONEY) for n in ("total", "tax", "shipping"))
    goods = total - F.coalesce(tax, none) - F.coalesce(shipping, none)
    of_products = currency_of(products)
    of_checkout = F.coalesce(number(stated["cart"], MONEY), worth(items(products, name)))
    in_checkout = F.when(name == vocabulary.CHECKOUT_STARTED, of_checkout)
    fields = {
        "order_number": stated["order_number"],
        "value": F.coalesce(number(stated["refund"], MONEY), goods, in_checkout).try_cast(MONEY),
        "currency": F.coalesce(F.upper(F.coalesce(stated["currency"], of_products)), F.lit(currency)),
        "discount": number(stated["discount"], MONEY),
        "coupon": stated["coupon"],
    }
    is_order = name.isin(*vocabulary.VALUED) | stated["order_number"].isNotNull()
    return F.when(is_order, F.struct(*(value.alias(n) for n, value in fields.items())))


def number_faults(stated: Mapping[str, Column], products: Column, name: Column) -> list[Condition]:
    """What is no number, or less than nothing, in the amounts of a commerce event."""
    faults: list[Condition] = [
        (is_unreadable(stated[n], MONEY), "not_a_number", f"the order's {n} is not a number")
        for n in ("total", "tax", "shipping", "refund", "discount")
    ]
    in_cart = is_unreadable(stated["cart"], MONEY) & (name == vocabulary.CHECKOUT_STARTED)
    faults.append((in_cart, "not_a_number", "the cart's total_value is not a number"))
    faults += product_faults(products, name)
    is_judged = name.isin(*vocabulary.COMMERCE)
    return [
        (F.coalesce(is_judged & condition, F.lit(False)), code, reason) for condition, code, reason in faults
    ]
