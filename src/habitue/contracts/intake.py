"""Protected layers: what arrived, and everything that names a person."""

from __future__ import annotations

from habitue.contracts.table import IDENTIFIERS, Column, Personal, Table

SOURCE_FILE = Table(
    name="bronze.source_file",
    comment="Every file that arrived, by reference: how large, which bytes, what became of it.",
    stage="ingest",
    grain=("source", "file"),
    columns=(
        Column("source", "string", "Source that the file belongs to.", nullable=False),
        Column(
            "file", "string", "Path or URI, relative to the project where it lies inside.", nullable=False
        ),
        Column("entity", "string", "Entity the file feeds; an adapter may feed several (comma separated)."),
        Column("bytes", "bigint", "Size.", nullable=False),
        Column("sha256", "string", "Digest of the content.", nullable=False),
        Column("status", "string", "read, rejected, repeat, ignored, gone.", nullable=False),
        Column("reason", "string", "Why it was rejected, or which file it repeats."),
        Column("first_seen", "timestamp", "When habitue first met this content.", nullable=False),
        Column("run_id", "string", "Run that took it in."),
    ),
    checks=(("known_status", "status IN ('read', 'rejected', 'repeat', 'ignored', 'gone')"),),
)

IDENTIFIER = Table(
    name="vault.identifier",
    comment="Keys to clear identifier values; the only place where one becomes the other.",
    stage="ingest",
    grain=("id_type", "id_key"),
    columns=(
        Column(
            "id_type", "string", "customer_number, loyalty_number, user_id, email, phone, ...", nullable=False
        ),
        Column(
            "id_key",
            "string",
            "HMAC-SHA-256 of type and normalised value.",
            nullable=False,
            personal=Personal.PSEUDONYM,
        ),
        Column("clear_value", "string", "The normalised value.", nullable=False, personal=Personal.CLEAR),
        Column("first_source", "string", "Source that brought it first."),
    ),
    cluster_by=("id_type",),
)

PERSON_RECORD = Table(
    name="vault.person_record",
    comment="Clear personal data of customer records, for matching and exports.",
    stage="ingest",
    grain=("source", "record_key"),
    columns=(
        Column("source", "string", "Source of the record.", nullable=False),
        Column(
            "record_key",
            "string",
            "HMAC of the record id; the same key as in silver.customer_record.",
            nullable=False,
            personal=Personal.PSEUDONYM,
        ),
        Column("record_id", "string", "The source's own id.", nullable=False, personal=Personal.CLEAR),
        Column("identifiers", IDENTIFIERS, "Identifiers on the record.", personal=Personal.PSEUDONYM),
        Column("salutation", "string", "Form of address.", personal=Personal.CLEAR),
        Column("title", "string", "Academic or other title.", personal=Personal.CLEAR),
        Column("given_name", "string", "Given name.", personal=Personal.CLEAR),
        Column("family_name", "string", "Family name.", personal=Personal.CLEAR),
        Column("birth_date", "date", "Date of birth.", personal=Personal.CLEAR),
        Column("street", "string", "Street and number.", personal=Personal.CLEAR),
        Column("postal_code", "string", "Postal code.", personal=Personal.CLEAR),
        Column("city", "string", "City.", personal=Personal.CLEAR),
        Column("country", "string", "ISO 3166 alpha-2.", personal=Personal.ATTRIBUTE),
        Column(
            "email",
            "string",
            "E-mail, normalised; also one of a reserved domain, which is no identifier.",
            personal=Personal.CLEAR,
        ),
        Column("phone", "string", "Phone, normalised.", personal=Personal.CLEAR),
        Column("known_time", "timestamp", "When the record was known.", nullable=False),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
)

FORMER_RECORD = Table(
    name="silver.former_record",
    comment="What customer records stated before they were corrected: evidence of who somebody was until then.",
    stage="ingest",
    grain=("source", "record_key", "known_time"),
    columns=(
        Column("source", "string", "Source of the record.", nullable=False),
        Column(
            "record_key",
            "string",
            "HMAC of the record id; the same key as in silver.customer_record.",
            nullable=False,
            personal=Personal.PSEUDONYM,
        ),
        Column(
            "identifiers",
            IDENTIFIERS,
            "Identifiers that were on the record, sorted.",
            nullable=False,
            personal=Personal.PSEUDONYM,
        ),
        Column("known_time", "timestamp", "When the record was known with them.", nullable=False),
        Column(
            "ended_time", "timestamp", "When it was known with others, or otherwise changed.", nullable=False
        ),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(("ends_later", "ended_time > known_time"),),
)

QUARANTINE = Table(
    name="vault.quarantine",
    comment="Rows that could not be taken in, as received, with the reason.",
    stage="ingest",
    grain=("source", "entity", "file", "position"),  # one row may feed several entities
    columns=(
        Column("source", "string", "Source.", nullable=False),
        Column("file", "string", "File.", nullable=False),
        Column("position", "bigint", "Number of the row in the file as read, from 0.", nullable=False),
        Column("entity", "string", "Entity the row was meant for.", nullable=False),
        Column("reason_code", "string", "Short code, one per kind of fault.", nullable=False),
        Column(
            "reason",
            "string",
            "All faults of the row in words, naming columns, never values.",
            nullable=False,
        ),
        Column("raw", "string", "The row as received, as JSON.", personal=Personal.CLEAR),
        Column("run_id", "string", "Run that quarantined it."),
    ),
)

QUARANTINE_COUNT = Table(
    name="silver.quarantine_count",
    comment="Rows read, taken in, repeated and quarantined per source, entity and reason: the open side of the quarantine.",
    stage="ingest",
    grain=("source", "entity", "outcome", "reason_code"),
    columns=(
        Column("source", "string", "Source.", nullable=False),
        Column("entity", "string", "Entity.", nullable=False),
        Column(
            "outcome",
            "string",
            "read, good, duplicate, quarantined; flagged rows are good ones too.",
            nullable=False,
        ),
        Column(
            "reason_code", "string", "Reason of a quarantine or flag, else an empty text.", nullable=False
        ),
        Column("row_count", "bigint", "Rows over all files of the source.", nullable=False),
    ),
    checks=(("known_outcome", "outcome IN ('read', 'good', 'duplicate', 'quarantined', 'flagged')"),),
)
