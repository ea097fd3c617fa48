"""Words of closed lists, in the spellings that sources use, and what they mean here."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.sources.event_names import ANY_NAMES, LOG_NAMES, canonical_name

_GENDER = {
    "f": ("f", "female", "w", "weiblich", "frau", "woman", "femme", "mrs", "ms", "mrs.", "ms."),
    "m": ("m", "male", "männlich", "maennlich", "herr", "man", "homme", "mr", "mr."),
    "d": ("d", "x", "diverse", "divers", "non-binary", "nonbinary", "other"),
}
_STATUS = {
    "granted": ("granted", "grant", "given", "true", "yes", "ja", "1", "opt-in", "optin", "opt_in", "in", "accepted",
                "erteilt", "confirmed", "subscribed", "double opt-in", "doi"),
    "denied": ("denied", "refused", "false", "no", "nein", "0", "opt-out", "optout", "opt_out", "out", "declined",
               "abgelehnt", "not given"),
    "withdrawn": ("withdrawn", "revoked", "unsubscribed", "widerrufen", "widerruf", "abgemeldet", "objected"),
}  # fmt: skip
_RESPONSE = {
    "delivered": ("delivered", "delivery", "received", "zugestellt", "sent"),
    "opened": ("opened", "open", "geöffnet", "geoeffnet", "view"),
    "clicked": ("clicked", "click", "geklickt", "klick"),
    "bounced": (
        "bounced",
        "bounce",
        "hard_bounce",
        "soft_bounce",
        "hardbounce",
        "softbounce",
        "unzustellbar",
    ),
    "unsubscribed": ("unsubscribed", "unsubscribe", "abgemeldet", "abmeldung", "opt-out", "optout"),
    "complained": ("complained", "complaint", "spam", "marked as spam", "beschwerde"),
    "redeemed": ("redeemed", "redemption", "redeem", "eingelöst", "eingeloest"),
}
_CHANNEL = {
    "email": ("email", "e-mail", "mail_electronic", "newsletter"),
    "post": ("post", "letter", "brief", "direct mail", "direct_mail", "print", "mailing"),
    "phone": ("phone", "telephone", "telefon", "call", "tel"),
    "sms": ("sms", "text message"),
    "push": ("push", "app push", "push notification"),
    "ads": ("ads", "ad", "advertising", "werbung", "display"),
    "any": ("any", "all", "alle", "*"),
}
_COUNTRY = {
    "DE": ("de", "d", "deu", "ger", "germany", "deutschland", "allemagne"),
    "AT": ("at", "a", "aut", "austria", "österreich", "oesterreich"),
    "CH": ("ch", "che", "switzerland", "schweiz", "suisse"),
    "FR": ("fr", "f", "fra", "france", "frankreich"),
    "NL": ("nl", "nld", "netherlands", "niederlande", "the netherlands"),
    "BE": ("be", "b", "bel", "belgium", "belgien"),
    "LU": ("lu", "l", "lux", "luxembourg", "luxemburg"),
    "IT": ("it", "i", "ita", "italy", "italien"),
    "ES": ("es", "e", "esp", "spain", "spanien"),
    "PL": ("pl", "pol", "poland", "polen"),
    "DK": ("dk", "dnk", "denmark", "dänemark"),
    "CZ": ("cz", "cze", "czechia", "czech republic", "tschechien"),
    "GB": ("gb", "uk", "gbr", "united kingdom", "great britain", "großbritannien", "england"),
    "IE": ("ie", "irl", "ireland", "eire", "irland"),
    "US": ("us", "usa", "united states", "united states of america", "vereinigte staaten"),
}

_WORDS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("customer_record", "gender"): _GENDER,
    ("customer_record", "country"): _COUNTRY,
    ("consent", "status"): _STATUS,
    ("consent", "channel"): _CHANNEL,
    ("contact", "channel"): _CHANNEL,
    ("campaign", "channel"): _CHANNEL,
    ("response", "type"): _RESPONSE,
}
_UPPER = {("order_line", "currency"), ("subscription", "currency"), ("event", "order.currency")}
_LOWER = {("customer_record", "language"), ("survey", "kind"), ("service_case", "type"), ("touch", "kind")}


def canonical_word(entity: str, name: str, text: Column) -> Column:
    """The word that stands for `text` in a closed list; unknown ones stay (the checks judge them)."""
    key = (entity, name)
    if key == ("event", "event_name"):
        return canonical_name(text, ANY_NAMES | LOG_NAMES)
    if entity == "event" and name.startswith("consent."):
        key = ("consent", "status")
    if key in _UPPER:
        return F.upper(text)
    if key in _LOWER:
        return F.lower(text)
    if key not in _WORDS:
        return text
    lowered = F.lower(text)
    known = F.coalesce(*(F.when(lowered.isin(*spellings), word) for word, spellings in _WORDS[key].items()))
    if name == "gender":  # no other value is allowed, and none is worth a quarantine
        return known
    if name == "country":
        return F.coalesce(known, F.when(text.rlike("^[A-Za-z]{2}$"), F.upper(text)))
    return F.coalesce(known, lowered)
