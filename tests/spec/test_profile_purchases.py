"""Purchases in the profile: days, windows, money, returns, rhythm, basket, discounts, shares."""

from __future__ import annotations

from datetime import date

import pytest

from habitue.contracts.entities import ORDER_LINE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.errors import CheckError
from habitue.profile.conventions import Conventions
from habitue.profile.currency import CurrencyRate, Money, check_currencies
from tests.spec.profile_world import CONVENTIONS, IDENTITIES, facts_of, profiles_of
from tests.tables import assert_table, table


def test_two_orders_on_one_day_are_one_purchase_and_an_order_known_after_the_cut_changes_nothing(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_time          | net_revenue | known_time
        --------------------+---------------------+-------------+--------------------
        customer_number:ada | 2026-01-01 08:00:00 |       10.00 |
        customer_number:ada | 2026-01-11 08:00:00 |       20.00 |
        customer_number:ada | 2026-01-11 20:00:00 |        5.00 |
        customer_number:ada | 2026-01-21 08:00:00 |       99.00 | 2026-01-31 00:00:00
        customer_number:ada | 2026-01-31 00:00:00 |       99.00 |
        customer_number:ben | 2026-01-06 08:00:00 |        7.00 |
        email:stranger      | 2026-01-06 09:00:00 |        7.00 |
                            | 2026-01-06 10:00:00 |        7.00 |
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31"),
        CUSTOMER_PROFILE,
        """
        person_id | order_count | purchase_day_count | frequency | recency_days | age_days | monetary_value | net_revenue | days_since_last_order
        ada       |           3 |                  2 |         1 |           10 |       30 |           25.0 |       35.00 |                    20
        ben       |           1 |                  1 |         0 |            0 |       25 |                |        7.00 |                    25
        cyd       |           0 |                  0 |           |              |          |                |        0.00 |
        dan       |           0 |                  0 |           |              |          |                |        0.00 |
        eve       |           0 |                  0 |           |              |          |                |        0.00 |
        nobody    |           0 |                  0 |           |              |          |                |        0.00 |
        """,
    )


def test_returns_are_netted_and_never_count_as_purchases(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_number | line_number | order_time          | net_revenue | quantity
        customer_number:ada | o1           | 1           | 2026-01-01 08:00:00 |       40.00 |        2
        customer_number:ada | o1           | 2           | 2026-01-01 08:00:00 |       60.00 |        1
        customer_number:ada | o2           | 1           | 2026-01-11 08:00:00 |      100.00 |        4
        customer_number:ada | r1           | 1           | 2026-01-20 08:00:00 |      -50.00 |       -2
        customer_number:ben | r2           | 1           | 2026-01-20 08:00:00 |       -5.00 |       -1
        customer_number:cyd | o3           | 1           | 2026-01-01 08:00:00 |       20.00 |        1
        customer_number:cyd | o4           | 1           | 2026-01-11 08:00:00 |       30.00 |        1
        customer_number:cyd | r3           | 1           | 2026-01-20 08:00:00 |      -50.00 |       -2
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben', 'cyd')"),
        CUSTOMER_PROFILE,
        """
        person_id | order_count | return_count | net_revenue | monetary_value | return_rate | aov   | items_per_order | lines_per_order | last_order_date | lifecycle_stage
        cyd       |           2 |            1 |        0.00 |            0.0 |         1.0 |  25.0 |             1.0 |             1.0 | 2026-01-11      | active
        ada       |           2 |            1 |      150.00 |           50.0 |        0.25 | 100.0 |             3.5 |             1.5 | 2026-01-11      | active
        ben       |           0 |            1 |       -5.00 |                |             |       |                 |                 |                 | prospect
        """,
    )


def test_a_return_under_the_number_of_its_order_counts_on_its_own_day(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_number | line_number | order_time          | net_revenue | quantity
        customer_number:ada | o1           | 1           | 2025-11-01 08:00:00 |      100.00 |        1
        customer_number:ada | o2           | 1           | 2025-11-20 08:00:00 |       80.00 |        1
        customer_number:ada | o1           | 2           | 2026-01-20 08:00:00 |      -60.00 |       -1
        customer_number:ada | o1           | 3           | 2026-01-21 08:00:00 |      -10.00 |       -1
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        person_id | order_count | return_count | net_revenue | net_revenue_30d | net_revenue_90d | monetary_value | aov  | last_order_date
        ada       |           2 |            1 |      110.00 |          -70.00 |           10.00 |           80.0 | 90.0 | 2025-11-20
        """,
    )


def test_what_comes_back_of_the_first_purchase_does_not_lower_the_value_of_the_repeats(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_number | line_number | order_time          | net_revenue | quantity | returned_order_number
        customer_number:ada | a1           | 1           | 2026-01-01 08:00:00 |      100.00 |        1 |
        customer_number:ada | a2           | 1           | 2026-01-11 08:00:00 |       80.00 |        1 |
        customer_number:ada | r1           | 1           | 2026-01-20 08:00:00 |      -60.00 |       -1 | a1
        customer_number:ben | b1           | 1           | 2026-01-01 08:00:00 |      100.00 |        1 |
        customer_number:ben | b2           | 1           | 2026-01-11 08:00:00 |       80.00 |        1 |
        customer_number:ben | b2           | 2           | 2026-01-20 08:00:00 |      -60.00 |       -1 |
        customer_number:cyd | c1           | 1           | 2026-01-01 08:00:00 |      100.00 |        1 |
        customer_number:cyd | c2           | 1           | 2026-01-11 08:00:00 |       80.00 |        1 |
        customer_number:cyd | c3           | 1           | 2026-01-20 08:00:00 |      -60.00 |       -1 |
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben', 'cyd')"),
        CUSTOMER_PROFILE,
        """
        person_id | net_revenue | monetary_value | return_count
        ada       |      120.00 |           80.0 |            1
        ben       |      120.00 |           20.0 |            1
        cyd       |      120.00 |           20.0 |            1
        """,
    )


def test_windows_reach_back_whole_days_in_the_zone_of_the_project(spark):
    # 2026-01-01 in Berlin begins at 23:00 UTC of the day before; 30 days before 2026-01-31 is that day
    berlin = Conventions("Europe/Berlin", CONVENTIONS.money, ("customer_number",), ("anonymous_id",))
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_time          | net_revenue
        customer_number:ada | 2025-12-31 22:59:59 |        1.00
        customer_number:ada | 2025-12-31 23:00:00 |        2.00
        customer_number:ada | 2026-01-30 22:59:59 |        4.00
        customer_number:ada | 2026-01-30 23:00:00 |        8.00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31", conventions=berlin).where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        net_revenue | net_revenue_30d | purchase_days_30d | first_order_date | days_since_last_order
        7.00        |            6.00 |                 2 | 2025-12-31       |                     1
        """,
    )


def test_rhythm_basket_and_discounts_of_a_person(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_time          | net_revenue | discount | coupon | cost
        customer_number:ada | 2026-01-01 08:00:00 |       10.00 |          |        | 4.00
        customer_number:ada | 2026-01-05 08:00:00 |       20.00 |    20.00 |        | 5.00
        customer_number:ada | 2026-01-15 08:00:00 |       30.00 |    10.00 | SAVE   | 6.00
        customer_number:ben | 2026-01-15 08:00:00 |       30.00 |          |        | 6.00
        customer_number:ben | 2026-01-16 08:00:00 |       30.00 |          |        |
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id in ('ada', 'ben')"),
        CUSTOMER_PROFILE,
        """
        person_id | interpurchase_days | interpurchase_median_days | regularity_cv      | aov_cv | discount_share     | discount_line_share | coupon_order_share | full_price_share   | contribution_margin
        ada       |                7.0 |                       7.0 | 0.6060915267313265 |    0.5 | 0.3333333333333333 | 0.6666666666666666  | 0.3333333333333333 | 0.16666666666666666 |              45.00
        ben       |                1.0 |                       1.0 |                    |    0.0 |                0.0 |                 0.0 |                0.0 |                1.0 |
        """,
    )


def test_what_no_bought_line_states_by_a_day_is_unknown_then_and_no_full_price(spark):
    """Ben's discount and coupon become known on 2026-01-20, a store never; a return states nothing of what is bought."""
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_number | order_time          | net_revenue | quantity | discount | coupon | store | known_time
        customer_number:ada | o1           | 2026-01-01 08:00:00 |       10.00 |        1 |          |        |       |
        customer_number:ada | r1           | 2026-01-02 08:00:00 |       -1.00 |       -1 |     1.00 | SAVE   | s1    |
        customer_number:ben | o2           | 2026-01-05 08:00:00 |       20.00 |        1 |     0.00 | SAVE   |       | 2026-01-20 08:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-10", "2026-01-31").where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        as_of_date | order_count | discount_share | discount_share_90d | discount_line_share | full_price_share | coupon_order_share | store_count
        2026-01-10 |           1 |                |                    |                     |                  |                    |
        2026-01-31 |           1 |            0.0 |                0.0 |                 0.0 |              1.0 |                0.0 |
        """,
    )


def test_shares_of_categories_channels_and_stores_of_the_last_year(spark):
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        product="""
        product_number | category
        apple          | fruit
        pear           | fruit
        soap           | care
        """,
        order_line="""
        identifiers         | order_time          | net_revenue | product_number | channel | store
        customer_number:ada | 2024-12-01 08:00:00 |      500.00 | soap           | web     |
        customer_number:ada | 2026-01-05 08:00:00 |       20.00 | apple          | store   | s2
        customer_number:ada | 2026-01-06 08:00:00 |       40.00 | pear           | store   | s1
        customer_number:ada | 2026-01-07 08:00:00 |       20.00 | soap           | web     |
        customer_number:ada | 2026-01-08 08:00:00 |        5.00 | unlisted       | store   | s1
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-31").where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        category_shares                | top_category | top_category_share | category_breadth | channel_shares               | preferred_purchase_channel | home_store | store_count
        {"care": 0.25, "fruit": 0.75} | fruit        |               0.75 |                2 | {"store": 0.75, "web": 0.25} | store                      | s1         |           2
        """,
    )


def test_an_order_belongs_to_its_strongest_identifier_as_known_at_each_cut(spark):
    facts = facts_of(
        spark,
        identity_map="""
        id_type         | id_key | valid_from          | person_id | valid_to
        customer_number | ada    | 2025-01-01 00:00:00 | ada       |
        email           | mail   | 2025-01-01 00:00:00 | mail      | 2026-01-10 00:00:00
        email           | mail   | 2026-01-10 00:00:00 | ada       |
        """,
        order_line="""
        identifiers                     | order_time          | net_revenue
        email:mail                      | 2026-01-01 08:00:00 |        1.00
        customer_number:ada, email:mail | 2026-01-02 08:00:00 |        2.00
        customer_number:gone, email:mail | 2026-01-03 08:00:00 |       4.00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-10", "2026-01-11"),
        CUSTOMER_PROFILE,
        """
        as_of_date | person_id | net_revenue | identifier_types
        2026-01-10 | ada       |        2.00 | ["customer_number"]
        2026-01-10 | mail      |        5.00 | ["email"]
        2026-01-11 | ada       |        7.00 | ["customer_number", "email"]
        """,
    )


def test_an_address_that_no_record_states_any_more_is_none_to_write_to_from_then_on(spark):
    facts = facts_of(
        spark,
        identity_map="""
        id_type         | id_key | valid_from          | person_id
        customer_number | ada    | 2025-01-01 00:00:00 | ada
        email           | mail   | 2025-01-01 00:00:00 | ada
        """,
        removed_identifier="""
        id_type | id_key | removed_at
        email   | mail   | 2026-01-10 00:00:00
        """,
    )
    assert_table(
        profiles_of(facts, "2026-01-10", "2026-01-11"),
        CUSTOMER_PROFILE,
        """
        as_of_date | person_id | has_email | identifier_types
        2026-01-10 | ada       | true      | ["customer_number", "email"]
        2026-01-11 | ada       | false     | ["customer_number"]
        """,
    )


def test_lines_in_a_currency_without_a_rate_are_named_and_with_one_are_converted(spark):
    text = """
        identifiers         | order_number | order_time          | net_revenue | currency | line_number | source | quantity | is_return | known_time
        customer_number:ada | o1           | 2026-01-01 08:00:00 |       10.00 | EUR      | 1           | s      | 1        | false     | 2026-01-01 08:00:00
        customer_number:ada | o2           | 2026-01-02 08:00:00 |       10.00 | CHF      | 1           | s      | 1        | false     | 2026-01-02 08:00:00
        customer_number:ada | o3           | 2026-01-03 08:00:00 |       10.00 | CHF      | 1           | s      | 1        | false     | 2026-01-03 08:00:00
        customer_number:ada | o4           | 2026-01-03 08:00:00 |       10.00 | USD      | 1           | s      | 1        | false     | 2026-01-03 08:00:00
    """
    lines = table(spark, ORDER_LINE, text)
    with pytest.raises(CheckError, match="CHF: no rate to EUR for 2026-01-02(.|\n)*USD: no rate"):
        check_currencies(lines, Money(currency="EUR"), "UTC")
    rates = (
        CurrencyRate(currency="CHF", from_date=date(2026, 1, 1), rate="1.10"),
        CurrencyRate(currency="CHF", from_date=date(2026, 1, 3), rate="1.20"),
        CurrencyRate(currency="USD", from_date=date(2026, 1, 1), rate="0.90"),
    )
    money = Money(currency="EUR", rates=rates)
    check_currencies(lines, money, "UTC")
    conventions = Conventions("UTC", money, ("customer_number",), ("anonymous_id",))
    profiles = profiles_of(
        facts_of(spark, identity_map=IDENTITIES, order_line=lines), "2026-02-01", conventions=conventions
    )
    assert_table(
        profiles.where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        net_revenue | currency
        42.00       | EUR
        """,
    )
