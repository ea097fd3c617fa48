"""Names that stand in one column as a whole, parted: `Müller, Anna` and `Anna Müller`.

`Garcia Lopez` beside an empty given name is a whole name in a list that has one column of names, and a family name
in one whose given names are missing here and there. How many words the others have tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching import folding
from habitue.identity.matching.comparisons import PARTICLES
from habitue.identity.matching.settings import MatchField

LIST = "source"
"""Column that tells lists apart."""
_PARTICLE = rf"(?:{'|'.join(sorted(PARTICLES))}|mc)\s+"
_SURE = r"(?:dr|prof|dipl|herr|frau|familie|fam|firma|mr|mrs|ms|miss|mme|mlle|monsieur|madame|sra?)"
_ALSO_NAMES = r"(?:ing|med|mag|sig)"
_TITLES = rf"(?i)^(?:(?:{_SURE}|{_ALSO_NAMES})(?:\.|\b)[\s.-]*)+"
"""Titles and forms of address that stand before a name."""
_APART = r"(?:\.[\s.-]*|\s+)"
_TITLES_BEFORE_A_NAME = (
    rf"(?i)^(?:{_SURE}{_APART}(?:{_ALSO_NAMES}{_APART})*"
    rf"|{_ALSO_NAMES}\.[\s.-]*)+(?=\p{{L}})"  # Ing is a name, Ing. is none
)
_SUFFIXES = (
    r"(?i)(?<=[\p{L}.])(?:[\s,]+(?:"
    r"jn?r|sn?r|(?-i:II|IV)|iii|esq|esquire|ph\.?\s?d|d\.?d\.?s|d\.?m\.?d|c\.?p\.?a|b\.?\s?sc|m\.?\s?sc|b\.?\s?eng|"
    r"m\.?\s?eng|d\.?phil|m\.?phil|ll\.?\s?[bm]|(?:jun|sen|dr|prof)(?=\.)|"
    r"(?<!^[^\s,]{1,40}[\s,]{1,3})(?:ii|iv|md|m\.d|m\.?b\.?a|[bm]\.a)"  # behind one word names: Obi Mba, Smith, M.A.
    r")\.?)+(?=\s*(?:,|$))"
)
"""What follows a name and is none, at the end or before a comma; `Ma`, `Ba` and `Sen` are names."""
_APOSTROPHE = r"(?<=\p{L})['`\u2018\u2019\u00b4](?=\p{L})"
_HAS_MORE = r"[\s.,'`\u2018\u2019\u00b4]"
_FAMILY_FIRST = r"^([^,]*[^,\s])\s*,\s*(\S.*)$"
_FAMILY_LAST = rf"(?i)^(?!{_PARTICLE})(.+?)\s+((?:{_PARTICLE}|mac\s+)*\S+)$"
"""The last word is the family name, with the particles before it; what begins with a particle is one as a whole."""


def with_parted_names(records: DataFrame, fields: Sequence[MatchField]) -> DataFrame:
    """Records of which a family name of several words is parted where no given name stands beside it.

    Without that a list with one column of names has nothing that tells the members of a household apart.
    Each source is a list of its own, where records name theirs. A name with a comma is parted in any case.
    """
    given = next((f.column for f in fields if f.role == "given"), None)
    family = next((f.column for f in fields if f.role == "family"), None)
    if given is None or family is None or family not in records.columns:
        return records
    own = (
        F.nullif(F.trim(F.col(given)), F.lit("")) if given in records.columns else F.lit(None).cast("string")
    )
    text = F.trim(F.col(family))
    ended = F.when(text.rlike("[ ,]"), F.regexp_replace(text, _SUFFIXES, "")).otherwise(text)
    bare = F.coalesce(F.nullif(F.regexp_replace(ended, _TITLES, ""), F.lit("")), ended)
    has_comma, ends_it = _part(bare, _FAMILY_FIRST, 1), _part(bare, _FAMILY_LAST, 2)
    is_whole = own.isNull() & (F.col("_are_whole") | has_comma.isNotNull())
    first = F.coalesce(_part(bare, _FAMILY_FIRST, 2), _part(bare, _FAMILY_LAST, 1))
    parted = {
        given: F.when(is_whole, first).otherwise(own),
        family: F.when(is_whole, F.coalesce(has_comma, ends_it, bare))
        .when(own.isNull(), bare)
        .otherwise(text),
    }
    lists = [name for name in (LIST,) if name in records.columns]
    are_whole = records.where(text != "").groupBy(*lists).agg(_are_whole(own, ends_it).alias("_are_whole"))
    told = (
        records.join(F.broadcast(are_whole), on=lists, how="left")
        if lists
        else records.crossJoin(F.broadcast(are_whole))
    )
    is_told = told.withColumn("_are_whole", F.coalesce("_are_whole", F.lit(False)))
    return is_told.withColumns(parted).drop("_are_whole")


def bare_name(name: Column) -> Column:
    """A given or family name without the titles before and behind it and without apostrophes: O'Brien is OBrien.

    A name that is nothing but a title stays.
    """
    rules = ((_TITLES_BEFORE_A_NAME, ""), (_SUFFIXES, ""), (_APOSTROPHE, ""))
    bare = reduce(lambda c, rule: F.regexp_replace(c, rule[0], rule[1]), rules, F.trim(name))
    # most names are one plain word, and none is so long that titles could be told apart in very many ways
    return F.when(name.rlike(_HAS_MORE) & (F.length(name) <= folding.LONGEST), bare).otherwise(name)


def _are_whole(own: Column, ends_it: Column) -> Column:
    """Whether names without a given name beside them are whole ones: most have several words, others seldom."""
    alone, beside = (
        F.avg(F.when(c, ends_it.isNotNull().cast("int"))) for c in (own.isNull(), own.isNotNull())
    )
    return F.coalesce((alone >= 0.5) & (alone >= 2 * F.coalesce(beside, F.lit(0.0))), F.lit(False))


def _part(text: Column, form: str, number: int) -> Column:
    return F.nullif(F.regexp_extract(text, form, number), F.lit(""))
