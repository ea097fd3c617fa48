"""Sessions of random events equal a Python oracle and `session_window`, in any order and partitioning."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.events.sessionize import members, sessions, sessions_with_events
from habitue.events.settings import SessionSettings
from tests.conftest import ACCEPT

SETTINGS = SessionSettings()
ZONE = "UTC"
GAP = SETTINGS.gap_micros
START = datetime(2026, 3, 28, 22, tzinfo=UTC)  # the night in which Europe changes its clocks
NAMES = (
    "page_viewed",
    "product_viewed",
    "product_added",
    "product_removed",
    "checkout_started",
    "order_completed",
)
STEPS = (0, 1, GAP - 1, GAP, GAP + 1, 60_000_000, 3 * GAP)


@dataclass(frozen=True)
class Event:
    event_id: str
    visitor_key: str
    micros: int
    event_name: str
    product_number: str
    price: Decimal | None
    quantity: int | None
    order_number: str
    value: Decimal
    engaged: float | None
    path: str | None


def random_events(seed: int, visitors: int = 200) -> list[Event]:
    """Visitors with up to 30 events, apart by steps on and around the gap; many share an instant."""
    draw = random.Random(seed)
    events = []
    for visitor in range(visitors):
        micros = 0
        for _ in range(draw.randint(1, 30)):
            micros += draw.choice(STEPS)
            events.append(_random_event(draw, f"{seed}-{visitor}", micros))
    return events


def _random_event(draw: random.Random, visitor: str, micros: int) -> Event:
    return Event(
        event_id=f"{draw.getrandbits(64):016x}",
        visitor_key=visitor,
        micros=micros,
        event_name=draw.choice(NAMES),
        product_number=draw.choice("ABC"),
        price=draw.choice((None, Decimal("0.10"), Decimal("9.99"))),
        quantity=draw.choice((None, 1, 3)),
        order_number=draw.choice("12"),
        value=Decimal(draw.randint(0, 100_000)) / 100,
        engaged=draw.choice((None, None, None, 0.5, 7.25)),
        path=draw.choice((None, "/a", "/b")),
    )


def expected_sessions(events: list[Event]) -> dict[str, tuple[Any, ...]]:
    """The oracle: one pass over each visitor's events in their order."""
    found = {}
    ordered = sorted(events, key=lambda e: (e.visitor_key, e.micros, e.event_id))
    for visitor, own in groupby(ordered, key=attrgetter("visitor_key")):
        for number, visit in enumerate(_visits(list(own)), start=1):
            found[_session_id(visit[0])] = (visitor, number, *_summary(visit))
    return found


def _visits(events: list[Event]) -> Iterator[list[Event]]:
    visit: list[Event] = []
    for event in events:
        if visit and event.micros - visit[-1].micros > GAP:
            yield visit
            visit = []
        visit.append(event)
    yield visit


def _session_id(first: Event) -> str:
    parts = ("anonymous_id", first.visitor_key, first.event_id)
    start = int(START.timestamp()) * 1_000_000 + first.micros
    return hashlib.sha256("|".join([*(f"{len(p)}:{p}" for p in parts), str(start)]).encode()).hexdigest()


def _summary(visit: list[Event]) -> tuple[Any, ...]:
    paths = [e.path for e in visit if e.path]
    orders = {e.order_number: e.value for e in reversed(visit) if e.event_name == "order_completed"}
    last_order = max((i for i, e in enumerate(visit) if e.event_name == "order_completed"), default=-1)
    after = visit[last_order + 1 :]
    held, _ = _cart(after)
    return (
        visit[0].micros,
        visit[-1].micros,
        len(visit),
        _engaged_seconds(visit),
        paths[0] if paths else None,
        paths[-1] if paths else None,
        _cart(visit)[1],
        held > 0,
        any(e.event_name == "checkout_started" for e in after),
        len(orders),
        sum(orders.values()) if orders else None,
    )


def _engaged_seconds(visit: list[Event]) -> float:
    tracked = [e.engaged for e in visit if e.engaged is not None]
    if tracked:
        return sum(tracked)
    gaps = (b.micros - a.micros for a, b in zip(visit, visit[1:], strict=False))
    return sum(min(gap, SETTINGS.engaged_cap_micros) for gap in gaps) / 1e6


def _cart(events: list[Event]) -> tuple[int, Decimal | None]:
    units: dict[str, int] = {}
    prices: dict[str, Decimal | None] = {}
    for e in events:
        sign = {"product_added": 1, "product_removed": -1}.get(e.event_name)
        if sign:
            quantity = 1 if e.quantity is None else e.quantity
            units[e.product_number] = max(units.get(e.product_number, 0) + sign * quantity, 0)
            prices[e.product_number] = e.price if e.price is not None else prices.get(e.product_number)
    worth = [units[product] * price for product, price in prices.items() if price is not None]
    return sum(units.values()), sum(worth, Decimal(0)) if worth else None


def as_table(spark: SparkSession, events: list[Event]) -> DataFrame:
    rows = [tuple(vars(e).values()) for e in events]
    schema = (
        "event_id string, visitor_key string, micros bigint, event_name string, product_number string,"
        "price decimal(18,2), quantity int, order_number string, value decimal(18,2),"
        "engaged_seconds double, path string"
    )
    time = f"timestamp_micros({int(START.timestamp()) * 1_000_000} + micros)"
    typed = {
        "visitor_type": "'anonymous_id'",
        "event_time": time,
        "known_time": time,
        "product": "struct(product_number, null as category, null as brand, price, quantity)",
        "order": "struct(order_number, value, 'EUR' as currency, null as discount, null as coupon)",
        "page": "struct(null as url, path, null as title, null as referrer)",
        "source": "'shop'",
        "is_bot": "false",
        "identifiers": "array()",
    }
    raw = spark.createDataFrame(rows, schema).withColumns({n: F.expr(sql) for n, sql in typed.items()})
    return raw.select(
        *(
            (F.col(f"`{c.name}`") if c.name in raw.columns else F.lit(None)).cast(c.type).alias(c.name)
            for c in EVENT.columns
        )
    )


def found_sessions(events: DataFrame) -> dict[str, tuple[Any, ...]]:
    rows = sessions(events, settings=SETTINGS, zone=ZONE).select(
        "session_id", "visitor_key", "session_number", F.unix_micros("session_start"),
        F.unix_micros("session_end"), "event_count", "engaged_seconds",
        "landing_page", "exit_page", "cart_value", "cart_abandoned",
        "checkout_abandoned", "order_count", "net_revenue",
    )  # fmt: skip
    base = int(START.timestamp()) * 1_000_000
    return {row[0]: (*row[1:3], row[3] - base, row[4] - base, *row[5:]) for row in rows.collect()}


@pytest.mark.parametrize("partitions", [1, 7, 200 if ACCEPT else 16])
def test_sessions_equal_the_oracle_for_any_order_and_partitioning(
    spark: SparkSession, seeds: range, partitions: int
) -> None:
    events = [event for seed in seeds for event in random_events(seed)]
    expected = expected_sessions(events)
    random.Random(partitions).shuffle(events)
    spread = {"spark.sql.shuffle.partitions": str(partitions), "spark.sql.adaptive.enabled": "false"}
    before = {name: spark.conf.get(name) for name in spread}
    _set(spark, spread)
    try:
        found = found_sessions(as_table(spark, events).repartition(partitions))
    finally:
        _set(spark, before)
    assert found == expected


def _set(spark: SparkSession, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        spark.conf.set(name, value)


def test_every_event_is_in_one_session_and_counts_equal_session_window(spark: SparkSession) -> None:
    table = as_table(spark, random_events(11)).localCheckpoint()
    window = F.session_window("event_time", f"{SETTINGS.gap_minutes} minutes")
    by_spark = table.groupBy("visitor_key", window).agg(F.count("*"), F.max("event_time"))
    by_spark = by_spark.select("visitor_key", "session_window.start", "count(1)", "max(event_time)")
    ours = sessions(table, settings=SETTINGS, zone=ZONE)
    by_us = ours.select("visitor_key", "session_start", "event_count", "session_end")
    assert sorted(by_us.collect()) == sorted(by_spark.collect())

    held = members(sessions_with_events(table, settings=SETTINGS, zone=ZONE))
    assert sorted(held.select("event_id").collect()) == sorted(table.select("event_id").collect())
    counts = held.groupBy("session_id").agg(F.count("*").alias("event_count"))
    assert sorted(counts.collect()) == sorted(ours.select("session_id", "event_count").collect())


def test_removing_events_equals_never_having_had_them(spark: SparkSession) -> None:
    events = random_events(5, visitors=60)
    kept = [e for e in events if int(e.event_id, 16) % 4]
    removed = as_table(spark, events).where(F.col("event_id").isin([e.event_id for e in kept]))
    assert found_sessions(removed) == expected_sessions(kept)


def test_sessions_need_one_shuffle(spark: SparkSession) -> None:
    table = as_table(spark, random_events(1, visitors=5))
    for df in (
        sessions(table, settings=SETTINGS, zone=ZONE),
        members(sessions_with_events(table, settings=SETTINGS, zone=ZONE)),
    ):
        plan = df._jdf.queryExecution().executedPlan().toString()
        assert plan.count("Exchange ") == 1, plan
