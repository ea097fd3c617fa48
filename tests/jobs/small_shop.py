"""A small shop as its export would look: semicolon, decimal comma, gross prices; made from a seed."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

from habitue.config.template import make_project

MAPPING = """
source: shop
entity: order_line
format: csv
path: data/orders*.csv
options: {header: true, delimiter: ";", encoding: cp1252}
zone: Europe/Berlin
numbers: de
history: true
columns:
  order_number: Bestellung
  product_number: Artikel
  quantity: Menge
  unit_price: Preis
  vat: {value: 19}
  currency: {value: EUR}
  order_time: {column: Datum, format: "dd.MM.yyyy HH:mm"}
identifiers:
  customer_number: Kunde
  email: Mail
"""
HEADER = "Bestellung;Kunde;Mail;Datum;Artikel;Menge;Preis"
START = datetime(2025, 1, 2, 9, 0)
DAYS = 320


def make_shop(folder: Path, *, customers: int = 60, seed: int = 7) -> Path:
    """A project in `folder` with two months-split order files and its mapping; returns the folder."""
    make_project(folder, name="shop", zone="Europe/Berlin", currency="EUR", country="DE")
    return fill_shop(folder, customers=customers, seed=seed)


def fill_shop(folder: Path, *, customers: int = 60, seed: int = 7) -> Path:
    """Put the order files, their mapping and settings for a small machine into a new project."""
    (folder / "conf" / "sources" / "shop_orders.yaml").write_text(MAPPING)
    (folder / "conf" / "local.yaml").write_text(
        "spark: {master: 'local[2]', driver_memory: 2g, shuffle_partitions: 2,"
        " extra: {spark.driver.defaultJavaOptions: '-XX:TieredStopAtLevel=1',"
        " spark.sql.codegen.factoryMode: NO_CODEGEN}}\n"
        "models:\n"  # so few buyers would train no booster otherwise
        "  churn: {min_buyers: 20, min_churners: 5, stale_after_days: 30}\n"
        "  clv: {min_buyers: 20, stale_after_days: 30}\n"
    )
    lines = order_lines(customers, seed)
    half = len(lines) // 2
    write_orders(folder / "data" / "orders_1.csv", lines[:half])
    write_orders(folder / "data" / "orders_2.csv", lines[half:])
    return folder


VISITS = """
source: web
adapter: segment
path: data/visits*.jsonl
history: true
"""


def write_visits(folder: Path, *, seed: int = 11) -> None:
    """Visits of the shop's customers and of strangers, some with a login, as a tracker's export, and its mapping."""
    draw = random.Random(seed)
    (folder / "conf" / "sources" / "web.yaml").write_text(VISITS)
    lines = []
    for number in range(300):
        browser, moment = draw.randrange(40), START + timedelta(days=draw.uniform(0, DAYS))
        for view in range(draw.randint(1, 4)):
            at = f"{moment + timedelta(minutes=7 * view):%Y-%m-%dT%H:%M:%S}Z"
            call = {"messageId": f"v{number}.{view}", "type": "page", "anonymousId": f"b{browser}", "timestamp": at,
                    "properties": {"path": f"/p{draw.randrange(9)}"}}  # fmt: skip
            if browser < 25 and draw.random() < 0.2:
                call["context"] = {"traits": {"email": email(browser)}}
            lines.append(json.dumps(call))
    (folder / "data" / "visits_1.jsonl").write_text("\n".join(lines) + "\n")


def write_orders(file: Path, lines: list[str]) -> None:
    """One export file."""
    file.write_text("\n".join([HEADER, *lines]) + "\n", encoding="cp1252")


def customer_number(customer: int) -> str:
    """As the shop calls its customer; long enough to be met nowhere by chance."""
    return f"Kd-4711{customer:03d}"


def email(customer: int) -> str:
    """The customer's address."""
    return f"k4711{customer:03d}@kunden.de"


def order_lines(customers: int, seed: int) -> list[str]:
    """Order lines in the order of their time; each customer buys at a rhythm of its own until it stops."""
    draw = random.Random(seed)
    rows: list[tuple[datetime, str]] = []
    number = 1000
    for customer in range(customers):
        moment = START + timedelta(days=draw.uniform(0, DAYS / 2), minutes=draw.randrange(600))
        gap, stop = draw.uniform(4, 40), draw.uniform(0.02, 0.2)
        while moment < START + timedelta(days=DAYS):
            number += 1
            for _ in range(draw.randint(1, 3)):
                price = f"{draw.uniform(2, 90):.2f}".replace(".", ",")
                rows.append((moment, f"B{number};{customer_number(customer)};{email(customer)};{moment:%d.%m.%Y %H:%M};"
                                     f"A{draw.randint(1, 30)};{draw.randint(1, 4)};{price}"))  # fmt: skip
            if draw.random() < stop:
                break
            moment += timedelta(days=draw.expovariate(1 / gap) + 0.2)
    return [row for _, row in sorted(rows)]
