"""Everything habitue knows of a person, as of the last release."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.evaluation import Finding, evaluate_all
from habitue.audiences.holdout import with_global_holdout
from habitue.contracts.behaviour import CUSTOMER, IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, RELEASE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.errors import UsageError
from habitue.job import Run
from habitue.lake.release import Release, last_release
from habitue.stages.target import (
    cutoffs_of,
    defined_audiences,
    moment,
    population,
    read_history,
    read_succession,
)


def published(run: Run) -> Release:
    """The last release; UsageError where there is none."""
    release = last_release(run.lake.read(RELEASE))
    if release is None:
        raise UsageError("There is no release yet.", ["`habitue run` makes one"])
    run.day = release.as_of_date
    return release


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
    identities = run.lake.read(IDENTITY_MAP, version=release.versions.get(IDENTITY_MAP.name))
    known = identities.where((F.col("person_id") == person_id) & F.col("valid_to").isNull())
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
        "conflicts": conflicts_of(run, person_id, version=release.versions.get(CUSTOMER.name)),
    }


def conflicts_of(run: Run, person_id: str, *, version: int | None = None) -> list[dict[str, Any]]:
    """Attributes on which sources disagree: how many values, from which sources, and which one survived."""
    row = run.lake.read(CUSTOMER, version=version).where(F.col("person_id") == person_id).first()
    if row is None:
        return []
    known = row.asDict(recursive=True)
    return [
        {"attribute": name, **found, "survived_from": known["lineage"].get(name, {}).get("source")}
        for name, found in sorted(known["conflicts"].items())
    ]


def audience_findings(run: Run, audience: str, person_id: str) -> tuple[Finding, dict[str, Any] | None]:
    """Why a person is or is not in an audience, and its membership row where it is."""
    release = published(run)
    audiences = defined_audiences(run)
    if audience not in {a.name for a in audiences}:
        raise UsageError(
            f"There is no audience {audience}.", [f"audiences: {', '.join(a.name for a in audiences)}"]
        )
    succession = read_succession(run)
    assigned = read_history(run, succession).assigned
    persons = with_global_holdout(population(run, audiences, succession), assigned, run.settings.holdout)
    row = persons.where(F.col("person_id") == person_id).first()
    if row is None:
        raise UsageError(f"There is no profile of person {person_id} in the release of {release.as_of_date}.")
    members = _slice(run, AUDIENCE_MEMBER, release)
    found = members.where((F.col("person_id") == person_id) & (F.col("audience") == audience)).first()
    cutoffs = cutoffs_of(run, persons, audiences)
    findings = evaluate_all(audiences, row.asDict(recursive=True), moment=moment(run), cutoffs=cutoffs)
    return findings[audience], found.asDict(recursive=True) if found else None


def _slice(run: Run, table: Table, release: Release) -> DataFrame:
    rows = run.lake.read(table, version=release.versions.get(table.name))
    return rows.where(F.col("as_of_date") == F.lit(release.as_of_date))


def _row(run: Run, table: Table, release: Release, person_id: str) -> dict[str, Any] | None:
    row = _slice(run, table, release).where(F.col("person_id") == person_id).first()
    return row.asDict(recursive=True) if row else None
