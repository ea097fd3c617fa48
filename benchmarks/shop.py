"""A seeded shop as silver tables: persons, order lines with returns, products, visits and whose they are.

A hundred events per person stand behind its visits (six per visit); a person has some eight orders. A little of
everything is known late, ended, anonymous, or after the day that profiles look at.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from benchmarks.equality import connect
from benchmarks.events import share

AS_OF = date(2026, 1, 1)
EVENTS_PER_PERSON = 100
_DAYS = 730
_PER_VISIT = 6
_ORDERS = 8
_START = "TIMESTAMPTZ '2024-01-05 00:00:00+00'"  # a few days of the data lie after AS_OF
TABLES = ("identity_map", "order_line", "product", "session", "attribution")


def generate_shop(folder: Path, events: int) -> int:
    """Write the tables behind so many events; returns the number of their rows."""
    persons = max(10, events // EVENTS_PER_PERSON)
    queries = {
        "identity_map": _identity_map(persons),
        "order_line": _order_lines(persons),
        "product": _products(),
        "session": _sessions(events // _PER_VISIT),
        "attribution": _attribution(persons, events // _PER_VISIT),
    }
    with connect() as connection:
        return sum(_write(connection, folder / name, query) for name, query in queries.items())


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, query: str) -> int:
    folder.mkdir()
    connection.execute(
        f"COPY ({query}) TO '{folder}' (FORMAT parquet, PER_THREAD_OUTPUT, OVERWRITE_OR_IGNORE)"
    )
    row = connection.execute(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchone()
    assert row is not None
    return int(row[0])


def _moment(salt: int, *columns: str) -> str:
    """An instant in the span of the data, to the microsecond."""
    return f"({_START} + to_microseconds((({share(salt, *columns)}) * {_DAYS} * 86400000000)::BIGINT))"


def _key(kind: str, column: str) -> str:
    return f"sha256(concat('{kind}', {column}))"


def _identity_map(persons: int) -> str:
    """A number for four persons of five, an e-mail for some, cookies for all; some links ended or came late."""
    return f"""
        WITH member AS (
            SELECT p, 'customer_number' AS id_type, {_key("number", "p")} AS id_key, 0 AS place
            FROM range({persons}) t(p) WHERE p % 5 > 0
            UNION ALL SELECT p, 'email', {_key("email", "p")}, 1 FROM range({persons}) t(p) WHERE p % 5 > 2
            UNION ALL SELECT p, 'anonymous_id', concat({_key("cookie", "p")}, k), 2 + k
            FROM range({persons}) t(p), range(2) u(k)
        )
        SELECT id_type, id_key,
               {_START} + to_microseconds((pow({share(1, "p", "place")}, 8) * {_DAYS} * 86400000000)::BIGINT)
                   AS valid_from,
               concat('person', p) AS person_id,
               CASE WHEN id_type <> 'customer_number' AND hash(hash(p, 2)) % 50 = 0
                    THEN {_START} + to_microseconds(({_DAYS + 30}::BIGINT * 86400000000 * {share(3, "p")})::BIGINT)
                    END AS valid_to
        FROM member
    """


def _order_lines(persons: int) -> str:
    return f"""
        WITH buying AS (
            SELECT o, floor({persons} * pow({share(11, "o")}, 1.6))::BIGINT AS p, 1 + (hash(hash(o, 12)) % 4)::BIGINT AS lines,
                   hash(hash(o, 13)) % 16 = 0 AS is_return, {_moment(14, "o")} AS order_time
            FROM range({persons * _ORDERS}) t(o)
        ), line AS (SELECT *, unnest(range(1, lines + 1)) AS n FROM buying)
        SELECT 'shop' AS source, concat('o', o) AS order_number, n::INT AS line_number, order_time,
               concat('p', hash(hash(o, n, 15)) % 500) AS product_number,
               ((1 + hash(hash(o, n, 16)) % 3)::BIGINT * if(is_return, -1, 1))::DECIMAL(18, 3) AS quantity,
               ((99 + hash(hash(o, n, 17)) % 9000)::BIGINT / 100 * if(is_return, -1, 1))::DECIMAL(18, 2) AS net_revenue,
               CASE WHEN hash(hash(o, n, 18)) % 3 = 0 THEN (hash(hash(o, n, 19)) % 500 / 100)::DECIMAL(18, 2) END AS discount,
               CASE WHEN hash(hash(o, n, 20)) % 9 = 0 THEN 'c' END AS coupon,
               CASE WHEN hash(hash(p, 21)) % 4 > 0 OR hash(hash(o, 22)) % 9 > 0
                    THEN ((50 + hash(hash(o, n, 17)) % 5000) / 100)::DECIMAL(18, 2) END AS cost,
               list_extract(['web', 'app', 'store'], 1 + (hash(hash(o, 23)) % 3)::INT) AS channel,
               CASE WHEN hash(hash(o, 23)) % 3 = 2 THEN concat('s', hash(hash(o, 24)) % 30) END AS store,
               is_return, NULL::VARCHAR AS returned_order_number, 'EUR' AS currency,
               CASE WHEN hash(hash(o, 25)) % 40 = 0 THEN []
                    WHEN p % 5 > 2 AND hash(hash(o, 26)) % 3 = 0 THEN
                        [{{'id_type': 'customer_number', 'id_key': {_key("number", "p")}}},
                         {{'id_type': 'email', 'id_key': {_key("email", "p")}}}]
                    ELSE [{{'id_type': 'customer_number', 'id_key': {_key("number", "p")}}}] END AS identifiers,
               CASE WHEN hash(hash(o, n, 27)) % 60 = 0 THEN order_time + INTERVAL 60 DAY
                    ELSE order_time + INTERVAL 1 HOUR END AS known_time
        FROM line
    """


def _products() -> str:
    return """
        SELECT 'shop' AS source, concat('p', i) AS product_number,
               CASE WHEN i % 25 > 0 THEN concat('category', i % 12) END AS category FROM range(500) t(i)
    """


def _sessions(visits: int) -> str:
    return f"""
        WITH visit AS (SELECT s, {_moment(31, "s")} AS session_start, hash(hash(s, 32)) % 1800 AS seconds,
                              hash(hash(s, 37)) % 6 = 0 AND hash(hash(s, 39)) % 2 = 0 AS cart_abandoned
                       FROM range({visits}) t(s))
        SELECT 'anonymous_id' AS visitor_type, 0::BIGINT AS search_count, 0::BIGINT AS order_count,
               CASE WHEN cart_abandoned THEN 'cart' END AS abandoned_step,
               CASE WHEN cart_abandoned THEN session_start + to_seconds((seconds + 3600)::BIGINT) END AS abandoned_at,
               CASE WHEN cart_abandoned THEN (hash(hash(s, 38)) % 20000 / 100)::DECIMAL(18, 2) END AS lost_value,
               sha256(concat('visit', s)) AS session_id, session_start,
               session_start + to_seconds(seconds::BIGINT) AS session_end,
               session_start + to_seconds((seconds + 5)::BIGINT) AS known_time,
               (1 + hash(hash(s, 33)) % 8)::BIGINT AS view_count,
               CASE WHEN hash(hash(s, 34)) % 3 = 0 THEN hash(hash(s, 35)) % 5 ELSE 0 END::BIGINT AS product_view_count,
               (hash(hash(s, 36)) % 600000 / 1000)::DOUBLE AS engaged_seconds,
               CASE WHEN hash(hash(s, 37)) % 6 = 0 THEN (hash(hash(s, 38)) % 20000 / 100)::DECIMAL(18, 2) END AS cart_value,
               cart_abandoned, hash(hash(s, 40)) % 50 = 0 AS is_bot
        FROM visit
    """


def _attribution(persons: int, visits: int) -> str:
    return f"""
        SELECT sha256(concat('visit', s)) AS session_id,
               concat('person', floor({persons} * pow({share(41, "s")}, 1.4))::BIGINT) AS person_id,
               {_moment(31, "s")} AS valid_from,
               CASE WHEN hash(hash(s, 42)) % 80 = 0 THEN {_moment(43, "s")} + INTERVAL 30 DAY END AS valid_to
        FROM range({visits}) t(s)
    """
