"""One surviving value per attribute, with where it came from."""

from __future__ import annotations

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
