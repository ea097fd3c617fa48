"""What one section says of another: names that only the whole configuration can tell to be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from habitue.config.layers import KeyPath
from habitue.config.settings import Settings
from habitue.errors import did_you_mean
from habitue.identity.normalise import IDENTIFIER_TYPES


def inconsistencies(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Keys whose values name what is defined nowhere, each with what is wrong."""
    for key in ("visitor_types", "login_types"):
        for name in _unknown(getattr(settings.session, key), IDENTIFIER_TYPES):
            yield (
                ("session", key),
                f"{name} is not a type of identifier{did_you_mean(name, IDENTIFIER_TYPES)}",
            )
    purposes = settings.consent.purposes
    sections = {"attribution": settings.identity.attribution, "consent": settings.identity.consent}
    for section, key in (("attribution", "backfill_purpose"), ("consent", "purpose")):
        own = sections[section]
        named = [getattr(own, key)] if key in own.model_fields_set else []  # a default asks for nothing
        for name in _unknown(filter(None, named), purposes):
            hint = did_you_mean(name, purposes) or f"; purposes: {', '.join(purposes)}"
            yield ("identity", section, key), f"{name} is not a purpose in consent.purposes{hint}"


def _unknown(names: Iterable[str], known: Iterable[str]) -> list[str]:
    return [name for name in names if name not in known]
