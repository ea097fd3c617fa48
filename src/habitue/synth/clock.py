"""From days since the start of a lake, in local time, to instants."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitue.synth.process import Floats, Ints
from habitue.synth.settings import SynthSettings

ZONE = "Europe/Berlin"
DAY_MS = 86_400_000


def instants(settings: SynthSettings, local: Floats) -> Ints:
    """Local days since the start to milliseconds since 1970 in UTC; a day has one offset, that of its noon."""
    days = np.floor(local).astype(np.int64)
    first, last = (int(days.min()), int(days.max())) if days.size else (0, 0)
    zone = ZoneInfo(ZONE)
    noons = (
        datetime.combine(settings.start + timedelta(days=d), time(12), zone) for d in range(first, last + 1)
    )
    offsets = np.array([(noon.utcoffset() or timedelta()) // timedelta(milliseconds=1) for noon in noons])
    midnight = int(datetime.combine(settings.start, time(0), UTC).timestamp() * 1000)
    return np.asarray(midnight + np.floor(local * DAY_MS).astype(np.int64) - offsets[days - first])


def end(settings: SynthSettings) -> int:
    """The instant at which the lake ends: the start of the day it is as of."""
    return int(instants(settings, np.array([float(settings.days)]))[0])


def utc(instants: Ints) -> pa.Array:
    """2024-01-31T08:15:00.123Z."""
    texts = pa.array(instants, pa.timestamp("ms")).cast(pa.string())
    return pc.binary_join_element_wise(
        pc.replace_substring(texts, " ", "T", max_replacements=1), pa.scalar("Z"), ""
    )


def day_of(settings: SynthSettings, days: Ints) -> pa.Array:
    """2024-01-31, from days since the start."""
    return pa.array(np.datetime64(settings.start) + days.astype("timedelta64[D]")).cast(pa.string())


def local_text(settings: SynthSettings, local: Floats, form: str) -> pa.Array:
    """Local days since the start by a form of strftime."""
    moment = np.datetime64(settings.start, "s") + np.floor(local * 86_400).astype("timedelta64[s]")
    return pc.strftime(pa.array(moment), format=form)
