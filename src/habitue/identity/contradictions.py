"""Identifiers that share another one although their records name two people: a family's telephone joins nobody.

Two numbers of one source are two people by themselves. Numbers of two sources may be one person, and a telephone or
mailbox that both state speaks for it, unless the given names and the birth dates on their records say otherwise.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.constrained import TWO_PEOPLE
from habitue.identity.edges import NODE, PAIR, node_code, space_of, strongest
from habitue.identity.matching.cologne_phonetics import cologne_code
from habitue.identity.matching.folding import folded
from habitue.identity.settings import IdentitySettings

FIRST_RECORDS = 100
"""So many records of a value are looked at, in the order in which they were known: beyond, it is junk to other guards."""
CONTRADICTION = (*PAIR, "known_from", "known_until")
_RECORD = ("source", "record_key")


def contradictions(
    person_records: DataFrame, former_records: DataFrame, *, settings: IdentitySettings
) -> DataFrame:
    """Pairs of identifiers whose records share a third one and name two people: PAIR, known_from, known_until (or null).

    `person_records` have source, record_key, identifiers, given_name, birth_date, known_time; `former_records` what else
    these records stated before (source, record_key, identifiers, known_time). An identifier stands for the records on
    which it is the strongest. Two people are those of whom both the given names and the birth dates differ by more
    than a slip; the pair ends where records of both agree, or one states both identifiers. Placeholders (the first of a
    January) say nothing. What a record stated before counts from when its present names were known.
    """
    shown = _sharing(_people(person_records, former_records, settings))
    in_order = Window.partitionBy("value").orderBy("person.known", "person")
    first = shown.withColumn("_n", F.row_number().over(in_order)).where(f"_n <= {FIRST_RECORDS}")
    beside = first.groupBy("value").agg(F.collect_set("person").alias("people"))
    pairs = (
        beside.select(F.explode("people").alias("a"), "people")
        .select("a", F.explode("people").alias("b"))
        .where((F.col("a.owner") < F.col("b.owner")) & ~_are_numbers(F.col("a"), F.col("b"), settings))
        .withColumns(
            {"differ": _are_two_people(F.col("a"), F.col("b")), "known": F.greatest("a.known", "b.known")}
        )
    )
    ends = (F.col(f"{end}.owner.{name}").alias(f"{name}_{end}") for end in ("a", "b") for name in NODE)
    return (
        pairs.groupBy(*ends)
        .agg(
            F.min(F.when(F.col("differ"), F.col("known"))).alias("known_from"),
            F.min(F.when(~F.col("differ"), F.col("known"))).alias("known_until"),
        )
        .where("known_from IS NOT NULL AND (known_until IS NULL OR known_from < known_until)")
        .select(*CONTRADICTION)
    )


def since_first_found(
    pairs: DataFrame, stored: DataFrame, person_records: DataFrame, *, settings: IdentitySettings
) -> DataFrame:
    """Contradictions with the times of the first time: a later change of a record makes none younger.

    A stored one that the records no longer show has ended with the last change of them; one whose records are gone
    leaves nothing.
    """
    before = stored.select(*PAIR, F.col("known_from").alias("_from"), F.col("known_until").alias("_until"))
    first = {
        "known_from": F.least("known_from", "_from"),
        "known_until": F.when(F.col("known_until").isNotNull(), F.least("known_until", "_until")),
    }
    found = pairs.join(before, on=list(PAIR), how="left").withColumns(first).select(*CONTRADICTION)
    changed = (
        person_records.select(strongest(F.col("identifiers"), settings).alias("owner"), "known_time")
        .groupBy("owner")
        .agg(F.max("known_time").alias("known"))
    )
    ended = stored.select(*CONTRADICTION).join(pairs, on=list(PAIR), how="left_anti")
    for end in ("a", "b"):
        of_end = changed.select(
            *(F.col(f"owner.{name}").alias(f"{name}_{end}") for name in NODE), F.col("known").alias(f"_{end}")
        )
        ended = ended.join(of_end, on=[f"{name}_{end}" for name in NODE], how="inner")
    last = F.coalesce("known_until", F.greatest("_a", "_b"))
    kept = ended.withColumn("known_until", last).where("known_from < known_until")
    return found.unionByName(kept.select(*CONTRADICTION))


def changed_pairs(old: DataFrame, new: DataFrame) -> DataFrame:
    """Codes (`node`) at both ends of contradictions that are only in one of both."""
    signed = old.select(*CONTRADICTION, F.lit(-1).alias("sign")).unionByName(
        new.select(*CONTRADICTION, F.lit(1).alias("sign"))
    )
    differing = signed.groupBy(*CONTRADICTION).agg(F.sum("sign").alias("sign")).where("sign <> 0")
    sides = [
        differing.select(node_code(F.col(f"id_type_{end}"), F.col(f"id_key_{end}")).alias("node"))
        for end in ("a", "b")
    ]
    return sides[0].union(sides[1]).distinct()


def contradiction_spaces(contradicting: DataFrame) -> DataFrame:
    """Identifiers as members of a contradiction: id_type, id_key, start, end (null while it holds), text.

    Two members of one never come into one person, unless a reviewer says so.
    """
    text = F.concat(F.lit(TWO_PEOPLE), F.xxhash64(*PAIR).cast("string")).alias("text")
    sides = [
        contradicting.select(
            *(F.col(f"{name}_{end}").alias(name) for name in NODE),
            F.col("known_from").alias("start"),
            F.col("known_until").alias("end"),
            text,
        )
        for end in ("a", "b")
    ]
    return sides[0].unionByName(sides[1])


def _people(person_records: DataFrame, former_records: DataFrame, settings: IdentitySettings) -> DataFrame:
    """What each record, now or before, says of a person: value (an identifier weaker than its owner), person."""
    named = person_records.withColumns(
        {"given": folded(F.col("given_name")), "born": F.date_format("birth_date", "yyyyMMdd")}
    ).where("given IS NOT NULL AND born IS NOT NULL AND NOT endswith(born, '0101')")
    names = named.select(*_RECORD, "given", "born", F.col("known_time").alias("named_time"))
    stated = named.select(*_RECORD, "identifiers", "known_time").unionByName(
        former_records.select(*_RECORD, "identifiers", "known_time")
    )
    owner = strongest(F.col("identifiers"), settings)
    person = F.struct(
        owner.alias("owner"),
        space_of(F.col("source"), settings).alias("space"),
        F.col("identifiers"),
        "given",
        "born",
        F.greatest("known_time", "named_time").alias("known"),
    )
    told = stated.where(F.size("identifiers") > 1).join(names, on=list(_RECORD), how="inner")
    weaker = told.select(person.alias("person"), F.explode("identifiers").alias("value")).where(
        F.col("value") != F.col("person.owner")
    )
    return weaker.where(~F.col("value.id_type").isin(*settings.exclusive_types))


def _sharing(people: DataFrame) -> DataFrame:
    """Those of values that have several owners."""
    ends = F.min("person.owner").alias("one"), F.max("person.owner").alias("other")
    several = people.groupBy("value").agg(*ends).where("one <> other").select("value")
    return people.join(several, on="value", how="left_semi")


def _are_numbers(a: Column, b: Column, settings: IdentitySettings) -> Column:
    """Whether the owners are two numbers of one source: two people by themselves."""
    is_number = a["owner"]["id_type"].isin(*settings.exclusive_types)
    return is_number & (a["owner"]["id_type"] == b["owner"]["id_type"]) & (a["space"] == b["space"])


def _are_two_people(a: Column, b: Column) -> Column:
    """Whether they differ in name and date; not where a record states both owners, which says what they are."""
    is_stated = F.array_contains(a["identifiers"], b["owner"]) | F.array_contains(
        b["identifiers"], a["owner"]
    )
    return _are_two_names(a["given"], b["given"]) & _are_two_days(a["born"], b["born"]) & ~is_stated


def _are_two_names(one: Column, other: Column) -> Column:
    """No name in common, nor an initial or short form of the other, nor the same sound."""
    first, second = (F.split_part(name, F.lit(" "), F.lit(1)) for name in (one, other))
    is_same = (
        F.arrays_overlap(F.split(one, " "), F.split(other, " "))
        | first.startswith(second)
        | second.startswith(first)
        | (F.levenshtein(first, second) <= 1)
        | F.coalesce(cologne_code(first) == cologne_code(second), F.lit(False))
    )
    return F.coalesce(~is_same, F.lit(False))


def _are_two_days(one: Column, other: Column) -> Column:
    """More than one digit apart, and not the same digits in another order."""
    digits = [F.array_sort(F.split(day, "")) for day in (one, other)]
    return (F.levenshtein(one, other) > 1) & (digits[0] != digits[1])
