"""One surviving value per attribute, with where it came from."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from habitue.contracts.behaviour import CUSTOMER, IDENTITY_MAP
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.identity.settings import IdentitySettings
from habitue.identity.survivorship import surviving_customers
from tests.tables import assert_table, table


def test_the_best_source_then_the_newest_value_survives_and_a_block_anywhere_blocks(spark: SparkSession):
    records = """
        source | record_key | identifiers         | city   | country | customer_since | is_blocked | attributes                | known_time
        shop   | 1          | customer_number:ada | Ulm    | DE      | 2020-05-01     | true       | {"size":"m","vip":"yes"}  | 2026-03-01 00:00:00
        crm    | 2          | email:e             | Bonn   |         | 2021-05-01     | false      | {"size":"s"}              | 2025-01-01 00:00:00
        crm    | 3          | email:e             | Berlin |         |                |            |                           | 2025-06-01 00:00:00
        shop   | 4          | customer_number:ben | Aachen |         |                |            |                           | 2025-06-01 00:00:00
        shop   | 5          | customer_number:ben | Bremen |         |                |            |                           | 2025-06-01 00:00:00
        shop   | 6          | email:nobody        | Mainz  |         |                |            |                           | 2025-06-01 00:00:00
    """
    persons = """
        id_type         | id_key | valid_from          | person_id | valid_to
        customer_number | ada    | 2020-01-01 00:00:00 | ADA       |
        customer_number | ben    | 2020-01-01 00:00:00 | BEN       |
        email           | e      | 2020-01-01 00:00:00 | OLD       | 2021-01-01 00:00:00
        email           | e      | 2021-01-01 00:00:00 | ADA       |
    """
    found = surviving_customers(
        table(spark, CUSTOMER_RECORD, records),
        table(spark, IDENTITY_MAP, persons),
        settings=IdentitySettings(source_rank=("crm", "shop")),
    ).localCheckpoint()
    assert_table(
        found,
        CUSTOMER,
        """
        person_id | city   | country | customer_since | is_blocked | is_deceased | attributes               | known_time
        ADA       | Berlin | DE      | 2020-05-01     | true       | false       | {"size":"s","vip":"yes"} | 2026-03-01 00:00:00
        BEN       | Aachen |         |                | false      | false       | {}                       | 2025-06-01 00:00:00
        """,
    )
    lineage = {
        r.person_id: {k: (v.source, v.known_time.year) for k, v in r.lineage.items()} for r in found.collect()
    }
    assert lineage == {
        "ADA": {
            "city": ("crm", 2025),
            "country": ("shop", 2026),
            "customer_since": ("shop", 2026),
            "attributes.size": ("crm", 2025),
            "attributes.vip": ("shop", 2026),
        },
        "BEN": {"city": ("shop", 2025)},
    }
    conflicts = {
        r.person_id: {k: (v["values"], list(v["sources"])) for k, v in r.conflicts.items()}
        for r in found.collect()
    }
    assert conflicts == {
        "ADA": {
            "attributes.size": (2, ["crm", "shop"]),
            "city": (3, ["crm", "shop"]),
            "customer_since": (2, ["crm", "shop"]),
        },
        "BEN": {"city": (2, ["shop"])},
    }


@pytest.mark.parametrize(
    ("order", "city"),
    [
        (("source", "recency", "frequency"), "Berlin"),  # the best source has two; the newer one
        (("source", "frequency", "recency"), "Bonn"),  # of its two the one that most records say
        (("recency", "source", "frequency"), "Ulm"),  # the newest, whoever says so
        (("frequency", "source", "recency"), "Bonn"),  # three records say so, in two spellings
        (("frequency",), "BONN"),  # the value said most often, in its smaller spelling
    ],
)
def test_source_recency_and_frequency_decide_in_the_configured_order(
    spark: SparkSession, order: tuple[str, ...], city: str
):
    records = """
        source | record_key | identifiers         | city   | known_time
        shop   | 1          | customer_number:ada | Ulm    | 2026-03-01 00:00:00
        crm    | 2          | customer_number:ada | Bonn   | 2025-01-01 00:00:00
        crm    | 3          | customer_number:ada | Berlin | 2025-06-01 00:00:00
        shop   | 4          | customer_number:ada | BONN   | 2024-01-01 00:00:00
        shop   | 5          | customer_number:ada | Bonn   | 2024-02-01 00:00:00
    """
    persons = """
        id_type         | id_key | valid_from          | person_id
        customer_number | ada    | 2020-01-01 00:00:00 | ADA
    """
    found = surviving_customers(
        table(spark, CUSTOMER_RECORD, records),
        table(spark, IDENTITY_MAP, persons),
        settings=IdentitySettings(source_rank=("crm", "shop"), survivorship=order),
    )
    row = found.collect()[0]
    assert row.city == city
    assert row.conflicts["city"]["values"] == 3
