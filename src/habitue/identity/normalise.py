"""One spelling per identifier, and values that identify nobody.

Plain Python, since the same rules serve two callers: keying, which spells each
distinct value of an Arrow batch once, and the lookup of a single value.
"""

from __future__ import annotations

import re
import unicodedata

from pydantic import BaseModel, Field

from habitue.identity.phone import e164

IDENTIFIER_TYPES = (
    "customer_number",
    "loyalty_number",
    "user_id",
    "email",
    "phone",
    "device_id",
    "anonymous_id",
)
"""Types that a source can map."""
RECORD = "record"
"""Type of a customer record that has no identifier: what its source calls it, `SOURCE/RECORD_ID`."""
MAX_LENGTH = 1024

JUNK_WORDS = frozenset((
    "null", "none", "nil", "nan", "n/a", "na", "undefined", "anonymous", "anonym", "unknown", "unbekannt", "invalid",
    "test", "-1", "guest", "gast", "(not set)", "not set", "default", "void",
    "shopify-admin",  # the user that RudderStack's source for Shopify names for every customer of its back office
))  # fmt: skip
JUNK_PATTERN = r"^[0\-]*$|^[\-\s.]*$|^([1-9])\1{6,}$"
"""Zeros, dashes, or one digit seven times and more: shorter runs are customer numbers that exist."""
JUNK_PHONE = r"([0-9])\1{6,}$"
"""A telephone number that ends in one digit seven times was typed to fill a field: 0111 1111111."""
ROLE_MAILBOXES = (
    "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "info", "postmaster", "mailer-daemon", "abuse",
    "webmaster", "hostmaster",
)  # fmt: skip
RESERVED_DOMAINS = r"(^|\.)(example\.(com|net|org)|example|invalid|test|localhost)$"
EMAIL_PATTERN = r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".0-9][^@\s,;<>\".]+$"


class EmailSettings(BaseModel, extra="forbid", frozen=True):
    """Mailboxes that are one although they are written differently: what a provider guarantees, no guessing."""

    same_domain: dict[str, str] = Field(
        default_factory=lambda: {"googlemail.com": "gmail.com"},
        description="Domain to the domain whose mailboxes are the same.",
    )
    dots_ignored: tuple[str, ...] = Field(
        (), description="Domains that ignore dots in a mailbox, as gmail.com does; not assumed of any."
    )
    plus_ignored: tuple[str, ...] = Field(
        (), description="Domains that deliver `name+word` to `name`, as gmail.com does; not assumed of any."
    )


class NormaliseSettings(BaseModel, extra="forbid", frozen=True):
    """How identifiers are spelt."""

    country: str = Field("DE", pattern="^[A-Z]{2}$", description="Country of phone numbers without a prefix.")
    email: EmailSettings = EmailSettings()


def normalise(id_type: str, value: str, settings: NormaliseSettings) -> str | None:
    """The value in its one spelling; None for junk and for what cannot be of its type."""
    spelt: str | None = _bare(value)
    if re.search(
        JUNK_PATTERN, spelt or ""
    ):  # before it is spelt out: 00000000 would become a number with a prefix
        return None
    if id_type == "email":
        spelt = _mailbox(spelt or "", settings.email)
    if id_type == "phone":
        spelt = e164(spelt or "", settings.country)
    if spelt is None or len(spelt) > MAX_LENGTH or spelt.lower() in JUNK_WORDS:
        return None
    if re.search(JUNK_PATTERN, spelt) or (id_type == "phone" and re.search(JUNK_PHONE, spelt)):
        return None
    return None if id_type == "email" and not _is_linking_mail(spelt) else spelt


def _bare(value: str) -> str:
    """Without control characters and blanks of any kind around it; letters with marks as one character each."""
    if value.isascii() and value.isprintable():  # nearly all: nothing to normalise, no control character
        return value.strip()
    return unicodedata.normalize("NFC", "".join(c for c in value if not _is_control(c))).strip()


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf")


def _mailbox(value: str, settings: EmailSettings) -> str:
    """The address as its provider reads it."""
    box, at, domain = re.sub(r"(?i)^mailto:", "", value).lower().partition("@")
    domain = settings.same_domain.get(domain, domain)
    if domain in settings.plus_ignored:
        box = box.partition("+")[0]
    if domain in settings.dots_ignored:
        box = box.replace(".", "")
    return f"{box}{at}{domain}"


def _is_linking_mail(value: str) -> bool:
    mailbox, _, domain = value.partition("@")
    return bool(
        re.search(EMAIL_PATTERN, value)
        and mailbox not in ROLE_MAILBOXES
        and not re.search(RESERVED_DOMAINS, domain)
    )
