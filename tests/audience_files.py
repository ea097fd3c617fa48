"""Builders of audience definitions for tests: everything that a test does not name has a harmless value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from habitue.audiences.definition import Audience, AudienceDefinition
from habitue.audiences.holdout import HoldoutSettings
from habitue.audiences.reading import read_audiences
from habitue.privacy.consent import ConsentSettings

USE_CASE = {
    "problem": "They leave.",
    "goal": {"metric": "reorder_rate", "target": 0.2},
    "approach": "Write to them.",
    "test": "Holdout.",
}


def bucket_of(person_id: str, salt: str) -> int:
    """The bucket of a person as the manual states it: the first 60 bits of a digest, modulo 10,000."""
    return int(hashlib.sha256(f"{salt}:{person_id}".encode()).hexdigest()[:15], 16) % 10_000


def definition(name: str, where: object, **keys: Any) -> AudienceDefinition:
    """One definition with the rule `where`."""
    content = {"audience": name, "description": "A test.", "use_case": USE_CASE, "where": where} | keys
    return AudienceDefinition.model_validate(content)


def audiences(
    rules: Mapping[str, object], consent: ConsentSettings | None = None, **keys: Any
) -> tuple[Audience, ...]:
    """Checked audiences by name; a value is a rule, or a whole definition."""
    definitions = {
        name: rule if isinstance(rule, AudienceDefinition) else definition(name, rule, **keys)
        for name, rule in rules.items()
    }
    return read_audiences(definitions, consent or ConsentSettings(), HoldoutSettings())
