"""One spelling for names, streets and codes, as native expressions: umlauts written out, marks taken off."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

WRITTEN_OUT = (
    ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("a\u0308", "ae"), ("o\u0308", "oe"), ("u\u0308", "ue"),
    ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"),
)  # fmt: skip
"""Letters that become two; the umlauts also where they arrive as a letter and a combining mark."""
WITH_MARKS = "àáâãåāăąçćčĉċďđðèéêëēėęěĕğģġĝħĥìíîïīįıĭĩĵķłļľĺŀñńňņòóôõøōőŏŕřŗśşšșŝţťțŧùúûūůűųŭũŵýÿŷžźż"
PLAIN = "aaaaaaaacccccdddeeeeeeeeegggghhiiiiiiiiijklllllnnnnoooooooorrrssssstttt" + "uuuuuuuuuwyyyzzz"
COMBINING = "[\u0300-\u036f]"


def folded(text: Column) -> Column:
    """Small letters and digits, words parted by one blank; null where nothing is left."""
    small = reduce(lambda c, rule: F.replace(c, F.lit(rule[0]), F.lit(rule[1])), WRITTEN_OUT, F.lower(text))
    plain = F.regexp_replace(F.translate(small, WITH_MARKS, PLAIN), COMBINING, "")
    words = F.trim(F.regexp_replace(plain, r"[^\p{L}\p{N}]+", " "))
    return F.when(words != "", words)


def street(text: Column) -> Column:
    """A street in one spelling, 'strasse' and 'str.' alike."""
    return reduce(lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), _KINDS_OF_STREET, folded(text))


def street_name(text: Column) -> Column:
    """The street without its number; takes a `street` in one spelling."""
    bare = F.when(_begins_with_number(text), F.regexp_replace(text, _FIRST_NUMBER, "")).otherwise(
        F.regexp_replace(text, _LAST_NUMBER, "")
    )
    return _filled(F.trim(bare))


def house_number(text: Column) -> Column:
    """The number of a house with its letter, behind the street or before it (12 rue de la Paix); null without one.

    Takes a `street` in one spelling.
    """
    found = F.when(_begins_with_number(text), F.regexp_extract(text, _FIRST_NUMBER, 1)).otherwise(
        F.regexp_extract(text, _LAST_NUMBER, 0)
    )
    return _filled(F.replace(found, F.lit(" "), F.lit("")))


def code(text: Column) -> Column:
    """Letters and digits alone, for postal codes, phones and numbers of any kind."""
    return _filled(F.replace(folded(text), F.lit(" "), F.lit("")))


_LAST_NUMBER = r"(?<= )[0-9]+( ?[a-z])?( [0-9]+( ?[a-z])?)*$"
_FIRST_NUMBER = r"^([0-9]+(?:[a-z](?= )| bis(?= )| ter(?= ))?(?: [0-9]+(?= ))*) (?=\p{L})"
_WITHIN_HOUSE = (
    r"(?<= )(apt|apartment|app|appt|unit|suite|ste|flat|floor|lot|bus|bte|box|top|stiege|whg) [0-9]+ ?[a-z]?$"
)
_KINDS_OF_STREET = (
    (r"str(asse|aat)?(?= |$)", "str"), (r"(?<= )street(?= |$)", "st"), (r"(?<= )road(?= |$)", "rd"),
    (r"(?<= )drive(?= |$)", "dr"), (r"(?<= )lane(?= |$)", "ln"), (r"(?<= )court(?= |$)", "ct"),
    (r"(?<= |^)(avenue|ave)(?= |$)", "av"), (r"(?<= |^)(boulevard|blvd)(?= |$)", "bd"),
    (r"(?<= |^)(place)(?= |$)", "pl"), (r"(?<= )square(?= |$)", "sq"),
)  # fmt: skip
"""Words for a kind of street, in full and abbreviated; `st` before a name is a saint, and stays."""


def _begins_with_number(text: Column) -> Column:
    """Whether the first number is that of the house; a number at the end is, unless it is one within the house."""
    return text.rlike(_FIRST_NUMBER) & (~text.rlike(_LAST_NUMBER) | text.rlike(_WITHIN_HOUSE))


def _filled(text: Column) -> Column:
    return F.when(text != "", text)
