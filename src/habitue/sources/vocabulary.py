"""Words of closed lists, in the spellings that sources use, and what they mean here."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.identity.normalise import JUNK_WORDS
from habitue.identity.phone import UNKNOWN_COUNTRY
from habitue.sources.event_names import ANY_NAMES, LOG_NAMES, canonical_name

_GENDER = {
    "f": ("f", "female", "w", "weiblich", "frau", "woman", "femme", "mrs", "ms", "mrs.", "ms."),
    "m": ("m", "male", "männlich", "maennlich", "herr", "man", "homme", "mr", "mr."),
    "d": ("d", "x", "diverse", "divers", "non-binary", "nonbinary", "other"),
}
_STATUS = {
    "granted": ("granted", "grant", "given", "true", "yes", "y", "ja", "j", "1", "opt-in", "opt in", "optin", "opt_in", "in",
                "accepted", "erteilt", "confirmed", "subscribed", "double opt-in", "doi", "oui", "abonniert"),
    "denied": ("denied", "refused", "false", "no", "n", "nein", "0", "opt-out", "opt out", "optout", "opt_out", "out",
               "declined", "abgelehnt", "not given", "not granted", "non", "pending"),
    "withdrawn": ("withdrawn", "revoked", "unsubscribed", "widerrufen", "widerruf", "widersprochen", "widerspruch",
                  "gekündigt", "abgemeldet", "objected"),
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
    "unsubscribed": (
        "unsubscribed", "unsubscribe", "unsub", "list_unsubscribe", "list-unsubscribe", "list unsubscribe", "group_unsubscribe",
        "global_unsubscribe", "abgemeldet", "abmeldung", "opt-out", "opt out", "opt_out", "optout", "optedout", "opted out",
        "opted_out",
    ),
    "complained": (
        "complained", "complaint", "spam", "spamreport", "spam_report", "spam report", "marked as spam", "marked_as_spam",
        "abuse", "fbl", "feedback_loop", "beschwerde",
    ),
    "redeemed": ("redeemed", "redemption", "redeem", "eingelöst", "eingeloest"),
}  # fmt: skip
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
    "DE": ("de", "d", "deu", "ger", "brd", "germany", "deutschland", "bundesrepublik deutschland", "allemagne",
           "duitsland", "germania", "alemania", "niemcy"),
    "AT": ("at", "a", "aut", "austria", "österreich", "oesterreich", "autriche", "oostenrijk"),
    "CH": ("ch", "che", "switzerland", "schweiz", "suisse", "svizzera", "zwitserland", "suiza"),
    "FR": ("fr", "f", "fra", "france", "frankreich", "frankrijk", "francia", "francja"),
    "NL": ("nl", "nld", "netherlands", "niederlande", "the netherlands", "nederland", "holland", "pays-bas"),
    "BE": ("be", "b", "bel", "belgium", "belgien", "belgique", "belgië", "belgie"),
    "LU": ("lu", "l", "lux", "luxembourg", "luxemburg"),
    "IT": ("it", "i", "ita", "italy", "italien", "italia", "italie", "italië", "włochy"),
    "ES": ("es", "e", "esp", "spain", "spanien", "españa", "espana", "espagne", "spanje", "spagna", "hiszpania"),
    "PL": ("pl", "pol", "poland", "polen", "polska", "pologne"),
    "DK": ("dk", "dnk", "denmark", "dänemark", "daenemark", "danmark"),
    "CZ": ("cz", "cze", "czechia", "czech republic", "tschechien", "tschechische republik", "česko", "cesko",
           "česká republika", "ceska republika"),
    "GB": ("gb", "uk", "gbr", "united kingdom", "great britain", "großbritannien", "grossbritannien", "england", "scotland",
           "wales", "northern ireland", "vereinigtes königreich", "royaume-uni", "u.k."),
    "IE": ("ie", "irl", "ireland", "eire", "éire", "irland"),
    "US": ("us", "usa", "united states", "united states of america", "vereinigte staaten", "u.s.", "u.s.a.", "états-unis",
           "estados unidos"),
    "SE": ("se", "swe", "sweden", "sverige", "schweden"),
    "NO": ("no", "nor", "norway", "norge", "norwegen"),
    "FI": ("fi", "fin", "finland", "suomi", "finnland"),
    "IS": ("is", "isl", "iceland", "island", "ísland"),
    "PT": ("pt", "prt", "portugal"),
    "GR": ("gr", "grc", "greece", "griechenland", "ελλάδα", "hellas"),
    "CY": ("cy", "cyp", "cyprus", "zypern"),
    "MT": ("mt", "mlt", "malta"),
    "LI": ("li", "lie", "liechtenstein"),
    "HU": ("hu", "hun", "hungary", "ungarn", "magyarország", "magyarorszag"),
    "SK": ("sk", "svk", "slovakia", "slowakei", "slovensko"),
    "SI": ("si", "svn", "slovenia", "slowenien", "slovenija"),
    "HR": ("hr", "hrv", "croatia", "kroatien", "hrvatska"),
    "RS": ("rs", "srb", "serbia", "serbien", "srbija"),
    "RO": ("ro", "rou", "romania", "românia", "rumänien", "rumaenien"),
    "BG": ("bg", "bgr", "bulgaria", "bulgarien", "българия"),
    "EE": ("ee", "est", "estonia", "estland", "eesti"),
    "LV": ("lv", "lva", "latvia", "lettland", "latvija"),
    "LT": ("lt", "ltu", "lithuania", "litauen", "lietuva"),
    "UA": ("ua", "ukr", "ukraine", "україна"),
    "RU": ("ru", "rus", "russia", "russland", "russian federation", "россия"),
    "TR": ("tr", "tur", "turkey", "türkei", "tuerkei", "türkiye", "turkiye", "türki\u0307ye"),
    "CA": ("ca", "can", "canada", "kanada"),
    "MX": ("mx", "mex", "mexico", "méxico", "mexiko"),
    "BR": ("br", "bra", "brazil", "brasil", "brasilien"),
    "AR": ("ar", "arg", "argentina", "argentinien"),
    "CL": ("cl", "chl", "chile"),
    "CO": ("co", "col", "colombia", "kolumbien"),
    "AU": ("au", "aus", "australia", "australien"),
    "NZ": ("nz", "nzl", "new zealand", "neuseeland"),
    "JP": ("jp", "jpn", "japan", "日本"),
    "CN": ("cn", "chn", "china", "中国"),
    "KR": ("kr", "kor", "korea", "south korea", "republic of korea", "südkorea"),
    "IN": ("in", "ind", "india", "indien"),
    "SG": ("sg", "sgp", "singapore", "singapur"),
    "IL": ("il", "isr", "israel"),
    "ZA": ("za", "zaf", "south africa", "südafrika"),
    "AE": ("ae", "are", "united arab emirates", "vereinigte arabische emirate"),
}  # fmt: skip
"""The countries whose telephone numbers are known, and others that customers are often of: a country of which nothing is
known would be taken for the project's own. Small letters as Java makes them: the capital i of Turkish leaves its dot."""

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
_LOWER = {
    ("customer_record", "language"),
    ("survey", "kind"),
    ("service_case", "type"),
    ("touch", "kind"),
}


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
    if name == "country":  # Deutschland (DE)
        lowered = F.trim(F.regexp_extract(lowered, "^[^(,/]*", 0))
    known = F.coalesce(*(F.when(lowered.isin(*spellings), word) for word, spellings in _WORDS[key].items()))
    if name == "gender":  # no other value is allowed, and none is worth a quarantine
        return known
    if name == "country":
        code = F.when(text.rlike("^[A-Za-z]{2}$"), F.upper(text))
        is_name = text.rlike(r"\p{L}{3}") & ~lowered.isin(*JUNK_WORDS)
        return F.coalesce(known, code, F.when(is_name, F.lit(UNKNOWN_COUNTRY)))
    return F.coalesce(known, lowered)
