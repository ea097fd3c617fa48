"""Visits: who came when on which device, with what login, and which order was made in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from habitue.synth import process
from habitue.synth.people import Devices, People
from habitue.synth.process import Flags, Floats, History, Ints
from habitue.synth.settings import Block

ONLINE = 0.65
"""Share of orders that are made in a visit; the others are made in a store."""
APART_DAYS = 4 / 24
"""Visits on one device begin at least so far apart, and end within 3 hours: so the true sessions are certain."""
VISITS_PROSPECT = 0.03
BROWSE, CART, CHECKOUT, ORDER = range(4)


@dataclass(frozen=True)
class Visits:
    """Arrays by visit, by device in the order of time; a bot's person is -1 and its device lies behind all others."""

    person: Ints
    device: Ints
    time: Floats  # local days from the start
    order: Ints  # number of the order within the block, -1 for none
    depth: Ints  # BROWSE, CART, CHECKOUT or ORDER
    has_login: Flags
    is_late: Flags


def draw_visits(block: Block, people: People, devices: Devices, history: History) -> Visits:
    """Visits before the end of the lake. Orders without a visit here were made in a store."""
    draw = block.stream("visits")
    person, time = _without_orders(block, draw, history)
    order = np.flatnonzero((history.time < block.settings.days) & (draw.random(history.time.size) < ONLINE))
    person = np.concatenate([person, history.person[order]])
    time = np.concatenate([time, history.time[order]])
    number = np.concatenate([np.full(person.size - order.size, -1), order])
    device = _device(draw, devices, person)
    bots = int(person.size * block.settings.bots)
    person = np.concatenate([person, np.full(bots, -1)])
    device = np.concatenate([device, devices.owner.size + draw.integers(0, max(bots // 20, 1), bots)])
    time = np.concatenate([time, draw.uniform(0, block.settings.days, bots)])
    number = np.concatenate([number, np.full(bots, -1)])

    kept = np.lexsort((number, time, device))
    person, device, time, number = person[kept], device[kept], time[kept], number[kept]
    near = np.zeros(person.size, dtype=bool)
    near[1:] = (np.diff(time) < APART_DAYS) & (np.diff(device) == 0)
    person, device, time, number = person[~near], device[~near], time[~near], number[~near]
    count = person.size
    depth = np.where(number >= 0, ORDER, draw.choice(3, count, p=[0.78, 0.14, 0.08]))
    share = np.where(number >= 0, np.maximum(people.logs_in[person], 0.6), people.logs_in[person])
    allowed = people.is_registered[person] & (people.registered[person] <= time) & (person >= 0)
    return Visits(
        person, device, time, number,
        depth=np.where(person >= 0, depth, BROWSE),
        has_login=allowed & (draw.random(count) < share),
        is_late=draw.random(count) < block.settings.late,
    )  # fmt: skip


def _without_orders(block: Block, draw: np.random.Generator, history: History) -> tuple[Ints, Floats]:
    """Visits to look: often while somebody is a customer, rarely before and after, by the season and the day of the week.

    In pure mode they always come alike.
    """
    n, days = block.size, block.settings.days
    joins = np.minimum(history.traits.joins, days)
    left = np.clip(history.left, joins, days)
    buys = np.isfinite(history.traits.joins)
    if block.settings.process == "pure":
        always = np.ones(days)
        return _poisson(
            draw, np.full(n, process.VISITS_ACTIVE / 2), np.zeros(n), np.full(n, float(days)), always
        )
    away, seasons = (
        np.where(buys, process.VISITS_AWAY, VISITS_PROSPECT),
        process.season(block.settings)[:days],
    )
    parts = [
        _poisson(draw, away, np.zeros(n), joins, seasons),
        _poisson(draw, np.full(n, process.VISITS_ACTIVE), joins, left, seasons),
        _poisson(draw, away, left, np.full(n, float(days)), seasons),
    ]
    return np.concatenate([p for p, _ in parts]), np.concatenate([t for _, t in parts])


def _poisson(
    draw: np.random.Generator, rate: Floats, start: Floats, end: Floats, seasons: Floats
) -> tuple[Ints, Floats]:
    """Times of a rate that follows the days of `seasons`: drawn at the rate of the fullest day, and thinned out."""
    fullest = seasons.max()
    counts = draw.poisson(rate * fullest * np.maximum(end - start, 0))
    person = np.repeat(np.arange(rate.size), counts)
    time = start[person] + draw.random(person.size) * (end - start)[person]
    is_kept = draw.random(time.size) * fullest < seasons[np.floor(time).astype(np.int64)]
    person, time = person[is_kept], time[is_kept]
    # the day is the process's, the hour is the habit of people; it never leaves the day
    return person, np.floor(time) + process.hours(draw, person.size)


def _device(draw: np.random.Generator, devices: Devices, person: Ints) -> Ints:
    """One of the person's devices, the first ones more often."""
    owner, device = devices.of_person
    first = np.searchsorted(owner, person, "left")
    count = np.searchsorted(owner, person, "right") - first
    choice = np.floor(draw.random(person.size) ** 2 * count).astype(np.int64)
    return np.asarray(device[first + choice])
