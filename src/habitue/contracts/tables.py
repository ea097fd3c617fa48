"""All tables of a lake in one list: DDL, comments and the data dictionary come from it."""

from __future__ import annotations

from habitue.contracts import behaviour, decision, entities, identity_evidence, intake, profile
from habitue.contracts.table import Table

TABLES: tuple[Table, ...] = (
    intake.SOURCE_FILE,
    intake.IDENTIFIER,
    intake.PERSON_RECORD,
    intake.QUARANTINE,
    intake.QUARANTINE_COUNT,
    *entities.ENTITIES.values(),
    intake.FORMER_RECORD,
    behaviour.SESSION,
    behaviour.SESSION_EVENT,
    behaviour.FORMER_SESSION,
    identity_evidence.IDENTITY_OBSERVATION,
    identity_evidence.ENDED_IDENTIFIER,
    identity_evidence.IDENTITY_CONTRADICTION,
    identity_evidence.FOUND_LINK_SPAN,
    behaviour.IDENTITY_EDGE,
    behaviour.MATCH_REVIEW,
    behaviour.IDENTITY_OVERRIDE,
    behaviour.IDENTITY_MAP,
    behaviour.IDENTITY_CHANGE,
    behaviour.ATTRIBUTION,
    behaviour.CUSTOMER,
    profile.CUSTOMER_PROFILE,
    profile.RFM_THRESHOLD,
    profile.LIFECYCLE_TRANSITION,
    decision.CUSTOMER_SCORE,
    decision.AUDIENCE_MEMBER,
    decision.AUDIENCE_CHANGE,
    decision.SPLIT_ASSIGNMENT,
    decision.AUDIENCE_FUNNEL,
    decision.RELEASE,
)

BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
