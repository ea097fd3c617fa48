"""Sessions, identity and the surviving customer: the silver tables that habitue derives."""

from __future__ import annotations

from habitue.contracts.identity_evidence import PAIR_COLUMNS, SMALLER_FIRST
from habitue.contracts.table import BY_HAND, MONEY, Column, Personal, Table

_KEY = Personal.PSEUDONYM
_CAMPAIGN = "struct<source:string,medium:string,name:string,term:string,content:string,click_id:string>"

SESSION = Table(
    name="silver.session",
    comment="One visit of one visitor (device or cookie, never person): events no more than the gap apart.",
    stage="sessionize",
    grain=("session_id",),
    columns=(
        Column("session_id", "string", "Digest of visitor, start and first event.", nullable=False),
        Column("visitor_type", "string", "Type of the visitor's identifier.", nullable=False),
        Column("visitor_key", "string", "Key of the visitor's identifier.", nullable=False, personal=_KEY),
        Column("session_start", "timestamp", "Time of the first event.", nullable=False),
        Column("session_end", "timestamp", "Time of the last event.", nullable=False),
        Column("session_date", "date", "Day of the start in the project's zone.", nullable=False),
        Column("first_event_id", "string", "Event that starts it.", nullable=False),
        Column("known_time", "timestamp", "Since when it is known as it is.", nullable=False),
        Column(
            "logins",
            "array<struct<id_type:string,id_key:string>>",
            "Identifiers seen in the visit, sorted.",
            nullable=False,
            personal=_KEY,
        ),
        Column("event_count", "bigint", "Events.", nullable=False),
        Column("view_count", "bigint", "Page and screen views.", nullable=False),
        Column("product_view_count", "bigint", "Product views.", nullable=False),
        Column("search_count", "bigint", "Searches.", nullable=False),
        Column("engaged_seconds", "double", "Time spent attending.", nullable=False),
        Column(
            "engaged_basis",
            "string",
            "tracker: as it measured; pings: spans with a ping; gaps: pauses up to the cap, the last page 0.",
            nullable=False,
        ),
        Column(
            "is_engaged",
            "boolean",
            "An order, or more attention or at least as many views as configured (default 10 s, 2 views).",
            nullable=False,
        ),
        Column("is_bounce", "boolean", "Not engaged.", nullable=False),
        Column("landing_page", "string", "Path of the first page."),
        Column("exit_page", "string", "Path of the last page."),
        Column("channel", "string", "Channel of the first event that has one."),
        Column(
            "campaign",
            _CAMPAIGN,
            "Campaign of the first event that has one, if possible one that is not direct.",
        ),
        Column(
            "first_campaign",
            _CAMPAIGN,
            "First campaign that is not direct, of this visit and the days before it as configured (default 30).",
        ),
        Column(
            "last_campaign",
            _CAMPAIGN,
            "Last campaign that is not direct, of this visit or the days before it as configured (default 30).",
        ),
        Column("device_type", "string", "Device type of the first event that has one."),
        Column("cart_value", MONEY, "Value of what was added and not removed."),
        Column(
            "cart_abandoned",
            "boolean",
            "Something was left in the cart and no order followed in the visit.",
            nullable=False,
        ),
        Column(
            "checkout_abandoned",
            "boolean",
            "Checkout was begun and no order followed in the visit.",
            nullable=False,
        ),
        Column(
            "browse_abandoned",
            "boolean",
            "Products were viewed, and the visit has no cart, checkout or order.",
            nullable=False,
        ),
        Column(
            "form_abandoned",
            "boolean",
            "A form was begun, and neither it was sent nor an order followed in the visit.",
            nullable=False,
        ),
        Column("furthest_step", "string", "visit, browse, form, cart, checkout, order.", nullable=False),
        Column(
            "abandoned_step",
            "string",
            "What was left, the nearest to an order: checkout, cart, form, browse.",
        ),
        Column("lost_value", MONEY, "Value of what was left: of the cart, else of the product viewed last."),
        Column(
            "abandoned_at",
            "timestamp",
            "When what was left counts as abandoned: the visit's end plus minutes as configured (default 60); null where "
            "the visitor ordered before that. In gold.customer_profile it is the visit's end alone.",
        ),
        Column("order_time", "timestamp", "Time of the first order completed."),
        Column("order_count", "bigint", "Distinct orders completed.", nullable=False),
        Column("net_revenue", MONEY, "Value of these orders as tracked."),
        Column("currency", "string", "Currency of these orders, null when mixed or none."),
        Column("session_number", "int", "Number of the visit of this visitor, from 1.", nullable=False),
        Column("is_returning", "boolean", "Not the visitor's first visit.", nullable=False),
        Column("is_bot", "boolean", "Any event flagged as a bot's.", nullable=False),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        ("ends_after_start", "session_end >= session_start"),
        ("has_events", "event_count >= 1"),
        ("engaged_time_is_finite", "engaged_seconds >= 0 AND NOT isnan(engaged_seconds)"),
        ("known_basis", "engaged_basis IN ('tracker', 'pings', 'gaps')"),
        ("known_step", "furthest_step IN ('visit', 'browse', 'form', 'cart', 'checkout', 'order')"),
        (
            "only_what_was_left_is_lost",
            "abandoned_step IS NOT NULL OR (lost_value IS NULL AND abandoned_at IS NULL)",
        ),
    ),
    cluster_by=("session_date", "visitor_key"),
    marks_deletions=True,
)

_OF_OTHER_VISITS = ("first_campaign", "last_campaign", "session_number", "is_returning", "row_hash")

FORMER_SESSION = Table(
    name="silver.former_session",
    comment="Visits as they were known on an earlier day, before events were delivered that changed them.",
    stage="sessionize",
    grain=("session_id", "known_time"),
    columns=(
        *(column for column in SESSION.columns if column.name not in _OF_OTHER_VISITS),
        Column(
            "superseded_time",
            "timestamp",
            "When the first event was known of the day that changed it.",
            nullable=False,
        ),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(*SESSION.checks, ("superseded_after_known", "superseded_time > known_time")),
    cluster_by=("session_date", "visitor_key"),
    marks_deletions=True,
)

SESSION_EVENT = Table(
    name="silver.session_event",
    comment="Which session each event belongs to.",
    stage="sessionize",
    grain=("event_id",),
    columns=(
        Column("event_id", "string", "Event.", nullable=False),
        Column("session_id", "string", "Its session.", nullable=False),
        Column("session_date", "date", "Day of the session's start in the project's zone.", nullable=False),
    ),
    cluster_by=("session_date", "session_id"),
    marks_deletions=True,
)

IDENTITY_EDGE = Table(
    name="silver.identity_edge",
    comment="Evidence that two identifiers belong to one person; refused evidence keeps its reason.",
    stage="resolve",
    grain=("id_type_a", "id_key_a", "id_type_b", "id_key_b", "rule"),
    columns=(
        *PAIR_COLUMNS,
        Column(
            "rule", "string", "Rule that made it: same_record, login, same_person, manual.", nullable=False
        ),
        Column("status", "string", "accepted, refused, retired.", nullable=False),
        Column("reason", "string", "Why it was refused or retired."),
        Column("source", "string", "Source that showed it first.", nullable=False),
        Column("first_known", "timestamp", "When it was known first.", nullable=False),
        Column("last_seen", "timestamp", "When it was seen last.", nullable=False),
        Column("observations", "bigint", "Records that show it.", nullable=False),
        Column("confidence", "double", "Probability that it is right.", nullable=False),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        ("known_status", "status IN ('accepted', 'refused', 'retired')"),
        SMALLER_FIRST,
        ("reason_given", "status = 'accepted' OR reason IS NOT NULL"),
        ("confidence_is_probability", "confidence BETWEEN 0 AND 1 AND NOT isnan(confidence)"),
    ),
)

MATCH_REVIEW = Table(
    name="silver.match_review",
    comment="Pairs of person records that may be one person but were not joined: for a person to look at, or refused.",
    stage="resolve",
    grain=("record_key_a", "record_key_b"),
    columns=(
        Column("record_key_a", "string", "Key of the first record.", nullable=False, personal=_KEY),
        Column("record_key_b", "string", "Key of the second record.", nullable=False, personal=_KEY),
        Column("source_a", "string", "Source of the first record.", nullable=False),
        Column("source_b", "string", "Source of the second record.", nullable=False),
        Column("probability", "double", "Probability that both are one person.", nullable=False),
        Column("status", "string", "review, refused.", nullable=False),
        Column("reason", "string", "Why they were not joined.", nullable=False),
        Column("agreement", "string", "Columns that agree, never their values."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        ("known_status", "status IN ('review', 'refused')"),
        ("ordered", "record_key_a < record_key_b"),
        ("is_probability", "probability BETWEEN 0 AND 1 AND NOT isnan(probability)"),
    ),
)

IDENTITY_OVERRIDE = Table(
    name="silver.identity_override",
    comment="What reviewers decided about identifiers: evidence like any other, and never overwritten.",
    stage=BY_HAND,
    grain=("decision_id",),
    columns=(
        Column("decision_id", "string", "Digest of kind, identifiers and time.", nullable=False),
        Column("kind", "string", "link, unlink, block.", nullable=False),
        Column("id_type_a", "string", "Type of the first identifier.", nullable=False),
        Column("id_key_a", "string", "Key of the first identifier.", nullable=False, personal=_KEY),
        Column("id_type_b", "string", "Type of the second identifier; null for a block."),
        Column("id_key_b", "string", "Key of the second identifier; null for a block.", personal=_KEY),
        Column(
            "reviewer",
            "string",
            "Account of who decided, in clear: it names one of the staff, never a customer.",
            nullable=False,
        ),
        Column(
            "note",
            "string",
            "Why, in the reviewer's words; one that seems to hold an e-mail address or telephone number is refused.",
        ),
        Column("decided_at", "timestamp", "When it was decided; it counts from then on.", nullable=False),
        Column("expires_at", "timestamp", "When it ends by itself; null: never."),
        Column("withdrawn_at", "timestamp", "When it was withdrawn; null: not."),
        Column("withdrawn_by", "string", "Account of who withdrew it, likewise."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(
        ("known_kind", "kind IN ('link', 'unlink', 'block')"),
        ("two_ends", "(kind = 'block') = (id_key_b IS NULL)"),
        ("ordered", "id_key_b IS NULL OR (id_type_a, id_key_a) < (id_type_b, id_key_b)"),
        ("ends_after_it_began", "expires_at IS NULL OR expires_at > decided_at"),
    ),
)

IDENTITY_MAP = Table(
    name="silver.identity_map",
    comment="Which person an identifier belongs to, and since when that was known.",
    stage="resolve",
    grain=("id_type", "id_key", "valid_from"),
    columns=(
        Column("id_type", "string", "Type of the identifier.", nullable=False),
        Column("id_key", "string", "Key of the identifier.", nullable=False, personal=_KEY),
        Column("valid_from", "timestamp", "Known time of the evidence that decided it.", nullable=False),
        Column("person_id", "string", "Person.", nullable=False, personal=_KEY),
        Column("valid_to", "timestamp", "Known time of the evidence that ended it; null while it holds."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(("validity_is_ordered", "valid_to IS NULL OR valid_to > valid_from"),),
    cluster_by=("id_key",),
)

IDENTITY_CHANGE = Table(
    name="silver.identity_change",
    comment="Every person id that ended in another, with the cause.",
    stage="resolve",
    grain=("old_person_id", "new_person_id", "changed_at"),
    columns=(
        Column("old_person_id", "string", "Id before.", nullable=False, personal=_KEY),
        Column("new_person_id", "string", "Id after.", nullable=False, personal=_KEY),
        Column("changed_at", "timestamp", "Known time of the evidence.", nullable=False),
        Column(
            "cause",
            "string",
            "merge, split, manual; erase is kept for erasure, which is not there yet.",
            nullable=False,
        ),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    checks=(("known_cause", "cause IN ('merge', 'split', 'erase', 'manual')"),),
)

ATTRIBUTION = Table(
    name="silver.attribution",
    comment="Which person a session belongs to, and which rule says so.",
    stage="resolve",
    grain=("session_id", "valid_from"),
    columns=(
        Column("session_id", "string", "Session.", nullable=False),
        Column("valid_from", "timestamp", "Known time of the evidence.", nullable=False),
        Column("person_id", "string", "Person.", nullable=False, personal=_KEY),
        Column(
            "rule", "string", "login, last_login, device, backfill, no_consent, anonymous.", nullable=False
        ),
        Column("valid_to", "timestamp", "Null while it holds."),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
    cluster_by=("session_id",),
)

CUSTOMER = Table(
    name="silver.customer",
    comment="One surviving value per attribute of each person, with where it came from.",
    stage="resolve",
    grain=("person_id",),
    columns=(
        Column("person_id", "string", "Person.", nullable=False, personal=_KEY),
        Column("gender", "string", "f, m, d.", personal=Personal.ATTRIBUTE),
        Column("birth_year", "int", "Year of birth.", personal=Personal.ATTRIBUTE),
        Column(
            "postal_area", "string", "First two characters of the postal code.", personal=Personal.ATTRIBUTE
        ),
        Column("city", "string", "City.", personal=Personal.ATTRIBUTE),
        Column("country", "string", "ISO 3166 alpha-2.", personal=Personal.ATTRIBUTE),
        Column("language", "string", "ISO 639-1.", personal=Personal.ATTRIBUTE),
        Column("customer_since", "date", "Earliest date a source states.", personal=Personal.ATTRIBUTE),
        Column("segment", "string", "The source's own segment.", personal=Personal.ATTRIBUTE),
        Column("has_address", "boolean", "Whether the vault has a full postal address."),
        Column("attributes", "map<string,string>", "Other attributes.", personal=Personal.ATTRIBUTE),
        Column("is_deceased", "boolean", "Reported deceased.", nullable=False, personal=Personal.ATTRIBUTE),
        Column("is_blocked", "boolean", "Blocked for all marketing.", nullable=False),
        Column(
            "lineage",
            "map<string,struct<source:string,known_time:timestamp>>",
            "Source and date of each attribute.",
            nullable=False,
        ),
        Column(
            "conflicts",
            "map<string,struct<values:bigint,sources:array<string>>>",
            "Attributes with more than one value: how many, from which sources.",
            nullable=False,
        ),
        Column("known_time", "timestamp", "When the newest record was known.", nullable=False),
        Column("row_hash", "string", "Digest of the row.", nullable=False),
    ),
)
