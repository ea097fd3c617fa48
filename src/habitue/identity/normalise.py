"""One spelling per identifier, and values that identify nobody.

Plain Python, since the same rules serve two callers: keying, which spells each
distinct value of an Arrow batch once, and the lookup of a single value.
"""

from __future__ import annotations

import re
import unicodedata

from pydantic import BaseModel, Field

IDENTIFIER_TYPES = (
    "customer_number",
    "loyalty_number",
    "user_id",
    "email",
    "phone",
    "device_id",
    "anonymous_id",
)
MAX_LENGTH = 1024

JUNK_WORDS = (
    "null", "none", "nil", "nan", "n/a", "na", "undefined", "anonymous", "anonym", "unknown", "unbekannt", "invalid",
    "test", "-1", "guest", "gast", "(not set)", "not set", "default", "void",
)  # fmt: skip
JUNK_PATTERN = r"^[0\-]*$|^[\-\s.]*$|^([1-9])\1{6,}$"
"""Zeros, dashes, or one digit seven times and more: shorter runs are customer numbers that exist."""
ROLE_MAILBOXES = (
    "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "info", "postmaster", "mailer-daemon", "abuse",
    "webmaster", "hostmaster",
)  # fmt: skip
RESERVED_DOMAINS = r"(^|\.)(example\.(com|net|org)|example|invalid|test|localhost)$"
EMAIL_PATTERN = r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".0-9][^@\s,;<>\".]+$"


CALLING_CODES = {
    "AT": 43, "AU": 61, "BE": 32, "BG": 359, "BR": 55, "CA": 1, "CH": 41, "CY": 357, "CZ": 420, "DE": 49, "DK": 45,
    "EE": 372, "ES": 34, "FI": 358, "FR": 33, "GB": 44, "GR": 30, "HR": 385, "HU": 36, "IE": 353, "IN": 91, "IS": 354,
    "IT": 39, "JP": 81, "LI": 423, "LT": 370, "LU": 352, "LV": 371, "MT": 356, "NL": 31, "NO": 47, "PL": 48, "PT": 351,
    "RO": 40, "RS": 381, "SE": 46, "SI": 386, "SK": 421, "TR": 90, "UA": 380, "US": 1,
}  # fmt: skip
NO_TRUNK_ZERO = ("IT", "ES", "PT", "PL", "DK", "NO", "GR", "CZ", "LU", "LV", "EE", "MT", "CY", "IS", "LI")
"""Countries whose numbers are dialled without a leading zero to take away, or keep it abroad (Italy)."""


class NormaliseSettings(BaseModel, extra="forbid", frozen=True):
    """How identifiers are spelt, and which values identify nobody."""

    country: str = Field("DE", pattern="^[A-Z]{2}$", description="Country of phone numbers without a prefix.")
    junk_values: tuple[str, ...] = Field(
        (), description="Further values that identify nobody, in small letters."
    )

    @property
    def calling_code(self) -> str | None:
        """+49 for DE; None where the country is not in the list, so that only full numbers are phones."""
        code = CALLING_CODES.get(self.country)
        return f"+{code}" if code else None


def normalise(id_type: str, value: str, settings: NormaliseSettings) -> str | None:
    """The value in its one spelling; None for junk and for what cannot be of its type."""
    spelt: str | None = "".join(c for c in value if not _is_control(c)).strip(" ")
    if id_type == "email":
        spelt = re.sub(r"(?i)^mailto:", "", spelt or "").lower()
    if id_type == "phone":
        spelt = _phone_of(spelt or "", settings)
    if spelt is None or len(spelt) > MAX_LENGTH or spelt.lower() in {*JUNK_WORDS, *settings.junk_values}:
        return None
    if re.search(JUNK_PATTERN, spelt):
        return None
    return None if id_type == "email" and not _is_linking_mail(spelt) else spelt


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf")


def _phone_of(value: str, settings: NormaliseSettings) -> str | None:
    digits = re.sub(r"[\s()/.\-]", "", value.replace("(0)", ""))
    full = re.sub("^00", "+", digits)
    if code := settings.calling_code:
        full = re.sub("^(?=[0-9])" if settings.country in NO_TRUNK_ZERO else "^0", lambda _: code, full)
    return full if re.search(r"^\+[1-9][0-9]{6,14}$", full) else None


def _is_linking_mail(value: str) -> bool:
    mailbox, _, domain = value.partition("@")
    return bool(
        re.search(EMAIL_PATTERN, value)
        and mailbox not in ROLE_MAILBOXES
        and not re.search(RESERVED_DOMAINS, domain)
    )
