"""Person records as matching sees them: a code, folded values, and how rare each value is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.errors import HabitueError
from habitue.identity.matching import folding
from habitue.identity.matching.cologne_phonetics import cologne_code
from habitue.identity.matching.comparisons import SOUND
from habitue.identity.matching.dates import date_digits, with_month_first, with_month_number
from habitue.identity.matching.patterns import Pattern, Values, pattern_of
from habitue.identity.matching.settings import MatchField, MatchingSettings
from habitue.identity.matching.streets import with_parted_streets
from habitue.identity.matching.whole_names import bare_name, with_parted_names
from habitue.identity.phone import e164_number

_SAY_NOTHING = (
    "unbekannt", "unknown", "keine angabe", "keineangabe", "k a", "n a", "none", "null", "undefined", "anonym", "anonymous",
)  # fmt: skip
"""What forms are filled with where nothing is known, folded: it tells no two people apart and ties none."""


@dataclass(frozen=True)
class Prepared:
    """Records to compare: code, record_key, exclusive, one text per field, `rarity` in the order of fields."""

    records: DataFrame
    pattern: Pattern  # of the fields that any record fills
    count: int
    same: dict[str, float]  # chance that two records agree exactly, by column
    known: dict[str, int]  # records with a value, by column


def folded_records(records: DataFrame, settings: MatchingSettings) -> tuple[DataFrame, Pattern]:
    """Code, record_key, exclusive and the folded fields that these records have."""
    named = with_parted_names(records, settings.fields)
    parted = with_parted_streets(named, settings.fields)
    pattern = pattern_of(settings.fields, settings.swaps, parted.columns)
    dates = [f.column for f in pattern.fields if f.comparison == "date"]
    month_first = with_month_first(parted, dates)
    persons = [f.column for f in pattern.fields if f.role in ("given", "family") and f.comparison == "name"]
    exclusive = (
        F.col("exclusive") if "exclusive" in records.columns else F.lit(None).cast("map<string,string>")
    )
    # in columns of their own, which folding reads several times
    bare = {name: bare_name(F.col(name)) for name in persons}
    numbered = {name: with_month_number(F.col(name)) for name in dates}
    rows = parted.withColumns(bare | numbered).select(
        F.xxhash64("record_key").alias("code"),
        "record_key",
        exclusive.alias("exclusive"),
        *(_folded(field, settings, month_first).alias(field.column) for field in pattern.fields),
    )
    names = [f.column for f in pattern.fields if f.comparison == "name"]
    return rows.withColumns({name: _with_sound(F.col(name)) for name in names}), pattern


def with_original(rows: DataFrame, pattern: Pattern) -> DataFrame:
    """Folded records with `original`, the smallest code of those that say the same in every field.

    Copies are neither blocked nor learnt from, for a dump in which everybody stands many times would say that
    values agree by chance as often: what their original meets holds for them too.
    """
    numbers = F.array_sort(F.map_entries("exclusive"))
    alike = Window.partitionBy(*pattern.columns, numbers)
    return rows.withColumn("original", F.min("code").over(alike))


def with_rarity(rows: DataFrame, pattern: Pattern, count: int) -> Prepared:
    """The `count` records with the rarity of their values: log of how much less often than the field's average they meet."""
    long = rows.select("code", F.posexplode(F.array(*pattern.columns)).alias("field", "value")).where(
        "value IS NOT NULL"
    )
    counts = long.groupBy("field", "value").agg(F.count(F.lit(1)).alias("n"))
    totals = counts.groupBy("field").agg(
        F.sum("n").alias("known"), F.sum(F.col("n").cast("double") * F.col("n")).alias("squares")
    )
    figures = {r["field"]: (int(r["known"]), float(r["squares"])) for r in totals.collect()}
    rarity = F.lit(0.0)
    if figures:  # average share of a value among agreeing pairs, over the share of this value
        average = F.create_map(*(x for f, (n, s) in figures.items() for x in (F.lit(f), F.lit(s / n))))
        rarity = F.log(average[F.col("field")] / F.col("n"))
    rare = counts.select("field", "value", rarity.alias("rarity"))
    per_record = (
        long.join(rare, on=["field", "value"], how="inner")
        .groupBy("code")
        .agg(F.map_from_entries(F.collect_list(F.struct("field", "rarity"))).alias("_rarity"))
    )
    filled = sorted(figures)
    in_order = F.array(*(F.coalesce(F.col("_rarity")[F.lit(i)], F.lit(0.0)) for i in filled))
    kept = tuple(pattern.fields[i] for i in filled)
    return Prepared(
        rows.join(per_record, on="code", how="left").withColumn("rarity", in_order).drop("_rarity"),
        pattern_of(kept, pattern.swaps, [f.column for f in kept]),
        count,
        {pattern.columns[i]: _agreement(*figures[i]) for i in filled},
        {pattern.columns[i]: figures[i][0] for i in filled},
    )


@dataclass(frozen=True)
class Sizes:
    """How many records say something of their own, and how many repeat another one."""

    originals: int
    copies: int


def checked_sizes(rows: DataFrame) -> Sizes:
    """Sizes of records with their originals; stops where records cannot be told by their codes."""
    originals = F.count_if(F.col("code") == F.col("original"))
    figures = (F.count(F.lit(1)).alias("n"), F.count_distinct("code").alias("codes"), originals.alias("own"))
    found = rows.agg(*figures).collect()[0]
    if found["n"] != found["codes"]:
        raise HabitueError(
            f"{found['n'] - found['codes']} keys of person records are there twice or share a 64-bit code",
            hint="Every record needs a key of its own.",
        )
    return Sizes(found["own"], found["n"] - found["own"])


def drawn(records: DataFrame, columns: Sequence[str], count: int) -> dict[str, Values]:
    """At most `count` records by chance, the same whatever the order: column by column, on the driver."""
    few = records.orderBy(F.xxhash64(F.col("code"), F.lit("drawn")), "code").limit(count)
    table = few.select(*columns).toArrow()
    return {c: np.array(table.column(c).to_pylist(), dtype=object) for c in columns}


def _agreement(known: int, squares: float) -> float:
    return (squares - known) / (known * (known - 1)) if known > 1 else 0.0


def _folded(field: MatchField, settings: MatchingSettings, month_first: Mapping[str, Column]) -> Column:
    text = _folded_text(field, settings, month_first)
    return F.when(~text.isin(*_SAY_NOTHING) & ~(F.lit(field.comparison == "code") & text.rlike("^0+$")), text)


def _folded_text(field: MatchField, settings: MatchingSettings, month_first: Mapping[str, Column]) -> Column:
    column = F.col(field.column)
    if field.role == "phone":
        return F.coalesce(e164_number(column, settings.country), folding.code(column))
    if field.comparison in ("name", "text"):
        return folding.folded(column)
    if field.comparison == "date":
        return date_digits(column, month_first=month_first.get(field.column, F.lit(False)))
    if field.comparison == "email":
        mail = F.lower(F.trim(column))
        return F.when(mail != "", mail)
    if field.comparison == "number" and field.role == "address":
        return _house(column)
    if field.comparison == "code" and field.role == "address":
        return _postal_code(folding.code(column))
    return folding.code(column)


def _house(number: Column) -> Column:
    """A number of a house, or the first and the last of several (`5-7`)."""
    solid = F.regexp_replace(F.lower(number), r"[^\p{L}0-9-]", "")
    return F.nullif(F.regexp_replace(solid, "^-+|-+$", ""), F.lit(""))


def _postal_code(code: Column) -> Column:
    """Nine digits are an American code with the four that name a block; zeros in front are lost in spreadsheets."""
    return F.regexp_replace(code, "^0+(?=[0-9]+$)|(?<=^[0-9]{5})[0-9]{4}$", "")


def _with_sound(name: Column) -> Column:
    return F.concat(name, F.lit(SOUND), F.coalesce(cologne_code(name), F.lit("")))
