"""Silver tables to one row per person: all columns that orders and visits tell, from Parquet to Parquet."""

from __future__ import annotations

from functools import partial

from benchmarks.contest import SPARK, Contender, Contest, Task
from benchmarks.equality import table_differences
from benchmarks.shop import AS_OF, TABLES, generate_shop
from habitue.contracts.profile import CUSTOMER_PROFILE

# fed by sources that the shop does not have, or the history of stages, which one script cannot tell briefly
_LEFT_OUT = {
    "has_address", "is_suppressed", "suppression_reason", "consent", "contacts_7d", "contacts_30d", "contacts_90d",
    "last_contact_at", "responses_7d", "responses_30d", "responses_90d", "redemptions_90d", "response_rate_90d",
    "unsubscribed_channels", "stage_since", "is_reactivated", "gender", "age_years", "postal_area", "city",
    "country", "language", "crm_segment", "attributes", "nps_last", "complaints_open", "loyalty_tier",
    "loyalty_points", "sources",
}  # fmt: skip
COLUMNS = tuple(name for name in CUSTOMER_PROFILE.column_names if name not in _LEFT_OUT)
_KEYS = ("as_of_date", "person_id")


def ours(task: Task) -> None:
    """The product's transform at one day."""
    from pyspark.sql import DataFrame

    from benchmarks import spark
    from habitue.contracts.behaviour import ATTRIBUTION, FORMER_SESSION, IDENTITY_MAP, SESSION
    from habitue.contracts.entities import ENTITIES
    from habitue.identity.settings import IdentitySettings
    from habitue.profile.conventions import Conventions
    from habitue.profile.currency import Money
    from habitue.profile.customer_profile import customer_profiles
    from habitue.profile.cuts import cut_of
    from habitue.profile.facts import ProfileFacts
    from habitue.profile.settings import ProfileSettings

    contracts = ENTITIES | {t.leaf: t for t in (IDENTITY_MAP, SESSION, FORMER_SESSION, ATTRIBUTION)}
    removed = "id_type string, id_key string, removed_at timestamp"

    def table(name: str) -> DataFrame:
        if name in TABLES:
            return spark.read(task, name)
        columns = contracts[name].columns if name in contracts else ()
        ddl = ", ".join(f"`{c.name}` {c.type}" for c in columns) or removed
        return (
            spark.session(task).createDataFrame([], ddl).limit(0)
        )  # as the lake reads a table that is not there

    identity = IdentitySettings()
    profile = customer_profiles(
        ProfileFacts(**{name: table(name) for name in ProfileFacts.__dataclass_fields__}),
        cuts=[cut_of(AS_OF, "UTC")],
        settings=ProfileSettings(),
        conventions=Conventions(
            zone="UTC",
            money=Money(currency="EUR"),
            strongest_first=identity.priority,
            anonymous_types=identity.anonymous_types,
        ),
        checkpoint=spark.checkpoint_into(task),
    )
    spark.write(profile.select(*COLUMNS), task)


CONTESTS = (
    Contest(
        name="profile",
        ours=Contender("ours", "benchmarks.profile:ours", "pyspark", SPARK),
        peers=(
            Contender(
                "duckdb",
                "benchmarks.peers.profile_duckdb:run",
                "duckdb",
                plan="benchmarks.peers.profile_duckdb:plan",
            ),
        ),
        # in events; the entry counts the rows of the tables
        sizes={"tiny": (40_000,), "small": (200_000,), "medium": (10_000_000,), "large": (100_000_000,)},
        generate=generate_shop,
        rows="rows of silver tables",
        differences=partial(
            table_differences, keys=_KEYS, columns=tuple(name for name in COLUMNS if name not in _KEYS)
        ),
    ),
)
