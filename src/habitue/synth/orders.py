"""Orders as a shop system exports them: semicolon, decimal comma, gross prices with VAT; a file per month."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitue.synth import clock, lines
from habitue.synth.catalogue import catalogue, chosen
from habitue.synth.names import Texts
from habitue.synth.people import People
from habitue.synth.process import Flags, Floats, History, Ints
from habitue.synth.settings import Block, SynthSettings

COLUMNS = (
    "Bestellung",
    "Pos",
    "Kunde",
    "Mail",
    "Datum",
    "Artikel",
    "Menge",
    "Einzelpreis",
    "Rabatt",
    "Gutschein",
    "Kanal",
)
VAT = 1.19
OFF = 0.15
"""A coupon takes so much off."""
COUPON = "FRÜHLING15"
"""With an umlaut, or the files' encoding would not matter."""
RETURNED = 0.06
"""Share of orders of which a line comes back."""
MAX_LINES = 4


def order_numbers(block: Block, count: int) -> Texts:
    """Numbers of the block's orders."""
    return np.array([f"B{block.number:05d}{i:07d}" for i in range(count)], dtype=object)


def files(settings: SynthSettings) -> list[str]:
    """The months that the lake covers."""
    first, last = np.datetime64(settings.start, "M"), np.datetime64(settings.as_of, "M")
    return [f"data/orders/{month}.csv" for month in np.arange(first, last + 1).astype(str)]


def order_lines(block: Block, people: People, history: History, is_online: Flags) -> Iterator[pa.RecordBatch]:
    """Lines of all orders before the end of the lake, and what comes back of them."""
    draw, settings = block.stream("orders"), block.settings
    order = np.flatnonzero(history.time < settings.days)
    person, time = history.person[order], history.time[order]
    is_rich = settings.process == "rich"
    coupon = is_rich & (draw.random(order.size) < history.traits.discount[person])
    count = draw.integers(1, MAX_LINES + 1, order.size)
    at = np.repeat(np.arange(order.size), count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]) if order.size else np.empty(0, np.int64)
    position = np.arange(at.size) - first[at] + 1
    net = _shares(draw, at, history.value[order])
    quantity = draw.choice([1, 2, 3], at.size, p=[0.75, 0.18, 0.07])
    price = np.maximum(np.round(net * VAT / quantity / np.where(coupon[at], 1 - OFF, 1), 2), 0.01)
    discount = np.where(coupon[at], np.round(price * quantity * OFF, 2), 0)
    product = chosen(draw, history.traits.taste[person[at]])
    number, moment = order_numbers(block, history.time.size)[order], time[at]

    back = np.flatnonzero((position == 1) & is_rich & (draw.random(order.size)[at] < RETURNED))
    back_time = moment[back] + draw.uniform(3, 20, back.size)
    back = back[back_time < settings.days]
    rows = np.concatenate([np.arange(at.size), back])
    moment = np.concatenate([moment, back_time[back_time < settings.days]])
    sign = np.concatenate([np.ones(at.size, np.int64), -np.ones(back.size, np.int64)])
    customer, email = names_on_order(people, person, time, is_online[order])
    columns = [
        number[at[rows]], position[rows], customer[at[rows]], email[at[rows]],
        clock.local_text(settings, moment, "%d.%m.%Y %H:%M:%S"), catalogue().number[product[rows]],
        quantity[rows] * sign, decimal_comma(price[rows]), decimal_comma(discount[rows] * sign),
        np.where(coupon[at[rows]], COUPON, ""), np.where(is_online[order[at[rows]]], "Online", "Filiale"),
    ]  # fmt: skip
    month = clock.local_text(settings, moment, "data/orders/%Y-%m.csv")
    tie = block.ties(np.arange(rows.size))
    yield lines.csv(month, columns, (moment * clock.DAY_MS).astype(np.int64), tie, delimiter=";")
    truth = [number, people.number[person]]
    yield lines.csv("truth/order.csv", truth, order, block.ties(order))


def _shares(draw: np.random.Generator, at: Ints, value: Floats) -> Floats:
    """Each order's value spread over its lines."""
    weight = draw.gamma(2.0, 1.0, at.size)
    return np.asarray(value[at] * weight / np.bincount(at, weight, value.size)[at])


def names_on_order(people: People, person: Ints, time: Floats, is_online: Flags) -> tuple[Texts, Texts]:
    """Customer number and address as they stand on orders: online with both, in a store the number if there is one."""
    is_customer = people.is_registered[person] & (np.floor(time) >= people.registered[person])
    email = people.email_at(person, time)
    customer = np.where(is_customer, people.customer_number[person], "")
    return customer, np.where(is_online | ~is_customer, email, "")


def decimal_comma(amount: Floats) -> pa.Array:
    """1234,50."""
    cents = np.round(np.abs(amount) * 100).astype(np.int64)
    sign = np.where((amount < 0) & (cents > 0), "-", "")
    padded = pc.utf8_lpad(lines.as_text(cents % 100), 2, padding="0")
    return lines.joined(sign, cents // 100, ",", padded)
