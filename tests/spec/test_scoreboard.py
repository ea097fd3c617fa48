"""The scoreboard's measures in small tables: what was found, held against what was planted."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from habitue.contracts.behaviour import IDENTITY_MAP, SESSION_EVENT
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.entities import CONTACT
from habitue.contracts.intake import IDENTIFIER
from habitue.contracts.table import Column, Table
from habitue.synth import scoreboard
from habitue.synth.scoreboard import Line
from tests.tables import assert_table, table


def plain(name: str, columns: str) -> Table:
    """A table that the lake does not have: the truth's, or what a stage makes on its way."""
    pairs = [column.split() for column in columns.split(", ")]
    return Table(name, name, "", (pairs[0][0],), tuple(Column(n, type_, n) for n, type_ in pairs))


NAMED = plain("named", "id_type string, id_key string, person bigint")
OWNERS = plain("truth_identifier", "id_type string, value string, person bigint")
VISIT = plain("truth_session", "first_event string, last_event string, events bigint")
OUTCOME = plain(
    "truth_outcome",
    "person bigint, day int, orders_91 bigint, orders_365 bigint, spend_91 double, spend_365 double",
)
PREDICTION = plain(
    "truth_prediction", "person bigint, day int, no_purchase_91 double, orders_365 double, spend_365 double"
)
CONTACTED = plain(
    "contacted",
    "contact_id string, campaign string, person_id string, contact_time timestamp, is_control boolean",
)
ORDERED = plain("ordered", "order_number string, person_id string, order_time timestamp")
EFFECT = plain("truth_contact", "contact_id string, effect double")


def test_a_value_that_changed_hands_is_nobodys_and_one_that_no_row_had_is_left_out(spark: SparkSession):
    truth = table(spark, OWNERS, """
        id_type | value | person
        --------+-------+-------
        email   | a@x   | 1
        email   | a@x   | 1
        phone   | 0151  | 1
        phone   | 0151  | 2
        email   | b@x   | 2
    """)  # fmt: skip
    vault = table(spark, IDENTIFIER, """
        id_type | id_key | clear_value
        --------+--------+------------
        email   | k1     | a@x
        phone   | k2     | 0151
    """)  # fmt: skip
    assert_table(scoreboard.named_identifiers(truth, vault), NAMED, """
        id_type | id_key | person
        email   | k1     | 1
    """)  # fmt: skip


def pairs_of(spark: SparkSession, present: str) -> dict[str, tuple[float, int]]:
    """Precision and recall, with the pairs they are of, where three identifiers are person 1's and two person 2's."""
    named = table(spark, NAMED, """
        id_type      | id_key | person
        -------------+--------+-------
        email        | e1     | 1
        phone        | p1     | 1
        anonymous_id | c1     | 1
        email        | e2     | 2
        anonymous_id | c2     | 2
    """)  # fmt: skip
    found = table(spark, IDENTITY_MAP, "id_type | id_key | person_id\n" + present)
    return {line.measure.split()[0]: (line.found, line.count) for line in scoreboard.identity(named, found)}


def test_persons_found_as_they_are_have_all_their_pairs_and_no_other(spark: SparkSession):
    """An identifier of which the truth says nothing counts nowhere."""
    assert pairs_of(spark, """
        email        | e1 | P1
        phone        | p1 | P1
        anonymous_id | c1 | P1
        anonymous_id | c9 | P1
        email        | e2 | P2
        anonymous_id | c2 | P2
    """) == {"precision": (1.0, 4), "recall": (1.0, 4)}  # fmt: skip


def test_a_lost_identifier_costs_recall_and_two_lost_ones_are_not_together(spark: SparkSession):
    assert pairs_of(spark, """
        email        | e1 | P1
        phone        | p1 | P1
        anonymous_id | c2 | P2
        email        | e2 | P2
    """) == {"precision": (1.0, 2), "recall": (0.5, 4)}  # fmt: skip
    assert pairs_of(spark, """
        phone        | p1 | P1
        email        | e1 | P1
    """) == {"precision": (1.0, 1), "recall": (0.25, 4)}  # fmt: skip


def test_a_wrong_merge_costs_precision_and_a_split_recall(spark: SparkSession):
    assert pairs_of(spark, """
        email        | e1 | P1
        phone        | p1 | P1
        anonymous_id | c1 | P1
        email        | e2 | P1
        anonymous_id | c2 | P1
    """) == {"precision": (0.4, 10), "recall": (1.0, 4)}  # fmt: skip
    assert pairs_of(spark, """
        email        | e1 | P1
        phone        | p1 | P1
        anonymous_id | c1 | P3
        email        | e2 | P2
        anonymous_id | c2 | P2
    """) == {"precision": (1.0, 2), "recall": (0.5, 4)}  # fmt: skip


def test_a_visit_is_found_where_one_session_has_its_events_and_no_other(spark: SparkSession):
    """One of seven: the others are cut in two, two in one, lost, with a foreign event, and without its last one."""
    truth = table(spark, VISIT, """
        first_event | last_event | events
        ------------+------------+-------
        exact1      | exact3     | 3
        split1      | split3     | 3
        merged1     | merged2    | 2
        merged3     | merged4    | 2
        lost1       | lost2      | 2
        more1       | more2      | 2
        less1       | less2      | 2
    """)  # fmt: skip
    found = table(spark, SESSION_EVENT, """
        event_id | session_id
        ---------+-----------
        exact1   | s1
        exact2   | s1
        exact3   | s1
        split1   | s2
        split2   | s2
        another  | s2
        split3   | s3
        merged1  | s4
        merged2  | s4
        merged3  | s4
        merged4  | s4
        more1    | s5
        foreign  | s5
        more2    | s5
        less1    | s6
        bot      | s7
    """)  # fmt: skip
    line = scoreboard.sessions(truth, found)
    assert (line.found, line.count) == (pytest.approx(1 / 7), 7)


def test_each_true_person_is_scored_once_by_who_knows_it_best(spark: SparkSession):
    """P1 has two of person 2's and one of person 1's; P3 and P4 are one person, of whom P4 is known to be worth more;
    P5 is half person 5 and half person 6, so the smaller; P7 has no score, and person 8 no truth.
    """
    named, present = identified(spark, """
        e1  | 1 | P1
        e2  | 2 | P1
        c2  | 2 | P1
        e3  | 3 | P3
        c3  | 3 | P4
        e5  | 5 | P5
        e6  | 6 | P5
        e7  | 7 | P7
        e8  | 8 | P8
    """)  # fmt: skip
    score = table(spark, CUSTOMER_SCORE, """
        person_id | p_churn | expected_orders_365d | expected_spend | clv_365d | clv_365d_low | clv_365d_high
        ----------+---------+----------------------+----------------+----------+--------------+--------------
        P1        | 0.1     | 1.0                  | 10             | 10.00    | 1.00         | 20.00
        P3        | 0.3     | 3.0                  | 30             | 30.00    | 3.00         | 60.00
        P4        | 0.4     | 4.0                  | 40             | 40.00    | 4.00         | 80.00
        P5        | 0.5     | 5.0                  | 50             | 50.00    | 5.00         | 99.00
        P7        |         |                      |                |          |              |
        P8        | 0.8     | 8.0                  | 80             | 80.00    | 8.00         | 99.00
    """)  # fmt: skip
    outcome = table(spark, OUTCOME, """
        person | day | orders_91 | orders_365 | spend_91 | spend_365
        -------+-----+-----------+------------+----------+----------
        1      | 365 | 9         | 9          | 99.0     | 99.0
        2      | 365 | 1         | 2          | 11.0     | 12.0
        3      | 365 | 3         | 4          | 31.0     | 32.0
        5      | 365 | 5         | 6          | 51.0     | 52.0
        6      | 365 | 9         | 9          | 99.0     | 99.0
        7      | 365 | 7         | 8          | 71.0     | 72.0
    """)  # fmt: skip
    prediction = table(spark, PREDICTION, """
        person | day | no_purchase_91 | orders_365 | spend_365
        -------+-----+----------------+------------+----------
        1      | 365 | 0.95           | 9.5        | 95.0
        2      | 365 | 0.15           | 1.5        | 15.0
        3      | 365 | 0.35           | 3.5        | 35.0
        5      | 365 | 0.55           | 5.5        | 55.0
        6      | 365 | 0.95           | 9.5        | 95.0
        7      | 365 | 0.75           | 7.5        | 75.0
    """)  # fmt: skip
    rows = scoreboard.scored(named, present, score, outcome, prediction)
    told = ["person", "p_churn", "clv_365d", "clv_365d_low", "clv_365d_high", "no_purchase_91", "spend_365"]
    assert rows[told].to_numpy().tolist() == [
        [2, 0.1, 10, 1, 20, 0.15, 15],
        [3, 0.4, 40, 4, 80, 0.35, 35],
        [5, 0.5, 50, 5, 99, 0.55, 55],
    ]
    came = ["came_orders_91", "came_orders_365", "came_spend_91", "came_spend_365"]
    assert rows[came].to_numpy().tolist() == [[1, 2, 11, 12], [3, 4, 31, 32], [5, 6, 51, 52]]


def identified(spark: SparkSession, rows: str) -> tuple[DataFrame, DataFrame]:
    """Keys of one type with their true and their found person."""
    both = table(spark, plain("both", "id_key string, person bigint, person_id string"),
                 "id_key | person | person_id\n" + rows)  # fmt: skip
    typed = both.selectExpr("'email' AS id_type", "*")
    return typed.drop("person_id"), typed.drop("person")


def test_scores_are_measured_beside_the_best_attainable_on_the_same_persons():
    """By hand. Who is gone outranks who is not in 3 of 4 pairs. Of the spend's covariance with its own ranks, 50,
    that with the ranks of the CLV is 40. Two of four are within their interval, of which both ends are part.
    """
    rows = pd.DataFrame({
        "came_orders_91": [0, 1, 0, 2], "p_churn": [0.9, 0.2, 0.4, 0.6], "no_purchase_91": [0.8, 0.1, 0.7, 0.3],
        "came_spend_365": [0.0, 10, 20, 30], "clv_365d": [5.0, 10, 30, 20], "spend_365": [6.0, 12, 18, 24],
        "clv_365d_low": [1.0, 10, 15, 0], "clv_365d_high": [9.0, 12, 20, 29],
    })  # fmt: skip
    found = {line.measure: (line.found, line.beside, line.count) for line in scoreboard.models(rows)}
    assert found == {
        "AUC, next 91 days": (0.75, 1.0, 4),
        "mean probability": (pytest.approx(2.1 / 4), 0.5, 4),
        "Gini, next 365 days": (pytest.approx(0.8), pytest.approx(1.0), 4),
        "sum of CLV over spend that came": (pytest.approx(65 / 60), 1.0, 4),
        "share inside the 80 % interval": (0.5, 0.8, 4),
    }


def lift_of(spark: SparkSession, contacts: str) -> Line:
    """Of contacts of the coin's campaign C2 and of C1, where somebody chose; of ada's five orders two are in the week."""
    head = "contact_id | campaign | person_id | contact_time        | is_control\n"
    orders = table(spark, ORDERED, """
        order_number | person_id | order_time
        -------------+-----------+--------------------
        b1           | ada       | 2024-03-03 23:59:59
        b2           | ada       | 2024-03-04 00:00:00
        b3           | ada       | 2024-03-11 00:00:00
        b4           | ada       | 2024-03-11 00:00:01
        b5           | ada       | 2024-05-01 00:00:00
        b6           | cid       | 2024-03-05 00:00:00
        b7           | eve       | 2024-03-05 00:00:00
        b8           | eve       | 2024-03-06 00:00:00
    """)  # fmt: skip
    effect = table(spark, EFFECT, """
        contact_id | effect
        -----------+-------
        x1         | 0.5
        x2         | 0.1
        x3         | 0.4
        x4         | 0.2
        x5         | 9.0
    """)  # fmt: skip
    tossed = spark.createDataFrame([("C2",)], "campaign string")
    return scoreboard.lift(table(spark, CONTACTED, head + contacts), orders, effect, tossed, 7)


def test_lift_is_orders_of_the_week_of_the_treated_less_those_of_the_control(spark: SparkSession):
    line = lift_of(spark, """
        x1 | C2 | ada | 2024-03-04 00:00:00 | false
        x2 | C2 | ben | 2024-03-04 00:00:00 | false
        x3 | C2 | cid | 2024-03-04 00:00:00 | true
        x4 | C2 | dan | 2024-03-04 00:00:00 | true
        x5 | C1 | eve | 2024-03-04 00:00:00 | false
    """)  # fmt: skip
    assert (line.found, line.beside, line.count) == (2 / 2 - 1 / 2, pytest.approx(0.3), 4)


def test_without_a_control_group_there_is_no_lift(spark: SparkSession):
    line = lift_of(spark, "x1 | C2 | ada | 2024-03-04 00:00:00 | false")
    assert math.isnan(line.found) and line.count == 0
    assert scoreboard.as_text(line.found) == scoreboard.as_text(None) == "–"
    assert scoreboard.as_text(0.30004) == "0.3000"


def test_a_row_is_of_the_person_of_its_identifiers_of_several_the_one_with_the_smallest_id(
    spark: SparkSession,
):
    present = table(spark, IDENTITY_MAP, """
        id_type         | id_key | person_id
        ----------------+--------+----------
        email           | e1     | P1
        customer_number | k1     | P1
        customer_number | k2     | P2
    """)  # fmt: skip
    rows = table(spark, CONTACT, """
        contact_id | identifiers
        -----------+----------------------------
        alone      | email:e1
        same       | email:e1, customer_number:k1
        two        | email:e1, customer_number:k2
        other_type | email:k2
        unknown    | email:e9
    """, fill=False)  # fmt: skip
    owned = scoreboard.with_owner(rows, present.select("id_type", "id_key", "person_id"), "contact_id")
    assert_table(owned, plain("owned", "contact_id string, person_id string"), """
        contact_id | person_id
        alone      | P1
        same       | P1
        two        | P1
    """)  # fmt: skip
