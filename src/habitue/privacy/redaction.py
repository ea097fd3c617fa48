"""Redaction: what no URL, title, search or property may carry into the open layers.

Two rules: the value of a named parameter or key is replaced, and so is anything that
looks like an e-mail address, wherever it stands. The patterns are possessive or bounded,
so that their time grows with the length of the text and no text exhausts the stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic import BaseModel, Field
from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.words import holds_any

REDACTED = "redacted"

# an address within the parameter of an address is encoded once more: %2540 is @
_EMAIL = r"[\p{L}\p{N}._%+-]{1,64}(?:@|%(?:25)*+40)[\p{L}\p{N}.-]{1,255}\.[\p{L}]{2,24}"
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NUMBER = r"-?[0-9][0-9.eE+-]*+"
_FLAT_LIST = r"\[[^\[\]{}]*+\]"
_FLAT_OBJECT = rf'\{{(?:[^{{}}"]++|{_STRING})*+\}}'
_DEEPER = rf'\{{(?:[^{{}}"]++|{_STRING}|{_FLAT_OBJECT})*+\}}'
_OBJECT = rf'\{{(?:[^{{}}"]++|{_STRING}|{_DEEPER})*+\}}'
_OBJECTS = rf"(?:{_OBJECT}|\[\s*+(?:{_OBJECT}\s*+,?\s*+)++\])"
"""An object three deep, or a list of such."""


_NAMES = (
    "firstname", "first_name", "lastname", "last_name", "surname", "username", "user_name", "fullname",
    "full_name", "birthday", "birthdate", "dob", "street", "ip", "ip_address", "client_ip", "browser_ip", "remote_ip",
    "pwd", "pin", "tel", "address1", "address2", "address_1", "address_2", "address_line1", "address_line2", "addressline1",
    "addressline2", "street_address", "zip", "zipcode", "zip_code", "postal_code", "postalcode", "postcode", "plz",
    "latitude", "longitude",
)  # fmt: skip


_IDENTIFIERS = (
    "user_id", "userid", "anonymous_id", "anonymousid", "customer_id", "customerid", "customer_number", "client_id",
    "clientid", "device_id", "deviceid", "apple_idfa", "appleidfa", "apple_idfv", "appleidfv", "open_idfa", "openidfa",
    "android_idfa", "androididfa", "idfa", "idfv", "gaid", "advertising_id", "advertisingid", "vendor_id",
)  # fmt: skip
"""Names of identifiers: these lie as keys beside the properties, never in clear within them."""

_ACROSS_DOMAINS = ("_sp", "_ga", "_gl", "ajs_uid", "ajs_aid", "uid")
"""Parameters by which trackers hand a cookie or a user over to another domain."""


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
        (
            *_NAMES,
            *_IDENTIFIERS,
            *_ACROSS_DOMAINS,
            "auth",
            "code",
            "key",
            "sig",
            "signature",
            "sid",
            "name",
            "address",
        ),
        description="A URL parameter of exactly this name is redacted.",
    )
    keys: tuple[str, ...] = Field(
        (*_NAMES, *_IDENTIFIERS, "_ga", "_gid", "address"),
        description="A property of exactly this name is redacted; not `name`, since a product has one too.",
    )
    objects: tuple[str, ...] = Field(
        ("address", "customer", "recipient"),
        min_length=1,
        description="A property whose name contains one of these, and which has parts of its own, is redacted as a whole.",
    )


def redacted_url(url: Column, *, settings: RedactionSettings) -> Column:
    """The URL without credentials, without the values of personal parameters and without e-mail addresses."""
    parameter = _parameter(settings, value=r"[^&;#]*+")

    def without_values(text: Column) -> Column:
        return F.regexp_replace(text, parameter, f"$1{REDACTED}")

    without_credentials = F.regexp_replace(url, r"^([A-Za-z][A-Za-z0-9+.-]*+://)[^/?#@]*+@", "$1")
    return (
        F.when(_may_hold_address(url), _without_addresses(without_values(without_credentials)))
        .when(_may_hold_parameter(url), without_values(url))
        .otherwise(url)
    )


def redacted_text(text: Column) -> Column:
    """The text with e-mail addresses replaced."""
    return F.when(_may_hold_address(text), _without_addresses(text)).otherwise(text)


def redacted_json(json: Column, *, settings: RedactionSettings, small: Column | None = None) -> Column:
    """JSON text with the values of personal keys and URL parameters and e-mail addresses replaced, at any depth.

    Takes JSON as Spark writes it, that is without escapes for printable characters, and in `small` letters too
    where that is a column already. Objects are replaced as a whole below keys that the settings name for that, such as an
    address, in which `name` is a person's; below others their members pass the same rules.
    """
    small = F.lower(json) if small is None else small
    key = rf'[^"\\]{{0,64}}?(?:{_any_of(settings.containing)})[^"\\]{{0,64}}|{_any_of(settings.keys)}'
    member = rf'(?i)"({key})"\s*+:\s*+(?:{_STRING}|{_NUMBER}|{_FLAT_LIST})'
    owner = rf'(?i)"([^"\\]{{0,64}}?(?:{_any_of(settings.objects)})[^"\\]{{0,64}})"\s*+:\s*+{_OBJECTS}'
    may_have_owner = holds_any(small, *(word.lower() for word in settings.objects))
    words = F.array(*(F.lit(word.lower()) for word in settings.keys)).cast("array<string>")
    has_key = F.arrays_overlap(F.split(small, '"'), words)
    may_have_member = holds_any(small, *(word.lower() for word in settings.containing)) | has_key
    may_have_parameter = _may_hold_parameter(json)
    without_parameters = F.regexp_replace(
        json, _parameter(settings, value=r'(?:[^&;#"\\]|\\.)*+'), f"$1{REDACTED}"
    )
    checked = F.when(may_have_parameter, without_parameters).otherwise(json)
    without_owners = F.when(may_have_owner, F.regexp_replace(checked, owner, f'"$1":"{REDACTED}"')).otherwise(
        checked
    )
    without_values = F.regexp_replace(without_owners, member, f'"$1":"{REDACTED}"')
    return (
        F.when(may_have_member | may_have_owner | may_have_parameter, _without_addresses(without_values))
        .when(_may_hold_address(json), _without_addresses(json))
        .otherwise(json)
    )


def once(text: Column, then: Callable[[Column], Column]) -> Column:
    """What follows from a text that is costly to make, with the text made once however often it is looked at.

    The rules above look at their text again and again, since a pattern is tried only where what it cannot do
    without is found: that takes a tenth of the time. For a column, or little more than one, Spark's compiler finds
    the repetition by itself; `once` is interpreted, and so is everything in it.
    """
    return F.get(F.transform(F.array(text), then), F.lit(0))


def _parameter(settings: RedactionSettings, *, value: str) -> str:
    """A personal parameter of a URL; its value is what follows the first group."""
    containing, named = _any_of(settings.containing), _any_of(settings.named)
    encoded = "%(?:25)*+"
    begins, ends = f"[?&;#]|{encoded}(?:3f|26|3b|23)", f"=|{encoded}3d"
    other = rf'(?:(?!{encoded}(?:3d|3f|26|3b|23))[^=&;#"\\]){{0,64}}'
    return rf"(?i)((?:{begins})(?:{other}?(?:{containing}){other}|{named})(?:{ends})){value}"


def _may_hold_parameter(text: Column) -> Column:
    is_encoded = text.contains("%") & holds_any(text, "3D", "3d")
    return (text.contains("=") & holds_any(text, "?", "&", ";", "#")) | is_encoded


def _may_hold_address(text: Column) -> Column:
    return holds_any(text, "@", "%40", "%25")


def _without_addresses(text: Column) -> Column:
    return F.regexp_replace(text, _EMAIL, REDACTED)


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in words)
