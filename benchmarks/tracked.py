"""Seeded calls of a tracker as Segment writes them: gzip files of JSON lines, with repeats, carts, orders and logins.

Everything follows from a hash of the row's number. Of a thousand calls eight are delivered twice.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.equality import connect
from benchmarks.events import share

FOLDER = "data"
_PER_FILE = 250_000
_MOST_FILES = 64
_PER_VISITOR = 24  # calls, on average
_START = "TIMESTAMP '2025-01-01 00:00:00'"
_PAGES = 5_000


def generate_calls(folder: Path, rows: int) -> int:
    """Write `rows` lines in the order of their arrival, into 4 to 64 files."""
    target = folder / FOLDER
    target.mkdir(parents=True)
    files = max(4, min(_MOST_FILES, rows // _PER_FILE))
    with connect() as connection:
        for part in range(files):
            first, last = part * rows // files, (part + 1) * rows // files
            connection.execute(
                f"COPY ({_calls(first, last, rows)}) TO '{target}/part-{part:03d}.json.gz' "
                "(FORMAT json, COMPRESSION gzip)"
            )
    return rows


def _calls(first: int, last: int, rows: int) -> str:
    """Lines from `first` to before `last`. A repeat has the call of the line a thousand before, received later."""
    visitors = max(1, rows // _PER_VISITOR)
    return f"""
        WITH line AS (
            SELECT i, CASE WHEN i % 1000 >= 992 AND i >= 1000 THEN i - 1000 ELSE i END AS n
            FROM range({first}, {last}) t(i)
        ), drawn AS (
            SELECT i, n, {share(1, "n")} AS u, {share(2, "n")} AS w,
                   floor({visitors} * pow({share(3, "n")}, 1.5))::BIGINT AS visitor,
                   (n * (365 * 86400000000 // {rows}) + hash(hash(n, 4)) % 60000000)::BIGINT AS micros
            FROM line
        ), placed AS (
            SELECT *, (hash(hash(visitor, 5)) % 600000)::BIGINT AS skew, {share(6, "visitor")} AS v FROM drawn
        )
        SELECT md5(concat('call', n)) AS "messageId",
               CASE WHEN u < 0.55 THEN 'page' WHEN w < 0.01 THEN 'identify' ELSE 'track' END AS type,
               CASE WHEN u < 0.55 OR w < 0.01 THEN NULL WHEN u < 0.80 THEN 'Product Viewed'
                    WHEN u < 0.86 THEN 'Products Searched' WHEN u < 0.93 THEN 'Product Added'
                    WHEN u < 0.95 THEN 'Product Removed' WHEN u < 0.97 THEN 'Checkout Started'
                    WHEN u < 0.98 THEN 'Email Opened' ELSE 'Order Completed' END AS event,
               md5(concat('visitor', visitor)) AS "anonymousId",
               CASE WHEN v < 0.1 THEN concat('u', visitor) END AS "userId",
               {_instant("micros + skew * 1000")} AS "originalTimestamp",
               {_instant("micros + skew * 1000 + 1500000")} AS "sentAt",
               {_instant("micros + 2000000 + (i - n) * 1000")} AS "receivedAt",
               {_instant("micros + 500000")} AS timestamp,
               {{'library': {{'name': 'analytics.js', 'version': '4.1.0'}},
                 'ip': '0.0.0.0',
                 'locale': CASE WHEN v < 0.7 THEN 'de-DE' ELSE 'en-GB' END,
                 'timezone': 'Europe/Berlin',
                 'userAgent': CASE WHEN v < 0.6
                     THEN 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) '
                          'Version/17.2 Mobile/15E148 Safari/604.1'
                     ELSE concat('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
                          100 + visitor % 20, '.0.0.0 Safari/537.36') END,
                 'page': {{'url': concat('https://shop.example/page/', n % {_PAGES},
                              CASE WHEN w < 0.1 THEN concat('?utm_source=source', n % 20, '&utm_medium=cpc&gclid=',
                                  md5(concat('click', n))) ELSE '' END),
                          'path': concat('/page/', n % {_PAGES}), 'title': concat('Page ', n % {_PAGES}),
                          'referrer': 'https://shop.example/'}},
                 'traits': CASE WHEN w < 0.01 THEN {{'email': concat('p', visitor, '@mail.example')}} END}} AS context,
               CASE WHEN u < 0.55 OR w < 0.01 THEN json_object('name', concat('Page ', n % {_PAGES}))
                    WHEN u < 0.80 OR (u >= 0.86 AND u < 0.95) THEN {_product("n")}
                    WHEN u < 0.86 THEN json_object('query', concat('words ', n % 900))
                    WHEN u < 0.97 OR u >= 0.98 THEN json_object('order_id', concat('o', n), 'currency', 'EUR',
                        'revenue', round(n % 30000 / 100, 2), 'discount', 1.5, 'products', json_array({_product("n")},
                        {_product("n + 7")}))
                    ELSE json_object('email_id', concat('m', n % 500), 'campaign_id', concat('c', n % 40))
                    END AS properties
        FROM placed ORDER BY i
    """


def _instant(micros: str) -> str:
    return f"strftime({_START} + to_microseconds({micros}), '%Y-%m-%dT%H:%M:%S.%gZ')"


def _product(number: str) -> str:
    return (
        f"json_object('product_id', concat('p', ({number}) % 4000), 'sku', concat('s', ({number}) % 4000), 'category', "
        f"concat('Category ', ({number}) % 30), 'brand', concat('Brand ', ({number}) % 12), 'name', "
        f"concat('Product ', ({number}) % 4000), 'price', ({number}) % 4000 * 1.25 + 0.99, 'quantity', 1 + ({number}) % 3, "
        "'position', 2, 'variant', 'blue')"
    )
