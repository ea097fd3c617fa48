"""Dates of persons in one form, however they were written: as dates, or as texts of several countries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching import folding
from habitue.identity.matching.whole_names import LIST

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
_MONTHS = (
    "jan jae ene gen sty", "feb fev lut", "mar mae mrz maa mrt", "apr avr abr kwi", "may mai mag mei maj",
    "jun juin giu cze", "jul juil lug lip", "aug aou ago sie", "sep set wrz", "oct okt ott out paz", "nov lis",
    "dec dez dic gru",
)  # fmt: skip
"""What the names of each month begin with, folded: in English, German, French, Spanish, Italian, Dutch, Polish, Portuguese."""
_MONTH = rf"((?:{'|'.join(' '.join(_MONTHS).split())})[a-z]*)"
_DAY = r"(0?[1-9]|[12][0-9]|3[01])"
_OF = r" ?(?:de |del |do |di |of )?"
_YEAR_AND_MONTH = (
    # a day of the week may stand before the first two
    (rf"^(?:[a-z]+ )?{_DAY}(?:st|nd|rd|th|er|\u00ba)?{_OF}{_MONTH}{_OF}([0-9]{{4}}|[0-9]{{2}})(?![0-9])", "$3 $2 $1"),
    (rf"^(?:[a-z]+ )?{_MONTH} {_DAY}(?:st|nd|rd|th)? ([0-9]{{4}})(?![0-9])", "$3 $1 $2"),
    (rf"^(?=0[0-9] |1[0-4] )([0-9]{{2}} {_MONTH} {_DAY})(?![0-9])", "20$1"),
    (rf"^([0-9]{{2}} {_MONTH} {_DAY})(?![0-9])", "19$1"),
    *(
        (rf"^([0-9]{{4}}) ?(?:{names.replace(' ', '|')})[a-z]* ?{_DAY}(?![0-9])", f"$1-{number:02}-$2")
        for number, names in enumerate(_MONTHS, start=1)
    ),
)  # fmt: skip
"""How a folded date with a month in letters becomes one of numbers, in order: year, month and day, whole years, the number."""


def with_month_number(date: Column) -> Column:
    """Text of a date of which a month in letters became its number, year first: 1975-03-5 of `March 5, 1975`.

    For a column of its own: `date_digits` looks at its text many times.
    """
    text = date.cast("string")
    numbered = reduce(
        lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), _YEAR_AND_MONTH, folding.folded(text)
    )
    return F.when(text.rlike(r"\p{L}{3}"), numbered).otherwise(text)


def date_digits(date: Column, *, month_first: Column | bool = False) -> Column:
    """Digits yyyymmdd of a date or of a text that holds one; of any other text without letters its first eight digits.

    A month in letters is read where it became a number before (`with_month_number`). `month_first` says how texts
    are read that bear both orders of day and month, such as 3/5/1975.
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


def with_month_first(records: DataFrame, columns: Sequence[str]) -> dict[str, Column]:
    """Whether ambiguous dates begin with the month, for those of the text columns in which any record's do.

    They do where more values can only begin with the month than only with the day. Each source is a list of its own,
    where records name theirs; one that tells nothing is read as all of them together.
    """
    texts = [c for c, type_ in records.dtypes if c in columns and type_ == "string"]
    if not texts:
        return {}
    own = F.col(LIST) if LIST in records.columns else F.lit(None).cast("string")
    source = F.coalesce(own, F.lit(""))
    rows = records.groupBy(source.alias("_list")).agg(*(_balance(c).alias(f"_{c}") for c in texts)).collect()
    balances = {c: {row["_list"]: row[f"_{c}"] for row in rows if row[f"_{c}"]} for c in texts}
    return {c: _is_first(source, told) for c, told in balances.items() if max(told.values(), default=0) > 0}


def _is_first(source: Column, told: dict[str, int]) -> Column:
    """Whether the balance of a source is above zero; where it has none, whether the sum of the others is."""
    first = [name for name, balance in told.items() if balance > 0]
    return F.when(source.isin(*told), source.isin(*first)).otherwise(F.lit(sum(told.values()) > 0))


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
