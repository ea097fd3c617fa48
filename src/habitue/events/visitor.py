"""The visitor of an event: the device or cookie that it came from."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.settings import SessionSettings


def visitor(identifiers: Column, *, settings: SessionSettings) -> Column:
    """A struct of `visitor_type` and `visitor_key`; null where no identifier is of a visitor's type.

    Takes keyed `identifiers`. The first type of the settings that is there wins; of several keys of
    that type the smallest, so that the answer does not depend on their order.
    """
    return F.coalesce(*(_of_type(identifiers, type_) for type_ in settings.visitor_types))


def _of_type(identifiers: Column, type_: str) -> Column:
    found = F.filter(identifiers, lambda identifier: identifier["id_type"] == type_)
    key = F.array_min(F.transform(found, lambda identifier: identifier["id_key"]))
    return F.when(key.isNotNull(), F.struct(F.lit(type_).alias("visitor_type"), key.alias("visitor_key")))
