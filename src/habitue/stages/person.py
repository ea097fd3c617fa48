"""Find a person by what is known of it, and show everything habitue knows, as of the last release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.evaluation import Finding, evaluate_all
from habitue.audiences.holdout import with_global_holdout
from habitue.audiences.percentiles import percentile_cutoffs
from habitue.contracts.behaviour import IDENTITY_CHANGE, IDENTITY_EDGE, IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, RELEASE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.errors import UsageError
from habitue.identity.as_of import identity_now
from habitue.identity.explain import Evidence, Identifier, evidence_of, path
from habitue.identity.normalise import NormaliseSettings, normalise
from habitue.job import Run
from habitue.lake.release import Release, last_release
from habitue.privacy.keys import identifier_key
from habitue.stages.target import defined_audiences, moment, population, read_history


@dataclass(frozen=True)
class Handle:
    """What a person was asked for by: an id, or a clear identifier that is hashed before any look-up."""

    person_id: str | None = None
    id_type: str | None = None
    value: str | None = None


def published(run: Run) -> Release:
    """The last release; UsageError where there is none."""
    release = last_release(run.lake.read(RELEASE))
    if release is None:
        raise UsageError("There is no release yet.", ["`habitue run` makes one"])
    run.day = release.as_of_date
    return release


def find_person(run: Run, handle: Handle) -> str:
    """The person's id now; an id that ended in another is followed."""
    if handle.person_id:
        return _successor(run, handle.person_id)
    assert handle.id_type is not None and handle.value is not None
    settings = NormaliseSettings(country=run.settings.project.country, email=run.settings.identity.email)
    spelt = normalise(handle.id_type, handle.value, settings)
    key = identifier_key(run.pepper, handle.id_type, spelt) if spelt else ""
    present = identity_now(run.lake.read(IDENTITY_MAP))  # before any expression: a column needs the session
    match = (F.col("id_type") == handle.id_type) & (F.col("id_key") == key)
    row = present.where(match).select("person_id").first()
    if row is None:
        raise UsageError(f"No person is known by this {handle.id_type.replace('_', ' ')}.")
    return str(row["person_id"])


def person_view(run: Run, person_id: str) -> dict[str, Any]:
    """Profile, score, audiences and identifiers of one person in the last release."""
    release = published(run)
    profile = _row(run, CUSTOMER_PROFILE, release, person_id)
    if profile is None:
        raise UsageError(f"There is no profile of person {person_id} in the release of {release.as_of_date}.")
    member = _slice(run, AUDIENCE_MEMBER, release).where(F.col("person_id") == person_id)
    audiences = [
        row.asDict(recursive=True)
        for row in member.drop("as_of_date", "person_id").orderBy("audience").collect()
    ]
    known = run.lake.read(IDENTITY_MAP).where((F.col("person_id") == person_id) & F.col("valid_to").isNull())
    identifiers = [
        row.asDict()
        for row in known.select("id_type", "id_key", "valid_from").orderBy("id_type", "id_key").collect()
    ]
    return {
        "person_id": person_id,
        "as_of_date": release.as_of_date,
        "release_id": release.release_id,
        "profile": profile,
        "score": _row(run, CUSTOMER_SCORE, release, person_id),
        "audiences": audiences,
        "identifiers": identifiers,
    }


def audience_findings(run: Run, audience: str, person_id: str) -> tuple[Finding, dict[str, Any] | None]:
    """Why a person is or is not in an audience, and its membership row where it is."""
    release = published(run)
    audiences = defined_audiences(run)
    if audience not in {a.name for a in audiences}:
        raise UsageError(
            f"There is no audience {audience}.", [f"audiences: {', '.join(a.name for a in audiences)}"]
        )
    assigned = read_history(run).assigned
    persons = with_global_holdout(population(run, audiences), assigned, run.settings.holdout)
    row = persons.where(F.col("person_id") == person_id).first()
    if row is None:
        raise UsageError(f"There is no profile of person {person_id} in the release of {release.as_of_date}.")
    members = _slice(run, AUDIENCE_MEMBER, release)
    found = members.where((F.col("person_id") == person_id) & (F.col("audience") == audience)).first()
    cutoffs = percentile_cutoffs(persons, audiences)
    findings = evaluate_all(audiences, row.asDict(recursive=True), moment=moment(run), cutoffs=cutoffs)
    return findings[audience], found.asDict(recursive=True) if found else None


def why(run: Run, a: Identifier, b: Identifier) -> list[Evidence] | None:
    """The chain of evidence between two identifiers; None where they are not one person."""
    identity_map = run.lake.read(IDENTITY_MAP)
    ends = (F.col("id_type") == a[0]) & (F.col("id_key") == a[1]) | (F.col("id_type") == b[0]) & (
        F.col("id_key") == b[1]
    )
    persons = {
        row["person_id"] for row in identity_now(identity_map).where(ends).select("person_id").collect()
    }
    if len(persons) != 1:
        return None
    return path(evidence_of(identity_map, run.lake.read(IDENTITY_EDGE), persons), a, b)


def _successor(run: Run, person_id: str) -> str:
    changes = run.lake.read(IDENTITY_CHANGE)
    seen = {person_id}
    while (
        row := changes.where(F.col("old_person_id") == person_id).orderBy(F.col("changed_at").desc()).first()
    ) is not None:
        person_id = str(row["new_person_id"])
        if person_id in seen:
            break
        seen.add(person_id)
    return person_id


def _slice(run: Run, table: Table, release: Release) -> DataFrame:
    rows = run.lake.read(table, version=release.versions.get(table.name))
    return rows.where(F.col("as_of_date") == F.lit(release.as_of_date))


def _row(run: Run, table: Table, release: Release, person_id: str) -> dict[str, Any] | None:
    row = _slice(run, table, release).where(F.col("person_id") == person_id).first()
    return row.asDict(recursive=True) if row else None
