"""A small world for profile tests: silver tables written as text, everything else empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import ATTRIBUTION, FORMER_SESSION, IDENTITY_MAP, SESSION
from habitue.contracts.entities import ENTITIES
from habitue.contracts.table import Column, Table
from habitue.profile.conventions import Conventions
from habitue.profile.currency import Money
from habitue.profile.customer_profile import customer_profiles
from habitue.profile.cuts import cut_of
from habitue.profile.facts import ProfileFacts
from habitue.profile.settings import ProfileSettings
from tests.tables import table

_REMOVED = Table(
    name="removed_identifier",
    comment="What no record states any more.",
    stage="profile",
    grain=("id_type", "id_key"),
    columns=(
        Column("id_type", "string", "Type."),
        Column("id_key", "string", "Key."),
        Column("removed_at", "timestamp", "Since when."),
    ),
)
CONTRACTS: dict[str, Table] = ENTITIES | {
    "identity_map": IDENTITY_MAP,
    "removed_identifier": _REMOVED,
    "session": SESSION,
    "former_session": FORMER_SESSION,
    "attribution": ATTRIBUTION,
}
CONVENTIONS = Conventions(
    zone="UTC",
    money=Money(currency="EUR"),
    strongest_first=("customer_number", "email", "device_id", "anonymous_id"),
    anonymous_types=("device_id", "anonymous_id"),
)
# what a row of each table says where the text of a test does not
_SESSION_DEFAULTS = {
    "session_end": "session_start",
    "known_time": "session_start",
    "is_bot": "false",
    "visitor_type": "'device_id'",
    "order_count": "0",
    "search_count": "0",
    "cart_abandoned": "false",
    "lost_value": "cart_value",
    "abandoned_step": "if(cart_abandoned, 'cart', null)",
    "abandoned_at": "if(abandoned_step is not null, session_end, null)",
    "view_count": "0",
    "product_view_count": "0",
    "engaged_seconds": "0",
}
_DEFAULTS: dict[str, dict[str, str]] = {
    "order_line": {
        "source": "'shop'",
        "line_number": "1",
        "quantity": "1",
        "currency": "'EUR'",
        "net_revenue": "10",
        "is_return": "net_revenue < 0",
        "known_time": "order_time",
        "order_number": "cast(order_time as string)",
    },
    "product": {"source": "'shop'"},
    "contact": {"source": "'shop'", "known_time": "contact_time", "campaign": "'c'"},
    "response": {
        "source": "'shop'",
        "known_time": "response_time",
        "response_id": "cast(response_time as string)",
    },
    "campaign": {"source": "'shop'"},
    "consent": {"known_time": "given_time", "consent_id": "cast(given_time as string)"},
    "customer_record": {"source": "'crm'", "record_key": "cast(known_time as string)"},
    "session": _SESSION_DEFAULTS,
    "former_session": _SESSION_DEFAULTS,
    "survey": {"source": "'shop'", "known_time": "survey_time", "kind": "'nps'", "survey_id": "'s'"},
    "service_case": {"source": "'shop'", "known_time": "opened_time", "type": "'complaint'"},
    "loyalty": {"source": "'shop'", "known_time": "status_time", "loyalty_id": "'l'"},
}


def facts_of(spark: SparkSession, **texts: str | DataFrame) -> ProfileFacts:
    """Facts written as text by table; tables not named are empty."""
    given = {name: _rows(spark, name, text) for name, text in texts.items()}
    # limit(0) is planned away as empty, unlike a table that happens to hold no rows
    empty = {
        f.name: table(spark, CONTRACTS[f.name], CONTRACTS[f.name].column_names[0]).limit(0)
        for f in fields(ProfileFacts)
    }
    return ProfileFacts(**(empty | given))


def profiles_of(
    facts: ProfileFacts,
    *days: str,
    settings: ProfileSettings | None = None,
    conventions: Conventions = CONVENTIONS,
) -> DataFrame:
    """Profiles as of the days; each step is computed once and forgets where it came from."""
    return customer_profiles(
        facts,
        cuts=cuts(days, conventions.zone),
        settings=settings or ProfileSettings(),
        conventions=conventions,
        checkpoint=lambda rows: rows.localCheckpoint(),
    )


def cuts(days: Sequence[str], zone: str = "UTC") -> list:
    return [cut_of(date.fromisoformat(day), zone) for day in days]


def _rows(spark: SparkSession, name: str, text: str | DataFrame) -> DataFrame:
    if isinstance(text, DataFrame):
        return text
    rows = table(spark, CONTRACTS[name], text)
    for column, default in _DEFAULTS.get(name, {}).items():
        kind = CONTRACTS[name].column(column).type
        rows = rows.withColumn(column, F.coalesce(column, F.expr(default).cast(kind)))
    if name in CONTRACTS and "identifiers" in rows.columns:
        nobody = F.array().cast("array<struct<id_type:string,id_key:string>>")
        rows = rows.withColumn("identifiers", F.coalesce("identifiers", nobody))
    return rows


IDENTITIES = """
    id_type         | id_key | valid_from          | person_id | valid_to
    customer_number | ada    | 2020-01-01 00:00:00 | ada       |
    customer_number | ben    | 2020-01-01 00:00:00 | ben       |
    customer_number | cyd    | 2020-01-01 00:00:00 | cyd       |
    customer_number | dan    | 2020-01-01 00:00:00 | dan       |
    customer_number | eve    | 2020-01-01 00:00:00 | eve       |
    anonymous_id    | cookie | 2025-06-01 12:00:00 | nobody    |
"""
