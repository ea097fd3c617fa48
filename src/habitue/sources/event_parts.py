"""Parts of an event that every tracker reports under names of its own: page, campaign, device, who it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.words import holds_any
from habitue.privacy.redaction import RedactionSettings, redacted_text, redacted_url
from habitue.sources.draft import CLEAR_IDENTIFIERS, listed
from habitue.sources.values import instant

CAMPAIGN_FIELDS = ("source", "medium", "name", "term", "content")
_UTM = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}
_CLICK_IDS = r"[?&](?:gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=([^&#]*)"
_PATH = r"^[A-Za-z][A-Za-z0-9+.-]*+://[^/?#]*+([^?#]*)"
_PATH_ALONE = r"^(?:[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++(?::\d++)?)?(/[^?#]*)"
"""Of an address without a scheme: `/cart`, `www.shop.de/cart`."""
KINDS = {
    "desktop": ("desktop", "computer", "pc", "personal computer"),
    "mobile": ("mobile", "phone", "smartphone", "mobile phone", "ios", "android"),
    "tablet": ("tablet",),
    "tv": ("tv", "smart tv", "connected tv", "set-top box", "game console", "digital media receiver"),
}
_UNNAMED = (
    "unknown",
    "??",
    "null",
    "(not set)",
    "(none)",
    "(direct)",
    "(data deleted)",
    "<other>",
    "<obfuscated>",
)

_NO_NUMBER = ("undefined", "nan", "none", "nil", "n/a", "0")


def present(value: Column) -> Column:
    """The text, null where it is blank."""
    return F.nullif(F.trim(value), F.lit(""))


def tracker_time(text: Column) -> Column:
    """The instant that a tracker states; a time of day alone, which Spark would read as one of today, is none."""
    has_no_day = F.left(F.ltrim(text), F.lit(4)).contains(":")
    return F.when(~has_no_day, instant(text))


def named_value(value: Column) -> Column:
    """The text, null also where an enrichment wrote that it does not know."""
    text = present(value)
    return F.when(~F.lower(text).isin(*_UNNAMED), text)


def order_number(*stated: Column) -> Column:
    """The first number that is one: what a tracker sends for an order without a number is that of no order."""
    numbers = (named_value(value) for value in stated)
    return F.coalesce(*(F.when(~F.lower(n).isin(*_NO_NUMBER), n) for n in numbers))


def filled(values: Mapping[str, Column]) -> Column:
    """A struct of the values; null where all of them are."""
    whole = F.struct(*(value.alias(name) for name, value in values.items()))
    return F.when(F.coalesce(*values.values()).isNotNull(), whole)


def page(
    *, url: Column, path: Column, title: Column, referrer: Column, redaction: RedactionSettings
) -> Column:
    """Page of an event without what names a person; the path of the URL where none is stated."""
    found = (F.nullif(F.regexp_extract(url, pattern, 1), F.lit("")) for pattern in (_PATH, _PATH_ALONE))
    stated = F.coalesce(present(path), *found)
    bare = F.when(holds_any(stated, "?", "#"), F.regexp_replace(stated, r"[?#].*$", "")).otherwise(stated)
    whole = F.struct(
        redacted_url(present(url), settings=redaction).alias("url"),
        redacted_text(bare).alias("path"),
        redacted_text(present(title)).alias("title"),
        redacted_url(present(referrer), settings=redaction).alias("referrer"),
    )
    # by what is stated and not by what became of it, which would be worked out for that once more
    is_known = F.coalesce(*(present(text) for text in (url, path, title, referrer))).isNotNull()
    return F.when(is_known, whole)


def campaign(stated: Mapping[str, Column], url: Column, *, click_id: Column | None = None) -> Column:
    """Campaign as the tracker states it; what it leaves out is read from the utm parameters of the URL."""
    # all names of click ids end with it, and looking for a text is far cheaper than matching a pattern
    found = F.nullif(F.regexp_extract(url, _CLICK_IDS, 1), F.lit(""))
    of_url = F.when(url.contains("id="), found)
    values = {
        field: redacted_text(F.coalesce(named_value(stated[field]), _parameter(url, _UTM[field])))
        for field in CAMPAIGN_FIELDS
    }
    values["click_id"] = of_url if click_id is None else F.coalesce(present(click_id), of_url)
    told = [stated[field] for field in CAMPAIGN_FIELDS] + ([] if click_id is None else [click_id])
    may_have_one = F.coalesce(*told).isNotNull() | F.coalesce(holds_any(url, "utm_", "id="), F.lit(False))
    return F.when(may_have_one, filled(values))


def _parameter(url: Column, name: str) -> Column:
    encoded = F.nullif(F.regexp_extract(url, rf"[?&]{name}=([^&#]*)", 1), F.lit(""))
    return F.when(url.contains(f"{name}="), F.coalesce(F.try_url_decode(encoded), encoded))


def device(
    *,
    agent: Column,
    kind: Column,
    system: Column,
    app: Column,
    locale: Column,
    zone: Column,
    browser_name: Column | None = None,
) -> Column:
    """Device as reported. What the user agent tells of it is found out later, of all sources at once."""
    stated = F.lower(named_value(kind))
    known = F.coalesce(*(F.when(stated.isin(*words), word) for word, words in KINDS.items()))
    family = F.lit(None).cast("string") if browser_name is None else F.lower(named_value(browser_name))
    return F.struct(
        F.coalesce(known, stated).alias("type"),
        named_value(system).alias("os"),
        family.alias("browser"),
        present(app).alias("app"),
        present(locale).alias("locale"),
        present(zone).alias("zone"),
        present(agent).alias("user_agent"),
    )


def variant(json: Column) -> Column:
    """JSON as variant; text that a variant cannot hold (a key twice) is kept as text."""
    return F.coalesce(F.try_parse_json(json), json.cast("variant"))


def clear_identifiers(pairs: Iterable[tuple[str, Column]]) -> Column:
    """Type and value of whoever an event names, sorted, blank ones left out."""
    stated = ((type_, present(value)) for type_, value in pairs)
    found = (
        (value.isNotNull(), F.struct(F.lit(type_).alias("id_type"), value.alias("value")))
        for type_, value in stated
    )
    return F.sort_array(F.array_distinct(listed(found, CLEAR_IDENTIFIERS)))


def number(text: Column, type_: str) -> Column:
    """The text as a number of the contract; null where it is blank or none."""
    return present(text).try_cast(type_)


def is_unreadable(text: Column, type_: str) -> Column:
    """Whether there is a text that is no number."""
    stated = present(text)
    return stated.isNotNull() & stated.try_cast(type_).isNull()


def consent_lists(granted: Column, denied: Column) -> Column:
    """Consent by purpose from the lists of what is allowed and denied; a denial beats a permission."""
    none = F.array().cast("array<string>")
    refused = F.array_distinct(F.coalesce(F.array_compact(denied), none))
    allowed = F.array_except(F.array_distinct(F.coalesce(F.array_compact(granted), none)), refused)
    names = F.concat(allowed, refused)
    words = F.concat(
        F.transform(allowed, lambda _: F.lit("granted")), F.transform(refused, lambda _: F.lit("denied"))
    )
    return F.when(F.size(names) > 0, F.map_from_arrays(names, words))
