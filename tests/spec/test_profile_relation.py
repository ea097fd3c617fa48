"""Visits, contacts, responses, consent, suppression, demographics, surveys in the profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.identity.survivorship import Survivorship
from tests.spec.profile_world import CONVENTIONS, IDENTITIES, facts_of, profiles_of
from tests.tables import assert_table


def test_visits_and_carts_count_once_they_are_over_and_bots_never(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        session="""
        session_id | session_start       | session_end         | view_count | product_view_count | engaged_seconds | cart_value | cart_abandoned | is_bot
        v1         | 2026-01-10 08:00:00 | 2026-01-10 08:10:00 |          5 |                  2 |            60.0 |      30.00 | true           | false
        v2         | 2026-01-20 08:00:00 | 2026-01-20 08:10:00 |          3 |                  1 |           120.0 |      20.00 | true           | false
        v3         | 2026-01-21 08:00:00 | 2026-01-21 08:10:00 |        500 |                  9 |             1.0 |            | false          | true
        v4         | 2026-01-30 23:50:00 | 2026-01-31 00:10:00 |          7 |                  7 |             1.0 |      99.00 | true           | false
        v5         | 2026-01-15 08:00:00 | 2026-01-15 08:10:00 |          1 |                  0 |             0.0 |      15.00 | true           | false
        """,
        attribution="""
        session_id | valid_from          | person_id | valid_to
        v1         | 2026-01-10 08:10:00 | ada       |
        v2         | 2026-01-20 08:10:00 | ada       |
        v3         | 2026-01-21 08:10:00 | ada       |
        v4         | 2026-01-31 00:10:00 | ada       |
        v5         | 2026-01-15 08:10:00 | nobody    | 2026-01-16 00:00:00
        v5         | 2026-01-16 00:00:00 | ben       |
        """,
        order_line="""
        identifiers         | order_time
        customer_number:ben | 2026-01-15 09:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben', 'nobody')"),
        CUSTOMER_PROFILE,
        """
        person_id | session_count | sessions_30d | sessions_7d | days_since_last_session | views_90d | product_views_90d | engaged_seconds_90d | carts_abandoned_30d | open_cart_value | open_cart_at        | engagement_score | trend_90d
        ada       |             2 |            2 |           0 |                      11 |         8 |                 3 |               180.0 |                   2 |           20.00 | 2026-01-20 08:10:00 |              4.0 |       1.0
        ben       |             1 |            1 |           0 |                      16 |         1 |                 0 |                 0.0 |                   1 |                 |                     |              1.1 |       1.0
        nobody    |             0 |            0 |           0 |                         |         0 |                 0 |                 0.0 |                   0 |                 |                     |              0.0 |
        """,
    )


def test_a_visit_counts_as_it_was_known_at_the_cut(spark):
    """An event of v1 came on the 20th; v2 runs across midnight; v3 was two visits until one came between them."""
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        session="""
        session_id | session_start       | session_end         | known_time          | view_count
        v1         | 2026-01-10 08:00:00 | 2026-01-10 08:10:00 | 2026-01-20 09:00:00 |          5
        v2         | 2026-01-14 23:50:00 | 2026-01-15 00:10:00 | 2026-01-15 00:10:00 |         50
        v3         | 2026-01-10 08:00:00 | 2026-01-10 08:50:00 | 2026-01-20 09:00:00 |        900
        """,
        former_session="""
        session_id | session_start       | session_end         | known_time          | superseded_time     | view_count
        v1         | 2026-01-10 08:00:00 | 2026-01-10 08:10:00 | 2026-01-10 08:10:00 | 2026-01-20 09:00:00 |          4
        v2         | 2026-01-14 23:50:00 | 2026-01-14 23:55:00 | 2026-01-14 23:55:00 | 2026-01-15 00:10:00 |         40
        v3         | 2026-01-10 08:00:00 | 2026-01-10 08:05:00 | 2026-01-10 08:05:00 | 2026-01-20 09:00:00 |        300
        w3         | 2026-01-10 08:45:00 | 2026-01-10 08:50:00 | 2026-01-10 08:50:00 | 2026-01-20 09:00:00 |        500
        """,
        attribution="""
        session_id | valid_from          | person_id | valid_to
        v1         | 2026-01-10 08:10:00 | ada       | 2026-01-20 09:00:00
        v1         | 2026-01-20 09:00:00 | ada       |
        v2         | 2026-01-14 23:55:00 | ben       |
        v3         | 2026-01-10 08:05:00 | cyd       |
        w3         | 2026-01-10 08:50:00 | cyd       | 2026-01-20 09:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-15", "2026-01-16", "2026-01-31").where(
            "person_id in ('ada', 'ben', 'cyd')"
        ),
        CUSTOMER_PROFILE,
        """
        as_of_date | person_id | session_count | views_90d
        2026-01-15 | ada       |             1 |         4
        2026-01-16 | ada       |             1 |         4
        2026-01-31 | ada       |             1 |         5
        2026-01-15 | ben       |             1 |        40
        2026-01-16 | ben       |             1 |        50
        2026-01-31 | ben       |             1 |        50
        2026-01-15 | cyd       |             2 |       800
        2026-01-16 | cyd       |             2 |       800
        2026-01-31 | cyd       |             1 |       900
        """,
    )


def test_what_servers_report_is_no_visit_unless_somebody_looked_at_something(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        session="""
        session_id | visitor_type | session_start       | view_count | search_count | cart_value
        mail       | user_id      | 2026-01-30 08:00:00 |          0 |            0 |
        identify   | user_id      | 2026-01-30 09:00:00 |          0 |            0 |
        looked     | user_id      | 2026-01-20 08:00:00 |          1 |            0 |
        searched   | event        | 2026-01-19 08:00:00 |          0 |            1 |
        carted     | user_id      | 2026-01-18 08:00:00 |          0 |            0 |       5.00
        cookie     | anonymous_id | 2026-01-17 08:00:00 |          0 |            0 |
        """,
        attribution="session_id | valid_from | person_id\n"
        + "\n".join(
            f"{name} | 2026-01-01 00:00:00 | ada"
            for name in ("mail", "identify", "looked", "searched", "carted", "cookie")
        ),
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        session_count | sessions_7d | days_since_last_session
                    4 |           0 |                      11
        """,
    )


def test_what_was_left_is_open_until_an_order_takes_it_up(spark):
    """Ada's shop knows the day of an order alone; ben bought and filled his cart again; cyd ordered that day before the visit."""
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        session="""
        session_id | session_start       | session_end         | cart_abandoned | abandoned_step | lost_value | order_count
        a          | 2026-01-20 10:00:00 | 2026-01-20 10:10:00 | true           | checkout       |      30.00 |           0
        b          | 2026-01-20 10:00:00 | 2026-01-20 10:30:00 | true           | cart           |       1.00 |           1
        c          | 2026-01-20 10:00:00 | 2026-01-20 10:10:00 | true           | cart           |       7.00 |           0
        c2         | 2026-01-21 10:00:00 | 2026-01-21 10:10:00 | false          | browse         |       9.00 |           0
        """,
        attribution="""
        session_id | valid_from          | person_id
        a          | 2026-01-20 10:10:00 | ada
        b          | 2026-01-20 10:30:00 | ben
        c          | 2026-01-20 10:10:00 | cyd
        c2         | 2026-01-21 10:10:00 | cyd
        """,
        order_line="""
        identifiers         | order_time
        customer_number:ada | 2026-01-20 00:00:00
        customer_number:ben | 2026-01-20 10:15:00
        customer_number:cyd | 2026-01-20 09:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben', 'cyd')"),
        CUSTOMER_PROFILE,
        """
        person_id | open_cart_value | open_cart_at        | abandoned_step | abandoned_value | abandoned_at
        ada       |                 |                     |                |                 |
        ben       |            1.00 | 2026-01-20 10:30:00 | cart           |            1.00 | 2026-01-20 10:30:00
        cyd       |            7.00 | 2026-01-20 10:10:00 | browse         |            9.00 | 2026-01-21 10:10:00
        """,
    )


def test_contacts_and_responses_of_a_person_with_control_groups_left_out(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        contact="""
        contact_id | identifiers         | channel | contact_time        | is_control
        k1         | customer_number:ada | email   | 2026-01-28 08:00:00 |
        k2         | customer_number:ada | email   | 2026-01-02 08:00:00 | false
        k3         | customer_number:ada | post    | 2025-11-20 08:00:00 |
        k4         | customer_number:ada | email   | 2026-01-28 09:00:00 | true
        """,
        response="""
        contact_id | campaign | identifiers         | type         | response_time
        k1         |          |                     | opened       | 2026-01-28 09:00:00
        k1         |          | customer_number:ada | clicked      | 2026-01-28 09:01:00
        k2         |          |                     | delivered    | 2026-01-02 08:01:00
                   | c        | customer_number:ada | redeemed     | 2025-12-10 08:00:00
                   | c        | customer_number:ben | unsubscribed | 2026-01-10 08:00:00
        k1         |          | customer_number:cyd | complained   | 2026-01-28 10:00:00
                   | c        | customer_number:dan, customer_number:eve | unsubscribed | 2026-01-10 08:00:00
        """,
        campaign="""
        campaign | channel
        c        | post
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id <> 'nobody'"),
        CUSTOMER_PROFILE,
        """
        person_id | contacts_7d | contacts_30d | contacts_90d | last_contact_at     | responses_7d | responses_90d | redemptions_90d | response_rate_90d | unsubscribed_channels
        ada       |           1 |            2 |            3 | 2026-01-28 08:00:00 |            2 |             3 |               1 |               1.0 |
        ben       |           0 |            0 |            0 |                     |            0 |             0 |               0 |                   | ["post"]
        cyd       |           0 |            0 |            0 |                     |            0 |             0 |               0 |                   | ["email"]
        dan       |           0 |            0 |            0 |                     |            0 |             0 |               0 |                   | ["post"]
        eve       |           0 |            0 |            0 |                     |            0 |             0 |               0 |                   | ["post"]
        """,
    )


def test_consent_is_the_latest_statement_known_and_objections_suppress(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        consent="""
        identifiers         | purpose   | channel | status    | given_time          | known_time
        customer_number:ada | marketing | email   | granted   | 2026-01-01 08:00:00 |
        customer_number:ada | marketing | email   | withdrawn | 2026-01-05 08:00:00 |
        customer_number:ada | profiling | any     | granted   | 2026-01-05 08:00:00 |
        customer_number:ada | marketing | post    | granted   | 2026-01-05 08:00:00 | 2026-02-05 08:00:00
        customer_number:ben | marketing | any     | withdrawn | 2026-01-05 08:00:00 |
        customer_number:cyd | marketing | any     | withdrawn | 2026-01-05 08:00:00 |
        customer_number:cyd | marketing | post    | granted   | 2026-01-06 08:00:00 |
        customer_number:eve | marketing | email   | granted   | 2026-01-20 08:00:00 |
        customer_number:dan | profiling | email   | denied    | 2026-01-20 08:00:00 |
        customer_number:dan | profiling | email   | granted   | 2026-01-20 08:00:00 | 2026-01-22 08:00:00
        """,
        response="""
        campaign | identifiers         | type         | response_time
        mail     | customer_number:eve | unsubscribed | 2026-01-10 08:00:00
        mail     | customer_number:cyd | unsubscribed | 2026-01-10 08:00:00
        """,
        campaign="""
        campaign | channel
        mail     | email
        """,
        customer_record="""
        identifiers         | known_time          | is_blocked | is_deceased
        customer_number:dan | 2026-01-01 08:00:00 | true       |
        customer_number:eve | 2026-01-01 08:00:00 | false      | false
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id != 'nobody'"),
        CUSTOMER_PROFILE,
        """
        person_id | consent                                                        | is_suppressed | suppression_reason | unsubscribed_channels
        ada       | {"marketing:email": "withdrawn", "profiling:any": "granted"}   | false         |                    |
        ben       | {"marketing:any": "withdrawn"}                                 | true          | objected           |
        cyd       | {"marketing:any": "withdrawn", "marketing:post": "granted"}    | false         |                    | ["email"]
        dan       | {"profiling:email": "denied"}                                  | true          | blocked            |
        eve       | {"marketing:email": "granted"}                                 | false         |                    |
        """,
    )


def test_demographics_are_those_of_the_records_known_at_the_cut(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        customer_record="""
        identifiers         | source | known_time          | gender | birth_year | city   | segment | customer_since | attributes
        customer_number:ada | crm    | 2026-01-01 08:00:00 | f      | 1980       | Ulm    | gold    | 2020-05-05     | {"income": "low", "kids": "2"}
        customer_number:ada | shop   | 2026-01-05 08:00:00 |        |            | Berlin |         | 2021-05-05     | {"income": "high"}
        customer_number:ada | crm    | 2026-02-05 08:00:00 | m      | 1981       | Bonn   | lead    | 2019-05-05     | {"income": "none"}
        """,
        order_line="""
        identifiers         | order_time
        customer_number:ada | 2020-04-04 08:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        gender | age_years | city   | crm_segment | customer_since | attributes                      | sources                                                   | last_known_time
        f      |        46 | Berlin | gold        | 2020-04-04     | {"income": "high", "kids": "2"} | {"orders": ["shop"], "customer_records": ["crm", "shop"]} | 2026-01-05 08:00:00
        """,
    )


@pytest.mark.parametrize(
    ("rule", "city"),
    [
        (Survivorship(source_rank=("crm", "shop")), "Bonn"),
        (Survivorship(("recency",)), "Berlin"),
        (Survivorship(("frequency", "recency")), "ulm"),  # stated twice, so written last
    ],
)
def test_of_several_values_the_one_survives_that_the_project_says(spark, rule, city):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        customer_record="""
        identifiers         | source | known_time          | city
        customer_number:ada | shop   | 2026-01-01 08:00:00 | Ulm
        customer_number:ada | crm    | 2026-01-02 08:00:00 | Bonn
        customer_number:ada | shop   | 2026-01-03 08:00:00 | ulm
        customer_number:ada | shop   | 2026-01-04 08:00:00 | Berlin
        customer_number:ada | crm    | 2026-02-05 08:00:00 | Kiel
        """,
    )
    conventions = replace(CONVENTIONS, survivorship=rule)
    found = profiles_of(facts, "2026-01-31", conventions=conventions).where("person_id = 'ada'").first()
    assert found is not None and found["city"] == city


def test_answers_complaints_and_points_are_those_of_the_cut(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        survey="""
        identifiers         | survey_time         | score
        customer_number:ada | 2026-01-01 08:00:00 | 3
        customer_number:ada | 2026-01-02 08:00:00 | 9
        customer_number:ben | 2024-01-02 08:00:00 | 9
        """,
        service_case="""
        identifiers         | opened_time         | closed_time         | type      | case_id
        customer_number:ada | 2026-01-01 08:00:00 |                     | complaint | 1
        customer_number:ada | 2026-01-01 08:00:00 | 2026-02-01 08:00:00 | complaint | 2
        customer_number:ada | 2026-01-01 08:00:00 | 2026-01-02 08:00:00 | complaint | 3
        customer_number:ada | 2026-01-01 08:00:00 |                     | question  | 4
        """,
        loyalty="""
        identifiers         | status_time         | tier   | points
        customer_number:ada | 2026-01-01 08:00:00 | silver | 10
        customer_number:ada | 2026-01-03 08:00:00 | gold   | 20
        customer_number:ada | 2026-02-03 08:00:00 | none   | 0
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben')"),
        CUSTOMER_PROFILE,
        """
        person_id | nps_last | complaints_open | loyalty_tier | loyalty_points
        ada       |      9.0 |               2 | gold         |             20
        ben       |          |               0 |              |
        """,
    )
