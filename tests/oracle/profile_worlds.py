"""Seeded random worlds for the profile: order lines, identities and all other facts as plain rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from habitue.contracts.table import Table

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 500
Row = dict[str, Any]
World = dict[str, list[Row]]

_CATEGORIES = {f"p{i}": ("fruit", "care", "food", None)[i % 4] for i in range(12)}


def random_world(seed: int, persons: int = 25) -> World:
    """Facts of some persons over DAYS days; a tenth of them is known up to 200 days late."""
    draw = random.Random(seed)
    world: World = {"identity_map": [], "product": _products()}
    for number in range(persons):
        world["identity_map"] += _identity(draw, number)
    world["order_line"] = [line for k in range(persons * 12) for line in _order(draw, persons, k)]
    world["order_line"] += [_sent_back(draw, line) for line in world["order_line"] if draw.random() < 0.1]
    world["contact"] = [_contact(draw, persons, k) for k in range(persons * 3)]
    world["response"] = [_response(draw, persons, k) for k in range(persons * 3)]
    world["consent"] = [_consent(draw, persons, k) for k in range(persons * 2)]
    world["customer_record"] = [_record(draw, persons, k) for k in range(persons)]
    world["session"], world["attribution"] = _visits(draw, persons)
    return world


def later_world(seed: int, world: World, cut: datetime) -> World:
    """The same world with more that a cut must not see: later facts, late knowledge, later evidence."""
    draw = random.Random(seed + 1)
    other = random_world(seed + 2)
    grown = {name: list(rows) for name, rows in world.items()}
    for name in ("order_line", "contact", "response", "consent", "customer_record"):
        for number, row in enumerate(other[name]):
            late = {**row, "known_time": cut + timedelta(hours=draw.randrange(500))}
            grown[name].append(_renamed(name, late, number))
    some = draw.sample(world["order_line"], 40)  # orders that exist get lines known later
    grown["order_line"] += [{**row, "line_number": 90, "known_time": cut, "channel": "zzz"} for row in some]
    grown["identity_map"] = [_ended(draw, row, cut) for row in world["identity_map"]]
    grown["identity_map"] += [
        {**row, "valid_from": row["valid_to"], "valid_to": None, "person_id": "merged"}
        for row in grown["identity_map"]
        if row["valid_to"] is not None and row["valid_to"] >= cut
    ]
    return grown


def frame(spark: SparkSession, contract: Table, rows: list[Row]) -> DataFrame:
    """Rows as a DataFrame of the contract; columns not named are null."""
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in contract.columns)
    return spark.createDataFrame(
        [tuple(row.get(name) for name in contract.column_names) for row in rows], ddl
    )


def _products() -> list[Row]:
    return [{"source": "shop", "product_number": p, "category": c} for p, c in _CATEGORIES.items()]


def category(product: str) -> str | None:
    return _CATEGORIES.get(product)


def _identity(draw: random.Random, number: int) -> list[Row]:
    """A customer number, and an e-mail that for some was a person of its own until it was linked."""
    born = START - timedelta(days=10)
    rows = [_member("customer_number", f"n{number}", born, f"person{number}")]
    if number % 3 == 0:
        linked = START + timedelta(days=draw.randrange(DAYS), hours=draw.randrange(24))
        rows.append(_member("email", f"m{number}", born, f"mail{number}", linked))
        rows.append(_member("email", f"m{number}", linked, f"person{number}"))
    elif number % 3 == 1:
        rows.append(_member("email", f"m{number}", born, f"person{number}"))
    return rows


def _member(kind: str, key: str, since: datetime, person: str, until: datetime | None = None) -> Row:
    return {"id_type": kind, "id_key": key, "valid_from": since, "person_id": person, "valid_to": until}


def _ended(draw: random.Random, row: Row, cut: datetime) -> Row:
    is_touched = row["valid_to"] is None and row["valid_from"] < cut and draw.random() < 0.3
    return {**row, "valid_to": cut + timedelta(hours=draw.randrange(900))} if is_touched else row


def _time(draw: random.Random) -> datetime:
    return START + timedelta(seconds=draw.randrange(DAYS * 86400))


def _known(draw: random.Random, moment: datetime) -> datetime:
    return moment + timedelta(days=draw.randrange(200)) if draw.random() < 0.1 else moment


def _identifiers(draw: random.Random, persons: int) -> list[tuple[str, str]]:
    number = draw.randrange(persons)
    chosen = draw.choice([("n",), ("n",), ("n",), ("m",), ("n", "m"), ("x",), ()])
    names = {
        "n": ("customer_number", f"n{number}"),
        "m": ("email", f"m{number}"),
        "x": ("email", f"x{number}"),
    }
    return sorted(names[kind] for kind in chosen)


def _order(draw: random.Random, persons: int, number: int) -> list[Row]:
    moment, identifiers = _time(draw), _identifiers(draw, persons)
    is_return = draw.random() < 0.08
    lines = []
    for position in range(1, draw.randrange(2, 5)):
        cents = draw.choice([199, 199, 500, 1250, 2499, 0, draw.randrange(1, 9000)])
        discount = draw.choice([None, None, Decimal(0), Decimal(draw.randrange(1, 300)) / 100])
        lines.append(
            {
                "source": "shop",
                "order_number": f"o{number}",
                "line_number": position,
                "order_time": moment,
                "product_number": f"p{draw.randrange(15)}",
                "quantity": Decimal(-1 if is_return else draw.randrange(1, 5)),
                "net_revenue": Decimal(-cents if is_return else cents) / 100,
                "discount": discount,
                "currency": "EUR",
                "coupon": "c" if draw.random() < 0.1 else None,
                "channel": draw.choice(["web", "store"]),
                "store": draw.choice(["s1", "s2", None]),
                "is_return": is_return,
                "identifiers": identifiers,
                "known_time": _known(draw, moment),
                "row_hash": "",
            }
        )
    for line in lines:  # an order has one place
        line["channel"], line["store"] = lines[0]["channel"], lines[0]["store"]
    return lines


def _sent_back(draw: random.Random, line: Row) -> Row:
    """A line that came back later, under the number of its order."""
    moment = line["order_time"] + timedelta(days=draw.randrange(1, 60))
    back = {
        "line_number": -line["line_number"],
        "order_time": moment,
        "quantity": Decimal(-1),
        "is_return": True,
    }
    return {**line, **back, "net_revenue": -abs(line["net_revenue"]), "known_time": _known(draw, moment)}


def _contact(draw: random.Random, persons: int, number: int) -> Row:
    moment = _time(draw)
    return {
        "source": "shop",
        "contact_id": f"k{number}",
        "campaign": "c",
        "channel": draw.choice(["email", "post"]),
        "contact_time": moment,
        "is_control": draw.random() < 0.1,
        "identifiers": _identifiers(draw, persons),
        "known_time": _known(draw, moment),
    }


def _response(draw: random.Random, persons: int, number: int) -> Row:
    moment = _time(draw)
    kinds = ["opened", "clicked", "redeemed", "unsubscribed", "delivered"]
    own = _identifiers(draw, persons) if draw.random() < 0.5 else []
    return {
        "source": "shop",
        "response_id": f"r{number}",
        "contact_id": f"k{draw.randrange(persons * 3)}",
        "type": draw.choice(kinds),
        "response_time": moment,
        "identifiers": own,
        "known_time": _known(draw, moment),
    }


def _consent(draw: random.Random, persons: int, number: int) -> Row:
    moment = _time(draw)
    return {
        "source": "shop",
        "consent_id": f"a{number}",
        "purpose": draw.choice(["marketing", "profiling"]),
        "channel": draw.choice(["email", "post", "any"]),
        "status": draw.choice(["granted", "denied", "withdrawn"]),
        "given_time": moment,
        "identifiers": _identifiers(draw, persons),
        "known_time": _known(draw, moment),
    }


def _record(draw: random.Random, persons: int, number: int) -> Row:
    return {
        "source": draw.choice(["crm", "shop"]),
        "record_key": f"k{number}",
        "gender": draw.choice(["f", "m", None]),
        "birth_year": draw.choice([1950, 1980, None]),
        "city": draw.choice(["Ulm", "Bonn"]),
        "attributes": {"income": draw.choice(["low", "high"]), draw.choice(["kids", "home"]): "2"},
        "identifiers": _identifiers(draw, persons),
        "known_time": _time(draw),
        "is_blocked": draw.random() < 0.1,
    }


def _visits(draw: random.Random, persons: int) -> tuple[list[Row], list[Row]]:
    sessions, owners = [], []
    for number in range(persons * 5):
        start = _time(draw)
        end = start + timedelta(minutes=draw.randrange(60))
        sessions.append(
            {
                "session_id": f"v{number}",
                "session_start": start,
                "session_end": end,
                "known_time": _known(draw, end),
                "view_count": draw.randrange(9),
                "product_view_count": draw.randrange(3),
                "engaged_seconds": draw.random() * 300,
                "cart_value": Decimal(draw.randrange(900)) / 100,
                "cart_abandoned": draw.random() < 0.3,
                "is_bot": draw.random() < 0.1,
            }
        )
        person = f"person{draw.randrange(persons)}"
        owners.append({"session_id": f"v{number}", "valid_from": end, "person_id": person, "rule": "login"})
    return sessions, owners


def _renamed(name: str, row: Row, number: int) -> Row:
    ids = {
        "order_line": "order_number",
        "contact": "contact_id",
        "response": "response_id",
        "consent": "consent_id",
    }
    key = ids.get(name, "record_key")
    # contacts keep their numbers where a response waits for one: late knowledge must not give it an owner
    return {**row, key: f"{row[key]}-late{'' if name == 'order_line' else number}"}
