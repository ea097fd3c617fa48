"""Redaction: what no URL, title, search or property may carry into the open layers.

Two rules: the value of a named parameter or key is replaced, and so is anything that
looks like an e-mail address, wherever it stands. The patterns are possessive or bounded,
so that their time grows with the length of the text and no text exhausts the stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import or_

from pydantic import BaseModel, Field
from pyspark.sql import Column
from pyspark.sql import functions as F

REDACTED = "redacted"

_EMAIL = r"[\p{L}\p{N}._%+-]{1,64}(?:@|%40)[\p{L}\p{N}.-]{1,255}\.[\p{L}]{2,24}"
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NUMBER = r"-?[0-9][0-9.eE+-]*+"
_FLAT_LIST = r"\[[^\[\]{}]*+\]"


_NAMES = (
    "firstname", "first_name", "lastname", "last_name", "surname", "username", "user_name", "fullname",
    "full_name", "birthday", "birthdate", "dob", "street", "ip", "ip_address", "pwd", "pin", "tel",
)  # fmt: skip


_IDENTIFIERS = (
    "user_id", "userid", "anonymous_id", "anonymousid", "customer_id", "customerid", "customer_number", "client_id",
    "clientid", "device_id", "deviceid", "apple_idfa", "appleidfa", "apple_idfv", "appleidfv", "open_idfa", "openidfa",
    "android_idfa", "androididfa", "idfa", "idfv", "gaid", "advertising_id", "advertisingid", "vendor_id",
)  # fmt: skip
"""Names of identifiers: these lie as keys beside the properties, never in clear within them."""


class RedactionSettings(BaseModel, extra="forbid", frozen=True):
    """Names whose values are replaced, in any case. They are names of parameters and keys, not patterns."""

    containing: tuple[str, ...] = Field(
        (
            "mail",
            "token",
            "password",
            "passwd",
            "secret",
            "phone",
            "mobile",
            "iban",
            "session_id",
            "sessionid",
        ),
        min_length=1,
        description="A parameter or key that contains one of these is redacted.",
    )
    named: tuple[str, ...] = Field(
        (*_NAMES, "auth", "code", "key", "sig", "signature", "sid", "name", "address"),
        description="A URL parameter of exactly this name is redacted.",
    )
    keys: tuple[str, ...] = Field(
        (*_NAMES, *_IDENTIFIERS),
        description="A property of exactly this name is redacted; not `name`, since a product has one too.",
    )


def redacted_url(url: Column, *, settings: RedactionSettings) -> Column:
    """The URL without credentials, without the values of personal parameters and without e-mail addresses."""
    containing, named = _any_of(settings.containing), _any_of(settings.named)
    parameter = rf"(?i)([?&;#](?:[^=&;#]{{0,64}}?(?:{containing})[^=&;#]{{0,64}}|{named})=)[^&;#]*+"

    def without_credentials(text: Column) -> Column:
        credentials = r"^([A-Za-z][A-Za-z0-9+.-]*+://)[^/?#@]*+@"
        return F.when(text.contains("@"), F.regexp_replace(text, credentials, "$1")).otherwise(text)

    def without_values(text: Column) -> Column:
        has_parameter = text.contains("=") & _holds(text, "?", "&", ";", "#")
        return F.when(has_parameter, F.regexp_replace(text, parameter, f"$1{REDACTED}")).otherwise(text)

    return redacted_text(_once(_once(url, without_credentials), without_values))


def redacted_text(text: Column) -> Column:
    """The text with e-mail addresses replaced."""

    def without_addresses(text: Column) -> Column:
        return F.when(_holds(text, "@", "%40"), F.regexp_replace(text, _EMAIL, REDACTED)).otherwise(text)

    return _once(text, without_addresses)


def redacted_json(json: Column, *, settings: RedactionSettings) -> Column:
    """JSON text with the values of personal keys and e-mail addresses replaced, at any depth.

    Takes JSON as Spark writes it, that is without escapes for printable characters. Objects
    below such a key are not replaced as a whole; their members pass the same rules.
    """
    key = rf'[^"\\]{{0,64}}?(?:{_any_of(settings.containing)})[^"\\]{{0,64}}|{_any_of(settings.keys)}'
    member = rf'(?i)"({key})"\s*+:\s*+(?:{_STRING}|{_NUMBER}|{_FLAT_LIST})'

    def may_have_member(text: Column) -> Column:
        words = F.array(*(F.lit(word.lower()) for word in settings.keys)).cast("array<string>")
        is_key = F.arrays_overlap(F.split(text, '"'), words)
        return _holds(text, *(word.lower() for word in settings.containing)) | is_key

    def without_values(text: Column) -> Column:
        replaced = F.regexp_replace(text, member, f'"$1":"{REDACTED}"')
        return F.when(_once(F.lower(text), may_have_member), replaced).otherwise(text)

    return redacted_text(_once(json, without_values))


def _once(text: Column, then: Callable[[Column], Column]) -> Column:
    """What follows from a text, with the text computed once however often it is looked at.

    Patterns are tried only where what they cannot do without is found: looking for a text takes a tenth of the time.
    """
    return F.get(F.transform(F.array(text), then), F.lit(0))


def _holds(text: Column, *parts: str) -> Column:
    return reduce(or_, (text.contains(part) for part in parts))


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in words)
