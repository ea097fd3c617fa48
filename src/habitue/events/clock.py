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
CLAMPED = "clamped"  # the receipt: the time led beyond it, or the library's policy is the server's clock
DEVICE = "device"  # the library's stamp of sending says nothing, so the device's clock alone counts
MISSING = (
    "missing"  # one of the three clocks is missing, and no time is stated: the server's, else the device's
)
MAPPED = "mapped"  # the source states the time itself, made of more clocks than are left


def corrected_time(
    original: Column,
    sent: Column,
    received: Column,
    stated: Column,
    *,
    settings: ClockSettings,
    library: Column | None = None,
    is_computed: bool = False,
) -> Column:
    """A struct of `event_time` and `time_quality`; both null where there is no clock at all.

    `stated` is the time the source itself calls the event's time; it is believed where the
    three clocks are not complete, since it was made from more than is left. `is_computed`
    says that the source made it with the formula above, so that it is believed before ours.
    `library` names the tracker's library, for which another policy may be configured.
    """
    # a clock may claim any year: what no number of microseconds can hold is no time, and stops nothing
    late_by = F.try_subtract(F.unix_micros(received), F.unix_micros(sent))
    by_formula = F.timestamp_micros(F.try_add(late_by, F.unix_micros(original)))
    corrected = F.coalesce(stated, by_formula) if is_computed else by_formula
    left = F.coalesce(stated, received, original, sent)
    is_complete = original.isNotNull() & sent.isNotNull() & received.isNotNull()

    def is_ahead(time: Column) -> Column:
        return _leads(time, received, settings)

    policy = _policy(library, settings)
    by_device = (policy == "device") & original.isNotNull() & received.isNotNull()
    by_server = (policy == "server") & received.isNotNull()
    return (
        F.when(by_server, _timed(received, CLAMPED))
        .when(by_device & is_ahead(original), _timed(received, CLAMPED))
        .when(by_device, _timed(original, DEVICE))
        .when(is_complete & is_ahead(corrected), _timed(received, CLAMPED))
        .when(is_complete, _timed(corrected, CORRECTED))
        .when(is_ahead(left), _timed(received, CLAMPED))
        .when(stated.isNotNull() & F.lit(not is_computed), _timed(left, MAPPED))
        .when(left.isNotNull(), _timed(left, MISSING))
        .otherwise(_timed(F.lit(None).cast("timestamp"), None))
    )


def believed_time(time: Column, received: Column, *, settings: ClockSettings) -> Column:
    """A time that the source vouches for, as `corrected_time` gives it; the receipt where it leads far beyond that."""
    return F.when(_leads(time, received, settings), _timed(received, CLAMPED)).otherwise(_timed(time, MAPPED))


def is_too_early(event_time: Column, *, settings: ClockSettings) -> Column:
    """Whether a clock went so wrong that the event cannot be placed in time at all."""
    return event_time < F.lit(settings.earliest.isoformat()).cast("timestamp")


def _leads(time: Column, received: Column, settings: ClockSettings) -> Column:
    """Whether a time lies further beyond the receipt than clocks may; not where there is no receipt."""
    lead = F.try_subtract(F.unix_micros(time), F.unix_micros(received))
    return F.coalesce(lead > settings.ahead_minutes * 60 * 1_000_000, F.lit(False))


def _timed(time: Column, quality: str | None) -> Column:
    return F.struct(
        time.cast("timestamp").alias("event_time"), F.lit(quality).cast("string").alias("time_quality")
    )


def _policy(library: Column | None, settings: ClockSettings) -> Column:
    """How the library's clocks are read; `skew`, the formula, where nothing else is configured."""
    default = F.lit("skew")
    if library is None or not settings.libraries:
        return default
    name = F.lower(F.trim(library))
    named = (F.when(name == known.lower(), policy) for known, policy in settings.libraries.items())
    return F.coalesce(*named, default)
