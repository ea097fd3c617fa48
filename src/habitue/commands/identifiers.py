"""Find the identifier or person that somebody names: a clear value is keyed before any look-up and kept nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_CHANGE, IDENTITY_MAP
from habitue.errors import UsageError
from habitue.identity.as_of import identity_now
from habitue.identity.edges import rank_of
from habitue.identity.explain import Identifier
from habitue.identity.normalise import NormaliseSettings, normalise
from habitue.job import Run
from habitue.privacy.keys import identifier_key

EXPECTED = "expected a person_id or TYPE:VALUE; the value may be clear, a key, or the start of a key"
_PERSON = re.compile(r"[0-9a-f]{32}")
_KEY_START = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Handle:
    """What was asked for: a person's id, or an identifier by its clear value or its key."""

    person_id: str | None = None
    id_type: str | None = None
    value: str | None = None


def read_handle(text: str) -> Handle:
    """A handle as it is typed; its value is never repeated in an error."""
    id_type, colon, value = text.partition(":")
    if colon and id_type and value:
        return Handle(id_type=id_type, value=value)
    if _PERSON.fullmatch(text):
        return Handle(person_id=text)
    raise UsageError("This names neither a person nor an identifier.", [EXPECTED])


def find_person(run: Run, handle: Handle) -> str:
    """The person's id now; an id that ended in another is followed."""
    if handle.person_id:
        return _successor(run, handle.person_id)
    return _known(run, handle)[1]


def find_identifier(run: Run, handle: Handle) -> Identifier:
    """The identifier itself, or the strongest one of the person."""
    if handle.person_id is None:
        return _known(run, handle)[0]
    person = _successor(run, handle.person_id)
    members = identity_now(run.lake.read(IDENTITY_MAP)).where(F.col("person_id") == person)
    by_strength = (rank_of(F.col("id_type"), run.settings.identity), F.col("id_key"))
    row = members.orderBy(*by_strength).first()
    if row is None:
        raise UsageError(f"There is no person {person}.")
    return row["id_type"], row["id_key"]


def _known(run: Run, handle: Handle) -> tuple[Identifier, str]:
    """An identifier that is known, and its person."""
    id_type, value = handle.id_type or "", handle.value or ""
    present = identity_now(run.lake.read(IDENTITY_MAP)).where(F.col("id_type") == id_type)
    found = _one(present, F.col("id_key") == key_of(run, id_type, value), id_type)
    if found is None and _KEY_START.fullmatch(value):
        found = _one(present, F.col("id_key").startswith(value), id_type)
    if found is None:
        named = f"No person is known by this {id_type.replace('_', ' ')}."
        hint = "Write the number with the prefix of its country: +43 664 ..." if id_type == "phone" else ""
        raise UsageError(named, [EXPECTED], hint=hint)
    return found


def key_of(run: Run, id_type: str, value: str) -> str:
    """The key of a clear value; empty where the value identifies nobody."""
    settings = NormaliseSettings(country=run.settings.project.country, email=run.settings.identity.email)
    spelt = normalise(id_type, value, settings)
    return identifier_key(run.pepper, id_type, spelt) if spelt else ""


def _one(present: DataFrame, condition: Column, id_type: str) -> tuple[Identifier, str] | None:
    rows = present.where(condition).select("id_key", "person_id").limit(2).collect()
    if len(rows) > 1:
        raise UsageError(f"More than one {id_type.replace('_', ' ')} has a key that begins so.")
    return ((id_type, rows[0]["id_key"]), rows[0]["person_id"]) if rows else None


def _successor(run: Run, person_id: str) -> str:
    changes = run.lake.read(IDENTITY_CHANGE)
    present = identity_now(run.lake.read(IDENTITY_MAP))
    seen = {person_id}
    while present.where(F.col("person_id") == person_id).isEmpty():
        of_person = changes.where(F.col("old_person_id") == person_id)
        row = of_person.orderBy(F.col("changed_at").desc(), "new_person_id").first()
        if row is None or row["new_person_id"] in seen:
            break
        person_id = str(row["new_person_id"])
        seen.add(person_id)
    return person_id
