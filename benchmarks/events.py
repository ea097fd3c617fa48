"""Seeded events with the columns of silver.event that visits are made of: visitors, visits, carts, orders, bots.

Everything follows from a hash of the row's number, so the same number of rows is always the same input.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.equality import connect

FILES = 8  # enough that every engine can read in parallel
_PER_VISIT = 6  # events, on average
_VISITS_PER_VISITOR = 4
_START = "TIMESTAMPTZ '2025-01-01 00:00:00+00'"


def generate_events(folder: Path, rows: int) -> int:
    """Write `rows` events in the order of their arrival."""
    with connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(f"CREATE TEMP TABLE event AS {_events(rows)}")
        for part in range(FILES):
            first, last = part * rows // FILES, (part + 1) * rows // FILES
            connection.execute(
                f"COPY (SELECT * EXCLUDE (place) FROM event WHERE place >= {first} AND place < {last} "
                f"ORDER BY place) TO '{folder}/part-{part}.parquet' (FORMAT parquet)"
            )
    return rows


def share(salt: int, *columns: str) -> str:
    """A number in [0, 1) drawn from a hash of columns.

    Hashed twice, here and wherever a salt is given: a hash of several values leaves their low bits alike.
    """
    return f"(hash(hash({', '.join(columns)}, {salt})) % 1000003) / 1000003.0"


def _events(rows: int) -> str:
    visits = rows // _PER_VISIT * 2 + 100
    visitors = max(1, rows // _PER_VISIT // _VISITS_PER_VISITOR)
    return f"""
        WITH visit AS (
            SELECT v,
                   floor({visitors} * pow({share(1, "v")}, 1.5))::BIGINT AS visitor,
                   (365 * 86400 * {share(2, "v")})::BIGINT AS start_second,
                   1 + floor(-ln(1 - {share(3, "v")}) * {_PER_VISIT - 0.5})::BIGINT AS length
            FROM range({visits}) t(v)
        ), hit AS (
            SELECT v, visitor, start_second, length, unnest(range(length)) AS k FROM visit
        ), placed AS (
            SELECT *, row_number() OVER (ORDER BY v, k) - 1 AS i FROM hit
            QUALIFY i < {rows}
        ), drawn AS (
            SELECT *, {share(4, "i")} AS u, {share(5, "i")} AS w, {share(6, "v")} AS of_visit,
                   (start_second * 1000000 + k * 70000000 + hash(hash(i, 7)) % 60000000)::BIGINT AS micros
            FROM placed
        )
        SELECT row_number() OVER (ORDER BY micros, i) - 1 AS place, 'shop' AS source,
               md5(concat('event', i)) AS event_id,
               CASE WHEN u < 0.55 THEN 'page_viewed' WHEN u < 0.80 THEN 'product_viewed'
                    WHEN u < 0.86 THEN 'products_searched' WHEN u < 0.93 THEN 'product_added'
                    WHEN u < 0.95 THEN 'product_removed' WHEN u < 0.975 THEN 'checkout_started'
                    ELSE 'order_completed' END AS event_name,
               {_START} + to_microseconds(micros) AS event_time,
               {_START} + to_microseconds(micros + 2000000) AS known_time,
               0::BIGINT AS event_sequence,
               CASE WHEN w < 0.998 THEN 'anonymous_id' END AS visitor_type,
               CASE WHEN w < 0.998 THEN sha256(concat('visitor', visitor)) END AS visitor_key,
               CASE WHEN of_visit < 0.8 THEN 'web' ELSE 'app' END AS channel,
               CASE WHEN k = 0 AND of_visit < 0.3 THEN {{
                   'source': concat('source', hash(hash(v, 8)) % 20), 'medium': 'cpc',
                   'name': concat('c', hash(hash(v, 9)) % 200),
                   'term': NULL::VARCHAR, 'content': NULL::VARCHAR, 'click_id': NULL::VARCHAR}} END AS campaign,
               {{'url': NULL::VARCHAR, 'path': CASE WHEN u < 0.97 THEN concat('/page/', hash(hash(i, 10)) % 5000) END,
                 'title': NULL::VARCHAR, 'referrer': NULL::VARCHAR}} AS page,
               {{'type': CASE WHEN of_visit < 0.6 THEN 'mobile' ELSE 'desktop' END, 'os': NULL::VARCHAR,
                 'browser': NULL::VARCHAR, 'app': NULL::VARCHAR, 'locale': NULL::VARCHAR, 'zone': NULL::VARCHAR,
                 'user_agent': NULL::VARCHAR}} AS device,
               CASE WHEN u BETWEEN 0.55 AND 0.80 OR u BETWEEN 0.86 AND 0.945 THEN {_product(11, "i")} END AS product,
               CASE WHEN u >= 0.945 AND u < 0.95 THEN [{_product(12, "i")}, {_product(13, "i")}] END AS items,
               CASE WHEN u >= 0.975 THEN {{
                   'order_number': CASE WHEN w < 0.95 THEN concat('o', i // 3) END,
                   'value': (hash(hash(i, 14)) % 30000 / 100)::DECIMAL(18, 2),
                   'currency': CASE WHEN w < 0.02 THEN 'CHF' ELSE 'EUR' END,
                   'discount': NULL::DECIMAL(18, 2), 'coupon': NULL::VARCHAR}} END AS "order",
               CASE WHEN of_visit < 0.1 THEN (hash(hash(i, 15)) % 200000 / 1000)::DOUBLE END AS engaged_seconds,
               w < 0.001 AS is_bot,
               CASE WHEN of_visit < 0.05 AND k < 3
                    THEN [{{'id_type': 'anonymous_id', 'id_key': sha256(concat('visitor', visitor))}},
                          {{'id_type': 'email', 'id_key': sha256(concat('mail', visitor))}}]
                    ELSE [{{'id_type': 'anonymous_id', 'id_key': sha256(concat('visitor', visitor))}}]
                    END AS identifiers
        FROM drawn
    """


def _product(salt: int, column: str) -> str:
    return (
        f"{{'product_number': concat('p', hash(hash({column}, {salt})) % 40), 'category': NULL::VARCHAR, "
        f"'brand': NULL::VARCHAR, "
        f"'price': CASE WHEN hash(hash({column}, {salt + 20})) % 10 > 0 "
        f"THEN (hash(hash({column}, {salt})) % 40 * 1.25 + 0.99)::DECIMAL(18, 2) END, "
        f"'quantity': CASE WHEN hash(hash({column}, {salt + 30})) % 3 > 0 "
        f"THEN (1 + hash(hash({column}, {salt + 40})) % 3)::DECIMAL(18, 3) END}}"
    )
