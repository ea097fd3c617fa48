"""What a visit is: the gap, carts, orders, engaged time, landing and exit."""

from __future__ import annotations

import json
import re

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import SESSION, SESSION_EVENT
from habitue.contracts.conform import conform
from habitue.contracts.entities import EVENT
from habitue.contracts.row_hash import with_row_hash
from habitue.events.sessionize import session_events, sessions, without_visitor
from habitue.events.settings import SessionSettings
from tests.tables import assert_table, table

SETTINGS = SessionSettings()


def events(spark: SparkSession, text: str) -> DataFrame:
    """Events of cookies, known when they happened and not a bot's, unless the text says otherwise.

    `<A 9.99 x3>` is a product with its price (`-` for none) and quantity, `(1 20.00 EUR)` an order.
    """
    text = re.sub(r"<(\S+) (\S+?)(?: x(\d+))?>", _product, text)
    rows = table(spark, EVENT, re.sub(r"\((\S+) (\S+) ([A-Z]{3})\)", _order, text))
    no_identifiers = F.array().cast(EVENT.column("identifiers").type)
    return rows.withColumns(
        {
            "visitor_type": F.when(
                F.col("visitor_key").isNotNull(), F.coalesce("visitor_type", F.lit("anonymous_id"))
            ),
            "event_name": F.coalesce("event_name", F.lit("page_viewed")),
            "known_time": F.coalesce("known_time", "event_time"),
            "identifiers": F.coalesce("identifiers", no_identifiers),
            "is_bot": F.coalesce("is_bot", F.lit(False)),
        }
    )


def _product(found: re.Match[str]) -> str:
    number, price, quantity = found.groups()
    content = {"product_number": number, "price": None if price == "-" else price, "quantity": quantity}
    return json.dumps(content)


def _order(found: re.Match[str]) -> str:
    number, value, currency = found.groups()
    return json.dumps(
        {"order_number": None if number == "-" else number, "value": value, "currency": currency}
    )


def visits(spark: SparkSession, text: str) -> DataFrame:
    """The sessions of these events, in the shape of their contract."""
    return conform(with_row_hash(sessions(events(spark, text), settings=SETTINGS), SESSION), SESSION)


def assert_visits(spark: SparkSession, text: str, expected: str) -> None:
    assert_table(visits(spark, text), SESSION, expected)


def test_a_gap_of_exactly_thirty_minutes_joins_and_a_microsecond_more_splits(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time
        ---------+-------------+---------------------------
        a1       | ann         | 2026-03-01 10:00:00
        a2       | ann         | 2026-03-01 10:30:00
        a3       | ann         | 2026-03-01 11:00:00.000001
        b1       | ben         | 2026-03-01 10:00:00
        b2       | ben         | 2026-03-01 10:29:59.999999
    """,
        """
        visitor_key | session_start              | session_end                | event_count | is_returning
        ------------+----------------------------+----------------------------+-------------+-------------
        ann         | 2026-03-01 10:00:00        | 2026-03-01 10:30:00        |           2 | false
        ann         | 2026-03-01 11:00:00.000001 | 2026-03-01 11:00:00.000001 |           1 | true
        ben         | 2026-03-01 10:00:00        | 2026-03-01 10:29:59.999999 |           2 | false
    """,
    )


def test_events_that_arrive_late_join_two_visits_into_one_and_midnight_cuts_nothing(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | known_time
        ---------+-------------+---------------------+--------------------
        z        | ann         | 2026-03-02 00:10:00 | 2026-03-02 00:10:00
        a        | ann         | 2026-03-01 23:30:00 | 2026-03-01 23:30:00
        m        | ann         | 2026-03-01 23:50:00 | 2026-03-09 12:00:00
    """,
        """
        session_start       | session_end         | known_time          | event_count
        --------------------+---------------------+---------------------+------------
        2026-03-01 23:30:00 | 2026-03-02 00:10:00 | 2026-03-09 12:00:00 |           3
    """,
    )


def test_one_event_is_a_visit_of_no_duration_and_bounces(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | page               | channel | device
        ---------+-------------+---------------------+--------------------+---------+-------------------
        a        | ann         | 2026-03-01 10:00:00 | {"path": "/start"} | web     | {"type": "mobile"}
    """,
        """
        event_count | engaged_seconds | is_engaged | is_bounce | landing_page | exit_page | device_type
        ------------+-----------------+------------+-----------+--------------+-----------+------------
                  1 |               0 | false      | true      | /start       | /start    | mobile
    """,
    )


def test_a_visit_without_cart_or_order_has_no_value_and_nothing_abandoned(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time
        ---------+-------------+--------------------
        a        | ann         | 2026-03-01 10:00:00
    """,
        """
        cart_value | order_count | net_revenue | currency | cart_abandoned | checkout_abandoned | logins
        -----------+-------------+-------------+----------+----------------+--------------------+-------
                   |           0 |             |          | false          | false              | []
    """,
    )


def test_events_without_a_visitor_are_counted_and_belong_to_no_session(spark: SparkSession) -> None:
    rows = events(
        spark,
        """
        event_id | visitor_key | event_time
        ---------+-------------+--------------------
        a        | ann         | 2026-03-01 10:00:00
        b        |             | 2026-03-01 10:00:00
    """,
    )
    assert_table(
        session_events(rows, settings=SETTINGS),
        SESSION_EVENT,
        """
        event_id
        --------
        a
    """,
    )
    assert rows.agg(without_visitor(rows)).first() == (1,)


def test_engaged_time_is_measured_by_the_tracker_or_else_by_gaps_up_to_the_cap(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name | engaged_seconds
        ---------+-------------+---------------------+------------+----------------
        g1       | gaps        | 2026-03-01 10:00:00 | scrolled   |
        g2       | gaps        | 2026-03-01 10:00:08 | scrolled   |
        g3       | gaps        | 2026-03-01 10:20:08 | scrolled   |
        n1       | nine        | 2026-03-01 10:00:00 | scrolled   |
        n2       | nine        | 2026-03-01 10:00:09 | scrolled   |
        t1       | tracker     | 2026-03-01 10:00:00 | scrolled   |             4.5
        t2       | tracker     | 2026-03-01 10:00:08 | scrolled   |
        t3       | tracker     | 2026-03-01 10:20:08 | scrolled   |            5.25
        w1       | wrong       | 2026-03-01 10:00:00 | scrolled   |             NaN
        w2       | wrong       | 2026-03-01 10:00:02 | scrolled   |              -1
        w3       | wrong       | 2026-03-01 10:00:03 | scrolled   |           1e300
    """,
        """
        visitor_key | engaged_seconds | is_engaged
        ------------+-----------------+-----------
        gaps        |             308 | true
        nine        |               9 | false
        tracker     |            9.75 | false
        wrong       |               3 | false
    """,
    )


def test_landing_and_exit_pages_channel_and_campaign_follow_the_order_of_time_then_id(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | channel | page              | campaign
        ---------+-------------+---------------------+---------+-------------------+-------------------
              e1 | ann         | 2026-03-01 10:00:00 | app     |                   | {}
              e2 | ann         | 2026-03-01 10:00:00 | web     | {"path": "/b"}    | {"source": "news"}
              e4 | ann         | 2026-03-01 10:05:00 | web     | {"path": "/last"} | {"source": "ads"}
              e3 | ann         | 2026-03-01 10:05:00 | web     | {"path": "/mid"}  |
              e5 | ann         | 2026-03-01 10:06:00 | web     | {"title": "x"}    |
    """,
        """
        landing_page | exit_page | channel | campaign           | view_count
        -------------+-----------+---------+--------------------+-----------
        /b           | /last     | app     | {"source": "news"} |          5
    """,
    )


def test_a_cart_is_what_was_added_and_not_removed(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name        | product
        ---------+-------------+---------------------+-------------------+------------
        k1       | kept        | 2026-03-01 10:00:00 | product_added     | <A 9.99 x3>
        k2       | kept        | 2026-03-01 10:01:00 | product_removed   | <A - x1>
        k3       | kept        | 2026-03-01 10:02:00 | product_added     | <B 0.10>
        c1       | cleared     | 2026-03-01 10:00:00 | product_added     | <A 5.00>
        c2       | cleared     | 2026-03-01 10:01:00 | product_removed   | <A ->
        o1       | older       | 2026-03-01 10:01:00 | product_removed   | <A 5.00>
        o2       | older       | 2026-03-01 10:02:00 | product_added     | <B 2.00>
        v1       | viewer      | 2026-03-01 10:00:00 | product_viewed    | <A 5.00>
        v2       | viewer      | 2026-03-01 10:01:00 | products_searched |
        l1       | list        | 2026-03-01 10:00:00 | product_added     |
        p1       | priceless   | 2026-03-01 10:00:00 | product_added     | <A ->
    """,
        """
        visitor_key | cart_value | cart_abandoned | product_view_count | search_count
        ------------+------------+----------------+--------------------+-------------
        kept        |      20.08 | true           |                  0 |            0
        cleared     |       0.00 | false          |                  0 |            0
        older       |       2.00 | true           |                  0 |            0
        viewer      |            | false          |                  1 |            1
        list        |            | false          |                  0 |            0
        priceless   |            | true           |                  0 |            0
    """,
    )


def test_an_event_may_add_several_items_at_once(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name    | items
        ---------+-------------+---------------------+---------------+------------------------
        a        | ann         | 2026-03-01 10:00:00 | product_added | [<A 1.50 x2>, <B 4.00>]
    """,
        """
        cart_value | cart_abandoned
        -----------+---------------
              7.00 | true
    """,
    )


def test_a_cart_or_checkout_is_abandoned_unless_an_order_follows(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name       | product   | order
        ---------+-------------+---------------------+------------------+-----------+--------------
        b1       | buyer       | 2026-03-01 10:00:00 | product_added    | <A 20.00> |
        b2       | buyer       | 2026-03-01 10:01:00 | checkout_started |           |
        b3       | buyer       | 2026-03-01 10:02:00 | order_completed  |           | (1 20.00 EUR)
        g1       | goer        | 2026-03-01 10:00:00 | product_added    | <A 20.00> |
        g2       | goer        | 2026-03-01 10:01:00 | checkout_started |           |
        m1       | more        | 2026-03-01 10:00:00 | product_added    | <A 20.00> |
        m2       | more        | 2026-03-01 10:02:00 | order_completed  |           | (2 20.00 EUR)
        m3       | more        | 2026-03-01 10:03:00 | product_added    | <B 1.00>  |
        c1       | changed     | 2026-03-01 10:00:00 | product_added    | <A 20.00> |
        c2       | changed     | 2026-03-01 10:02:00 | order_completed  |           | (3 20.00 EUR)
        c3       | changed     | 2026-03-01 10:03:00 | product_added    | <B 1.00>  |
        c4       | changed     | 2026-03-01 10:04:00 | product_removed  | <B 1.00>  |
    """,
        """
        visitor_key | cart_value | cart_abandoned | checkout_abandoned | order_count | is_engaged
        ------------+------------+----------------+--------------------+-------------+-----------
        buyer       |      20.00 | false          | false              |           1 | true
        goer        |      20.00 | true           | true               |           0 | true
        more        |      21.00 | true           | false              |           1 | true
        changed     |      20.00 | false          | false              |           1 | true
    """,
    )


def test_an_order_counts_once_and_currencies_are_never_added(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name      | order
        ---------+-------------+---------------------+-----------------+--------------
        r1       | reload      | 2026-03-01 10:00:00 | order_completed | (1 20.00 EUR)
        r2       | reload      | 2026-03-01 10:01:00 | order_completed | (1 25.00 EUR)
        r3       | reload      | 2026-03-01 10:02:00 | order_completed | (2 0.01 EUR)
        r4       | reload      | 2026-03-01 10:03:00 | order_refunded  | (2 0.01 EUR)
        m1       | mixed       | 2026-03-01 10:00:00 | order_completed | (1 20.00 EUR)
        m2       | mixed       | 2026-03-01 10:01:00 | order_completed | (2 20.00 USD)
        n1       | numberless  | 2026-03-01 10:00:00 | order_completed | (- 1.00 EUR)
        n2       | numberless  | 2026-03-01 10:01:00 | order_completed | (- 2.00 EUR)
    """,
        """
        visitor_key | order_count | net_revenue | currency
        ------------+-------------+-------------+---------
        reload      |           2 |       20.01 | EUR
        mixed       |           2 |             |
        numberless  |           2 |        3.00 | EUR
    """,
    )


def test_logins_are_the_distinct_identifiers_that_tell_a_person_and_one_bot_event_marks_the_visit(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | is_bot | identifiers
        ---------+-------------+---------------------+--------+----------------------------
        a1       | ann         | 2026-03-01 10:00:00 | false  | anonymous_id:ann
        a2       | ann         | 2026-03-01 10:01:00 | true   | anonymous_id:ann, user_id:7
        a3       | ann         | 2026-03-01 10:02:00 | false  | email:x, user_id:7
    """,
        """
        logins             | is_bot
        -------------------+-------
        email:x, user_id:7 | true
    """,
    )


def test_two_visitors_of_different_type_with_one_key_are_two_visitors(spark: SparkSession) -> None:
    found = visits(
        spark,
        """
        event_id | visitor_type | visitor_key | event_time
        ---------+--------------+-------------+--------------------
        a        | device_id    | k           | 2026-03-01 10:00:00
        b        | anonymous_id | k           | 2026-03-01 10:00:00
    """,
    )
    assert_table(
        found,
        SESSION,
        """
        visitor_type | event_count | session_number
        -------------+-------------+---------------
        device_id    |           1 |              1
        anonymous_id |           1 |              1
    """,
    )
    assert found.select("session_id").distinct().count() == 2


def test_no_events_make_no_sessions(spark: SparkSession) -> None:
    nothing = events(spark, "event_id | visitor_key | event_time\na | a | 2026-03-01 10:00:00").where("false")
    assert sessions(nothing, settings=SETTINGS).collect() == []
