"""Evidence that needs a consent: stored from the start, used only while somebody has agreed."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession

from habitue.contracts.behaviour import IDENTITY_EDGE
from habitue.contracts.entities import CONSENT, CUSTOMER_RECORD, EVENT
from habitue.identity.circumstances import Circumstances
from habitue.identity.consent import statements
from habitue.identity.resolution import resolve_identity
from habitue.identity.settings import EvidenceConsentSettings, IdentitySettings
from tests.spec.test_decisions import now_and_at
from tests.tables import assert_table, table

SETTINGS = IdentitySettings(consent=EvidenceConsentSettings(purpose="profiling", rules=("login",)))


def test_a_browser_says_something_only_where_its_state_changes(spark: SparkSession):
    """Asked on the first day, which ends in a refusal; later days repeat what holds, and one grant is known first."""
    events = table(
        spark,
        EVENT,
        """
        event_id | visitor_type | visitor_key | event_time          | event_date | known_time          | consent
        1        | anonymous_id | c           | 2026-05-01 09:00:00 | 2026-05-01 | 2026-05-01 09:00:00 | {"profiling":"denied"}
        2        | anonymous_id | c           | 2026-05-01 09:01:00 | 2026-05-01 | 2026-05-01 09:01:00 | {"profiling":"granted"}
        3        | anonymous_id | c           | 2026-05-01 09:05:00 | 2026-05-01 | 2026-05-01 09:05:00 | {"profiling":"granted"}
        4        | anonymous_id | c           | 2026-05-01 09:30:00 | 2026-05-01 | 2026-05-01 09:30:00 | {"profiling":"denied"}
        5        | anonymous_id | c           | 2026-05-02 09:00:00 | 2026-05-02 | 2026-05-02 09:00:00 | {"profiling":"denied"}
        6        | anonymous_id | c           | 2026-05-03 09:00:00 | 2026-05-03 | 2026-05-06 00:00:00 | {"profiling":"granted"}
        7        | anonymous_id | c           | 2026-05-03 18:00:00 | 2026-05-03 | 2026-05-03 18:00:00 | {"profiling":"granted"}
        8        | anonymous_id | c           | 2026-05-04 09:00:00 | 2026-05-04 | 2026-05-04 09:00:00 | {"profiling":"granted"}
        9        | anonymous_id | c           | 2026-05-04 09:00:00 | 2026-05-04 | 2026-05-04 09:00:00 | {"marketing":"denied"}
        """,
    )
    none = table(spark, CONSENT, "consent_id | purpose\n").where("false")
    said = statements(none, events, purpose="profiling").orderBy("given_time").collect()
    assert [(r.given_time.strftime("%d %H:%M"), r["at"].day, r.is_granted) for r in said] == [
        ("01 09:00", 1, False),
        ("01 09:01", 1, True),
        ("01 09:30", 1, False),
        ("03 09:00", 6, True),
        ("03 18:00", 3, True),
    ]


def test_an_edge_links_only_while_the_purpose_is_granted_by_one_of_its_ends(spark: SparkSession):
    logins = table(
        spark,
        CUSTOMER_RECORD,
        """
        source | identifiers                           | known_time
        web    | anonymous_id:c1, customer_number:ada  | 2026-01-01 00:00:00
        web    | anonymous_id:c2, customer_number:ben  | 2026-01-01 00:00:00
        web    | anonymous_id:c3, customer_number:cleo | 2026-01-01 00:00:00
        """,
    )
    records = table(
        spark,
        CUSTOMER_RECORD,
        "source | identifiers | known_time\ncrm | customer_number:ben, email:e | 2026-01-01 00:00:00",
    )
    consents = table(
        spark,
        CONSENT,
        """
        consent_id | purpose   | channel | status    | given_time          | identifiers         | known_time
        1          | profiling | any     | granted   | 2026-01-10 00:00:00 | customer_number:ada | 2026-01-11 00:00:00
        2          | profiling | any     | withdrawn | 2026-01-20 00:00:00 | anonymous_id:c1     | 2026-01-20 00:00:00
        3          | profiling | any     | granted   | 2026-01-30 00:00:00 | anonymous_id:c1     | 2026-01-30 00:00:00
        4          | profiling | any     | granted   | 2026-01-01 00:00:00 | anonymous_id:c3     | 2026-01-01 00:00:00
        5          | profiling | any     | withdrawn | 2026-01-05 00:00:00 | customer_number:cleo| 2026-01-05 00:00:00
        6          | marketing | any     | granted   | 2026-01-01 00:00:00 | customer_number:ben | 2026-01-01 00:00:00
        """,
    )
    found = resolve_identity(
        {"same_record": records, "login": logins},
        previous=None,
        settings=SETTINGS,
        checkpoint=lambda df: df.localCheckpoint(),
        circumstances=Circumstances(said=statements(consents, None, purpose="profiling").localCheckpoint()),
    )
    moments = [datetime(2026, 1, day) for day in (2, 10, 12, 21)]
    others = {"c2", "ben e"}
    assert now_and_at(found, *moments) == [
        {"ada c1", "c3", "cleo", *others},
        {"ada", "c1", "c3 cleo", *others},
        {"ada", "c1", "c3", "cleo", *others},  # said on the 10th, known on the 11th
        {"ada c1", "c3", "cleo", *others},
        {"ada", "c1", "c3", "cleo", *others},
    ]
    assert_table(
        found.resolved.edges,
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | rule        | status   | reason
        c1       | ada      | login       | accepted |
        c2       | ben      | login       | refused  | no consent
        c3       | cleo     | login       | retired  | consent withdrawn
        ben      | e        | same_record | accepted |
        """,
    )
