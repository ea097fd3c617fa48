"""What a visit is: the gap, carts, orders, engaged time, landing and exit."""

from __future__ import annotations

import json
import re

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import FORMER_SESSION, SESSION, SESSION_EVENT
from habitue.contracts.conform import conform
from habitue.contracts.entities import EVENT
from habitue.contracts.row_hash import with_row_hash
from habitue.events.sessionize import former, members, sessions, sessions_with_events
from habitue.events.settings import SessionSettings
from tests.tables import assert_table, table

SETTINGS = SessionSettings()
ZONE = "UTC"


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


def visits(
    spark: SparkSession, text: str, *, settings: SessionSettings = SETTINGS, zone: str = ZONE
) -> DataFrame:
    """The sessions of these events, in the shape of their contract."""
    rows = sessions(events(spark, text), settings=settings, zone=zone)
    return conform(with_row_hash(rows, SESSION), SESSION)


def assert_visits(
    spark: SparkSession,
    text: str,
    expected: str,
    *,
    settings: SessionSettings = SETTINGS,
    zone: str = ZONE,
) -> None:
    assert_table(visits(spark, text, settings=settings, zone=zone), SESSION, expected)


def test_events_of_one_instant_follow_the_place_in_the_trackers_batch_then_their_id(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_sequence | page
        ---------+-------------+---------------------+----------------+------------------
        a1       | ann         | 2026-03-01 10:00:00 |              2 | {"path": "/last"}
        a2       | ann         | 2026-03-01 10:00:00 |              1 | {"path": "/first"}
        b2       | ben         | 2026-03-01 10:00:00 |                | {"path": "/last"}
        b1       | ben         | 2026-03-01 10:00:00 |                | {"path": "/first"}
    """,
        """
        visitor_key | landing_page | exit_page
        ------------+--------------+----------
        ann         | /first       | /last
        ben         | /first       | /last
    """,
    )


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


def test_what_was_known_of_a_visit_on_an_earlier_day_is_kept_until_an_event_changes_it(
    spark: SparkSession,
) -> None:
    """ann's visits are bridged three days later, ben's runs across midnight, cyd's event is known a minute late."""
    found = sessions_with_events(
        events(
            spark,
            """
            event_id | visitor_key | event_time          | known_time
            ---------+-------------+---------------------+--------------------
            a1       | ann         | 2026-03-01 10:00:00 | 2026-03-01 10:00:01
            a2       | ann         | 2026-03-01 10:25:00 | 2026-03-04 09:00:00
            a3       | ann         | 2026-03-01 10:50:00 | 2026-03-01 10:50:01
            b1       | ben         | 2026-03-01 23:50:00 | 2026-03-01 23:50:01
            b2       | ben         | 2026-03-02 00:10:00 | 2026-03-02 00:10:01
            c1       | cyd         | 2026-03-01 10:00:00 | 2026-03-01 10:00:01
            c2       | cyd         | 2026-03-01 10:01:00 | 2026-03-01 10:02:00
        """,
        ),
        settings=SETTINGS,
        zone=ZONE,
    )
    rows = conform(with_row_hash(former(found), FORMER_SESSION), FORMER_SESSION)
    assert_table(
        rows,
        FORMER_SESSION,
        """
        visitor_key | session_start       | session_end         | event_count | known_time          | superseded_time
        ------------+---------------------+---------------------+-------------+---------------------+--------------------
        ann         | 2026-03-01 10:00:00 | 2026-03-01 10:00:00 |           1 | 2026-03-01 10:00:01 | 2026-03-04 09:00:00
        ann         | 2026-03-01 10:50:00 | 2026-03-01 10:50:00 |           1 | 2026-03-01 10:50:01 | 2026-03-04 09:00:00
        ben         | 2026-03-01 23:50:00 | 2026-03-01 23:50:00 |           1 | 2026-03-01 23:50:01 | 2026-03-02 00:10:01
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


def test_a_key_event_makes_its_visit_engaged_where_the_settings_name_it(spark: SparkSession) -> None:
    events = """
        event_id | visitor_key | event_time          | event_name
        ---------+-------------+---------------------+--------------
        a        | ann         | 2026-03-01 10:00:00 | page_viewed
        b        | ann         | 2026-03-01 10:00:05 | generate_lead
        c        | ben         | 2026-03-01 10:00:00 | page_viewed
    """
    settings = SETTINGS.model_copy(update={"key_events": ("generate_lead",)})
    assert_visits(spark, events, """
        visitor_key | is_engaged | is_bounce
        ------------+------------+----------
        ann         | true       | false
        ben         | false      | true
    """, settings=settings)  # fmt: skip
    assert {r["is_bounce"] for r in visits(spark, events).collect()} == {True}


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


def test_an_event_without_a_device_goes_by_its_strongest_login_or_is_a_visit_of_its_own(
    spark: SparkSession,
) -> None:
    text = """
        event_id | visitor_key | event_time          | identifiers
        ---------+-------------+---------------------+-------------------
        a        | ann         | 2026-03-01 10:00:00 | user_id:7
        b        |             | 2026-03-01 10:01:00 | email:x, user_id:7
        c        |             | 2026-03-01 10:02:00 | user_id:7
        d        |             | 2026-03-01 10:03:00 |
        e        |             | 2026-03-01 10:03:00 |
    """
    assert_visits(
        spark,
        text,
        """
        visitor_type | visitor_key | event_count | logins
        -------------+-------------+-------------+-------------------
        anonymous_id | ann         |           1 | user_id:7
        user_id      | 7           |           2 | email:x, user_id:7
        event        | d           |           1 | []
        event        | e           |           1 | []
    """,
    )
    assert_table(
        members(sessions_with_events(events(spark, text), settings=SETTINGS, zone=ZONE)),
        SESSION_EVENT,
        "event_id\na\nb\nc\nd\ne",
    )


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
              e0 | ann         | 2026-03-01 09:59:00 |         |                   |
              e1 | ann         | 2026-03-01 10:00:00 | app     |                   | {}
              e2 | ann         | 2026-03-01 10:00:00 | web     | {"path": "/b"}    | {"source": "news"}
              e4 | ann         | 2026-03-01 10:05:00 | web     | {"path": "/last"} | {"source": "ads"}
              e3 | ann         | 2026-03-01 10:05:00 | web     | {"path": "/mid"}  |
              e5 | ann         | 2026-03-01 10:06:00 | web     | {"title": "x"}    |
    """,
        """
        landing_page | exit_page | channel | campaign           | view_count
        -------------+-----------+---------+--------------------+-----------
        /b           | /last     | app     | {"source": "news"} |          6
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
        a1       | anew        | 2026-03-01 10:01:00 | product_removed   | <A 5.00>
        a2       | anew        | 2026-03-01 10:02:00 | product_added     | <A 5.00>
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
        anew        |       5.00 | true           |                  0 |            0
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
    assert sessions(nothing, settings=SETTINGS, zone=ZONE).collect() == []


def test_pings_tell_attention_by_the_spans_they_fall_into_where_the_tracker_says_nothing(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name  | engaged_seconds
        ---------+-------------+---------------------+-------------+----------------
        p0       | pings       | 2026-03-01 10:00:00 | page_viewed |
        p1       | pings       | 2026-03-01 10:00:10 | page_pinged |
        p2       | pings       | 2026-03-01 10:00:20 | page_pinged |
        p3       | pings       | 2026-03-01 10:00:21 | page_pinged |
        p4       | pings       | 2026-03-01 10:15:00 | page_pinged |
        o0       | one         | 2026-03-01 10:00:00 | page_viewed |
        o1       | one         | 2026-03-01 10:00:10 | page_pinged |
        t0       | told        | 2026-03-01 10:00:00 | page_viewed |               7
        t1       | told        | 2026-03-01 10:00:10 | page_pinged |
        n0       | none        | 2026-03-01 10:00:00 | page_viewed |
        n1       | none        | 2026-03-01 10:00:40 | page_viewed |
    """,
        """
        visitor_key | engaged_seconds | engaged_basis
        ------------+-----------------+--------------
        pings       |              25 | pings
        one         |               5 | pings
        told        |               7 | tracker
        none        |              40 | gaps
    """,
    )


def test_each_view_of_a_page_has_a_first_ping_also_where_pages_are_open_side_by_side(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name  | page
        ---------+-------------+---------------------+-------------+---------------
        a0       | again       | 2026-03-01 10:00:00 | page_viewed | {"path": "/a"}
        a1       | again       | 2026-03-01 10:00:10 | page_pinged | {"path": "/a"}
        a2       | again       | 2026-03-01 10:00:20 | page_pinged | {"path": "/a"}
        a3       | again       | 2026-03-01 10:00:25 | page_viewed | {"path": "/b"}
        a4       | again       | 2026-03-01 10:00:35 | page_pinged | {"path": "/b"}
        a5       | again       | 2026-03-01 10:00:36 | page_viewed | {"path": "/a"}
        a6       | again       | 2026-03-01 10:00:46 | page_pinged | {"path": "/a"}
        s0       | beside      | 2026-03-01 10:00:00 | page_viewed | {"path": "/a"}
        s1       | beside      | 2026-03-01 10:00:01 | page_viewed | {"path": "/b"}
        s2       | beside      | 2026-03-01 10:00:10 | page_pinged | {"path": "/a"}
        s3       | beside      | 2026-03-01 10:00:11 | page_pinged | {"path": "/b"}
        s4       | beside      | 2026-03-01 10:00:20 | page_pinged | {"path": "/a"}
        s5       | beside      | 2026-03-01 10:00:21 | page_pinged | {"path": "/b"}
        s6       | beside      | 2026-03-01 10:00:22 | page_pinged | {"path": "/b"}
    """,
        """
        visitor_key | engaged_seconds | engaged_basis
        ------------+-----------------+--------------
        again       |              25 | pings
        beside      |              30 | pings
    """,
    )


def test_what_was_left_is_the_step_nearest_to_an_order_with_its_value(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | event_name       | product   | order
        ---------+-------------+---------------------+------------------+-----------+-------------
        v1       | viewer      | 2026-03-01 10:00:00 | product_viewed   | <A 8.00>  |
        v2       | viewer      | 2026-03-01 10:01:00 | product_viewed   | <B 9.00>  |
        c1       | carter      | 2026-03-01 10:00:00 | product_viewed   | <A 8.00>  |
        c2       | carter      | 2026-03-01 10:01:00 | product_added    | <A 8.00>  |
        k1       | kasse       | 2026-03-01 10:00:00 | checkout_started |           | (- 5.00 EUR)
        k2       | kasse       | 2026-03-01 10:00:00 | checkout_started |           |
        f1       | former      | 2026-03-01 10:00:00 | form_started     |           |
        f2       | former      | 2026-03-01 10:01:00 | form_submitted   |           |
        f3       | former      | 2026-03-01 10:02:00 | form_started     |           |
        s1       | sender      | 2026-03-01 10:00:00 | form_started     |           |
        s2       | sender      | 2026-03-01 10:01:00 | form_submitted   |           |
        b0       | buyer       | 2026-03-01 09:59:00 | form_started     |           |
        b1       | buyer       | 2026-03-01 10:00:00 | product_added    | <A 8.00>  |
        b2       | buyer       | 2026-03-01 10:01:00 | order_completed  |           | (1 8.00 EUR)
        r1       | reader      | 2026-03-01 10:00:00 | page_viewed      |           |
        m1       | more        | 2026-03-01 10:00:00 | product_added    | <A 8.00>  |
        m2       | more        | 2026-03-01 10:01:00 | order_completed  |           | (2 8.00 EUR)
        m3       | more        | 2026-03-01 10:02:00 | product_added    | <B 1.50>  |
        e1       | emptier     | 2026-03-01 10:00:00 | product_removed  | <A 8.00>  |
        e2       | emptier     | 2026-03-01 10:01:00 | checkout_started |           | (- 50.00 EUR)
        o1       | again       | 2026-03-01 10:00:00 | checkout_started |           | (- 60.00 EUR)
        o2       | again       | 2026-03-01 10:01:00 | order_completed  |           | (3 60.00 EUR)
        o3       | again       | 2026-03-01 10:02:00 | checkout_started |           |
    """,
        """
        visitor_key | furthest_step | abandoned_step | lost_value | abandoned_at        | order_time
        ------------+---------------+----------------+------------+---------------------+--------------------
        viewer      | browse        | browse         |       9.00 | 2026-03-01 11:01:00 |
        carter      | cart          | cart           |       8.00 | 2026-03-01 11:01:00 |
        kasse       | checkout      | checkout       |       5.00 | 2026-03-01 11:00:00 |
        former      | form          | form           |            | 2026-03-01 11:02:00 |
        sender      | form          |                |            |                     |
        buyer       | order         |                |            |                     | 2026-03-01 10:01:00
        reader      | visit         |                |            |                     |
        more        | order         | cart           |       1.50 | 2026-03-01 11:02:00 | 2026-03-01 10:01:00
        emptier     | checkout      | checkout       |      50.00 | 2026-03-01 11:01:00 |
        again       | order         | checkout       |            | 2026-03-01 11:02:00 | 2026-03-01 10:01:00
    """,
    )


def test_an_order_in_a_later_visit_within_the_limit_means_that_nothing_was_abandoned(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time                 | event_name      | product  | order
        ---------+-------------+----------------------------+-----------------+----------+-------------
        a1       | intime      | 2026-03-01 10:00:00        | product_added   | <A 8.00> |
        a2       | intime      | 2026-03-01 11:00:00        | order_completed |          | (1 8.00 EUR)
        b1       | late        | 2026-03-01 10:00:00        | product_added   | <A 8.00> |
        b2       | late        | 2026-03-01 11:00:00.000001 | order_completed |          | (2 8.00 EUR)
    """,
        """
        visitor_key | session_number | abandoned_step | abandoned_at
        ------------+----------------+----------------+--------------------
        intime      |              1 | cart           |
        intime      |              2 |                |
        late        |              1 | cart           | 2026-03-01 11:00:00
        late        |              2 |                |
    """,
    )


def test_first_and_last_campaign_look_back_thirty_days_and_pass_over_direct_visits(
    spark: SparkSession,
) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time                 | campaign
        ---------+-------------+----------------------------+-----------------------
        a        | ann         | 2026-03-01 10:00:00        | {"source": "news"}
        b        | ann         | 2026-03-10 10:00:00        | {"source": "ads"}
        c        | ann         | 2026-03-31 10:00:00        | {"source": "(direct)"}
        d        | ann         | 2026-03-31 10:30:00.000001 |
        e        | ann         | 2026-04-09 10:00:00.000001 |
        z        | zoe         | 2026-03-11 10:00:00        |
        d1       | dan         | 2026-03-11 10:00:00        | {"source": "Direct"}
        d2       | dan         | 2026-03-11 10:05:00        | {"source": "ads"}
    """,
        """
        visitor_key | session_number | first_campaign     | last_campaign     | campaign
        ------------+----------------+--------------------+-------------------+-----------------------
        ann         |              1 | {"source": "news"} | {"source": "news"}| {"source": "news"}
        ann         |              2 | {"source": "news"} | {"source": "ads"} | {"source": "ads"}
        ann         |              3 | {"source": "news"} | {"source": "ads"} | {"source": "(direct)"}
        ann         |              4 | {"source": "ads"}  | {"source": "ads"} |
        ann         |              5 |                    |                   |
        zoe         |              1 |                    |                   |
        dan         |              1 | {"source": "ads"}  | {"source": "ads"} | {"source": "ads"}
    """,
    )


def test_midnight_is_that_of_the_projects_zone_on_days_of_23_and_25_hours_too(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time
        ---------+-------------+--------------------
        w1       | winter      | 2026-03-28 22:50:00
        w2       | winter      | 2026-03-28 23:10:00
        w3       | short       | 2026-03-29 21:50:00
        w4       | short       | 2026-03-29 22:10:00
        s1       | summer      | 2026-10-24 21:50:00
        s2       | summer      | 2026-10-24 22:10:00
        s3       | long        | 2026-10-25 21:50:00
        s4       | long        | 2026-10-25 22:10:00
        s5       | long        | 2026-10-25 22:35:00
        s6       | long        | 2026-10-25 23:00:00
    """,
        """
        visitor_key | session_start       | session_date | event_count
        ------------+---------------------+--------------+------------
        winter      | 2026-03-28 22:50:00 | 2026-03-28   |           1
        winter      | 2026-03-28 23:10:00 | 2026-03-29   |           1
        short       | 2026-03-29 21:50:00 | 2026-03-29   |           1
        short       | 2026-03-29 22:10:00 | 2026-03-30   |           1
        summer      | 2026-10-24 21:50:00 | 2026-10-24   |           1
        summer      | 2026-10-24 22:10:00 | 2026-10-25   |           1
        long        | 2026-10-25 21:50:00 | 2026-10-25   |           3
        long        | 2026-10-25 23:00:00 | 2026-10-26   |           1
    """,
        settings=SessionSettings(preset="ua"),
        zone="Europe/Berlin",
    )


def test_universal_analytics_ends_a_visit_by_another_campaign(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | campaign
        ---------+-------------+---------------------+-----------------------------------
        a        | ann         | 2026-03-01 10:00:00 |
        b        | ann         | 2026-03-01 10:01:00 | {"source": "news", "medium": "mail"}
        c        | ann         | 2026-03-01 10:02:00 |
        d        | ann         | 2026-03-01 10:03:00 | {"source": "news", "medium": "mail"}
        e        | ann         | 2026-03-01 10:04:00 | {"source": "news"}
        f        | ann         | 2026-03-01 10:05:00 | {"source": "(direct)"}
        g        | ann         | 2026-03-01 10:06:00 | {"source": "news"}
    """,
        """
        session_start       | event_count | campaign
        --------------------+-------------+-------------------------------------
        2026-03-01 10:00:00 |           1 |
        2026-03-01 10:01:00 |           3 | {"source": "news", "medium": "mail"}
        2026-03-01 10:04:00 |           3 | {"source": "news"}
    """,
        settings=SessionSettings(preset="ua"),
    )


def test_mapp_ends_a_visit_when_another_person_logs_in_and_the_tracker_s_sessions_can_be_trusted(
    spark: SparkSession,
) -> None:
    text = """
        event_id | visitor_key | event_time          | identifiers        | source_session_id
        ---------+-------------+---------------------+--------------------+------------------
        a        | ann         | 2026-03-01 10:00:00 | anonymous_id:ann   | s1
        b        | ann         | 2026-03-01 10:01:00 | email:x, user_id:7 | s1
        c        | ann         | 2026-03-01 10:02:00 | user_id:8          | s1
        d        | ann         | 2026-03-01 12:00:00 | email:y            | s1
        e        | ann         | 2026-03-01 12:01:00 |                    | s2
    """
    assert_visits(
        spark,
        text,
        """
        session_start       | event_count | logins
        --------------------+-------------+-------------------
        2026-03-01 10:00:00 |           2 | email:x, user_id:7
        2026-03-01 10:02:00 |           1 | user_id:8
        2026-03-01 12:00:00 |           2 | email:y
    """,
        settings=SessionSettings(preset="mapp"),
    )
    assert_visits(
        spark,
        text,
        """
        session_start       | event_count
        --------------------+------------
        2026-03-01 10:00:00 |           4
        2026-03-01 12:01:00 |           1
    """,
        settings=SessionSettings(preset="source"),
    )


def test_logins_that_stand_on_one_event_are_one_person_in_their_island(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | visitor_key | event_time          | identifiers
        ---------+-------------+---------------------+---------------------
        a        | ann         | 2026-03-01 10:00:00 | user_id:5
        b        | ann         | 2026-03-01 10:01:00 | user_id:2, user_id:5
        c        | ann         | 2026-03-01 10:02:00 | user_id:5
        d        | ann         | 2026-03-01 10:03:00 | user_id:2
        e        | ann         | 2026-03-01 10:04:00 | user_id:3
        f        | ann         | 2026-03-02 10:00:00 | user_id:5
        g        | ann         | 2026-03-02 10:01:00 | user_id:2
    """,
        """
        session_start       | event_count
        --------------------+------------
        2026-03-01 10:00:00 |           4
        2026-03-01 10:04:00 |           1
        2026-03-02 10:00:00 |           1
        2026-03-02 10:01:00 |           1
    """,
        settings=SessionSettings(preset="mapp"),
    )


def test_orders_of_two_sources_with_one_number_are_two(spark: SparkSession) -> None:
    assert_visits(
        spark,
        """
        event_id | source | visitor_key | event_time          | event_name      | order
        ---------+--------+-------------+---------------------+-----------------+--------------
        a        | web    | ann         | 2026-03-01 10:00:00 | order_completed | (1 20.00 EUR)
        b        | app    | ann         | 2026-03-01 10:05:00 | order_completed | (1 30.00 EUR)
    """,
        """
        order_count | net_revenue
        ------------+------------
                  2 |       50.00
    """,
    )
