"""Labels: what the persons of a cut-off bought afterwards, by the identity of the window's end."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.entities import ORDER_LINE
from habitue.profile.conventions import Conventions
from habitue.profile.currency import Money
from habitue.profile.cuts import cut_of
from habitue.training.labels import LabelWindow, labels
from tests.tables import table

_CONVENTIONS = Conventions(
    zone="UTC",
    money=Money(currency="EUR"),
    strongest_first=("customer_number", "email"),
    anonymous_types=("device_id",),
)


def test_labels_count_days_inside_the_window_by_the_persons_of_the_cutoff(spark: SparkSession) -> None:
    lines = table(
        spark,
        ORDER_LINE,
        """
        identifiers         | order_number | order_time          | known_time          | net_revenue | is_return
        customer_number:ada | before       | 2025-01-31 23:59:59 | 2025-02-01 00:00:00 |        7.00 | false
        customer_number:ada | first        | 2025-02-01 00:00:00 | 2025-02-01 00:00:00 |       10.00 | false
        customer_number:ada | same day     | 2025-02-01 20:00:00 | 2025-02-01 20:00:00 |        5.00 | false
        customer_number:ada | before       | 2025-02-07 08:00:00 | 2025-02-07 08:00:00 |        3.00 | false
        customer_number:cara | old         | 2024-12-01 08:00:00 | 2024-12-01 08:00:00 |        8.00 | false
        customer_number:cara | old         | 2025-02-20 08:00:00 | 2025-02-20 08:00:00 |        2.00 | false
        customer_number:ada | return       | 2025-02-05 08:00:00 | 2025-02-05 08:00:00 |       -4.00 | true
        customer_number:ada | too late     | 2025-03-03 00:00:00 | 2025-03-03 00:00:00 |       99.00 | false
        customer_number:ada | known late   | 2025-02-09 00:00:00 | 2025-04-01 00:00:00 |       50.00 | false
        email:ben           | merged       | 2025-02-10 10:00:00 | 2025-02-10 10:00:00 |       20.00 | false
        customer_number:new | new person   | 2025-02-11 10:00:00 | 2025-02-11 10:00:00 |       30.00 | false
        """,
    ).withColumn("currency", F.lit("EUR"))
    # ben's two identifiers become one person (p2) within the window; new appears in it; cara only gets a line more of an old order
    identity_map = table(
        spark,
        IDENTITY_MAP,
        """
        id_type         | id_key | valid_from          | person_id | valid_to
        customer_number | ada    | 2024-06-01 00:00:00 | p1        |
        customer_number | ben    | 2024-06-01 00:00:00 | p2        |
        email           | ben    | 2024-06-01 00:00:00 | p3        | 2025-02-10 00:00:00
        email           | ben    | 2025-02-10 00:00:00 | p2        |
        customer_number | cara   | 2024-06-01 00:00:00 | p4        |
        customer_number | new    | 2025-02-11 00:00:00 | p5        |
        """,
    )
    window = LabelWindow(cut_of(date(2025, 2, 1), "UTC"), cut_of(date(2025, 3, 3), "UTC"))
    found = labels(
        lines,
        identity_map,
        [window],
        known_before=datetime(2025, 3, 3, tzinfo=UTC),
        conventions=_CONVENTIONS,
    )
    rows = {
        row["person_id"]: (row["future_purchase_days"], float(row["future_net_revenue"]))
        for row in found.collect()
    }
    # p3 is no row: it turned out to be p2; p5 did not exist at the cut-off
    assert rows == {"p1": (1, 14.0), "p2": (1, 20.0), "p4": (0, 2.0)}
