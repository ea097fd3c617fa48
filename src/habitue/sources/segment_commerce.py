"""Products and orders of Segment's e-commerce events."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.contracts.table import MONEY, QUANTITY
from habitue.events import vocabulary
from habitue.sources.event_parts import is_unreadable, number, order_number, present
from habitue.sources.segment_line import ORDER_AMOUNTS
from habitue.sources.tracked_products import worth

_PRODUCT_NUMBERS = {"price": MONEY, "quantity": QUANTITY}


def product(properties: Column, products: Column, event_name: Column) -> Column:
    """The product that an event is about, else the only one it lists; any other event may call anything an `id`."""
    own = _own_product(properties, event_name)
    return F.coalesce(
        own, F.when(_lists_its_product(products, event_name), _listed_product(F.get(products, F.lit(0))))
    )


def _own_product(properties: Column, event_name: Column) -> Column:
    is_product = F.coalesce(event_name.isin(*vocabulary.OF_ONE_PRODUCT), F.lit(False))
    return _product(properties, F.when(is_product, properties["id"]))


def _listed_product(item: Column) -> Column:
    return _product(item, item["id"])


def _lists_its_product(products: Column, event_name: Column) -> Column:
    """Whether an event about one product has it in a list, as GA4's documentation does."""
    return F.coalesce(event_name.isin(*vocabulary.OF_ONE_PRODUCT) & (F.size(products) == 1), F.lit(False))


def _product(properties: Column, first_id: Column) -> Column:
    """A product by `product_id` or `productId`, else by the `id` of the first version, else `sku`; null without any.

    One that is spelt as GA4's goes by its `item_id`, else by its name.
    """
    numbers_of = (
        *(properties["product_id"], properties["productId"], first_id, properties["sku"]),
        *(properties["item_id"], properties["item_name"]),
    )
    product_number = F.coalesce(*(present(each) for each in numbers_of))
    numbers = {name: number(properties[name], type_) for name, type_ in _PRODUCT_NUMBERS.items()}
    fields = {
        "product_number": product_number,
        "category": F.coalesce(present(properties["category"]), present(properties["item_category"])),
        "brand": F.coalesce(present(properties["brand"]), present(properties["item_brand"])),
        **numbers,
    }
    return F.when(
        product_number.isNotNull(), F.struct(*(value.alias(name) for name, value in fields.items()))
    )


def items(properties: Column, products: Column, event_name: Column) -> Column:
    """The products of a cart or order, in the order they were sent; those without a number left out."""
    is_said = _lists_its_product(products, event_name) & _own_product(properties, event_name).isNull()
    # most events list none and are spared the walk
    return F.when(products.isNotNull() & ~is_said, _listed(products))


def _listed(products: Column) -> Column:
    return F.array_compact(F.transform(products, _listed_product))


def order(properties: Column, products: Column, event_name: Column, *, currency: str | None) -> Column:
    """The order of an order event, of a checkout or of any event that names one; `currency` where it states none."""
    stated = F.upper(present(properties["currency"]))
    is_valued = event_name.isin(*vocabulary.VALUED)
    # of any other event the transaction may be that of a bank
    transaction = F.when(is_valued, properties["transaction_id"])
    number_of_order = order_number(properties["order_id"], properties["orderId"], transaction)
    is_order = is_valued | number_of_order.isNotNull()
    stated_value = F.when(is_valued, number(properties["value"], MONEY))
    in_checkout = F.when(event_name == vocabulary.CHECKOUT_STARTED, worth(_listed(products)))
    fields = {
        "order_number": number_of_order,
        "value": F.coalesce(net_merchandise(properties), stated_value, in_checkout),
        "currency": F.coalesce(stated, F.lit(currency)),
        "discount": number(properties["discount"], MONEY),
        "coupon": present(properties["coupon"]),
    }
    return F.when(is_order, F.struct(*(value.alias(name) for name, value in fields.items())))


def net_merchandise(properties: Column) -> Column:
    """What the goods cost after discounts, without shipping and tax.

    Segment leaves `total` and `revenue` to the user. In its own example revenue (25.00) is before a
    discount of 2.50, subtotal (22.50) after it, and total (27.50) has tax and shipping on top. So:
    subtotal, else revenue - discount, else total - tax - shipping.
    """
    amount = {name: number(properties[name], MONEY) for name in ORDER_AMOUNTS}
    none = F.lit(0).cast(MONEY)
    from_revenue = amount["revenue"] - F.coalesce(amount["discount"], none)
    from_total = amount["total"] - F.coalesce(amount["tax"], none) - F.coalesce(amount["shipping"], none)
    return F.coalesce(amount["subtotal"], from_revenue, from_total).try_cast(MONEY)


def number_faults(properties: Column, products: Column, event_name: Column) -> list[tuple[Column, str, str]]:
    """Condition, code and reason of each way in which the numbers of a commerce event can be wrong.

    Events outside the commerce vocabulary may call anything a price, so theirs are not judged.
    """
    of_event = [(properties[n], t, f"properties.{n}") for n, t in _PRODUCT_NUMBERS.items()]
    of_event += [(properties[n], MONEY, f"properties.{n}") for n in ORDER_AMOUNTS]
    faults = [
        (is_unreadable(text, type_), "not_a_number", f"{name} is not a number")
        for text, type_, name in of_event
    ]
    for name, type_ in _PRODUCT_NUMBERS.items():
        faults += _product_faults(properties, products, event_name, name, type_)
    worth_what = is_unreadable(properties["value"], MONEY) & event_name.isin(*vocabulary.VALUED)
    faults.append((worth_what, "not_a_number", "properties.value is not a number"))
    is_judged = event_name.isin(*vocabulary.COMMERCE)
    return [(is_judged & condition, code, reason) for condition, code, reason in faults]


def _product_faults(
    properties: Column, products: Column, event_name: Column, name: str, type_: str
) -> list[tuple[Column, str, str]]:
    def cannot_be_read(product: Column) -> Column:
        return is_unreadable(product[name], type_)

    def is_negative(product: Column) -> Column:
        return F.coalesce(number(product[name], type_) < 0, F.lit(False))

    below = F.coalesce(F.exists(products, is_negative), F.lit(False)) | is_negative(properties)
    return [
        (F.exists(products, cannot_be_read), "not_a_number", f"properties.products.{name} is not a number"),
        (
            below & ~event_name.isin(*vocabulary.ORDERS),  # an order has vouchers and returns among its lines
            "impossible_value",
            f"{name} is negative",
        ),
    ]
