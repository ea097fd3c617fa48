"""Standing among all persons: scores, Pareto classes, thresholds; lifecycle by the person's own rhythm."""

from __future__ import annotations

from datetime import date

from habitue.contracts.profile import CUSTOMER_PROFILE, LIFECYCLE_TRANSITION, RFM_THRESHOLD
from habitue.profile.rfm import day_thresholds
from habitue.profile.settings import LifecycleSettings, ProfileSettings, RhythmSettings
from habitue.profile.transitions import lifecycle_transitions
from tests.spec.profile_world import IDENTITIES, facts_of, profiles_of
from tests.tables import assert_table

_BUYERS = """
    identifiers         | order_time          | net_revenue
    customer_number:ada | 2026-01-01 08:00:00 |       80.00
    customer_number:ben | 2026-01-01 08:00:00 |        5.00
    customer_number:cyd | 2026-01-01 08:00:00 |        5.00
    customer_number:dan | 2026-01-21 08:00:00 |        5.00
    customer_number:dan | 2026-01-30 08:00:00 |        5.00
"""


def test_equal_values_get_equal_scores_and_the_stored_thresholds_reproduce_them(spark):
    profiles = profiles_of(facts_of(spark, identity_map=IDENTITIES, order_line=_BUYERS), "2026-01-31").cache()
    # three of four bought 30 days ago: their place is the middle of the lower three quarters
    assert_table(
        profiles,
        CUSTOMER_PROFILE,
        """
        person_id | rfm_recency | rfm_frequency | rfm_monetary | rfm_engagement | rfm_cell
        ada       |           2 |             2 |            5 |                | 225
        ben       |           2 |             2 |            2 |                | 222
        cyd       |           2 |             2 |            2 |                | 222
        dan       |           5 |             5 |            4 |                | 554
        eve       |             |               |              |                |
        nobody    |             |               |              |                |
        """,
    )
    assert_table(
        day_thresholds(profiles, ProfileSettings()),
        RFM_THRESHOLD,
        """
        as_of_date | axis      | score | threshold
        2026-01-31 | recency   |     2 |      30.0
        2026-01-31 | recency   |     3 |       1.0
        2026-01-31 | recency   |     4 |       1.0
        2026-01-31 | recency   |     5 |       1.0
        2026-01-31 | frequency |     2 |       1.0
        2026-01-31 | frequency |     3 |       2.0
        2026-01-31 | frequency |     4 |       2.0
        2026-01-31 | frequency |     5 |       2.0
        2026-01-31 | monetary  |     2 |       5.0
        2026-01-31 | monetary  |     3 |      10.0
        2026-01-31 | monetary  |     4 |      10.0
        2026-01-31 | monetary  |     5 |      80.0
        """,
    )


def test_pareto_tells_who_makes_the_money_and_equal_revenue_shares_a_place(spark):
    facts = facts_of(spark, identity_map=IDENTITIES, order_line=_BUYERS)
    assert_table(
        profiles_of(facts, "2026-01-31"),
        CUSTOMER_PROFILE,
        """
        person_id | pareto_share | pareto_class
        ada       |          0.8 | A
        ben       |          1.0 | B
        cyd       |          1.0 | B
        dan       |          0.9 | B
        eve       |              |
        nobody    |              |
        """,
    )


def test_lifecycle_follows_the_rhythm_of_the_person_and_says_since_when(spark):
    # own gaps only, no prior: everybody bought every 10 days and then stopped or came back
    settings = ProfileSettings(
        rhythm=RhythmSettings(prior_gaps=0, default_gap_days=40),
        lifecycle=LifecycleSettings(loyal_purchase_days=4),
    )
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_time
        customer_number:ada | 2026-03-01 08:00:00
        customer_number:ada | 2026-03-11 08:00:00
        customer_number:ada | 2026-03-21 08:00:00
        customer_number:ada | 2026-03-31 08:00:00
        customer_number:ben | 2026-02-27 08:00:00
        customer_number:ben | 2026-03-09 08:00:00
        customer_number:ben | 2026-03-19 08:00:00
        customer_number:cyd | 2026-01-01 08:00:00
        customer_number:cyd | 2026-01-11 08:00:00
        customer_number:cyd | 2026-01-21 08:00:00
        customer_number:cyd | 2026-03-30 08:00:00
        customer_number:dan | 2026-03-30 08:00:00
        """,
        session="""
        session_id | session_start       | product_view_count
        v1         | 2026-03-20 08:00:00 |                  1
        v2         | 2026-03-25 08:00:00 |                  2
        """,
        attribution="""
        session_id | valid_from          | person_id
        v1         | 2026-03-20 08:00:00 | eve
        v2         | 2026-03-25 08:00:00 | eve
        """,
    )
    profiles = profiles_of(facts, "2026-04-01", "2026-01-01", settings=settings).cache()
    assert_table(
        profiles.where("as_of_date = DATE'2026-04-01'"),
        CUSTOMER_PROFILE,
        """
        person_id | lifecycle_stage | stage_since | is_reactivated | expected_gap_days | overdue_ratio
        ada       | loyal           | 2026-03-31  | false          |              10.0 |           0.1
        ben       | at_risk         | 2026-03-30  | false          |              10.0 |           1.3
        cyd       | loyal           | 2026-03-30  | true           |              56.4 | 0.03546099290780142
        dan       | first_buyer     | 2026-03-30  | false          |              10.0 |           0.2
        eve       | evaluating      | 2026-03-20  | false          |                   |
        nobody    | anonymous       | 2025-06-01  | false          |                   |
        """,
    )
    assert_table(
        lifecycle_transitions(profiles, before=date(2026, 1, 1), as_of=date(2026, 4, 1)),
        LIFECYCLE_TRANSITION,
        """
        as_of_date | from_stage | to_stage    | from_date  | person_count
        2026-04-01 | prospect   | loyal       | 2026-01-01 |            2
        2026-04-01 | prospect   | at_risk     | 2026-01-01 |            1
        2026-04-01 | prospect   | first_buyer | 2026-01-01 |            1
        2026-04-01 | prospect   | evaluating  | 2026-01-01 |            1
        2026-04-01 | anonymous  | anonymous   | 2026-01-01 |            1
        """,
    )


def test_an_evaluation_begins_with_the_first_look_of_an_unbroken_row_and_ends_after_the_last(spark):
    # 30 days without a look end an evaluation; who is named later is a prospect from then on
    facts = facts_of(
        spark,
        identity_map="""
        id_type         | id_key | person_id | valid_from
        customer_number | ada    | ada       | 2025-06-01 00:00:00
        customer_number | ben    | ben       | 2025-06-01 00:00:00
        customer_number | cyd    | cyd       | 2026-03-20 09:00:00
        customer_number | dan    | dan       | 2025-06-01 00:00:00
        """,
        session="""
        session_id | session_start       | product_view_count
        a1         | 2025-12-01 08:00:00 |                  1
        a2         | 2026-01-20 08:00:00 |                  1
        a3         | 2026-02-19 08:00:00 |                  1
        a4         | 2026-03-20 08:00:00 |                  1
        b1         | 2026-02-28 08:00:00 |                  3
        c1         | 2026-03-10 08:00:00 |                  1
        d1         | 2026-03-10 08:00:00 |                  0
        """,
        attribution="""
        session_id | valid_from          | person_id
        a1         | 2025-12-01 08:00:00 | ada
        a2         | 2026-01-20 08:00:00 | ada
        a3         | 2026-02-19 08:00:00 | ada
        a4         | 2026-03-20 08:00:00 | ada
        b1         | 2026-02-28 08:00:00 | ben
        c1         | 2026-03-20 09:00:00 | cyd
        d1         | 2026-03-10 08:00:00 | dan
        """,
    )
    assert_table(
        profiles_of(facts, "2026-04-01", settings=ProfileSettings()),
        CUSTOMER_PROFILE,
        """
        person_id | lifecycle_stage | stage_since
        ada       | evaluating      | 2026-01-20
        ben       | prospect        | 2026-03-31
        cyd       | evaluating      | 2026-03-20
        dan       | prospect        | 2025-06-01
        """,
    )


def test_dormant_and_lost_begin_the_day_after_their_limit(spark):
    settings = ProfileSettings(rhythm=RhythmSettings(prior_gaps=0))
    facts = facts_of(
        spark,
        identity_map=IDENTITIES,
        order_line="""
        identifiers         | order_time
        customer_number:ada | 2026-01-01 08:00:00
        customer_number:ada | 2026-01-11 08:00:00
        """,
    )
    days = ("2026-01-21", "2026-01-22", "2026-01-31", "2026-02-01", "2026-02-20", "2026-02-21")
    assert_table(
        profiles_of(facts, *days, settings=settings).where("person_id = 'ada'"),
        CUSTOMER_PROFILE,
        """
        as_of_date | lifecycle_stage | stage_since
        2026-01-21 | active          | 2026-01-11
        2026-01-22 | at_risk         | 2026-01-22
        2026-01-31 | at_risk         | 2026-01-22
        2026-02-01 | dormant         | 2026-02-01
        2026-02-20 | dormant         | 2026-02-01
        2026-02-21 | lost            | 2026-02-21
        """,
    )
