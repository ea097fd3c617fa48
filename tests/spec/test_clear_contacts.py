"""Which of several addresses of a person an export writes."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import SparkSession

from habitue.activation.clear_contacts import clear_identifiers, clear_records
from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.entities import CONSENT
from habitue.contracts.intake import IDENTIFIER, PERSON_RECORD
from habitue.identity.record_owner import with_person_now
from habitue.identity.settings import IdentitySettings
from habitue.privacy.consent import Address, granted_addresses
from tests.tables import table


def test_the_address_that_came_last_is_written_and_none_that_was_removed(spark: SparkSession):
    """Ada's record named e2 for a while and then e1 again; ben ordered with f2 after his record had named f1."""
    vault = table(
        spark,
        IDENTIFIER,
        """
        id_type | id_key | clear_value
        email   | e1     | ada@old.de
        email   | e2     | ada@wrong.de
        email   | f1     | ben@old.de
        email   | f2     | ben@new.de
        email   | g      | cyd@gone.de
        phone   | p      | +491
        """,
    )
    persons = table(
        spark,
        IDENTITY_MAP,
        """
        id_type | id_key | person_id | valid_from          | valid_to
        email   | e1     | ada       | 2026-01-01 00:00:00 |
        email   | e2     | ada       | 2026-02-01 00:00:00 |
        email   | f1     | ben       | 2026-01-01 00:00:00 |
        email   | f2     | ben       | 2026-01-05 00:00:00 |
        phone   | p      | ben       | 2026-01-09 00:00:00 |
        email   | f2     | cyd       | 2026-01-04 00:00:00 | 2026-01-05 00:00:00
        email   | g      | cyd       | 2026-01-04 00:00:00 |
        """,
    )
    removed = table(spark, IDENTITY_MAP, "id_type | id_key\nemail | e2\nemail | g", fill=False)
    found = clear_identifiers(vault, persons, removed, "email")
    assert {r.person_id: r.email for r in found.collect()} == {"ada": "ada@old.de", "ben": "ben@new.de"}


def test_the_address_that_a_consent_names_goes_before_a_later_one(spark: SparkSession):
    """Ada agreed with her mailbox and later ordered with a slip in it; ben agreed with his old one, and took that back."""
    vault = table(
        spark,
        IDENTIFIER,
        "id_type | id_key | clear_value\nemail | a1 | ada@x.de\nemail | a2 | ada@y.de\nemail | b1 | ben@x.de\nemail | b2 | ben@y.de",
    )
    persons = table(
        spark,
        IDENTITY_MAP,
        """
        id_type | id_key | person_id | valid_from
        email   | a1     | ada       | 2026-01-01 00:00:00
        email   | a2     | ada       | 2026-02-01 00:00:00
        email   | b1     | ben       | 2026-01-01 00:00:00
        email   | b2     | ben       | 2026-02-01 00:00:00
        """,
    )
    said = table(
        spark,
        CONSENT,
        """
        consent_id | identifiers                 | purpose   | channel | status    | given_time          | known_time
        1          | customer_number:1, email:a1 | Marketing | email   | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        2          | email:b1                    | marketing | any     | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        3          | email:b1                    | marketing | email   | withdrawn | 2026-01-09 00:00:00 | 2026-01-09 00:00:00
        4          | email:a2                    | marketing | post    | granted   | 2026-01-01 00:00:00 | 2026-01-01 00:00:00
        """,
    )
    none = table(spark, IDENTITY_MAP, "id_type | id_key\nemail | x", fill=False)
    granted = granted_addresses(
        said, Address.EMAIL, purpose="marketing", channel="email", at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    found = clear_identifiers(vault, persons, none, "email", granted)
    assert {r.person_id: r.email for r in found.collect()} == {"ada": "ada@x.de", "ben": "ben@y.de"}


def test_a_letter_names_the_person_and_never_who_shares_a_telephone(spark: SparkSession):
    """Ben's newer record names the telephone of the household, which is ada's: his name is no name of hers."""
    records = table(
        spark,
        PERSON_RECORD,
        """
        source | record_key | identifiers                       | given_name | family_name | street | postal_code | city | known_time
        crm    | r1         | customer_number:ada, phone:p      | Ada        | King        | Ring 1 | 10115       | Ulm  | 2026-01-01 00:00:00
        crm    | r2         | customer_number:ben, phone:p      | Ben        | King        | Ring 1 | 10115       | Ulm  | 2026-01-02 00:00:00
        shop   | r3         | customer_number:ada, email:e      | Ada        | King        |        | 10115       | Ulm  | 2026-01-03 00:00:00
        """,
    )
    persons = table(
        spark,
        IDENTITY_MAP,
        """
        id_type         | id_key | person_id | valid_from
        customer_number | ada    | ada       | 2026-01-01 00:00:00
        customer_number | ben    | ben       | 2026-01-02 00:00:00
        email           | e      | ada       | 2026-01-03 00:00:00
        phone           | p      | ada       | 2026-01-01 00:00:00
        """,
    )
    owned = with_person_now(records, persons, settings=IdentitySettings())
    found = clear_records(owned, with_address=True)
    assert {(r.person_id, r.given_name, r.street) for r in found.collect()} == {
        ("ada", "Ada", "Ring 1"),
        ("ben", "Ben", "Ring 1"),
    }
