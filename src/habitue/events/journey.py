"""What a visit is among the visits of its visitor: its number, its campaigns, the next order.

A step of its own behind the visits: a late early visit changes these columns of later ones, an order those
of earlier ones, and none of them an id. It takes visits alone, so that no event is read again for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from habitue.contracts.entities import EVENT
from habitue.events.campaigns import is_campaign
from habitue.events.chunks import begins_visitors, whole_visitors
from habitue.events.runs import Flags, Ints, first_of_run, last_before
from habitue.events.settings import SessionSettings

_CAMPAIGN = EVENT.column("campaign").type
JOURNEY = (
    f"session_number int, next_order_micros bigint, first_campaign {_CAMPAIGN}, last_campaign {_CAMPAIGN}"
)
"""The columns that `follow` finds, as Spark spells them."""
_NAMES = ("session_number", "next_order_micros", "first_campaign", "last_campaign")
_DAY = 86_400 * 1_000_000


def follow(
    visits: Mapping[str, pa.Array], begins_visitor: Flags, settings: SessionSettings
) -> dict[str, pa.Array]:
    """The journey's columns of whole visitors' visits, sorted by visitor, start and first event.

    Needs `start_micros`, `order_micros` (of the first order) and `campaign`. `last_campaign` is that of the
    visit or of the last visit before it that has one which is not direct, `first_campaign` that of the first
    such visit; both look back as far as the settings say.
    """
    size = begins_visitor.size
    start = visits["start_micros"].to_numpy()
    first = first_of_run(begins_visitor)
    campaign = visits["campaign"]
    has_campaign = is_campaign(campaign)
    reach = settings.campaign_days * _DAY
    before = last_before(has_campaign, first)
    last = np.where(has_campaign, np.arange(size), before)
    last = np.where((last >= 0) & (start[last] >= start - reach), last, -1)
    earliest = _earliest(has_campaign, begins_visitor, start, reach)
    return {
        "session_number": pa.array((np.arange(size) - first + 1).astype(np.int32)),
        "next_order_micros": next_order(visits["order_micros"], begins_visitor),
        "first_campaign": campaign.take(pa.array(np.where(last >= 0, earliest, -1), mask=last < 0)),
        "last_campaign": campaign.take(pa.array(last, mask=last < 0)),
    }


@dataclass(frozen=True)
class JourneyKernel:
    """The body of `mapInArrow` over visits in order: all their columns, the journey's made anew."""

    settings: SessionSettings

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of one partition."""
        for rows in whole_visitors(batches):
            columns = {name: rows.column(name).chunk(0) for name in rows.column_names}
            columns |= follow(columns, begins_visitors(rows), self.settings)
            yield pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _earliest(has_campaign: Flags, begins_visitor: Flags, start: Ints, reach: int) -> Ints:
    """For each visit the first one of its visitor with a campaign that began within the reach before it.

    Right where there is one at all.
    """
    visitor = np.cumsum(begins_visitor)
    rows = np.flatnonzero(has_campaign)
    size = start.size
    # questions sort before a campaign of the same instant: the look-back holds its first instant
    time = np.concatenate([start - reach, start[rows]])
    is_answer = np.concatenate([np.zeros(size, dtype=bool), np.ones(rows.size, dtype=bool)])
    place = np.concatenate([np.arange(size), rows])
    order = np.lexsort((place, is_answer, time, np.concatenate([visitor, visitor[rows]])))
    following = np.where(is_answer[order], np.arange(order.size), order.size)
    following = np.minimum.accumulate(following[::-1])[::-1]
    answers = np.append(place[order], -1)[following]
    found = np.empty(size, dtype=np.int64)
    asked = ~is_answer[order]
    found[place[order][asked]] = answers[asked]
    return found


def next_order(order_micros: pa.Array, begins_visitor: Flags) -> pa.Array:
    """Time of the first order in the visitor's later visits; `begins_visitor` says which visits are a visitor's first."""
    has_order = order_micros.is_valid().to_numpy(zero_copy_only=False)
    size = has_order.size
    # the last before, seen from the end: a visitor's last visit begins the reversed run
    ends_visitor = np.append(begins_visitor[1:], True)
    first = first_of_run(ends_visitor[::-1])
    after = last_before(has_order[::-1], first)
    following = (size - 1 - after)[::-1]
    return order_micros.take(pa.array(following, mask=(after < 0)[::-1]))
