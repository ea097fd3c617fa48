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
    spelt = records.withColumns({"_stated": folding.code(stated), "street": street(F.col("street"))})
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
    """A street in one spelling, 'strasse' and 'str.' alike."""
    ended = _replaced(F.concat(folding.folded(text), F.lit(" ")), _BEHIND_A_NAME)
    return F.trim(_replaced(F.concat(F.lit(" "), ended), _ANYWHERE))


def number_in_front(street: Column) -> Column:
    """The number before a name with the blank behind it (12 rue de la Paix), else an empty text."""
    return F.regexp_extract(street, _FIRST_NUMBER, 0)


def number_behind(street: Column) -> Column:
    """The number behind a name, with its letter, else an empty text."""
    return F.regexp_extract(street, _LAST_NUMBER, 0)


def parted(street: Column, front: Column, behind: Column) -> tuple[Column, Column]:
    """Number of the house and name of a `street` in one spelling; null where there is none.

    The first number is that of the house; a number at the end is, unless it is one within the house.
    """
    is_front = (front != "") & ((behind == "") | street.rlike(_WITHIN_HOUSE))
    number = F.replace(F.when(is_front, front).otherwise(behind), F.lit(" "), F.lit(""))
    before = F.substring(street, F.lit(1), F.length(street) - F.length(behind))
    name = F.when(is_front, F.substring(street, F.length(front) + 1, F.length(street))).otherwise(before)
    return F.nullif(number, F.lit("")), F.nullif(F.trim(name), F.lit(""))


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
_LAST_NUMBER = r"(?<= )[0-9]+( ?[a-z])?( [0-9]+( ?[a-z])?)*$"
_FIRST_NUMBER = r"^([0-9]+(?:[a-z](?= )| bis(?= )| ter(?= ))?(?: [0-9]+(?= ))*) (?=\p{L})"
_WITHIN_HOUSE = (
    r"(?<= )(apt|apartment|app|appt|unit|suite|ste|flat|floor|lot|bus|bte|box|top|stiege|whg) [0-9]+ ?[a-z]?$"
)
