"""The purchase process: what people are like, when they buy, what contacts do to them, and when they leave for good.

Pure: exactly BG/NBD (Fader, Hardie, Lee 2005) with Gamma-Gamma spend (Fader, Hardie 2005). Rich: a Poisson process
whose rate rises and falls with season and contacts; after every day with a purchase a person may leave for good.
The days are simulated one after the other, because who is contacted depends on what was bought before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from habitue.synth.settings import FUTURE_DAYS, Block, SynthSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

RATE_SHAPE, RATE_SCALE = 0.9, 26.0
"""Purchases per day are Gamma(shape, rate): 1 in 29 days on average, very unequal."""
LEAVE_A, LEAVE_B = 0.7, 4.0
"""The chance to leave after a purchase is Beta(a, b)."""
SPEND_P, SPEND_Q, SPEND_GAMMA = 5.0, 4.0, 36.0
"""An order's value is Gamma(p, nu) with nu from Gamma(q, gamma): 60 on average (gamma p / (q - 1))."""
VALUE_LEAVE_CORRELATION = 0.35
"""Rich only: of the normal scores of nu and of the chance to leave: who spends much (small nu) stays longer."""
PROSPECTS = 0.12
"""Share of persons who look and never buy."""

TYPES = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
TYPE_SHARES = (0.25, 0.20, 0.40, 0.15)
TYPE_EFFECTS = np.array([1.2, 0.0, 0.0, -0.5])
"""By how much a contact raises the rate of purchases for a week, before pressure takes its toll."""
EFFECT_DAYS = 7
CONTACT_EVERY = 7
PRESSURE_HALF = 1.0
PRESSURE_MEMORY = 0.93
UNSUBSCRIBE = 0.002

VISITS_ACTIVE, VISITS_AWAY = 0.06, 0.004
"""Visits per day without an order: of a customer, and of somebody who left or did not come yet."""


@dataclass(frozen=True)
class Traits:
    """What each person of a block is like, arrays by person. None of it is ever in the raw data."""

    rate: Floats
    leave: Floats
    nu: Floats
    kind: Ints
    discount: Floats
    taste: Ints
    joins: Floats  # day of the first purchase; after the end of all days for who never buys
    consents: Flags


@dataclass
class Contacts:
    """Contacts made and held back, arrays by contact."""

    person: list[Ints] = field(default_factory=list)
    campaign: list[Ints] = field(default_factory=list)
    control: list[Flags] = field(default_factory=list)
    effect: list[Floats] = field(
        default_factory=list
    )  # expected further orders in EFFECT_DAYS by being contacted
    unsubscribed: list[Flags] = field(default_factory=list)


@dataclass
class History:
    """What happened to a block until the end of the future, and what a perfect observer needs of it."""

    traits: Traits
    person: Ints  # by order, in the order of time
    time: Floats  # by order: days from the start
    value: Floats  # by order
    left: Floats  # by person: the time of leaving, infinite for who stays
    contacts: Contacts
    unsubscribed: Floats  # by person: day, infinite for who does not
    exposure: dict[int, Floats]  # day -> persons x types: integral of the relative rate since joining
    exposure_last: dict[int, Floats]  # the same until the last purchase before the day
    told: dict[int, Floats]  # day -> persons x types: log likelihood of when was bought and who unsubscribed
    future_exposure: dict[int, Floats]  # day -> persons x types x (91, 365 days): mean of what is to come


def season(settings: SynthSettings) -> Floats:
    """Relative rate of purchases by day until the end of the future: Christmas, a summer dip, weekends."""
    days = np.arange(settings.days + FUTURE_DAYS)
    date = np.datetime64(settings.start) + days
    of_year = (date - date.astype("datetime64[Y]")).astype(int)
    weekday = (date.astype("datetime64[D]").astype(int) + 3) % 7
    christmas = 0.8 * np.exp(-0.5 * ((of_year - 345) / 12.0) ** 2)
    summer = 0.2 * np.exp(-0.5 * ((of_year - 205) / 20.0) ** 2)
    return np.asarray((1 + christmas - summer) * np.where(weekday >= 5, 1.25, 0.9))


def hours(draw: np.random.Generator, count: int) -> Floats:
    """Moments of a day as its share, local time: few at night, a bump at noon, most in the evening."""
    bump = draw.choice(3, count, p=[0.15, 0.35, 0.5])
    middle, width = np.array([0.5, 0.52, 0.82]), np.array([0.29, 0.08, 0.07])
    return np.asarray(np.mod(middle[bump] + width[bump] * draw.standard_normal(count), 1.0))


def draw_traits(block: Block) -> Traits:
    """Draw the block's persons."""
    draw, n = block.stream("traits"), block.size
    nu, leave = spend_and_leave(draw, n, is_correlated=block.settings.process == "rich")
    never = draw.random(n) < PROSPECTS
    joins = draw.uniform(0, 0.95 * block.settings.days, n)
    return Traits(
        rate=draw.gamma(RATE_SHAPE, 1 / RATE_SCALE, n),
        leave=leave,
        nu=nu,
        kind=draw.choice(len(TYPES), n, p=TYPE_SHARES),
        discount=draw.beta(1.2, 3.0, n),
        taste=draw.integers(0, 8, n),
        joins=np.where(never, np.inf, joins),
        consents=draw.random(n) < 0.7,
    )


def spend_and_leave(draw: np.random.Generator, count: int, *, is_correlated: bool) -> tuple[Floats, Floats]:
    """Draws of nu and the chance to leave, by way of normal scores."""
    scores = draw.standard_normal((count, 2))
    if is_correlated:
        rho = VALUE_LEAVE_CORRELATION
        scores[:, 1] = rho * scores[:, 0] + np.sqrt(1 - rho * rho) * scores[:, 1]
    uniform = stats.norm.cdf(scores)
    nu = stats.gamma.ppf(uniform[:, 0], SPEND_Q, scale=1 / SPEND_GAMMA)
    return np.asarray(nu), np.asarray(stats.beta.ppf(uniform[:, 1], LEAVE_A, LEAVE_B))


def simulate(block: Block) -> History:
    """Let the block live until the end of the future."""
    traits = draw_traits(block)
    return _rich(block, traits) if block.settings.process == "rich" else _pure(block, traits)


def _values(draw: np.random.Generator, nu: Floats) -> Floats:
    return np.maximum(np.round(draw.gamma(SPEND_P, 1 / nu), 2), 0.01)


def _pure(block: Block, traits: Traits) -> History:
    """Continuous time: exponential gaps, a coin after every repeat purchase."""
    draw, settings = block.stream("pure"), block.settings
    end = float(settings.days + FUTURE_DAYS)
    now, left = traits.joins.copy(), np.full(block.size, np.inf)
    person, time = [np.flatnonzero(now < end)], [now[now < end]]
    going = person[0]
    while going.size:
        now[going] += draw.exponential(1 / traits.rate[going])
        bought = going[now[going] < end]
        person.append(bought)
        time.append(now[bought])
        leaves = draw.random(bought.size) < traits.leave[bought]
        left[bought[leaves]] = now[bought[leaves]]
        going = bought[~leaves]
    who, when = np.concatenate(person), np.concatenate(time)
    order = np.lexsort((who, when))
    who, when = who[order], when[order]
    history = History(
        traits, who, when, _values(block.stream("values"), traits.nu[who]), left, Contacts(),
        np.full(block.size, np.inf), {}, {}, {}, {},
    )  # fmt: skip
    for day in (settings.judged_day, settings.days):
        last = np.full(block.size, -np.inf)
        np.maximum.at(last, who[when < day], when[when < day])
        own = np.ones((1, len(TYPES)))
        joined = np.where(np.isfinite(last), traits.joins, 0)
        history.exposure[day] = np.maximum(day - joined, 0)[:, None] * own
        history.exposure_last[day] = np.where(np.isfinite(last), last - joined, 0)[:, None] * own
        history.told[day] = np.zeros((block.size, len(TYPES)))
        history.future_exposure[day] = np.broadcast_to(np.array([91.0, 365.0]), (block.size, len(TYPES), 2))
    return history


def _rich(block: Block, traits: Traits) -> History:
    """Day by day: contacts by the calendar, purchases by rate x season x effect of contacts, leaving by a coin."""
    settings, n = block.settings, block.size
    draw = block.stream("rich")
    seasons = season(settings)
    days = settings.days + FUTURE_DAYS
    stays = np.ones(n, dtype=bool)
    last = np.full(n, -np.inf)
    left, unsubscribed = np.full(n, np.inf), np.full(n, np.inf)
    pressure, since = np.zeros(n), np.full(n, 1_000)
    exposure, at_last, told = (np.zeros((n, len(TYPES))) for _ in range(3))
    history = History(
        traits,
        np.empty(0, np.int64),
        np.empty(0),
        np.empty(0),
        left,
        Contacts(),
        unsubscribed,
        {},
        {},
        {},
        {},
    )
    person, time = [], []
    futures = {day: _Future(n) for day in (settings.judged_day, settings.days)}
    for day in range(days):
        joined = traits.joins < day
        if day in futures:
            history.exposure[day], history.exposure_last[day] = exposure.copy(), at_last.copy()
            history.told[day] = told.copy()
            futures[day].begin(joined, traits.consents & (unsubscribed == np.inf))
        pressure *= PRESSURE_MEMORY
        since += 1
        if day % CONTACT_EVERY == 0 and day:
            ahead = seasons[day : day + EFFECT_DAYS]
            reached = _contact(
                history.contacts, draw, traits, day, joined & stays, last, pressure, unsubscribed, ahead, told
            )
            pressure[reached] += 1
            since[reached] = 0
        strength = np.where(since < EFFECT_DAYS, _strength(pressure - 1), 0)
        lift = 1 + strength[:, None] * TYPE_EFFECTS[None, :]
        rates = seasons[day] * lift
        for future in futures.values():
            future.add(rates)
        exposure += rates * joined[:, None]
        orders = draw.poisson(traits.rate * rates[np.arange(n), traits.kind]) * (joined & stays)
        bought = np.flatnonzero(orders)
        told[bought] += orders[bought, None] * np.log(lift[bought])
        orders[(traits.joins >= day) & (traits.joins < day + 1)] = 1
        bought = np.flatnonzero(orders)
        at_last[bought] = exposure[bought]
        last[bought] = day
        coin = draw.random(n)
        leaves = bought[coin[bought] < traits.leave[bought]]
        stays[leaves] = False
        left[leaves] = day + 1
        who = np.repeat(bought, orders[bought])
        person.append(who)
        time.append(day + np.sort(hours(draw, who.size)))
    history.person, history.time = np.concatenate(person), np.concatenate(time)
    history.value = _values(block.stream("values"), traits.nu[history.person])
    history.future_exposure |= {day: future.exposure() for day, future in futures.items()}
    return history


class _Future:
    """What customers of a day are exposed to afterwards, on average: those who may be contacted then, and the others."""

    def __init__(self, persons: int) -> None:
        self._is_open = np.zeros(persons, dtype=bool)
        self._joined: Flags | None = None
        self._means: list[Floats] = []  # by day: (open, others) x types

    def begin(self, joined: Flags, is_open: Flags) -> None:
        """From this day on it is the future."""
        self._joined, self._is_open = joined, is_open

    def add(self, rates: Floats) -> None:
        """A day's rates, persons x types."""
        if self._joined is None:
            return
        groups = (self._joined & self._is_open, self._joined & ~self._is_open)
        self._means.append(np.stack([rates[g if g.any() else slice(None)].mean(axis=0) for g in groups]))

    def exposure(self) -> Floats:
        """Persons x types x (91, 365 days)."""
        by_day = np.stack(self._means)
        to_come = np.stack([by_day[:length].sum(axis=0) for length in (91, 365)], axis=-1)
        return np.asarray(to_come[np.where(self._is_open, 0, 1)])


def _contact(
    contacts: Contacts, draw: np.random.Generator, traits: Traits, day: int, here: Flags, last: Floats,
    pressure: Floats, unsubscribed: Floats, seasons: Floats, told: Floats,
) -> Ints:  # fmt: skip
    """One day's campaign: every second one tosses a coin for everybody, the others go to who did not buy for long.

    `seasons` are those of the days on which it works; to `told` comes what staying or unsubscribing says.
    """
    campaign = day // CONTACT_EVERY
    n = traits.rate.size
    allowed = traits.consents & (traits.joins < day) & (unsubscribed == np.inf)
    coin, leaving = draw.random(n) < 0.5, draw.random(n)
    quiet = (day - last > 30) & (day - last < 150)
    is_tossed = bool(is_randomised(np.asarray(campaign)))
    chosen = np.flatnonzero(allowed if is_tossed else allowed & quiet)
    control = coin[chosen] if is_tossed else np.zeros(chosen.size, dtype=bool)
    fading = (1 + pressure[chosen, None]) * PRESSURE_MEMORY ** np.arange(seasons.size)
    works = (_strength(fading - 1) * seasons).sum(axis=1)
    effect = traits.rate[chosen] * here[chosen] * TYPE_EFFECTS[traits.kind[chosen]] * works
    hazard = UNSUBSCRIBE * (1 + pressure[chosen, None]) * np.where(TYPE_EFFECTS < 0, 4, 1)
    goes = (leaving[chosen] < hazard[np.arange(chosen.size), traits.kind[chosen]]) & ~control
    told[chosen] += np.where(control[:, None], 0, np.where(goes[:, None], np.log(hazard), np.log1p(-hazard)))
    unsubscribed[chosen[goes]] = day
    contacts.person.append(chosen)
    contacts.campaign.append(np.full(chosen.size, campaign))
    contacts.control.append(control)
    contacts.effect.append(effect)
    contacts.unsubscribed.append(goes)
    return chosen[~control]


def _strength(earlier: Floats) -> Floats:
    """What the contacts before it leave of a contact's effect."""
    return np.asarray(1 / (1 + PRESSURE_HALF * np.maximum(earlier, 0)))


def is_randomised(campaigns: Ints) -> Flags:
    """Whether a coin decided who is contacted, campaign by campaign."""
    return np.asarray(campaigns % 2 == 0)
