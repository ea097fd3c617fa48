"""A block of persons as lines of all raw files and of the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from habitue.synth import lines, orders, records
from habitue.synth.attainable import attainable, seen
from habitue.synth.events import SESSION_COLUMNS, event_lines
from habitue.synth.people import Devices, draw_devices, draw_people
from habitue.synth.process import History, simulate
from habitue.synth.settings import JUDGED_DAYS, Block, SynthSettings
from habitue.synth.visits import Visits, draw_visits

PREDICTION = ("person", "day", "alive", "no_purchase_91", "orders_91", "orders_365", "spend_91", "spend_365")
OUTCOME = ("person", "day", "orders_91", "orders_365", "spend_91", "spend_365")


def block_lines(block: Block) -> Iterator[pa.RecordBatch]:
    """All lines of one block, in batches. The first block brings the heads of the files and the shop's own files."""
    if block.number == 0:
        yield from _heads(block.settings)
        yield from records.shop_files(block)
    history = simulate(block)
    people = draw_people(block, history.traits.joins)
    devices = draw_devices(block, people)
    visits = draw_visits(block, people, devices, history)
    is_online = np.zeros(history.time.size, dtype=bool)
    is_online[visits.order[visits.order >= 0]] = True

    yield from records.customer_records(block, people)
    yield records.consents(block, people, history)
    yield from records.contacts(block, people, history)
    yield from records.service(block, people, history)
    yield from orders.order_lines(block, people, history, is_online)
    numbers = orders.order_numbers(block, history.time.size)
    yield from event_lines(block, people, devices, visits, numbers, history.value)

    yield records.persons(block, people, history)
    yield from records.identifiers(block, people, _own_cookies(block, devices, visits))
    for day in (block.settings.judged_day, block.settings.days):
        yield _prediction(block, history, visits, day)
        yield _outcome(block, history, day)


def _heads(settings: SynthSettings) -> Iterator[pa.RecordBatch]:
    yield lines.heads(orders.files(settings), orders.COLUMNS, delimiter=";")
    for file, columns in records.CSV_HEADS.items():
        yield lines.heads([file], columns)
    yield lines.heads(["truth/session.csv"], SESSION_COLUMNS)
    yield lines.heads(["truth/order.csv"], ("order_number", "person"))
    yield lines.heads(["truth/prediction.csv"], PREDICTION)
    yield lines.heads(["truth/outcome.csv"], OUTCOME)


def _own_cookies(block: Block, devices: Devices, visits: Visits) -> records.OwnCookies:
    """Cookies that only one person came with and that were logged in with once: of others nothing tells the person."""
    real = visits.person >= 0
    code, value = devices.cookie(
        block.number, visits.device[real], np.floor(visits.time[real]).astype(np.int64)
    )
    person = visits.person[real]
    unique, first, place = np.unique(code, return_index=True, return_inverse=True)
    low, high = np.full(unique.size, block.size), np.full(unique.size, -1)
    np.minimum.at(low, place, person)
    np.maximum.at(high, place, person)
    has_login = np.zeros(unique.size, dtype=bool)
    np.logical_or.at(has_login, place, visits.has_login[real])
    alone = (low == high) & has_login
    return records.OwnCookies(value[first][alone], low[alone], devices.cookie_day(unique[alone]))


def _prediction(block: Block, history: History, visits: Visits, day: int) -> pa.RecordBatch:
    """The best attainable prediction at a day, of who bought before."""
    looks = (visits.order < 0) & (visits.person >= 0)
    found = attainable(block, seen(block, history, visits.person[looks], visits.time[looks], day))
    who = np.flatnonzero(~np.isnan(found.alive))
    figures = (
        found.alive,
        found.no_purchase,
        found.orders[:, 0],
        found.orders[:, 1],
        found.spend[:, 0],
        found.spend[:, 1],
    )
    columns: list[lines.Part] = [block.first + who, np.full(who.size, day)]
    columns += [[f"{v:.9g}" for v in values[who].tolist()] for values in figures]
    return records.batch(block, "truth/prediction.csv", columns, np.full(who.size, day))


def _outcome(block: Block, history: History, day: int) -> pa.RecordBatch:
    """What came after a day, in the horizons of the prediction."""
    columns: list[lines.Part] = [block.first + np.arange(block.size), np.full(block.size, day)]
    windows = [(history.time >= day) & (history.time < day + length) for length in (JUDGED_DAYS, 365)]
    columns += [np.bincount(history.person[w], minlength=block.size) for w in windows]
    for window in windows:
        spend = np.bincount(history.person[window], history.value[window], block.size)
        columns.append([f"{v:.2f}" for v in spend.tolist()])
    return records.batch(block, "truth/outcome.csv", columns, np.full(block.size, day))
