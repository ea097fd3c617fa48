"""What other systems know: customer records of two systems, consents, contacts, service and all the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from habitue.synth import clock, lines, names, process
from habitue.synth.catalogue import BRANDS, catalogue
from habitue.synth.people import COOKIE_DAYS, JUNK_EMAIL, JUNK_PHONE, NEVER, People
from habitue.synth.process import Floats, History, Ints
from habitue.synth.settings import Block, SynthSettings

CSV_HEADS: dict[str, tuple[str, ...]] = {
    "data/crm/customers.csv": ("Satz", "Kundennummer", "Anrede", "Vorname", "Nachname", "Geburtsdatum", "Strasse", "PLZ", "Ort",
                               "Mail", "Telefon", "KundeSeit", "Stand"),
    "data/crm/club.csv": ("Satz", "Clubnummer", "Vorname", "Nachname", "Geburtsdatum", "Strasse", "PLZ", "Ort", "Mail",
                          "Telefon", "Stand"),
    "data/crm/consents.csv": ("Mail", "Zweck", "Kanal", "Status", "Zeit"),
    "data/shop/products.csv": ("sku", "name", "category", "brand", "price", "margin"),
    "data/shop/stock.csv": ("sku", "day", "quantity"),
    "data/marketing/campaigns.csv": ("campaign", "name", "channel", "start", "end", "randomised"),
    "data/marketing/contacts.csv": ("contact_id", "campaign", "channel", "email", "customer", "time", "control", "cost"),
    "data/marketing/responses.csv": ("contact_id", "campaign", "email", "type", "time"),
    "data/service/surveys.csv": ("email", "kind", "score", "time"),
    "data/service/cases.csv": ("case_id", "email", "type", "opened", "closed", "satisfaction"),
    "data/service/loyalty.csv": ("customer", "tier", "points", "time"),
    "data/service/contracts.csv": ("contract_id", "customer", "start", "end", "cancelled", "price"),
    "data/service/referrals.csv": ("email", "friend", "time"),
    "truth/person.csv": ("person", "household", "process", "rate", "leave", "nu", "reaction", "joins", "left", "discount"),
    "truth/identifier.csv": ("id_type", "value", "person", "valid_from", "valid_to"),
    "truth/contact.csv": ("contact_id", "effect"),
}  # fmt: skip
"""Files and their columns; numbers in plain form, UTF-8."""


CHANNELS = np.array(["email", "push", "email", "post", "ads"], dtype=object)
"""By turns; every second campaign is randomised, so that every channel has both kinds."""
COSTS = {"email": "0.01", "push": "0.00", "post": "0.85", "ads": "0.12"}
ANSWERED = {"opened": ("email", "push"), "clicked": ("email", "push", "ads"), "unsubscribed": tuple(COSTS)}


@dataclass(frozen=True)
class OwnCookies:
    """Cookies that only one person came with, whose person is known, and the first day of their lives."""

    value: names.Texts
    person: Ints
    first_day: Ints


def batch(block: Block, file: str, columns: list[lines.Part], moment: Ints | None = None) -> pa.RecordBatch:
    """Lines of a file in the order of block and row, or of their moments."""
    count = len(columns[0])
    order = np.zeros(count, np.int64) if moment is None else moment
    return lines.csv(file, columns, order, block.ties(np.arange(count)))


def shop_files(block: Block) -> Iterator[pa.RecordBatch]:
    """Products, their weekly stock and the campaigns: once, with the first block."""
    settings, shop = block.settings, catalogue()
    price, margin = ([f"{x:.2f}" for x in values] for values in (shop.price, shop.margin))
    brand = lines.taken(BRANDS, shop.brand)
    yield batch(
        block, "data/shop/products.csv", [shop.number, shop.name, shop.category_name, brand, price, margin]
    )
    days = np.arange(0, settings.days, 7)
    product = np.tile(np.arange(shop.number.size), days.size)
    left = block.stream("stock").poisson(18, product.size)
    weeks = clock.day_of(settings, np.repeat(days, shop.number.size))
    yield batch(block, "data/shop/stock.csv", [shop.number[product], weeks, left])
    if settings.process == "rich":
        number = np.arange(1, (settings.days - 1) // process.CONTACT_EVERY + 1)
        day = number * process.CONTACT_EVERY
        is_tossed = process.is_randomised(number)
        coin, name = np.where(is_tossed, "true", "false"), np.where(is_tossed, "weekly", "come back")
        ends = clock.day_of(settings, day + process.EFFECT_DAYS)
        columns = [
            campaign_id(number),
            name,
            channel_of(number),
            clock.day_of(settings, day),
            ends,
            coin,
        ]
        yield batch(block, "data/marketing/campaigns.csv", columns)


def channel_of(campaign: Ints) -> names.Texts:
    """The channel of each campaign."""
    return np.asarray(CHANNELS[campaign % CHANNELS.size])


def campaign_id(number: Ints) -> pa.Array:
    """C12."""
    return lines.joined("C", number)


def customer_records(block: Block, people: People) -> Iterator[pa.RecordBatch]:
    """The customer system: a record per registered customer, a second one where the address changed, and duplicates."""
    draw, settings, n = block.stream("records"), block.settings, block.size
    junk = draw.random(n) < settings.junk
    names_phone = draw.random(n) < 0.8
    email = np.where(junk, JUNK_EMAIL, people.email)
    registered = np.flatnonzero(people.is_registered & (people.registered < settings.days))
    changed = registered[people.email_day[registered] < settings.days]
    who = np.concatenate([registered, changed])
    since = np.concatenate([people.registered[registered], people.email_day[changed]])
    mail = np.concatenate([email[registered], people.new_email[changed]])
    is_second = np.arange(who.size) >= registered.size
    phone = np.where(junk[who], JUNK_PHONE, np.where(names_phone[who], people.phone_at(who, since), ""))
    yield _crm(block, people, who, "R", people.customer_number[who], people.given[who], people.family[who], mail, phone,
               since, people.registered[who] * ~is_second + since * is_second)  # fmt: skip

    twice = draw.permutation(registered)[: int(n * settings.duplicate_records)]
    how = draw.integers(0, 4, (twice.size, 2))
    place = draw.integers(0, 12, twice.size)
    given = people.given[twice].copy()
    family = people.family[twice].copy()
    for i in range(twice.size):
        if how[i, 0] < 3:
            family[i] = names.misspelt(family[i], int(place[i]), int(how[i, 1]))
        else:
            given[i] = given[i][0] + "."
    contact = draw.integers(0, 3, twice.size)  # an address, a telephone, or neither
    day = np.minimum(people.registered[twice] + draw.integers(0, 60, twice.size), settings.days - 1)
    mail = np.where(contact == 0, people.email_at(twice, day), "")
    tel = np.where(contact == 1, people.phone_at(twice, day), "")
    half = twice.size // 2
    first, second = slice(0, half), slice(half, None)
    yield _crm(block, people, twice[first], "D", np.full(half, "", dtype=object), given[first], family[first], mail[first],
               tel[first], day[first], day[first])  # fmt: skip
    of = twice[second]
    columns = [
        lines.joined("S", people.number[of]), club_number(people, of), given[second], family[second], people.birth[of],
        people.street[of], *_place(people, of), mail[second], tel[second], clock.day_of(settings, day[second]),
    ]  # fmt: skip
    yield batch(block, "data/crm/club.csv", columns)
    yield batch(
        block,
        "truth/identifier.csv",
        [["loyalty_number"] * of.size, club_number(people, of), people.number[of],
         *_validity(settings, day[second], np.full(of.size, NEVER))],
    )  # fmt: skip


def _crm(
    block: Block, people: People, who: Ints, letter: str, number: names.Texts, given: names.Texts, family: names.Texts,
    mail: names.Texts, phone: names.Texts, since: Ints, known: Ints,
) -> pa.RecordBatch:  # fmt: skip
    salutation = np.where(people.is_woman[who], "Frau", "Herr")
    record = lines.joined(letter, people.number[who], "-", since)
    columns = [
        record, number, salutation, given, family, people.birth[who], people.street[who], *_place(people, who), mail, phone,
        clock.day_of(block.settings, since), clock.day_of(block.settings, known),
    ]  # fmt: skip
    return batch(block, "data/crm/customers.csv", columns)


def _place(people: People, who: Ints) -> tuple[list[str], list[str]]:
    split = [p.split(" ", 1) for p in people.place[who].tolist()]
    return [code for code, _ in split], [city for _, city in split]


def club_number(people: People, who: Ints) -> pa.Array:
    """The second system's own numbers."""
    return lines.joined("CL", 7_000_000 + people.number[who] * 3)


def identifiers(block: Block, people: People, cookies: OwnCookies) -> Iterator[pa.RecordBatch]:
    """The truth: which value belongs to whom, from which day to which. A number that changed hands has two owners."""
    everybody = np.arange(block.size)
    registered = np.flatnonzero(people.is_registered)
    changed = np.flatnonzero(people.email_day < NEVER)
    start, never = np.zeros(block.size, dtype=np.int64), np.full(block.size, NEVER)
    since = people.registered[registered]
    for id_type, values, who, first, end in (
        ("email", people.email, everybody, start, people.email_day),
        ("email", people.new_email[changed], changed, people.email_day[changed], never[changed]),
        ("phone", people.phone, everybody, people.phone_from, people.phone_until),
        ("customer_number", people.customer_number[registered], registered, since, never[registered]),
        ("user_id", people.user_id[registered], registered, since, never[registered]),
        ("anonymous_id", cookies.value, cookies.person, cookies.first_day, cookies.first_day + COOKIE_DAYS),
    ):
        columns = [[id_type] * who.size, values, people.number[who], *_validity(block.settings, first, end)]
        yield batch(block, "truth/identifier.csv", columns)


def _validity(settings: SynthSettings, first: Ints, end: Ints) -> tuple[pa.Array, list[str]]:
    """From which day on, and until which; empty where the lake ends before."""
    lasts = (end >= settings.days).tolist()
    days = clock.day_of(settings, np.minimum(end, settings.days)).to_pylist()
    return clock.day_of(settings, first), ["" if last else day for last, day in zip(lasts, days, strict=True)]


def consents(block: Block, people: People, history: History) -> pa.RecordBatch:
    """Consents given at the first contact, and taken back."""
    settings = block.settings
    gives = np.flatnonzero(history.traits.consents & (people.registered < settings.days))
    takes = gives[history.unsubscribed[gives] < settings.days]
    ads = gives[block.stream("ads").random(gives.size) < 0.5]
    who = np.concatenate([gives, ads, ads, takes])
    rows = [("marketing", "email", "granted")] * gives.size + [("marketing", "ads", "granted")] * ads.size
    rows += [("ads_sharing", "ads", "granted")] * ads.size + [
        ("marketing", "email", "withdrawn")
    ] * takes.size
    given = people.registered.astype(float)
    day = np.concatenate([given[gives], given[ads], given[ads], history.unsubscribed[takes] + 0.9])
    purpose, channel, status = ([row[i] for row in rows] for i in range(3))
    time = clock.utc(clock.instants(settings, day + 0.01))
    email = people.email_at(who, np.floor(day))
    return batch(block, "data/crm/consents.csv", [email, purpose, channel, status, time])


def contacts(block: Block, people: People, history: History) -> Iterator[pa.RecordBatch]:
    """Contacts made and held back before the end of the lake, and what was answered."""
    settings, draw, made = block.settings, block.stream("responses"), history.contacts
    if not made.person:
        return
    campaign = np.concatenate(made.campaign)
    day = campaign * process.CONTACT_EVERY
    shown = np.flatnonzero(day < settings.days)
    person, campaign, day = np.concatenate(made.person)[shown], campaign[shown], day[shown]
    control, goes = np.concatenate(made.control)[shown], np.concatenate(made.unsubscribed)[shown]
    effect = np.concatenate(made.effect)[shown]
    number = lines.joined(f"X{block.number:05d}-", np.arange(shown.size))
    # contacts go out at night: what the day brings comes after
    sent = clock.instants(settings, np.asarray(day + 0.002, np.float64))
    channel = channel_of(campaign)
    email, customer = _addressed(people, person, day, channel)
    held = np.where(control, "true", "false")
    cost = np.where(control, "0.00", np.array([COSTS[c] for c in channel.tolist()], dtype=object))
    columns = [number, campaign_id(campaign), channel, email, customer, clock.utc(sent), held, cost]
    yield batch(block, "data/marketing/contacts.csv", columns, sent)
    yield batch(block, "truth/contact.csv", [number, _figures(effect)], sent)
    chance = np.array([0.5, 0.35, 0.12, 0.2])[history.traits.kind[person]]
    opened = np.flatnonzero(~control & (draw.random(shown.size) < chance))
    clicked = opened[draw.random(opened.size) < 0.25]
    left = np.flatnonzero(goes)
    for kind, rows, hours in (
        ("opened", opened, 9.0),
        ("clicked", clicked, 9.5),
        ("unsubscribed", left, 20.0),
    ):
        rows = rows[np.isin(channel[rows], ANSWERED[kind])]
        when = clock.instants(settings, day[rows] + hours / 24 + draw.random(rows.size) * 0.1)
        columns = [
            number.take(pa.array(rows)),
            campaign_id(campaign[rows]),
            people.email_at(person[rows], day[rows]),
            [kind] * rows.size,
            clock.utc(when),
        ]
        yield batch(block, "data/marketing/responses.csv", columns, when)


def _addressed(
    people: People, person: Ints, day: Ints, channel: names.Texts
) -> tuple[names.Texts, names.Texts]:
    """Address and customer number as a contact names them: letters and apps reach customers by their number."""
    is_customer = people.is_registered[person] & (people.registered[person] <= day)
    by_number = is_customer & np.isin(channel, ("post", "push"))
    email = np.where(by_number, "", people.email_at(person, day))
    return email, np.where(by_number, people.customer_number[person], "")


def service(block: Block, people: People, history: History) -> Iterator[pa.RecordBatch]:
    """Surveys, service cases, loyalty, contracts and referrals, of a few each."""
    settings, draw, n = block.settings, block.stream("service"), block.size
    here = np.flatnonzero(people.registered < settings.days - 40)
    day = np.asarray(people.registered + draw.uniform(10, 40, n), np.float64)

    def some(share: float, of: Ints) -> Ints:
        return of[draw.random(of.size) < share]

    who = some(0.08, here)
    unhappy = history.traits.leave[who] > 0.25
    score = np.clip(np.round(draw.normal(np.where(unhappy, 4.5, 8.5), 1.5)), 0, 10).astype(np.int64)
    yield batch(
        block,
        "data/service/surveys.csv",
        [people.email_at(who, day[who]), ["nps"] * who.size, score, _at(settings, day[who])],
    )
    who = some(0.05, here)
    closed = np.where(draw.random(who.size) < 0.8, day[who] + draw.uniform(0, 6, who.size), np.nan)
    closed[closed >= settings.days] = np.nan  # still open when the files were written
    ends = [
        "" if np.isnan(c) else t
        for c, t in zip(
            closed, _at(settings, np.asarray(np.nan_to_num(closed), np.float64)).to_pylist(), strict=True
        )
    ]
    kind = np.array(["complaint", "question", "delivery"], dtype=object)[draw.integers(0, 3, who.size)]
    case = lines.joined("F", people.number[who])
    email = people.email_at(who, day[who])
    columns = [case, email, kind, _at(settings, day[who]), ends, draw.integers(1, 6, who.size)]
    yield batch(block, "data/service/cases.csv", columns)
    registered = here[people.is_registered[here]]
    who = some(0.5, registered)
    tier = np.array(["basic", "silver", "gold"], dtype=object)[draw.choice(3, who.size, p=[0.7, 0.22, 0.08])]
    yield batch(block, "data/service/loyalty.csv",
                [people.customer_number[who], tier, draw.integers(0, 5_000, who.size), _at(settings, day[who])])  # fmt: skip
    who = some(0.05, registered)
    start = day[who].astype(np.int64)
    stopped = np.where(draw.random(who.size) < 0.2, start + 60, NEVER)
    dates = clock.day_of(settings, np.minimum(stopped, settings.days)).to_pylist()
    cancelled = [d if s < settings.days else "" for d, s in zip(dates, stopped.tolist(), strict=True)]
    columns = [lines.joined("V", people.number[who]), people.customer_number[who], clock.day_of(settings, start),
               clock.day_of(settings, start + 365), cancelled, ["9.90"] * who.size]  # fmt: skip
    yield batch(block, "data/service/contracts.csv", columns)
    who = some(0.03, here)
    email, friend = people.email_at(who, day[who]), people.email_at((who + 1) % n, day[who])
    yield batch(block, "data/service/referrals.csv", [email, friend, _at(settings, day[who])])


def _at(settings: SynthSettings, local: Floats) -> pa.Array:
    return clock.utc(clock.instants(settings, local))


def _figures(values: Floats) -> list[str]:
    return [f"{v:.6g}" for v in values.tolist()]


def persons(block: Block, people: People, history: History) -> pa.RecordBatch:
    """The truth of each person: what no raw file says."""
    traits = history.traits
    reaction = lines.taken(process.TYPES, traits.kind)
    columns = [
        people.number, block.first + people.household, [block.settings.process] * block.size, _figures(traits.rate),
        _figures(traits.leave), _figures(traits.nu), reaction, _figures(traits.joins), _figures(history.left),
        _figures(traits.discount),
    ]  # fmt: skip
    return batch(block, "truth/person.csv", columns)
