"""The best attainable prediction: the posterior under the true process, given what a perfect observer would see.

The observer knows the process with all of its constants, and of each person the orders, their values, the visits and
the contacts before the cut-off. The rate is integrated out exactly (Gamma is conjugate to Poisson counts); spend and
the chance to leave, which go together, by draws from their joint prior; the type of reaction to contacts, of which
the timing of purchases after contacts and who unsubscribed tell something, by a sum. Of what is to come the observer
knows the mean of those who may be contacted and of the others.
Nobody can rank persons better, on average; a model that comes close has found what there is to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from habitue.synth import process
from habitue.synth.process import Floats, History, Ints
from habitue.synth.settings import Block

DRAWS = 3_000
STRATA = 24
_CHUNK = 250


@dataclass(frozen=True)
class Attainable:
    """The posterior of each person at a cut-off; NaN for who did not buy before it."""

    alive: Floats
    no_purchase: Floats  # within JUDGED_DAYS
    orders: Floats  # persons x (91, 365 days)
    spend: Floats  # persons x (91, 365 days)


@dataclass(frozen=True)
class Seen:
    """What is seen of persons before a cut-off."""

    repeats: Ints
    chances: Ints
    spend: Floats
    visits: Ints  # without an order, after the last purchase
    days: Floats  # since the last purchase
    seasons: Floats  # the same, each day by its season
    exposure: Floats  # persons x types
    exposure_last: Floats
    told: Floats  # persons x types: log likelihood of purchases after contacts and of unsubscribing
    future: Floats  # persons x types x horizons


@dataclass(frozen=True)
class Prior:
    """Draws of (nu, chance to leave) in strata of the chance to leave."""

    nu: Floats
    stratum: Floats  # draws x strata, ones and zeros
    leave: Floats  # mean of each stratum


def prior(block: Block) -> Prior:
    """The same draws for every block: they belong to the process, not to its people."""
    draw = np.random.Generator(np.random.SFC64(np.random.SeedSequence([block.settings.seed, 2**40])))
    nu, leave = process.spend_and_leave(draw, DRAWS, is_correlated=block.settings.process == "rich")
    order = np.argsort(leave)
    member = np.zeros((DRAWS, STRATA))
    member[order, np.arange(DRAWS) * STRATA // DRAWS] = 1
    return Prior(nu, member, (leave @ member) / member.sum(axis=0))


def seen(block: Block, history: History, visit_person: Ints, visit_time: Floats, day: int) -> Seen:
    """Gather what a perfect observer has at the start of a day. Visits are those without an order."""
    n = block.size
    past = history.time < day
    who, when = history.person[past], history.time[past]
    last = np.full(n, -np.inf)
    np.maximum.at(last, who, when)
    counted = np.bincount(who, minlength=n)
    days_with = np.bincount(
        np.unique(who * 100_000 + np.floor(when).astype(np.int64)) // 100_000, minlength=n
    )
    is_rich = block.settings.process == "rich"
    since = np.ceil(last) if is_rich else last  # who leaves, leaves after a day
    after = (visit_time < day) & (visit_time > since[visit_person])
    return Seen(
        repeats=counted - 1,
        chances=days_with if is_rich else counted - 1,
        spend=np.asarray(np.bincount(who, history.value[past], n), np.float64),
        visits=np.bincount(visit_person[after], minlength=n),
        days=day - last,
        seasons=_seasons(block, since, day),
        exposure=history.exposure[day],
        exposure_last=history.exposure_last[day],
        told=history.told[day],
        future=history.future_exposure[day],
    )  # fmt: skip


def _seasons(block: Block, since: Floats, day: int) -> Floats:
    """What the days from an instant to the start of a day count, each by its season."""
    until = np.concatenate([[0.0], np.cumsum(process.season(block.settings))])
    return np.asarray(until[day] - np.interp(since, np.arange(until.size), until))


def attainable(block: Block, known: Seen) -> Attainable:
    """Posterior by person, in chunks that fit into the cache."""
    draws, n = prior(block), block.size
    found = Attainable(*(np.full(shape, np.nan) for shape in ((n,), (n,), (n, 2), (n, 2))))
    buyers = np.flatnonzero(known.repeats >= 0)
    for start in range(0, buyers.size, _CHUNK):
        _fill(found, buyers[start : start + _CHUNK], known, draws, block.settings.process == "rich")
    return found


def _fill(found: Attainable, who: Ints, known: Seen, draws: Prior, is_rich: bool) -> None:
    """One chunk. Axes: person, type of reaction, stratum of the chance to leave."""
    orders = (known.repeats[who] + 1).astype(np.float64)
    spend_weight, mean_value = _spend(orders, known.spend[who], draws)
    leave, chances = draws.leave, known.chances[who][:, None]
    shape = (process.RATE_SHAPE + known.repeats[who])[:, None]
    now, last = process.RATE_SCALE + known.exposure[who], process.RATE_SCALE + known.exposure_last[who]
    told = known.told[who]
    kinds = np.array(process.TYPE_SHARES if is_rich else (1.0, 0, 0, 0)) * np.exp(
        told - told.max(axis=1, keepdims=True)
    )
    visits_active, visits_away = _visits(known, who, is_rich)

    floor = shape * np.log(last)  # keeps the powers in range: every term is relative to the last purchase
    stays = kinds * np.exp(floor - shape * np.log(now)) * visits_active[:, None]
    coin_stays = spend_weight * (1 - leave) ** chances
    coin_left = np.where(chances > 0, spend_weight * (1 - leave) ** np.maximum(chances - 1, 0) * leave, 0)
    went = kinds * np.ones_like(last) * visits_away[:, None]
    relative = np.exp(floor.min(axis=1, keepdims=True) - floor)  # types differ in what they were exposed to
    alive = (stays * relative)[:, :, None] * coin_stays[:, None, :]
    gone = (went * relative)[:, :, None] * coin_left[:, None, :]
    total = alive.sum(axis=(1, 2)) + gone.sum(axis=(1, 2))
    found.alive[who] = alive.sum(axis=(1, 2)) / total

    future = known.future[who]
    quiet = (now / (now + future[:, :, 0])) ** shape
    found.no_purchase[who] = (gone.sum(axis=(1, 2)) + (alive * quiet[:, :, None]).sum(axis=(1, 2))) / total
    for horizon in range(2):
        reach = now[:, :, None] / (now[:, :, None] + leave * future[:, :, horizon, None])
        expected = alive * (1 - reach ** shape[:, :, None]) / leave
        found.orders[who, horizon] = expected.sum(axis=(1, 2)) / total
        found.spend[who, horizon] = (expected * mean_value[:, None, :]).sum(axis=(1, 2)) / total


def _spend(orders: Floats, spend: Floats, draws: Prior) -> tuple[Floats, Floats]:
    """Weight of each stratum by the orders' values (relative), and the mean value of an order in it."""
    log = process.SPEND_P * orders[:, None] * np.log(draws.nu) - spend[:, None] * draws.nu
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    by_stratum = weight @ draws.stratum
    value = (weight * (process.SPEND_P / draws.nu)) @ draws.stratum
    return by_stratum, value / np.maximum(by_stratum, 1e-300)


def _visits(known: Seen, who: Ints, is_rich: bool) -> tuple[Floats, Floats]:
    """Relative likelihood of the visits since the last purchase: of somebody who stays, and who left."""
    if not is_rich:
        return np.ones(who.size), np.ones(who.size)
    ratio = np.log(process.VISITS_ACTIVE / process.VISITS_AWAY)
    log = known.visits[who] * ratio - (process.VISITS_ACTIVE - process.VISITS_AWAY) * known.seasons[who]
    top = np.maximum(log, 0)
    return np.exp(log - top), np.exp(-top)
