"""The visitor of an event: the device or cookie that it came from, else what comes closest."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.settings import SessionSettings

NO_DEVICE = "event"
"""Type of a visitor of whom nothing is known but one event."""


def visitor(identifiers: Column, *, settings: SessionSettings) -> Column:
    """A struct of `visitor_type` and `visitor_key`; null where no identifier is of a visitor's type.

    Takes keyed `identifiers`, sorted as keying leaves them. The first type of the settings that is there wins; of
    several keys of that type the smallest.
    """
    return F.coalesce(*(_first_of_type(identifiers, type_) for type_ in settings.visitor_types))


def attending(settings: SessionSettings) -> Column:
    """A struct of `visitor_type` and `visitor_key`, never null: who an event's visit belongs to.

    An event that names no device or cookie (a server's, a mail's) goes by its strongest login; one without
    any identifier is a visit of its own, of type `event`. So every event belongs to one visit.
    """
    device = F.struct(F.col("visitor_type"), F.col("visitor_key"))
    by_login = (_first_of_type(F.col("identifiers"), type_) for type_ in settings.login_types)
    alone = F.struct(F.lit(NO_DEVICE).alias("visitor_type"), F.col("event_id").alias("visitor_key"))
    return F.when(has_device(), device).otherwise(F.coalesce(*by_login, alone))


def has_device() -> Column:
    """Whether an event names a device or cookie."""
    return F.col("visitor_type").isNotNull() & F.col("visitor_key").isNotNull()


def _first_of_type(identifiers: Column, type_: str) -> Column:
    """The smallest key of that type on an event: identifiers are sorted. Compiled by Spark, unlike a filter."""
    place = F.array_position(identifiers["id_type"], type_)
    key = F.get(identifiers["id_key"], (place - 1).cast("int"))
    return F.when(place > 0, F.struct(F.lit(type_).alias("visitor_type"), key.alias("visitor_key")))
