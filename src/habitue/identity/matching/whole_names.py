"""Names that stand in one column as a whole, parted: `Müller, Anna` and `Anna Müller`.

`Garcia Lopez` beside an empty given name is a whole name in a list that has one column of names, and a family name
in one whose given names are missing here and there. How many words the others have tells which.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching.comparisons import PARTICLES
from habitue.identity.matching.settings import MatchField

LIST = "source"
"""Column that tells lists apart."""
_PARTICLE = rf"(?:{'|'.join(sorted(PARTICLES))})\s+"
_TITLES = (
    r"(?i)^(?:(?:dr|prof|dipl|ing|med|mag|herr|frau|familie|fam|firma|mr|mrs|ms|miss|mme|mlle|monsieur|madame|sig|sra?)"
    r"(?:\.|\b)[\s.-]*)+"
)
"""Titles and forms of address that stand before a name."""
_FAMILY_FIRST = r"^([^,]*[^,\s])\s*,\s*(\S.*)$"
_FAMILY_LAST = rf"(?i)^(?!{_PARTICLE})(.+?)\s+((?:{_PARTICLE})*\S+)$"
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
    bare = F.coalesce(F.nullif(F.regexp_replace(text, _TITLES, ""), F.lit("")), text)
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


def _are_whole(own: Column, ends_it: Column) -> Column:
    """Whether names without a given name beside them are whole ones: most have several words, others seldom."""
    alone, beside = (
        F.avg(F.when(c, ends_it.isNotNull().cast("int"))) for c in (own.isNull(), own.isNotNull())
    )
    return F.coalesce((alone >= 0.5) & (alone >= 2 * F.coalesce(beside, F.lit(0.0))), F.lit(False))


def _part(text: Column, form: str, number: int) -> Column:
    return F.nullif(F.regexp_extract(text, form, number), F.lit(""))
