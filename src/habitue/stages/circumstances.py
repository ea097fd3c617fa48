"""What resolve obeys beside evidence: decisions, consent, absences, contradictions; and whom a change of them touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_EDGE, IDENTITY_OVERRIDE, SESSION
from habitue.contracts.entities import CONSENT, EVENT
from habitue.contracts.identity_evidence import IDENTITY_CONTRADICTION
from habitue.contracts.intake import FORMER_RECORD, PERSON_RECORD
from habitue.contracts.table import Table
from habitue.identity.circumstances import Circumstances
from habitue.identity.consent import consented_visits, statements
from habitue.identity.contradictions import CONTRADICTION, changed_pairs, contradictions, since_first_found
from habitue.identity.decisions import as_evidence
from habitue.identity.edges import PAIR, node_code
from habitue.identity.takeovers import absences
from habitue.job import Run
from habitue.lake.changes import made_from, row_changes
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import code_digest, data_version, digest

INPUTS = (IDENTITY_OVERRIDE, SESSION)
"""Tables that resolve reads beside those with identifiers."""

_SAID = ("identifiers", "purpose", "status", "given_time", "known_time")
_STATE = ("visitor_type", "visitor_key", "consent", "event_date", "event_time", "known_time")
_VISIT = ("visitor_type", "visitor_key", "session_id", "session_start", "session_end", "known_time")


class MissingHistoryError(Exception):
    """The changes of a table since the last time cannot be read any more; the argument is its name."""


def circumstances(run: Run) -> Circumstances:
    """Decisions, statements of consent, absences and contradictions as of now."""
    said = _said(run, run.settings.identity.consent.purpose)
    return Circumstances(_decisions(run), said, _away(run), _contradicting(run))


def ended_decisions(run: Run) -> list[str]:
    """Expiries that have passed, read from the log alone: an end is a reason to resolve anew."""
    newest = DeltaLog(run.location.table(IDENTITY_OVERRIDE)).last_change()
    known = newest.metadata.get("expiries", []) if newest else []
    return sorted(instant for instant in known if instant <= run.now.astimezone(UTC).isoformat())


def consented(run: Run, sessions: DataFrame, former: DataFrame | None) -> DataFrame | None:
    """Visits that may be given to a later login; None where that needs no consent or nothing was asked."""
    if not (run.lake.exists(CONSENT) or run.lake.exists(EVENT)):
        return None
    said = _said(run, run.settings.identity.attribution.backfill_purpose)
    if said is None:
        return None
    every = sessions if former is None else sessions.unionByName(former, allowMissingColumns=True)
    return consented_visits(every, said)


def touched_since(
    run: Run, made: Mapping[str, Any], now: Mapping[str, Any], present: Circumstances
) -> DataFrame:
    """Codes (`node`) of identifiers whose decisions, consent, absences or contradictions changed since the map was made.

    Raises MissingHistoryError. `made` and `now` are what the map was and will be made from (`evidence.basis`).
    """
    since, until = made["inputs"], now["inputs"]
    parts = [_decided(run, since, until, made["at"])]
    contradicted = run.lake.read(IDENTITY_CONTRADICTION)
    if present.contradicting is not None or not run.lake.is_empty(IDENTITY_CONTRADICTION):
        now_contradicted = contradicted.limit(0) if present.contradicting is None else present.contradicting
        parts.append(changed_pairs(contradicted, now_contradicted))
    if run.settings.identity.consent.purpose is not None:
        parts += _consenting(run, since, until)
    if run.lake.exists(SESSION):
        parts.append(_visiting(run, since, until, present.away))
    return run.lake.checkpoint(reduce(DataFrame.union, parts).where("node IS NOT NULL").distinct())


def _contradicting(run: Run) -> DataFrame | None:
    """Identifiers whose records share another one and name two people; None where there are none."""
    lake = run.lake
    stored = lake.read(IDENTITY_CONTRADICTION).select(*CONTRADICTION)
    if made_from(run.location, IDENTITY_CONTRADICTION) == contradictions_from(run):
        return None if lake.is_empty(IDENTITY_CONTRADICTION) else _some(run, stored)
    if lake.is_empty(PERSON_RECORD):
        return None
    people, former = lake.read(PERSON_RECORD), lake.read(FORMER_RECORD)
    settings = run.settings.identity
    found = lake.checkpoint(contradictions(people, former, settings=settings))
    return _some(run, since_first_found(found, stored, people, settings=settings))


def contradictions_from(run: Run) -> dict[str, Any]:
    """What contradictions are made from: rules and code, and the versions of the records."""
    versions = {t.leaf: data_version(run.location, t) for t in (PERSON_RECORD, FORMER_RECORD)}
    return {"rules": identity_rules(run), "inputs": versions}


def identity_rules(run: Run) -> str:
    """Digest of all that decides what identity makes of its inputs: code and settings."""
    return digest([code_digest(), run.settings.identity.model_dump(mode="json")])


def _decisions(run: Run) -> DataFrame | None:
    """What reviewers decided, as evidence; None where they decided nothing."""
    if not run.lake.exists(IDENTITY_OVERRIDE):
        return None
    return _some(run, as_evidence(run.lake.read(IDENTITY_OVERRIDE), run.now))


def _said(run: Run, purpose: str | None) -> DataFrame | None:
    """What was said on a purpose so far; None where it is not asked for."""
    if purpose is None:
        return None
    events = run.lake.read(EVENT) if run.lake.exists(EVENT) else None
    return run.lake.checkpoint(statements(run.lake.read(CONSENT), events, purpose=purpose))


def _away(run: Run) -> DataFrame | None:
    """Devices that were away so long that another owner may take them over; None where none was."""
    if not run.lake.exists(SESSION):
        return None
    return _some(run, absences(run.lake.read(SESSION), settings=run.settings.identity))


def _some(run: Run, rows: DataFrame) -> DataFrame | None:
    found = run.lake.checkpoint(rows)
    return None if found.isEmpty() else found


def _decided(run: Run, since: Mapping[str, Any], until: Mapping[str, Any], at: str) -> DataFrame:
    """Members of decisions that were recorded or withdrawn, or that began or ended by the clock."""
    changed = _changed(run, IDENTITY_OVERRIDE, PAIR, since, until)
    between = sorted([datetime.fromisoformat(at), run.now])
    moments = [F.col(name) for name in ("decided_at", "expires_at", "withdrawn_at")]
    passed = reduce(Column.__or__, [(m > F.lit(between[0])) & (m <= F.lit(between[1])) for m in moments])
    by_clock = run.lake.read(IDENTITY_OVERRIDE).where(passed).select(*PAIR)
    rows = changed.select(*PAIR).unionByName(by_clock)
    return rows.select(_code("id_type_a", "id_key_a")).union(rows.select(_code("id_type_b", "id_key_b")))


def _consenting(run: Run, since: Mapping[str, Any], until: Mapping[str, Any]) -> Sequence[DataFrame]:
    """Persons and browsers with a statement that came or went."""
    found = []
    if run.lake.exists(CONSENT):
        stated = _changed(run, CONSENT, _SAID, since, until).select(F.inline("identifiers"))
        found.append(stated.select(_code("id_type", "id_key")))
    if run.lake.exists(EVENT):
        states = _changed(run, EVENT, _STATE, since, until).where("consent IS NOT NULL")
        found.append(states.select(_code("visitor_type", "visitor_key")))
    return found


def _visiting(
    run: Run, since: Mapping[str, Any], until: Mapping[str, Any], away: DataFrame | None
) -> DataFrame:
    """Devices with other visits than before that were away for long, or have edges that do not link.

    The others were not away before either, or nobody else came.
    """
    live = sorted(run.settings.identity.live_days)
    visits = _changed(run, SESSION, _VISIT, since, until).where(F.col("visitor_type").isin(*live))
    visitors = visits.select(_code("visitor_type", "visitor_key")).distinct()
    edges = run.lake.read(IDENTITY_EDGE).where("reason IS NOT NULL")
    odd = edges.select(_code("id_type_a", "id_key_a")).union(edges.select(_code("id_type_b", "id_key_b")))
    if away is not None:
        odd = odd.union(away.select(_code("id_type", "id_key")))
    return visitors.join(odd, on="node", how="left_semi")


def _changed(
    run: Run, table: Table, columns: Sequence[str], since: Mapping[str, Any], until: Mapping[str, Any]
) -> DataFrame:
    """Rows that came or went, less those that only moved to another file."""
    before, after = since.get(table.leaf), until.get(table.leaf)
    if after is None:
        return run.lake.read(table).select(*columns).limit(0)
    if before is None:
        return run.lake.read(table).select(*columns)
    rows = row_changes(run.lake, table, (*columns, "row_hash"), since=before, until=after)
    if rows is None:
        raise MissingHistoryError(table.name)
    key = F.col("row_hash")
    moved = rows.groupBy(key).agg(F.sum("change").alias("_net")).where("_net = 0").select(key)
    return rows.join(moved, on="row_hash", how="left_anti").select(*columns)


def _code(id_type: str, id_key: str) -> Column:
    """Code of an identifier; null where there is none."""
    return F.when(F.col(id_key).isNotNull(), node_code(F.col(id_type), F.col(id_key))).alias("node")
