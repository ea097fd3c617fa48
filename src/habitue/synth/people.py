"""People and what they are known by: households, names, addresses, numbers, devices and their cookies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from habitue.synth import names
from habitue.synth.names import Texts
from habitue.synth.process import Flags, Floats, Ints
from habitue.synth.settings import Block

COOKIE_DAYS = 120
"""A device gets a new cookie so often."""
REGISTERED_BUYERS, REGISTERED_PROSPECTS = 0.8, 0.4
JUNK_EMAIL, JUNK_PHONE = "noreply@example.com", "00000000"
NEVER = 10**6
"""A day that does not come."""


@dataclass(frozen=True)
class People:
    """Arrays by person of a block."""

    number: Ints  # over all blocks, from 0
    household: Ints  # within the block
    language: Ints
    is_woman: Flags
    given: Texts
    family: Texts
    birth: Texts  # ISO date
    street: Texts
    place: Texts  # postal code and city
    email: Texts
    new_email: Texts
    email_day: Ints  # from this day on the new address
    phone: Texts
    phone_from: Ints
    phone_until: Ints
    is_registered: Flags
    registered: Ints  # day
    customer_number: Texts
    user_id: Texts
    logs_in: Floats  # share of visits with a login

    def email_at(self, person: Ints, day: Ints | Floats) -> Texts:
        """The address that each of these persons has on a day."""
        return np.where(day >= self.email_day[person], self.new_email[person], self.email[person])

    def phone_at(self, person: Ints, day: Ints) -> Texts:
        """The number that each of these persons has on a day; none before it was theirs and after it was given up."""
        is_theirs = (day >= self.phone_from[person]) & (day < self.phone_until[person])
        return np.where(is_theirs, self.phone[person], "")


@dataclass(frozen=True)
class Devices:
    """Arrays by device of a block."""

    owner: Ints  # person; of a shared device its household's first
    is_phone: Flags
    phase: Ints
    skew_seconds: Ints
    of_person: tuple[Ints, Ints]  # (person, device) pairs, sorted by person

    def cookie(self, block: int, device: Ints, day: Ints) -> tuple[Ints, Texts]:
        """Number of a cookie within the block, and its value."""
        epoch = (day + self.phase[device]) // COOKIE_DAYS
        code = device * 64 + epoch
        unique, place = np.unique(code, return_inverse=True)
        mixed = (unique.astype(np.uint64) + np.uint64(block * 2**32 + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        values = np.array([f"{block:05d}-{m:016x}" for m in mixed.tolist()], dtype=object)
        return code, values[place]

    def cookie_day(self, code: Ints) -> Ints:
        """The first day of each of these cookies' lives."""
        device, epoch = np.divmod(code, 64)
        return np.asarray(epoch * COOKIE_DAYS - self.phase[device])


def draw_people(block: Block, joins: Floats) -> People:
    """Draw the people; `joins` is the day of the first purchase, infinite for who never buys."""
    draw, n, settings = block.stream("people"), block.size, block.settings
    number = block.first + np.arange(n)
    household = np.cumsum(draw.random(n) < 0.55, dtype=np.int64)
    head = np.searchsorted(household, household)
    language = draw.choice(len(names.LANGUAGES), n, p=names.LANGUAGE_SHARES)[head]
    is_woman = draw.random(n) < 0.5
    pick = draw.integers(0, 2**31, (n, 6))
    given, family = np.empty(n, dtype=object), np.empty(n, dtype=object)
    for code in range(len(names.LANGUAGES)):
        of = language == code
        pool = names.family_names(code)
        family[of] = pool[pick[head[of], 0] % pool.size]
        for woman in (False, True):
            chosen = of & (is_woman == woman)
            pool = names.given_names(code, woman)
            given[chosen] = pool[pick[chosen, 1] % pool.size]
    stem = [f"{names.plain(g)}.{names.plain(f)}" for g, f in zip(given, family, strict=True)]
    domain = names.DOMAINS[pick[:, 2] % names.DOMAINS.size]
    email = np.array([f"{s}{i}@{d}" for s, i, d in zip(stem, number, domain, strict=True)], dtype=object)
    new_email = np.array([f"{s}.neu{i}@neu.synth" for s, i in zip(stem, number, strict=True)], dtype=object)
    changes = draw.random(n) < settings.changed_email
    first_seen = np.where(np.isfinite(joins), joins, draw.uniform(0, settings.days * 0.9, n)).astype(np.int64)
    email_day = np.where(changes, first_seen + draw.integers(20, 200, n), NEVER)
    phone, phone_from, phone_until = _phones(block, draw, number)
    buys = np.isfinite(joins)
    is_registered = draw.random(n) < np.where(buys, REGISTERED_BUYERS, REGISTERED_PROSPECTS)
    street = [
        f"{names.STREETS[p % names.STREETS.size]} {1 + q % 140}" for p, q in pick[head][:, 3:5].tolist()
    ]
    birth = np.datetime64("1940-01-01") + draw.integers(0, 365 * 66, n)
    return People(
        number=number, household=household, language=language, is_woman=is_woman, given=given, family=family,
        birth=birth.astype(str).astype(object), street=np.array(street, dtype=object),
        place=names.PLACES[pick[head, 5] % names.PLACES.size],
        email=email, new_email=new_email, email_day=email_day,
        phone=phone, phone_from=phone_from, phone_until=phone_until,
        is_registered=is_registered, registered=first_seen,
        customer_number=np.array([f"K{100_000_000 + 7 * i}" for i in number.tolist()], dtype=object),
        user_id=np.array([f"u-{i * 2_654_435_761 % 2**32:08x}-{i:x}" for i in number.tolist()], dtype=object),
        logs_in=np.where(is_registered, draw.beta(2, 2, n), 0.0),
    )  # fmt: skip


def _phones(block: Block, draw: np.random.Generator, number: Ints) -> tuple[Texts, Ints, Ints]:
    """Mobile numbers; some persons give theirs up and it goes to somebody else of the block later."""
    n = block.size
    phone = np.array([f"+4915{10_000_000 + i:09d}" for i in number.tolist()], dtype=object)
    since, until = np.zeros(n, dtype=np.int64), np.full(n, NEVER)
    moved = draw.permutation(n)[: 2 * int(n * block.settings.recycled_phones)].reshape(2, -1)
    day = draw.integers(block.settings.days // 4, block.settings.days * 3 // 4, moved.shape[1])
    phone[moved[1]] = phone[moved[0]]
    until[moved[0]], since[moved[1]] = day, day + min(60, block.settings.days // 6)
    return phone, since, until


def draw_devices(block: Block, people: People) -> Devices:
    """One to three devices each; of some the whole household is the user."""
    draw, n = block.stream("devices"), block.size
    owner = np.repeat(np.arange(n), draw.choice([1, 2, 3], n, p=[0.5, 0.37, 0.13]))
    count = owner.size
    lives_with_others = (np.bincount(people.household)[people.household] > 1)[owner]
    # who lives alone shares with nobody: the others share the more, so that the share is that of all devices
    share = block.settings.shared_devices / max(lives_with_others.mean(), block.settings.shared_devices, 1e-9)
    is_shared = lives_with_others & (draw.random(count) < share)
    skewed = draw.random(count) < block.settings.skewed
    skew = draw.integers(-26 * 3_600, 26 * 3_600, count)
    person, device = [owner], [np.arange(count)]
    for shared in np.flatnonzero(is_shared).tolist():
        others = np.flatnonzero(people.household == people.household[owner[shared]])
        others = others[others != owner[shared]]
        person.append(others)
        device.append(np.full(others.size, shared))
    pairs = np.lexsort((np.concatenate(device), np.concatenate(person)))
    return Devices(
        owner=owner, is_phone=draw.random(count) < 0.55,
        phase=draw.integers(0, COOKIE_DAYS, count), skew_seconds=np.where(skewed, skew, 0),
        of_person=(np.concatenate(person)[pairs], np.concatenate(device)[pairs]),
    )  # fmt: skip
