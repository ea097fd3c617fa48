"""Events of the visits as a tracker sends them: Segment-style JSON lines, a file per day of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from habitue.synth import clock, lines
from habitue.synth.catalogue import CATEGORIES, catalogue, chosen
from habitue.synth.people import Devices, People
from habitue.synth.process import Floats, Ints
from habitue.synth.settings import Block
from habitue.synth.visits import CART, CHECKOUT, ORDER, Visits

CHUNK = 8_000
"""Visits whose events are put together at once."""
HOT_VISIT = 30
"""Events in each visit of the hot visitor, where an hour for each visit is enough."""
HOT_LENGTH = 1_700
"""Most of them: they are a second apart, and half an hour ends a visit."""
SEARCHES = ("kaffee", "geschenk", "mütze", "gießkanne", "roman", "angebote", "tasse rot", "sale")
CAMPAIGNS = (
    "",
    '"campaign":{"source":"newsletter","medium":"email","name":"weekly"},',
    '"campaign":{"source":"google","medium":"cpc","name":"brand"},',
)
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
)
_BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE, SEARCH, VIEW, ADD, SEE_CART, START_CHECKOUT, COMPLETE, IDENTIFY = range(8)


@dataclass(frozen=True)
class Events:
    """Arrays by event of some visits; `at` is its visit's place among them."""

    at: Ints
    kind: Ints
    milliseconds: Ints  # since the visit's start
    size: Ints  # by visit: events
    first: Ints  # by visit: place of its first event


def expand(draw: np.random.Generator, visits: Visits, part: slice) -> Events:
    """The events of each visit: a login, a page, perhaps a search, products, and what follows up to its depth."""
    depth, login = visits.depth[part], visits.has_login[part].astype(np.int64)
    count = depth.size
    views = draw.geometric(0.35, count)
    search = (draw.random(count) < 0.3).astype(np.int64)
    sizes = np.stack(
        [login, np.ones(count, np.int64), search, np.minimum(views, 20), depth >= CART, depth >= CART, depth >= CHECKOUT,
         depth >= ORDER], axis=1,
    ).astype(np.int64)  # fmt: skip
    kinds = np.array([IDENTIFY, PAGE, SEARCH, VIEW, ADD, SEE_CART, START_CHECKOUT, COMPLETE])
    size = sizes.sum(axis=1)
    at = np.repeat(np.arange(count), size)
    kind = np.repeat(np.tile(kinds, count), sizes.ravel())
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    gap = np.minimum(np.exp(draw.normal(3.6, 1.0, at.size)), 1_200) * 1_000
    gap[first] = 0
    since = np.cumsum(gap) - np.cumsum(gap)[first][at]
    return Events(at, kind, since.astype(np.int64), size, first)


def event_lines(
    block: Block,
    people: People,
    devices: Devices,
    visits: Visits,
    order_numbers: lines.Part,
    order_values: Floats,
) -> Iterator[pa.RecordBatch]:
    """All events that arrive before the lake ends, and the true sessions they make."""
    draw, count = block.stream("events"), 0
    for start in range(0, visits.person.size, CHUNK):
        part = slice(start, start + CHUNK)
        events = expand(draw, visits, part)
        yield from _chunk(
            block, draw, people, devices, visits, part, events, count, order_numbers, order_values
        )
        count += events.at.size
    if block.number == 0 and block.settings.hot_share:
        share = block.settings.hot_share
        yield from hot_visitor(block, int(share / (1 - share) * count * block.settings.persons / block.size))


def _chunk(
    block: Block, draw: np.random.Generator, people: People, devices: Devices, visits: Visits, part: slice, events: Events,
    before: int, order_numbers: lines.Part, order_values: Floats,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    settings, at = block.settings, events.at
    person, device, order = visits.person[part], visits.device[part], visits.order[part]
    is_bot = person < 0
    known = np.minimum(device, devices.owner.size - 1)
    start = clock.instants(settings, visits.time[part])
    cookie = np.where(is_bot, np.array([f"bot-{block.number:05d}-{d}" for d in device.tolist()], dtype=object),
                      devices.cookie(block.number, known, np.floor(visits.time[part]).astype(np.int64))[1])  # fmt: skip
    skew = np.where(is_bot, 0, devices.skew_seconds[known]) * 1_000
    lateness = np.minimum(draw.pareto(0.6, person.size) * 6 * 3_600_000, 400 * clock.DAY_MS).astype(np.int64)
    delay = np.where(visits.is_late[part], lateness, 0) + draw.integers(2_000, 4_000, person.size)
    transit = draw.integers(40, 900, person.size)
    happened = start[at] + events.milliseconds
    received = happened + delay[at] + transit[at]
    # a queue is sent as a whole, after its last event: no part of a visit stays behind
    arrives = (
        (np.maximum.reduceat(received, events.first) < clock.end(settings)) if at.size else np.empty(0, bool)
    )

    ids = lines.joined(f"{block.number:05d}-", np.arange(before, before + at.size))
    login = visits.has_login[part]
    # the login is known from the visit's first event on: identify comes first
    user = np.where(login, people.user_id[np.maximum(person, 0)], "")
    who = [
        f'"anonymousId":"{c}",' + (f'"userId":"{u}",' if u else "") for c, u in zip(cookie, user, strict=True)
    ]
    email = people.email_at(np.maximum(person, 0), visits.time[part])
    device_kind = np.where(is_bot, 2, devices.is_phone[known].astype(np.int64))
    utm = np.where(draw.random(person.size) < 0.25, draw.integers(1, len(CAMPAIGNS), person.size), 0)
    sent = lines.joined(
        '{"messageId":"', ids, '",', lines.taken(who, at),
        _what(draw, events, np.where(is_bot, 0, np.maximum(person, 0) % len(CATEGORIES)), order, email, order_numbers,
              order_values),
        ',"originalTimestamp":"', clock.utc(happened + skew[at]),
        '","sentAt":"', clock.utc(happened + delay[at] + skew[at]), '","receivedAt":"',
    )  # fmt: skip
    context = lines.taken(_contexts(), (device_kind * len(CAMPAIGNS) + utm)[at])
    keep = np.flatnonzero(arrives[at])
    twice = keep[draw.random(keep.size) < settings.repeated]
    # passed on once more, as it was sent: only its receipt is another, and the first one says when it happened
    again = received[twice] + draw.integers(1_000, 3 * clock.DAY_MS, twice.size)
    in_time = again < clock.end(settings)
    rows = np.concatenate([keep, twice[in_time]])
    moment = np.concatenate([received[keep], again[in_time]])
    place = pa.array(rows)
    line = lines.joined(sent.take(place), clock.utc(moment), '"', context.take(place), "}")
    yield lines.lines(_file(moment), moment, block.ties(before + rows), line)
    yield _sessions(block, people, cookie, person, events, ids, arrives & ~is_bot, happened)


def _file(moment: Ints) -> pa.Array:
    """The day of arrival, in UTC."""
    days, place = np.unique(moment // clock.DAY_MS, return_inverse=True)
    names = [f"data/events/{d}.json" for d in days.astype("datetime64[D]").astype(str)]
    return lines.taken(names, place)


def _contexts() -> list[str]:
    agents = (*_BROWSERS, _BOT)
    return [
        f',"context":{{{campaign}"userAgent":"{agent}","locale":"de-DE","library":{{"name":"analytics.js"}}}}'
        for agent in agents
        for campaign in CAMPAIGNS
    ]


def _what(
    draw: np.random.Generator, events: Events, taste: Ints, order: Ints, email: lines.Part, order_numbers: lines.Part,
    order_values: Floats,
) -> pa.Array:  # fmt: skip
    """Type, name and properties of each event, from pools of texts."""
    shop, kind = catalogue(), events.kind
    product = chosen(draw, taste[events.at])
    goods = [
        f'{{"product_id":"{n}","category":"{CATEGORIES[c]}","price":{p:.2f},"quantity":1}}'
        for n, c, p in zip(shop.number, shop.category, shop.price, strict=True)
    ]
    pool = ['"type":"page","name":"home","properties":{"url":"https://shop.synth/","path":"/"}']
    pool += [f'"type":"track","event":"Products Searched","properties":{{"query":"{s}"}}' for s in SEARCHES]
    view, add = len(pool), len(pool) + len(goods)
    pool += [f'"type":"track","event":"Product Viewed","properties":{g}' for g in goods]
    pool += [f'"type":"track","event":"Product Added","properties":{g}' for g in goods]
    cart, checkout, dynamic = len(pool), len(pool) + 1, len(pool) + 2
    pool += [
        f'"type":"track","event":"{name}","properties":{{}}' for name in ("Cart Viewed", "Checkout Started")
    ]
    completed = np.flatnonzero(order >= 0)
    numbers = np.asarray(order_numbers, dtype=object)
    pool += [
        f'"type":"track","event":"Order Completed","properties":{{"order_id":"{numbers[o]}","subtotal":{order_values[o]:.2f},'
        '"currency":"EUR"}'
        for o in order[completed].tolist()
    ]
    place_of_order = np.zeros(order.size, dtype=np.int64)
    place_of_order[completed] = dynamic + np.arange(completed.size)
    identified = len(pool)
    pool += [f'"type":"identify","traits":{{"email":"{e}"}}' for e in email]
    index = np.select(
        [kind == PAGE, kind == SEARCH, kind == VIEW, kind == ADD, kind == SEE_CART, kind == START_CHECKOUT, kind == COMPLETE],
        [0, 1 + product % len(SEARCHES), view + product, add + product, cart, checkout, place_of_order[events.at]],
        identified + events.at,
    )  # fmt: skip
    return lines.taken(pool, index)


def _sessions(
    block: Block, people: People, cookie: lines.Part, person: Ints, events: Events, ids: pa.Array, arrives: lines.Part,
    happened: Ints,
) -> pa.RecordBatch:  # fmt: skip
    """The true sessions: visits, by their first and last event."""
    shown = np.flatnonzero(arrives)
    first, last = events.first[shown], events.first[shown] + events.size[shown] - 1
    columns = [
        np.asarray(cookie)[shown],
        people.number[person[shown]],
        ids.take(pa.array(first)),
        ids.take(pa.array(last)),
        events.size[shown],
    ]
    return lines.csv("truth/session.csv", columns, happened[first], block.ties(first))


SESSION_COLUMNS = ("anonymous_id", "person", "first_event", "last_event", "events")


def hot_visitor(block: Block, count: int) -> Iterator[pa.RecordBatch]:
    """One visitor with so many events, spread evenly over the lake's days: page views, a second apart in each visit.

    Visits begin an hour apart at least, or they would be one; they are longer where that is too few, up to half an hour.
    """
    settings = block.settings
    visits = max(min(count // HOT_VISIT, settings.days * 24), 1)
    length = min(max(count // visits, 1), HOT_LENGTH)
    starts = clock.instants(settings, np.linspace(0, settings.days - 0.1, visits))
    for begin in range(0, visits, CHUNK):
        part = starts[begin : begin + CHUNK]
        moment = (part[:, None] + np.arange(length) * 1_000).ravel()
        number = begin * length + np.arange(moment.size)
        times = clock.utc(moment)
        line = lines.joined(
            '{"messageId":"hot-', number, '","anonymousId":"hot","type":"page","name":"home","properties":'
            '{"url":"https://shop.synth/","path":"/"},"originalTimestamp":"', times, '","sentAt":"', times, '","receivedAt":"',
            times, '"', _contexts()[0], "}",
        )  # fmt: skip
        yield lines.lines(_file(moment), moment, (np.int64(2**20) << np.int64(32)) + number, line)
