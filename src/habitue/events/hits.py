"""Events as far as visits need them: few narrow columns, so that little is shuffled and sorted.

Nothing here is a higher-order function: Spark compiles the scan and these columns into one loop then. What is
rare is a list of one, since an absent list costs nothing on its way to the kernel, and an absent struct as
much as a present one.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.events import cart, orders, vocabulary
from habitue.events.settings import SessionSettings
from habitue.events.visitor import attending

# the key first: Spark sorts by a prefix of the first column, and the type is the same for most
VISITOR = ("visitor_key", "visitor_type")
FLAGS = (
    "is_bot", "is_view", "is_product_view", "is_search", "is_checkout", "is_order", "is_form_start", "is_form_end",
    "is_ping", "is_removal", "is_key",
)  # fmt: skip
"""What is counted or looked for in a visit; flag i is bit i of `flags`."""
_MICROS = 1_000_000
# a tracker that reports more than a day of attention for one event is broken
_LONGEST_ATTENTION_SECONDS = 86_400


def hits(events: DataFrame, *, settings: SessionSettings, zone: str) -> DataFrame:
    """The columns that `visit_kernel` takes, of every event. Grain: event."""
    who = attending(settings)
    first_type = F.get(F.col("identifiers.id_type"), F.lit(0))
    may_have_login = (F.size("identifiers") > 1) | first_type.isin(*settings.login_types)
    plausible = F.col("engaged_seconds").between(0, _LONGEST_ATTENTION_SECONDS)  # NaN is above all numbers
    name = F.col("event_name")
    own_price = F.when(name == vocabulary.PRODUCT_VIEWED, F.col("product.price"))
    checkout = F.when(name == vocabulary.CHECKOUT_STARTED, F.col("order.value"))
    return events.select(
        who["visitor_key"].alias("visitor_key"),
        who["visitor_type"].alias("visitor_type"),
        F.unix_micros("event_time").alias("micros"),
        F.coalesce("event_sequence", F.lit(0)).alias("sequence"),
        "event_id",
        F.unix_micros("known_time").alias("known_micros"),
        F.unix_date(F.to_date(F.from_utc_timestamp("known_time", zone))).alias("known_day"),
        _flags(settings).alias("flags"),
        "channel",
        F.col("page.path").alias("path"),
        F.col("device.type").alias("device_type"),
        F.when(_has_campaign(), F.array("campaign")).alias("campaign"),
        F.when(plausible, F.round(F.col("engaged_seconds") * _MICROS).cast("bigint")).alias("tracked_micros"),
        F.when(may_have_login, F.col("identifiers")).alias("identifiers"),
        cart.change().alias("cart_change"),
        orders.completed().alias("completed_order"),
        F.coalesce(own_price, checkout).alias("price"),
        *_splitting(settings, zone),
    )


def in_order(rows: DataFrame, *keys: str) -> DataFrame:
    """Each visitor's rows on one task, in the order of their time, their place in the tracker's batch, and their id."""
    return rows.repartition(*VISITOR, *keys).sortWithinPartitions(*VISITOR, "micros", "sequence", "event_id")


def _splitting(settings: SessionSettings, zone: str) -> list[Column]:
    """Columns that only some rules look at."""
    rules = settings.rules
    columns = []
    if rules.at_midnight:
        local = F.from_utc_timestamp("event_time", zone)
        columns.append(F.unix_date(F.to_date(local)).alias("day"))
    if rules.by_source:
        columns.append(F.col("source_session_id"))
    return columns


def _flags(settings: SessionSettings) -> Column:
    name = F.col("event_name")
    found = {
        "is_bot": F.col("is_bot"),
        "is_view": name.isin(*vocabulary.VIEWS),
        "is_product_view": name == vocabulary.PRODUCT_VIEWED,
        "is_search": name == vocabulary.PRODUCTS_SEARCHED,
        "is_checkout": name == vocabulary.CHECKOUT_STARTED,
        "is_order": name == vocabulary.ORDER_COMPLETED,
        "is_form_start": name == vocabulary.FORM_STARTED,
        "is_form_end": name == vocabulary.FORM_SUBMITTED,
        "is_ping": name == vocabulary.PAGE_PINGED,
        "is_removal": name == vocabulary.PRODUCT_REMOVED,
        "is_key": name.isin(*settings.key_events) if settings.key_events else F.lit(False),
    }
    bits = [F.when(found[flag], F.lit(1 << place)).otherwise(F.lit(0)) for place, flag in enumerate(FLAGS)]
    return reduce(lambda all_, bit: all_.bitwiseOR(bit), bits)


def _has_campaign() -> Column:
    fields = ("source", "medium", "name", "term", "content", "click_id")
    return reduce(or_, (F.col(f"campaign.{field}").isNotNull() for field in fields))
