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
WITH_MARKS = "àáâãåāăąçćčďđèéêëēėęěğģìíîïīįıķłļñńňòóôõøōőŕřśşšșţťțùúûūůűųýÿžźż"
PLAIN = "aaaaaaaacccddeeeeeeeeggiiiiiiikllnnnooooooorrsssstttuuuuuuuyyzzz"
COMBINING = "[\u0300-\u036f]"


def folded(text: Column) -> Column:
    """Small letters and digits, words parted by one blank; null where nothing is left."""
    small = reduce(lambda c, rule: F.replace(c, F.lit(rule[0]), F.lit(rule[1])), WRITTEN_OUT, F.lower(text))
    plain = F.regexp_replace(F.translate(small, WITH_MARKS, PLAIN), COMBINING, "")
    words = F.trim(F.regexp_replace(plain, r"[^\p{L}\p{N}]+", " "))
    return F.when(words != "", words)


def street_name(street: Column) -> Column:
    """The street without its number, 'strasse' and 'str.' alike."""
    return _filled(F.trim(F.regexp_replace(_street(street), _HOUSE_NUMBER, "")))


def house_number(street: Column) -> Column:
    """The number at the end of a street, with its letter; null where there is none."""
    found = F.regexp_extract(_street(street), _HOUSE_NUMBER, 0)
    return _filled(F.replace(found, F.lit(" "), F.lit("")))


def code(text: Column) -> Column:
    """Letters and digits alone, for postal codes, phones and numbers of any kind."""
    return _filled(F.replace(folded(text), F.lit(" "), F.lit("")))


def date_digits(date: Column) -> Column:
    """Digits yyyymmdd of a date, or the digits of a text that holds one."""
    return _filled(F.regexp_replace(date.cast("string"), "[^0-9]", ""))


_HOUSE_NUMBER = r"(?<= )[0-9]+( ?[a-z])?( [0-9]+( ?[a-z])?)*$"


def _street(street: Column) -> Column:
    return F.regexp_replace(folded(street), r"str(asse)?(?= |$)", "str")


def _filled(text: Column) -> Column:
    return F.when(text != "", text)
