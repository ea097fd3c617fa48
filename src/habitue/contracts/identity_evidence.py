"""Tables of the evidence that identity is resolved from: kept so that the next run only looks at what changed."""

from __future__ import annotations

from habitue.contracts.table import Column, Personal, Table

_KEY = Personal.PSEUDONYM

PAIR_COLUMNS = (
    Column("id_type_a", "string", "Type of the first identifier (the smaller of the pair).", nullable=False),
    Column("id_key_a", "string", "Key of the first identifier.", nullable=False, personal=_KEY),
    Column("id_type_b", "string", "Type of the second identifier.", nullable=False),
    Column("id_key_b", "string", "Key of the second identifier.", nullable=False, personal=_KEY),
)
"""Two identifiers that something is said of together."""
SMALLER_FIRST = ("ordered", "(id_type_a, id_key_a) < (id_type_b, id_key_b)")
"""Check of such a pair, so that it is there once."""

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

FOUND_LINK_SPAN = Table(
    name="silver.found_link_span",
    comment="When matching of person records found a link that it lost at some time: until then it holds.",
    stage="resolve",
    grain=("id_type_a", "id_key_a", "id_type_b", "id_key_b", "known_from"),
    columns=(
        *PAIR_COLUMNS,
        Column("known_from", "timestamp", "Since when it is known.", nullable=False),
        Column("known_until", "timestamp", "When it was lost; null while it is found."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        SMALLER_FIRST,
        ("ends_later", "known_until IS NULL OR known_until > known_from"),
    ),
)

IDENTITY_CONTRADICTION = Table(
    name="silver.identity_contradiction",
    comment="Identifiers that share another one although their records name two people; they are kept apart.",
    stage="resolve",
    grain=("id_type_a", "id_key_a", "id_type_b", "id_key_b"),
    columns=(
        *PAIR_COLUMNS,
        Column("known_from", "timestamp", "When records first named two people.", nullable=False),
        Column("known_until", "timestamp", "When records of both agreed; null while they do not."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        SMALLER_FIRST,
        ("ends_later", "known_until IS NULL OR known_until > known_from"),
    ),
)
