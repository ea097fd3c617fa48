"""Tables of the evidence that identity is resolved from: kept so that the next run only looks at what changed."""

from __future__ import annotations

from habitue.contracts.table import Column, Personal, Table

_KEY = Personal.PSEUDONYM

IDENTITY_OBSERVATION = Table(
    name="silver.identity_observation",
    comment="What each identifier was seen with, counted over all records: the evidence behind identity edges.",
    stage="resolve",
    grain=("id_type", "id_key", "hub_type", "hub_key", "rule", "source"),
    columns=(
        Column("id_type", "string", "Type of the identifier.", nullable=False),
        Column("id_key", "string", "Key of the identifier.", nullable=False, personal=_KEY),
        Column("hub_type", "string", "Type of the strongest identifier on the record; null for itself."),
        Column("hub_key", "string", "Key of the strongest identifier on the record.", personal=_KEY),
        Column("rule", "string", "Kind of record: same_record, former_record, login.", nullable=False),
        Column("source", "string", "Source of the records.", nullable=False),
        Column("first_known", "timestamp", "When it was known first.", nullable=False),
        Column(
            "last_seen",
            "timestamp",
            "When it was seen last; of former records until when they stated it.",
            nullable=False,
        ),
        Column("observations", "bigint", "Records that show it.", nullable=False),
        Column("component", "bigint", "All that evidence ties together; null where nothing is tied."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
)

ENDED_IDENTIFIER = Table(
    name="silver.ended_identifier",
    comment="Identifiers that stopped linking: shared by several owners, or junk that only the data showed.",
    stage="resolve",
    grain=("id_type", "id_key", "guard"),
    columns=(
        Column("id_type", "string", "Type of the identifier.", nullable=False),
        Column("id_key", "string", "Key of the identifier.", nullable=False, personal=_KEY),
        Column("guard", "string", "Rule that ended it: owners, neighbours, names.", nullable=False),
        Column(
            "shared_at", "timestamp", "From when on it links nobody: what was known then.", nullable=False
        ),
        Column("why", "string", "The reason in words.", nullable=False),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(("known_guard", "guard IN ('owners', 'neighbours', 'names')"),),
)
