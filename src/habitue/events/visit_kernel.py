"""Visits of events in order, by whole Arrow columns: where each begins, and what happened in it.

Takes the partitions of `hits.in_order` and passes over them once. Visitors are never torn apart between
two steps; only what is left to look at follows (`visits`): logins, carts and orders are kept as lists.
Behind the visits come those that were known otherwise on an earlier day (`former_visits`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from habitue.contracts.entities import EVENT
from habitue.contracts.table import IDENTIFIERS, MONEY
from habitue.events import cart, orders
from habitue.events.arrow_lists import grouped, single, tagged
from habitue.events.campaigns import is_campaign
from habitue.events.chunks import begins_visitors, whole_visitors
from habitue.events.former_visits import earlier_states
from habitue.events.hits import FLAGS
from habitue.events.islands import Track, island_starts, visit_starts
from habitue.events.journey import JOURNEY, follow, next_order
from habitue.events.runs import Flags, Ints, counted, first_in_run, last_in_run, summed
from habitue.events.settings import SessionSettings

CAMPAIGN = EVENT.column("campaign").type
VISIT = (
    "visitor_type string, visitor_key string, first_event_id string, start_micros bigint, end_micros bigint, "
    "known_micros bigint, event_count bigint, bot_count bigint, view_count bigint, product_view_count bigint, "
    "search_count bigint, key_count bigint, last_checkout bigint, last_order bigint, last_form_start bigint, "
    "last_form_end bigint, order_micros bigint, tracked_micros bigint, ping_count bigint, pinged_views bigint, "
    "attention_micros bigint, "
    f"landing_page string, exit_page string, channel string, campaign {CAMPAIGN}, device_type string, "
    f"viewed_price {MONEY}, checkout_value {MONEY}, logins {IDENTIFIERS}, "
    f"{cart.COLLECTED} {cart.LINES}, {orders.COLLECTED} {orders.LINES}, {JOURNEY}, superseded_micros bigint"
)
"""What the kernel returns, as Spark spells it. Places are row numbers, comparable within a visit.

`superseded_micros` is null but for former visits, of whose journey only the next order is told.
"""
WITH_EVENTS = VISIT + ", event_ids array<string>"


@dataclass(frozen=True)
class VisitKernel:
    """The body of `mapInArrow`; `with_events` adds the ids of each visit's events."""

    settings: SessionSettings
    with_events: bool = False

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Visits of the rows of one partition."""
        for rows in whole_visitors(batches):
            yield self._visits(rows)

    def _visits(self, rows: pa.Table) -> pa.RecordBatch:
        columns = {name: _array(rows, name) for name in rows.column_names}
        columns["campaign"] = single(columns["campaign"])
        begins_visitor = begins_visitors(rows)
        starts, found = self._cut(columns, begins_visitor)
        found |= follow(found, begins_visitor[starts], self.settings)
        found["superseded_micros"] = pa.nulls(starts.size, pa.int64())
        if self.with_events:
            found["event_ids"] = _event_ids(columns["event_id"], starts)
        found = self._with_former(found, starts, columns, begins_visitor)
        return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))

    def _cut(self, columns: dict[str, pa.Array], begins_visitor: Flags) -> tuple[Ints, dict[str, pa.Array]]:
        """Where visits begin, and what each of them says by itself."""
        micros = columns["micros"].to_numpy()
        begins = visit_starts(self._track(columns, begins_visitor, micros), self.settings.rules)
        starts = np.flatnonzero(begins)
        found = (
            _extent(columns, micros, starts)
            | self._attention(columns, micros, begins, starts)
            | _first_and_last(columns, starts)
            | _lists(columns, starts, self.settings.login_types)
        )
        return starts, found

    def _with_former(
        self, found: dict[str, pa.Array], starts: Ints, columns: dict[str, pa.Array], begins_visitor: Flags
    ) -> dict[str, pa.Array]:
        """The visits, known since they are as they are, and behind them the former ones.

        What these tell of later orders ends with their island, so that nothing beyond it ever changes them.
        """
        islands = island_starts(begins_visitor, columns["micros"].to_numpy(), self.settings.rules)
        known, visits_known = columns["known_micros"].to_numpy(), found["known_micros"].to_numpy().copy()
        parts: list[dict[str, pa.Array]] = []
        for states in earlier_states(islands, columns["known_day"].to_numpy(), known):
            rows = pa.array(states.rows)
            past_starts, past = self._cut(
                {n: values.take(rows) for n, values in columns.items()}, states.begins
            )
            versions = states.versions(past_starts, known)
            visits_known[np.searchsorted(starts, versions.last_first)] = versions.last_known
            former = pa.array(versions.former)
            parts.append(
                {name: values.take(former) for name, values in past.items()}
                | {
                    "known_micros": pa.array(versions.known),
                    "superseded_micros": pa.array(versions.superseded),
                    "next_order_micros": next_order(past["order_micros"], states.begins[past_starts]).take(
                        former
                    ),
                }
            )
        if not parts:
            return found
        found["known_micros"] = pa.array(visits_known)
        return {name: _joined(name, values, parts) for name, values in found.items()}

    def _track(self, columns: dict[str, pa.Array], begins_visitor: Flags, micros: Ints) -> Track:
        rules = self.settings.rules
        return Track(
            begins_visitor,
            micros,
            day=columns["day"].to_numpy().astype(np.int64) if rules.at_midnight else None,
            campaign=_campaign_codes(columns["campaign"]) if rules.by_campaign else None,
            source_session=_codes(columns["source_session_id"]) if rules.by_source else None,
            logins=self._logins(columns, begins_visitor, micros) if rules.by_login else (),
        )

    def _logins(self, columns: dict[str, pa.Array], begins_visitor: Flags, micros: Ints) -> list[Ints]:
        islands = island_starts(begins_visitor, micros, self.settings.rules)
        return _login_codes(columns["identifiers"], self.settings.login_types, islands)

    def _attention(
        self, columns: dict[str, pa.Array], micros: Ints, begins: Flags, starts: Ints
    ) -> dict[str, pa.Array]:
        """Three measures of attention: the tracker's own, spans of a view with a ping, pauses up to the cap."""
        tracked = columns["tracked_micros"]
        is_tracked = _valid(tracked)
        total = summed(tracked.fill_null(0).to_numpy(), starts)
        pauses = np.where(begins, 0, np.diff(micros, prepend=micros[:1]))
        spans, views = _pinged(columns, micros // (self.settings.heartbeat_seconds * 1_000_000), starts)
        return {
            "tracked_micros": pa.array(total, mask=counted(is_tracked, starts) == 0),
            "ping_count": pa.array(spans),
            "pinged_views": pa.array(views),
            "attention_micros": pa.array(
                summed(np.minimum(pauses, self.settings.engaged_cap_micros), starts)
            ),
        }


def _joined(name: str, values: pa.Array, parts: list[dict[str, pa.Array]]) -> pa.Array:
    """Values of visits and of all former ones; null where these have none."""
    more = [p[name] if name in p else pa.nulls(len(p["known_micros"]), values.type) for p in parts]
    return pa.concat_arrays([values, *more])


def _extent(columns: dict[str, pa.Array], micros: Ints, starts: Ints) -> dict[str, pa.Array]:
    flags = columns["flags"].to_numpy()
    ends = np.append(starts[1:], micros.size)
    orders_ = _flag(flags, "is_order")
    first_order = first_in_run(orders_, starts)
    places = {
        "last_checkout": "is_checkout", "last_order": "is_order", "last_form_start": "is_form_start",
        "last_form_end": "is_form_end",
    }  # fmt: skip
    counts = {
        "bot_count": "is_bot", "view_count": "is_view", "product_view_count": "is_product_view",
        "search_count": "is_search", "key_count": "is_key",
    }  # fmt: skip
    return {
        "visitor_type": columns["visitor_type"].take(pa.array(starts)),
        "visitor_key": columns["visitor_key"].take(pa.array(starts)),
        "first_event_id": columns["event_id"].take(pa.array(starts)),
        "start_micros": pa.array(micros[starts]),
        "end_micros": pa.array(micros[ends - 1]),
        "known_micros": pa.array(np.maximum.reduceat(columns["known_micros"].to_numpy(), starts)),
        "event_count": pa.array(ends - starts),
        **{name: pa.array(counted(_flag(flags, flag), starts)) for name, flag in counts.items()},
        **{name: pa.array(last_in_run(_flag(flags, flag), starts)) for name, flag in places.items()},
        "order_micros": pa.array(micros[first_order], mask=first_order < 0),
    }


def _first_and_last(columns: dict[str, pa.Array], starts: Ints) -> dict[str, pa.Array]:
    flags = columns["flags"].to_numpy()
    path, campaign, device = columns["path"], columns["campaign"], columns["device_type"]
    channel = columns["channel"]
    is_priced = _valid(columns["price"])
    viewed = last_in_run(is_priced & _flag(flags, "is_product_view"), starts)
    checkout = last_in_run(is_priced & _flag(flags, "is_checkout"), starts)
    ordered = last_in_run(_flag(flags, "is_order"), starts)
    checkout = np.where(checkout > ordered, checkout, -1)  # what was ordered is not left
    led_here = first_in_run(is_campaign(campaign), starts)
    led_here = np.where(led_here >= 0, led_here, first_in_run(_valid(campaign), starts))
    return {
        "landing_page": _taken(path, first_in_run(_valid(path), starts)),
        "exit_page": _taken(path, last_in_run(_valid(path), starts)),
        "channel": _taken(channel, first_in_run(_valid(channel), starts)),
        "campaign": _taken(campaign, led_here),
        "device_type": _taken(device, first_in_run(_valid(device), starts)),
        "viewed_price": _taken(columns["price"], viewed),
        "checkout_value": _taken(columns["price"], checkout),
    }


def _lists(columns: dict[str, pa.Array], starts: Ints, login_types: Sequence[str]) -> dict[str, pa.Array]:
    changes, completed = columns["cart_change"], columns["completed_order"]
    row = np.arange(len(changes))
    is_removal = _flag(columns["flags"].to_numpy(), "is_removal")
    carts = tagged(grouped(changes, starts), changes, {"position": row, "is_removal": is_removal})
    return {
        "logins": _logins_of_visits(columns["identifiers"], starts, login_types),
        cart.COLLECTED: carts,
        orders.COLLECTED: tagged(grouped(completed, starts), completed, {"position": row}),
    }


def _logins_of_visits(values: pa.Array, starts: Ints, types: Sequence[str]) -> pa.Array:
    """For each visit the identifiers of persons that its events show, each once, in any order."""
    entries = values.flatten()
    id_types, id_keys = entries.flatten()
    lengths = pc.list_value_length(values).fill_null(0).to_numpy()
    places = np.flatnonzero(pc.is_in(id_types, pa.array(types)).to_numpy(zero_copy_only=False))
    row = np.repeat(np.arange(len(values)), lengths)[places]
    visit = np.searchsorted(starts, row, side="right") - 1
    own = pa.array(places)
    code = (_codes(id_keys.take(own)) + 1) * len(types) + _codes(id_types.take(own))
    _, first = np.unique(visit * (code.max(initial=0) + 1) + code, return_index=True)
    offsets = np.append(0, np.cumsum(np.bincount(visit[first], minlength=starts.size)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), entries.take(pa.array(places[first])))


def _event_ids(ids: pa.Array, starts: Ints) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.append(starts, len(ids)), pa.int32()), ids)


def _pinged(columns: dict[str, pa.Array], span: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """For each visit its spans of a heartbeat with a ping, counted per view of a page, and the views with any.

    The view that a ping belongs to is the last one of its page before it, so that pages that are open
    side by side are told apart.
    """
    flags = columns["flags"].to_numpy()
    is_ping = _flag(flags, "is_ping")
    if not is_ping.any():
        return np.zeros(starts.size, dtype=np.int64), np.zeros(starts.size, dtype=np.int64)
    rows = np.flatnonzero(is_ping | _flag(flags, "is_view"))
    visit, page = np.searchsorted(starts, rows, side="right") - 1, _codes(columns["path"])[rows]
    order = np.lexsort((page, visit))  # stable: in time within a page
    rows, visit, page = rows[order], visit[order], page[order]
    is_ping = is_ping[rows]
    view = np.cumsum(~is_ping)[is_ping]  # only views of the same page lie between its pings
    visit, page, span = visit[is_ping], page[is_ping], span[rows][is_ping]
    is_new_view = np.ones(visit.size, dtype=bool)
    is_new_view[1:] = (np.diff(visit) != 0) | (np.diff(page) != 0) | (np.diff(view) != 0)
    is_new_span = is_new_view.copy()
    is_new_span[1:] |= np.diff(span) != 0
    return (
        np.bincount(visit[is_new_span], minlength=starts.size).astype(np.int64),
        np.bincount(visit[is_new_view], minlength=starts.size).astype(np.int64),
    )


def _array(rows: pa.Table, name: str) -> pa.Array:
    return rows.column(name).chunk(0)


def _valid(values: pa.Array) -> Flags:
    valid: Flags = values.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _flag(flags: npt.NDArray[np.int32], name: str) -> Flags:
    found: Flags = (flags & (1 << FLAGS.index(name))) != 0
    return found


def _taken(values: pa.Array, rows: Ints) -> pa.Array:
    return values.take(pa.array(rows, mask=rows < 0))


def _codes(values: pa.Array) -> Ints:
    """A number per distinct value, -1 for none."""
    codes: Ints = values.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _campaign_codes(values: pa.Array) -> Ints:
    codes = np.zeros(len(values), dtype=np.int64)
    for field in values.flatten():  # within a field -1 means null, which is a value of its own here
        own = _codes(field) + 1
        codes = np.unique(codes * (own.max(initial=0) + 1) + own, return_inverse=True)[1].astype(np.int64)
    return np.where(is_campaign(values), codes, -1)  # a direct event leaves the campaign as it is


def _login_codes(values: pa.Array, types: tuple[str, ...], islands: Flags) -> list[Ints]:
    """Per type of login a code of who is logged in on each event, -1 where nobody is.

    Several keys of one type on one event are one login, there and in the rest of its island.
    """
    lengths = pc.list_value_length(values).fill_null(0).to_numpy()
    id_types, id_keys = values.flatten().flatten()
    owner = np.repeat(np.arange(len(values)), lengths)
    island = np.cumsum(islands)
    keys = _codes(id_keys)
    found = []
    for type_ in types:
        own = pc.equal(id_types, type_).to_numpy(zero_copy_only=False)
        codes = np.full(len(values), -1, dtype=np.int64)
        codes[owner[own]] = _one_login(owner[own], keys[own], island[owner[own]])
        found.append(codes)
    return found


def _one_login(row: Ints, key: Ints, island: Ints) -> Ints:
    """A code of each key of a type, alike for keys that stand on one event; `row` is sorted."""
    together = np.flatnonzero(np.diff(row) == 0)
    if not together.size:
        return key
    _, node = np.unique(np.stack([island, key]), axis=1, return_inverse=True)
    size = int(node.max()) + 1
    pairs = coo_array((np.ones(together.size), (node[together], node[together + 1])), shape=(size, size))
    labels = connected_components(pairs, directed=False)[1]
    codes: Ints = labels[node].astype(np.int64)
    return codes
