"""When an event happened: the clock of the device, corrected by what the server saw.

A device says when something happened and when it sent it, the server says when it
arrived. With a constant skew and no delay on the way,

    event time = received - (sent - original)

which is also what Segment, RudderStack and Snowplow's `derived_tstamp` compute. All
arithmetic is in whole microseconds.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.settings import ClockSettings

CORRECTED = "corrected"  # by the formula
CLAMPED = "clamped"  # the formula led beyond the receipt, so the receipt is the time
MISSING = "missing"  # one of the three clocks is missing: server's clock, else the device's
MAPPED = "mapped"  # the source states the time itself


def corrected_time(
    original: Column, sent: Column, received: Column, stated: Column, *, settings: ClockSettings
) -> Column:
    """A struct of `event_time` and `time_quality`; both null where there is no clock at all.

    `stated` is the time the source itself calls the event's time; it is believed where the
    three clocks are not complete, since it was made from more than is left.
    """
    ahead = F.lit(settings.ahead_minutes * 60 * 1_000_000)
    waited = F.unix_micros(sent) - F.unix_micros(original)
    is_ahead = waited < -ahead
    by_formula = F.timestamp_micros(F.unix_micros(received) - waited)
    left = F.coalesce(stated, received, original, sent)
    is_complete = original.isNotNull() & sent.isNotNull() & received.isNotNull()
    quality = (
        F.when(is_complete & is_ahead, CLAMPED)
        .when(is_complete, CORRECTED)
        .when(stated.isNotNull(), MAPPED)
        .when(left.isNotNull(), MISSING)
    )
    time = F.when(is_complete & is_ahead, received).when(is_complete, by_formula).otherwise(left)
    return F.struct(time.alias("event_time"), quality.alias("time_quality"))


def is_too_early(event_time: Column, *, settings: ClockSettings) -> Column:
    """Whether a clock went so wrong that the event cannot be placed in time at all."""
    return event_time < F.lit(settings.earliest.isoformat()).cast("timestamp")
