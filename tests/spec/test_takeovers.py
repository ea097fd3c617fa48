"""Devices that change hands: away longer than they live, and another owner is the first to come back with them."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import ATTRIBUTION, IDENTITY_EDGE, SESSION
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.identity.attribution import attribute_sessions
from habitue.identity.circumstances import Circumstances
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.settings import AttributionSettings, IdentitySettings
from habitue.identity.takeovers import absences
from tests.spec.test_decisions import now_and_at
from tests.tables import assert_table, table

SETTINGS = IdentitySettings(attribution=AttributionSettings(backfill_purpose=None))
LOGINS = """
    source | identifiers                      | known_time
    web    | device_id:d, customer_number:ada | 2025-01-01 10:00:00
    web    | device_id:d                      | 2025-01-05 10:00:00
    web    | device_id:d, customer_number:ben | 2026-02-01 10:00:00
    web    | device_id:s, customer_number:ada | 2025-11-01 10:00:00
    web    | device_id:s, customer_number:ben | 2026-02-01 10:00:00
    web    | device_id:a, customer_number:ada | 2024-01-01 10:00:00
    web    | device_id:a                      | 2026-02-01 10:00:00
"""
SESSIONS = """
    session_id | visitor_type | visitor_key | session_start       | session_end         | known_time          | logins
    d1         | device_id    | d           | 2025-01-01 10:00:00 | 2025-01-01 10:00:00 | 2025-01-01 10:00:00 | customer_number:ada
    d2         | device_id    | d           | 2025-01-05 10:00:00 | 2025-01-05 10:00:00 | 2025-01-05 10:00:00 | device_id:d
    d3         | device_id    | d           | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | customer_number:ben
    d4         | device_id    | d           | 2026-02-03 10:00:00 | 2026-02-03 10:00:00 | 2026-02-03 10:00:00 | device_id:d
    s1         | device_id    | s           | 2025-11-01 10:00:00 | 2025-11-01 10:00:00 | 2025-11-01 10:00:00 | customer_number:ada
    s2         | device_id    | s           | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | customer_number:ben
    a1         | device_id    | a           | 2024-01-01 10:00:00 | 2024-01-01 10:00:00 | 2024-01-01 10:00:00 | customer_number:ada
    a2         | device_id    | a           | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | 2026-02-01 10:00:00 | device_id:a
"""


def resolved(spark: SparkSession, more: str = "", settings: IdentitySettings = SETTINGS) -> Resolution:
    away = absences(table(spark, SESSION, SESSIONS), settings=settings).localCheckpoint()
    return resolve_identity(
        {"login": table(spark, CUSTOMER_RECORD, LOGINS + more)},
        previous=None,
        settings=settings,
        checkpoint=lambda df: df.localCheckpoint(),
        circumstances=Circumstances(away=away),
    )


def test_a_device_goes_to_the_owner_who_comes_back_with_it_and_its_past_stays(spark: SparkSession):
    """d was away for a year and is ben's now; s was not, so it is shared; a is still ada's, since nobody else came."""
    found = resolved(spark)
    assert now_and_at(found, datetime(2026, 1, 1)) == [{"a ada", "ben d", "s"}, {"a ada d s"}]
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status   | reason
        ada      | a        | accepted |
        ada      | d        | retired  | the device changed hands
        ada      | s        | refused  | shared device_id: too many owners
        ben      | d        | accepted |
        ben      | s        | refused  | shared device_id: too many owners
        """,
    )
    visits = attribute_sessions(
        table(spark, SESSION, SESSIONS),
        found.resolved.identity_map,
        found.shared,
        settings=SETTINGS,
        changed_hands=found.changed_hands,
    )
    owner = {
        r.person_id: r.id_key for r in found.resolved.identity_map.where("id_key IN ('ada', 'ben')").collect()
    }
    of_d = visits.where(F.col("session_id").startswith("d")).collect()
    assert {(r.session_id, owner[r.person_id], r.rule, r.valid_to is None) for r in of_d} == {
        ("d1", "ada", "login", True),
        ("d2", "ada", "device", False),
        ("d2", "ada", "device", True),  # by its owner of then, no longer by the device
        ("d3", "ben", "login", True),
        ("d4", "ben", "device", True),
    }
    assert set(visits.columns) == set(ATTRIBUTION.column_names) - {"row_hash"}


def test_a_first_owner_who_is_seen_again_makes_it_a_shared_device(spark: SparkSession):
    again = "web | device_id:d, customer_number:ada | 2026-02-05 10:00:00"
    edges = {(r.id_key_a, r.id_key_b): r.reason for r in resolved(spark, again).resolved.edges.collect()}
    assert edges["ada", "d"] == edges["ben", "d"] == "shared device_id: too many owners"


def test_the_time_to_live_is_configurable(spark: SparkSession):
    settings = SETTINGS.model_copy(update={"live_days": {"device_id": 60}})
    edges = {
        (r.id_key_a, r.id_key_b): r.reason
        for r in resolved(spark, settings=settings).resolved.edges.collect()
    }
    assert edges["ada", "s"] == "the device changed hands" and edges["ben", "s"] is None
