"""Dates of persons in one form, however they were written: as dates, or as texts of several countries."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_YEAR_FIRST = r"^([0-9]{4})[-./ ]+([0-9]{1,2})[-./ ]+([0-9]{1,2})(?![0-9])"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])"
_YEAR_LAST = r"^([0-9]{1,2})[-./ ]+([0-9]{1,2})[-./ ]+([0-9]{4})(?![0-9])"
_SHORT_YEAR = r"^([0-9]{1,2})[-./ ]+([0-9]{1,2})[-./ ]+([0-9]{2})(?![0-9])"
_LAST_OF_THIS_CENTURY = "14"
"""Years of two digits up to it are of this century: customers are seldom children, or older than that."""
_YEAR_LAST_BARE = (
    r"^(?!(?:1[89]|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$)"
    r"((?:0[1-9]|1[0-2])(?=[0-3])|(?:[12][0-9]|3[01])(?=0[1-9]|1[0-2]))(0[1-9]|[12][0-9]|3[01])((?:19|20)[0-9]{2})$"
)
"""Eight digits that are a date only if the year is their end; eight others begin with it, mistyped or not."""


def date_digits(date: Column, *, month_first: bool = False) -> Column:
    """Digits yyyymmdd of a date or of a text that holds one; of any other text without letters its first eight digits.

    `month_first` says how texts are read that bear both orders of day and month, such as 3/5/1975.
    """
    text = F.trim(date.cast("string"))
    forms = (_YEAR_LAST, _YEAR_LAST_BARE, _SHORT_YEAR)
    first, second = (F.coalesce(*(_part(text, form, n) for form in forms)) for n in (1, 2))
    short = _part(text, _SHORT_YEAR, 3)
    century = F.when(short <= _LAST_OF_THIS_CENTURY, "20").otherwise("19")
    year = F.coalesce(*(_part(text, form, 3) for form in forms[:2]), F.concat(century, short))
    is_month_first = (second > "12") | (F.lit(month_first) & (first <= "12"))
    is_named = text.rlike("[A-Za-z]") & ~text.rlike("^[0-9]{8}T")
    return F.coalesce(
        F.when(text.rlike(_ISO), F.replace(text.substr(1, 10), F.lit("-"), F.lit(""))),  # as most are
        F.concat(*(_part(text, _YEAR_FIRST, n) for n in (1, 2, 3))),
        F.when(is_month_first, F.concat(year, first, second)).otherwise(F.concat(year, second, first)),
        # a month in letters would leave digits that other months share
        F.when(~is_named, F.nullif(F.regexp_replace(text, "[^0-9]", "").substr(1, 8), F.lit(""))),
    )


def with_month_first(records: DataFrame, columns: Sequence[str]) -> frozenset[str]:
    """Those of the text columns in which more values can only begin with the month than only with the day."""
    texts = [c for c, type_ in records.dtypes if c in columns and type_ == "string"]
    if not texts:
        return frozenset()
    found = records.agg(*(_balance(c).alias(c) for c in texts)).collect()[0]
    return frozenset(c for c in texts if found[c] > 0)


def _balance(column: str) -> Column:
    text = F.trim(F.col(column))
    first, second = (
        F.coalesce(*(_part(text, form, n) for form in (_YEAR_LAST, _SHORT_YEAR))) for n in (1, 2)
    )
    return F.count_if((second > "12") & (first <= "12")) - F.count_if((first > "12") & (second <= "12"))


def _part(text: Column, form: str, number: int) -> Column:
    """A part of the date with its leading zero; null where the text has another form."""
    found = F.nullif(F.regexp_extract(text, form, number), F.lit(""))
    return F.when(F.length(found) == 1, F.concat(F.lit("0"), found)).otherwise(found)
