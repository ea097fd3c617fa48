"""Streets and the numbers of their houses, however the records part them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching import folding
from habitue.identity.matching.settings import MatchField


def with_parted_streets(records: DataFrame, fields: Sequence[MatchField]) -> DataFrame:
    """Records with the number of the house apart from the street, where a column for it is compared.

    A record that states both keeps a number in its street unless it is the same one: a road may be called
    by a number.
    """
    compared = {f.column for f in fields}
    if "street" not in records.columns or not {"street", "house_number"} <= compared:
        return records
    stated = F.col("house_number") if "house_number" in records.columns else F.lit(None).cast("string")
    # columns of their own: each is needed several times, and Spark would work it out as often
    spelt = records.withColumns({"_stated": stated_number(stated), "street": street(F.col("street"))})
    own, whole = F.col("_stated"), F.col("street")
    numbered = spelt.withColumns({"_front": number_in_front(whole), "_behind": number_behind(whole)})
    number, bare = parted(whole, F.col("_front"), F.col("_behind"))
    found = numbered.withColumns({"_found": number, "_bare": bare})
    is_apart = own.isNull() | (own == F.col("_found"))
    return found.withColumns(
        {
            "house_number": F.coalesce(own, F.col("_found")),
            "street": F.when(is_apart, F.col("_bare")).otherwise(whole),
        }
    ).drop("_stated", "_front", "_behind", "_found", "_bare")


def street(text: Column) -> Column:
    """A street in one spelling, 'strasse' and 'str.' alike, without what lies within the house: flats, stairs, floors."""
    house = _without_units(folding.folded(_marks_as_words(text)))
    ended = _replaced(F.concat(house, F.lit(" ")), _BEHIND_A_NAME)
    return F.trim(_replaced(F.concat(F.lit(" "), ended), _ANYWHERE))


def stated_number(text: Column) -> Column:
    """The number of a house that stands in a column of its own, spelt as one cut off a street."""
    return _solid(_without_units(folding.folded(_marks_as_words(text))))


def number_in_front(street: Column) -> Column:
    """The number before a name with the blank behind it (12 rue de la Paix), else an empty text."""
    return F.regexp_extract(street, _FIRST_NUMBER, 0)


def number_behind(street: Column) -> Column:
    """The number behind a name, with its letter, else an empty text."""
    return F.regexp_extract(street, _LAST_NUMBER, 0)


def parted(street: Column, front: Column, behind: Column) -> tuple[Column, Column]:
    """Number of the house and name of a `street` in one spelling; null where there is none.

    A number at the end is that of the house, also where the name begins with one (17. Juni Str. 5).
    """
    is_front = (front != "") & (behind == "")
    number = F.when(is_front, front).otherwise(behind)
    before = F.substring(street, F.lit(1), F.length(street) - F.length(behind))
    name = F.when(is_front, F.substring(street, F.length(front) + 1, F.length(street))).otherwise(before)
    return _solid(number), F.nullif(F.trim(name), F.lit(""))


def _marks_as_words(text: Column) -> Column:
    """The marks that say how two numbers belong together, which folding would turn into blanks, as words."""
    marked = reduce(lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), _MARKS, text)
    return F.when(text.rlike(_HAS_MARK), marked).otherwise(text)


def _without_units(folded: Column) -> Column:
    bare = F.regexp_replace(F.regexp_replace(folded, _UNIT_IN_FRONT, ""), _UNITS_BEHIND, "$1$2")
    # no street is longer, and what somebody types who wants to can be parted in very many ways
    return F.when(F.length(folded) <= folding.LONGEST, bare).otherwise(folded)


def _solid(number: Column) -> Column:
    """A number as one word: `12 a` is 12a, `5 to 7` is 5-7."""
    return F.nullif(F.replace(F.replace(number, F.lit(" to "), F.lit("-")), F.lit(" "), F.lit("")), F.lit(""))


def _replaced(text: Column, rules: Sequence[tuple[str, str]]) -> Column:
    return reduce(lambda c, rule: F.replace(c, F.lit(rule[0]), F.lit(rule[1])), rules, text)


_BEHIND_A_NAME = (
    ("strasse ", "str "), ("straat ", "str "), (" street ", " st "), (" road ", " rd "), (" drive ", " dr "),
    (" lane ", " ln "), (" court ", " ct "), (" square ", " sq "),
)  # fmt: skip
"""Words for a kind of street, in full and abbreviated; `st` before a name is a saint, and stays."""
_ANYWHERE = (
    (" avenue ", " av "), (" ave ", " av "), (" boulevard ", " bd "), (" blvd ", " bd "), (" place ", " pl "),
)  # fmt: skip
_HAS_MARK = r"[0-9] ?\p{L}?\s*[-/\u2013\u00ba\u00aa]|#"
_MARKS = (
    (r"^\s*#|(?<=[0-9].{0,60})#", " unit "),  # 12 Main St #4; but Hauptstr. #12 is a house
    (r"^\s*([0-9]+\p{L}?)\s*/\s*(?=[0-9]+\p{L}?,?\s+\p{L})", "unit $1 "),  # 5/12 George St
    (r"(?<=[0-9] ?\p{L}?)(?<![0-9]\s1)\s*/\s*(?=[0-9])", " unit "),  # Hauptstr. 5/2/14; 12 1/2 is a number
    (r"(?<=[0-9] ?\p{L}?)\s*[-\u2013]\s*(?=[0-9])", " to "),  # Ring 5-7
    (r"(?<=[0-9] ?\p{L})\s*[-\u2013]\s*(?=\p{L}\b)", " to "),  # Ring 12 a-c
    (r"(?<=[0-9])\s*[\u00ba\u00aa]", " floor "),  # 5, 2º B
)
"""What marks mean, in order; `unit` begins something within the house, `to` stands within a range of houses."""
_UNIT = (
    r"(?:apt|apto|apartment|appartement|apartamento|app|appt|ap|unit|suite|ste|flat|floor|fl|bus|bte|top|stiege|tuer|"
    r"whg|wohnung|int|interno|piso|m)"
)
_VALUE = r"(?:[0-9]+ ?[a-z]?|[a-z] ?[0-9]*)"
_FLOOR = r"(?:[0-9]+ ?(?:st|nd|rd|th)? )?(?:floor|og|eg|dg|stock|etage)(?: (?:[a-z]|izq|dcha|links|rechts|mitte|li|re))?"
_UNIT_IN_FRONT = rf"^(?:{_UNIT}|lot) {_VALUE} (?:to )?(?=[0-9]+ ?[a-z]? \p{{L}}|[0-9]+ to [0-9]+ )"
_UNITS_BEHIND = (
    rf"^(?:([0-9].*?)(?: (?:(?:{_UNIT}|box|lot) {_VALUE}|{_FLOOR}))+"  # a box of no house is all there is: RR 5 Box 12
    rf"|(.*?[0-9] ?[a-z]?)(?: (?:{_UNIT} {_VALUE}|{_FLOOR}))+)$"
)
"""What lies within a house, behind its number or behind a street that begins with it."""
_LAST_NUMBER = r"(?<= )[0-9]+( ?[a-z])?( to [a-z])?( (to )?[0-9]+( ?[a-z])?)*$"
_FIRST_NUMBER = (
    r"^([0-9]+(?:[a-z](?= )| bis(?= )| ter(?= ))?(?: (?:to )?[0-9]+(?= ))*) (?=\p{L}|[0-9]+(?:st|nd|rd|th) )"
)
