"""Matching of person records: how values are folded, how names sound, and which records become one person."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.identity.matching import folding
from habitue.identity.matching.blocking import blocked, candidates, report
from habitue.identity.matching.cologne_phonetics import cologne_code
from habitue.identity.matching.comparisons import number_levels
from habitue.identity.matching.dates import date_digits, with_month_first, with_month_number
from habitue.identity.matching.expectation_maximisation import Model
from habitue.identity.matching.matching import match_records
from habitue.identity.matching.patterns import pattern_of
from habitue.identity.matching.placeholders import without_placeholders
from habitue.identity.matching.preparation import folded_records
from habitue.identity.matching.scoring import contradicts
from habitue.identity.matching.settings import PERSON_FIELDS, MatchField, MatchingSettings
from habitue.identity.matching.streets import (
    number_behind,
    number_in_front,
    parted,
    street,
    with_parted_streets,
)
from habitue.identity.matching.value_pairs import ValuePairs
from habitue.identity.matching.whole_names import bare_name, with_parted_names


def cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()


def column(spark: SparkSession, values: list[str], function) -> list[str | None]:
    rows = spark.createDataFrame(list(enumerate(values)), "i int, text string")
    return [r[0] for r in rows.orderBy("i").select(function(F.col("text"))).collect()]


def plain_cologne(name: str) -> str:
    """Postel's table, letter by letter."""
    letters = [c for c in name if "a" <= c <= "z"]
    digits = []
    for i, c in enumerate(letters):
        before, after = letters[i - 1] if i else "", letters[i + 1] if i + 1 < len(letters) else "-"
        if c == "c":
            hard = after in "ahkloqrux" if i == 0 else after in "ahkoqux" and before not in "sz"
            digits.append("4" if hard else "8")
        elif c == "x":
            digits.append("8" if before and before in "ckq" else "48")
        elif c in "dt":
            digits.append("8" if after in "csz" else "2")
        elif c == "p":
            digits.append("3" if after == "h" else "1")
        else:
            table = {
                "aeijouy": "0",
                "b": "1",
                "fvw": "3",
                "gkq": "4",
                "l": "5",
                "mn": "6",
                "r": "7",
                "sz": "8",
                "h": "",
            }
            digits.append(next(d for group, d in table.items() if c in group))
    single: list[str] = []
    for d in "".join(digits):
        if not single or single[-1] != d:
            single.append(d)
    return "".join(d for i, d in enumerate(single) if i == 0 or d != "0")


def test_names_sound_as_postel_wrote_it_down(spark: SparkSession):
    known = {
        "wikipedia": "3412",
        "muellerluedenscheidt": "65752682",
        "breschnew": "17863",
        "meyer": "67",
        "maier": "67",
    }
    odd = [
        "xaver",
        "max",
        "christoph",
        "schmidt",
        "czerny",
        "philipp",
        "jacques",
        "scholz",
        "dtc",
        "cx",
        "h",
        "bach",
        "sachs",
    ]
    draw = random.Random(11)
    odd += ["".join(draw.choices("acdhkopqstuxz", k=draw.randint(1, 6))) for _ in range(500)]
    assert column(spark, list(known), cologne_code) == list(known.values())
    assert column(spark, odd, cologne_code) == [plain_cologne(name) or None for name in odd]


def number_of(text: Column) -> Column:
    return parted(text, number_in_front(text), number_behind(text))[0]


def name_of(text: Column) -> Column:
    return parted(text, number_in_front(text), number_behind(text))[1]


def test_values_have_one_spelling(spark: SparkSession):
    names = ["Jörg Groß", "JOERG  GROSS", "Jo\u0308rg-Groß", "Łukasz Żak", "Çağlar O'Brien", "  ", "André"]
    assert column(spark, names, folding.folded) == [
        "joerg gross", "joerg gross", "joerg gross", "lukasz zak", "caglar o brien", None, "andre",
    ]  # fmt: skip
    streets = [
        "Hauptstraße 12",
        "Hauptstr. 12 a",
        "Haupt Strasse 12",
        "Am Markt",
        "Straße des 17. Juni 135",
        "Ring 5-7",
    ]
    spelt = column(spark, streets, street)
    assert column(spark, spelt, name_of) == [
        "hauptstr", "hauptstr", "haupt str", "am markt", "str des 17 juni", "ring",
    ]  # fmt: skip
    assert column(spark, spelt, number_of) == ["12", "12a", "12", None, "135", "5-7"]
    abroad = {
        "12 rue de la Paix": ("12", "rue de la paix"), "12 bis Avenue Foch": ("12bis", "av foch"),
        "123 Main Street Apt 4": ("123", "main st"), "10 St John's Road": ("10", "st john s rd"),
        "Herengracht 12": ("12", "herengracht"), "Kalverstraat 9 a": ("9a", "kalverstr"),
        "17. Juni Str. 5": ("5", "17 juni str"), "Via Roma, 3": ("3", "via roma"), "4711": (None, "4711"),
    }  # fmt: skip
    assert parted_streets(spark, list(abroad)) == abroad


def parted_streets(spark: SparkSession, texts: list[str]) -> dict[str, tuple[str | None, str | None]]:
    spelt = column(spark, texts, street)
    numbers, names = (column(spark, spelt, part) for part in (number_of, name_of))
    return dict(zip(texts, zip(numbers, names, strict=True), strict=True))


def test_what_lies_within_a_house_is_no_part_of_its_address(spark: SparkSession):
    texts = {
        "12 Main St #4": ("12", "main st"), "12 Main St, # 4b": ("12", "main st"), "12 Main St Apt B": ("12", "main st"),
        "12 Main St": ("12", "main st"), "Flat 2, 14 High Street": ("14", "high st"), "Apt 3, 14 High Street": ("14", "high st"),
        "Unit 5 14 High St": ("14", "high st"), "14 High Street, Flat 2b": ("14", "high st"), "5/12 George St": ("12", "george st"),
        "Hauptstr. 5/2/14": ("5", "hauptstr"), "Hauptstr. 5 Stiege 2 Top 7": ("5", "hauptstr"), "Via Roma 5/A": ("5a", "via roma"),
        "Hauptstr. 12, 1. OG links": ("12", "hauptstr"), "Calle Mayor 5, 2\u00ba B": ("5", "calle mayor"),
        "Kerkstraat 12 bus 3": ("12", "kerkstr"), "Długa 5 m. 7": ("5", "dluga"), "12 Main St 2nd Floor": ("12", "main st"),
        "350 5th Ave": ("350", "5th av"), "12 1/2 Main St": ("1212", "main st"), "Hauptstr. #12": ("12", "hauptstr"),
        "PO Box 123": ("123", "po box"), "RR 5 Box 12": ("12", "rr 5 box"), "Am Top 5": ("5", "am top"), "1234 Avenue M": ("1234", "av m"),
        "Unit 5": ("5", "unit"), "C 4, 9": ("49", "c"), "Calle 26 # 13-19": ("13-19", "calle 26 unit"),
    }  # fmt: skip
    assert parted_streets(spark, list(texts)) == texts


def test_a_text_that_can_be_parted_in_very_many_ways_holds_nobody_up(spark: SparkSession):
    [(number, _)] = parted_streets(spark, ["Ring 1" + " og m 5" * 25 + " x"]).values()
    assert number == "5x"  # as it stands, without a look for what lies within a house
    assert column(spark, ["Dr. med. " * 25 + "1"], bare_name) == ["Dr. med. " * 25 + "1"]


def test_a_range_of_houses_agrees_with_the_first_of_them(spark: SparkSession):
    texts = {
        "Ring 5-7": ("5-7", "ring"), "Ring 5 \u2013 7": ("5-7", "ring"), "12-14 High Street": ("12-14", "high st"),
        "Hauptstr. 12 a-c": ("12a-c", "hauptstr"), "Hauptstr. 12-a": ("12a", "hauptstr"), "Ring 5a-7": ("5a-7", "ring"),
    }  # fmt: skip
    assert parted_streets(spark, list(texts)) == texts
    rows = spark.createDataFrame(
        [(f"{i:02}", text, "x") for i, text in enumerate(texts)],
        "record_key string, street string, city string",
    )
    found = folded_records(rows, MatchingSettings())[0].orderBy("record_key").collect()
    assert [r.house_number for r in found] == [number for number, _ in texts.values()]
    pairs = {
        ("12-14", "12-14"): 0,
        ("12", "12-14"): 1,
        ("14", "12-14"): 2,
        ("12-14", "12-18"): 1,
        ("1-2-3", "1-9-9"): 2,
    }
    values = [value for pair in pairs for value in pair]
    places = np.arange(0, len(values), 2)
    assert number_levels(ValuePairs(values, places, places + 1)).tolist() == list(pairs.values())


def test_dates_have_one_form_however_a_country_writes_them(spark: SparkSession):
    dates = {
        "1975-08-18": "19750818", "1975-08-18T00:00:00Z": "19750818", "18.08.1975": "19750818", "8/18/1975": "19750818",
        "18081975": "19750818", "3.5.1975": "19750503", "19561832": "19561832", "1975": "1975", "18.08.75": "19750818",
        "3.5.02": "20020503", "": None, "n/a": None,
    }  # fmt: skip
    assert dict(zip(dates, column(spark, list(dates), date_digits), strict=True)) == dates
    named = {
        "12-Mar-1985": "19850312", "12-MAR-85": "19850312", "12mar1985": "19850312", "5 March 1975": "19750305",
        "March 5, 1975": "19750305", "Mar 5 1975 12:00AM": "19750305", "1975-Mar-05": "19750305", "5th of May 1975": "19750505",
        "Wednesday, March 5, 1975": "19750305", "5. März 1975": "19750305", "1er mai 1975": "19750501", "5 août 1975": "19750805",
        "5 juin 1975": "19750605", "5 juil. 1975": "19750705", "5 de marzo de 1975": "19750305", "12 ene 1985": "19850112",
        "5 giugno 1975": "19750605", "5 mrt 1975": "19750305", "5 października 1975": "19751005", "31 Dez. 1999": "19991231",
        "1/31/1980 12:00 AM": "19800131", "1975-08-18 00:00:00 UTC": "19750818", "5 Foo 1975": None, "12 March": None, "March 1975": None, "unbekannt": None,
    }  # fmt: skip
    numbered = column(spark, list(named), with_month_number)
    assert dict(zip(named, column(spark, numbered, date_digits), strict=True)) == named
    american = partial(date_digits, month_first=True)
    assert column(spark, ["3/5/1975", "18/8/1975", "1975-03-05"], american) == [
        "19750305",
        "19750818",
        "19750305",
    ]


def test_whether_the_month_comes_first_is_told_by_the_dates_that_bear_one_order_only(spark: SparkSession):
    rows = spark.createDataFrame(
        [("3/5/1975", "3/5/1975"), ("12/31/1980", "31/12/1980"), ("1/2/1990", "1/2/1990")],
        "us string, eu string",
    )
    assert set(with_month_first(rows, ["us", "eu"])) == {"us"}


def test_each_source_has_its_own_order_of_day_and_month(spark: SparkSession):
    born = {
        ("us", "12/31/1980"): "19801231", ("us", "3/5/1975"): "19750305", ("us", "3/14/1975"): "19750314",
        ("eu", "31/12/1980"): "19801231", ("eu", "3/5/1975"): "19750503", ("new", "3/5/1975"): "19750305",
        (None, "3/5/1975"): "19750305",
    }  # fmt: skip
    rows = spark.createDataFrame(
        [(str(i), *row, "A") for i, row in enumerate(born)],
        "record_key string, source string, birth_date string, given_name string",
    )
    found = folded_records(rows, MatchingSettings())[0].orderBy("record_key").collect()
    assert [r.birth_date for r in found] == list(born.values())


def test_postal_codes_have_one_spelling_in_each_country(spark: SparkSession):
    codes = {
        "12345-6789": "12345", "123456789": "12345", "12345": "12345", "SW1A1AA": "sw1a1aa", "sw1a 1aa": "sw1a1aa",
        "1012 AB": "1012ab", "1012AB": "1012ab", "1012": "1012", "01067": "1067", "1067": "1067", "02139-1234": "2139",
        "01310-100": "1310100", "1000-001": "1000001", "00000": None, "0": None, "A0B 1C2": "a0b1c2",
    }  # fmt: skip
    rows = spark.createDataFrame(
        [(f"{i:02}", code, "x") for i, code in enumerate(codes)],
        "record_key string, postal_code string, city string",
    )
    found = folded_records(rows, MatchingSettings())[0].orderBy("record_key").collect()
    assert [r.postal_code for r in found] == list(codes.values())


def test_a_whole_name_in_one_column_is_parted_where_no_given_name_stands_beside_it(spark: SparkSession):
    names = {
        (None, "Müller, Anna"): ("Anna", "Müller"), (None, "Anna Maria Müller"): ("Anna Maria", "Müller"),
        (None, "Ludwig van Beethoven"): ("Ludwig", "van Beethoven"), (None, "van den Berg"): (None, "van den Berg"),
        (None, "Dr. Müller"): (None, "Müller"), (None, "Frau Dr. Anna Müller"): ("Anna", "Müller"), (None, "Drew Ing"): ("Drew", "Ing"),
        ("", "Müller"): (None, "Müller"), ("Ana", "Garcia Lopez"): ("Ana", "Garcia Lopez"), (None, None): (None, None),
        ("Ada", "King"): ("Ada", "King"), ("Bo", "Li"): ("Bo", "Li"), ("Cy", "Li"): ("Cy", "Li"),
    }  # fmt: skip
    rows = spark.createDataFrame(
        [(i, *name) for i, name in enumerate(names)], "i int, given_name string, family_name string"
    )
    found = with_parted_names(rows, PERSON_FIELDS).orderBy("i").collect()
    assert [(r.given_name, r.family_name) for r in found] == list(names.values())


def test_what_follows_a_name_is_no_family_name(spark: SparkSession):
    names = {
        "John Smith Jr.": ("John", "Smith"), "John Smith, Jr.": ("John", "Smith"), "John Smith III": ("John", "Smith"),
        "Smith, John Jr.": ("John", "Smith"), "Smith Jr., John": ("John", "Smith"), "Smith, Jr., John": ("John", "Smith"),
        "Maria Lopez, PhD": ("Maria", "Lopez"), "Maria Lopez, Ph.D., MBA": ("Maria", "Lopez"), "Anna Meier MBA": ("Anna", "Meier"),
        "Anna Meier, M.A.": ("Anna", "Meier"), "Anna Meier B.Sc.": ("Anna", "Meier"), "Hans Meier sen.": ("Hans", "Meier"),
        "John Smith MD": ("John", "Smith"), "Dr. John Smith II": ("John", "Smith"), "Jack Ma": ("Jack", "Ma"), "Demba Ba": ("Demba", "Ba"),
        "Obi Mba": ("Obi", "Mba"), "Naosuke Ii": ("Naosuke", "Ii"), "Amartya Sen": ("Amartya", "Sen"), "Rahman Md": ("Rahman", "Md"),
        "Smith, M.A.": ("M.A.", "Smith"), "Jr": (None, "Jr"), "Sean Mc Donald": ("Sean", "Mc Donald"), "Mc Donald": (None, "Mc Donald"),
        "Mac Miller": ("Mac", "Miller"),
    }  # fmt: skip
    rows = spark.createDataFrame([(i, n) for i, n in enumerate(names)], "i int, family_name string")
    found = with_parted_names(rows, PERSON_FIELDS).orderBy("i").collect()
    assert {n: (r.given_name, r.family_name) for n, r in zip(names, found, strict=True)} == names


def test_titles_are_no_part_of_a_name(spark: SparkSession):
    names = {
        "Dr. Peter": "peter", "Dipl.-Ing. Peter": "peter", "Dr med Peter": "peter", "Peter Jr.": "peter", "Peter": "peter",
        "Dr.": "dr", "Prof. Dr.": "dr", "Ing-Marie": "ing marie", "Ing Wen": "ing wen", "Drew": "drew", "Herr-Fisch": "herr fisch",
        "Ma": "ma", "D\u2019Arcy": "darcy", "L'Oreal": "loreal",
    }  # fmt: skip
    rows = spark.createDataFrame(
        [(f"{i:02}", name, name) for i, name in enumerate(names)],
        "record_key string, given_name string, family_name string",
    )
    found = folded_records(rows, MatchingSettings())[0].orderBy("record_key").collect()
    assert [r.given_name.partition("|")[0] for r in found] == list(names.values())
    assert [r.family_name.partition("|")[0] for r in found] == list(names.values())


def test_a_family_name_of_two_words_stays_whole_where_given_names_are_missing_here_and_there(
    spark: SparkSession,
) -> None:
    names = [
        ("Ana", "Garcia Lopez"),
        ("Juan", "Ruiz Soto"),
        ("Eva", "King"),
        (None, "Garcia Lopez"),
        (None, "King"),
    ]
    rows = spark.createDataFrame([*names, (None, "Lopez, Ana")], "given_name string, family_name string")
    found = [tuple(r) for r in with_parted_names(rows, PERSON_FIELDS).collect()]
    assert found == [*names, ("Ana", "Lopez")]
    crm = rows.withColumn("source", F.lit("crm"))
    letters = spark.createDataFrame([(None, "Anna Müller", "mail")], crm.schema)
    both = with_parted_names(crm.unionByName(letters), PERSON_FIELDS).where("source = 'mail'").first()
    assert (both.given_name, both.family_name) == ("Anna", "Müller")


def test_the_number_of_a_house_is_found_in_each_record_by_itself(spark: SparkSession):
    streets = [("Hauptstr. 12", None), ("Hauptstraße", "12"), ("Hauptstr. 12", "12"), ("Highway 101", "5")]
    rows = spark.createDataFrame(streets, "street string, house_number string")
    found = [(r.street, r.house_number) for r in with_parted_streets(rows, PERSON_FIELDS).collect()]
    assert found == [("hauptstr", "12"), ("hauptstr", "12"), ("hauptstr", "12"), ("highway 101", "5")]
    alone = [f for f in PERSON_FIELDS if f.column != "house_number"]
    assert (
        with_parted_streets(rows, alone).first().street == "Hauptstr. 12"
    )  # nothing else would tell houses apart


def test_a_birth_date_that_too_many_families_have_is_unknown(spark: SparkSession):
    people = [
        (str(i), f"na{'bcdfghklmnprstvwz'[i % 17]}e{'lmnrst'[i // 17 % 6]}o", "1900-01-01") for i in range(60)
    ]
    people += [(f"x{i}", "Novak", "1980-02-03") for i in range(40)]  # many records of one family
    people += [
        (f"y{i}", f"ka{'bdgmrs'[i % 6]}e", f"19{50 + i % 40}-0{1 + i % 9}-1{i % 10}") for i in range(200)
    ]
    rows, pattern = folded_records(
        spark.createDataFrame(people, "record_key string, family_name string, birth_date string"),
        MatchingSettings(),
    )
    found = without_placeholders(rows.localCheckpoint(), pattern)
    unknown = {r.record_key for r in found.where("birth_date IS NULL").collect()}
    assert unknown == {str(i) for i in range(60)}


@pytest.mark.parametrize(
    "born",
    [lambda i: str(1900 + i % 80), lambda i: f"2004-{1 + i % 12:02}-{1 + i % 28:02}"],
    ids=["years", "a school"],
)
def test_births_that_are_few_by_nature_stay_known(spark: SparkSession, born: Callable[[int], str]) -> None:
    sounds = [f"{a}a{b}o{c}" for a in "bdfgklmnrs" for b in "bdfgklmnrs" for c in "dfklmnrs"]
    people = [(str(i), sounds[(i // 80 * 13 + i) % len(sounds)], born(i)) for i in range(2_400)]
    people += [(f"x{i}", sounds[i], "1901-01-01") for i in range(600)]
    schema = "record_key string, family_name string, birth_date string"
    rows, pattern = folded_records(spark.createDataFrame(people, schema), MatchingSettings())
    found = without_placeholders(rows.localCheckpoint(), pattern).where("birth_date IS NULL")
    assert {r.record_key for r in found.collect()} == {f"x{i}" for i in range(600)}


def test_a_placeholder_that_most_records_have_is_found(spark: SparkSession) -> None:
    sounds = [f"{a}a{b}o{c}" for a in "bdfglmrs" for b in "bdfglmrs" for c in "dflmrs"]
    people = [(f"x{i}", sound, "1900-01-01") for i, sound in enumerate(sounds)] + [
        ("y", "King", "1980-02-03")
    ]
    rows, pattern = folded_records(
        spark.createDataFrame(people, "record_key string, family_name string, birth_date string"),
        MatchingSettings(),
    )
    known = without_placeholders(rows.localCheckpoint(), pattern).where("birth_date IS NOT NULL").collect()
    assert [r.record_key for r in known] == ["y"]


def test_fields_that_make_no_key_give_no_links(spark: SparkSession) -> None:
    fields = (PERSON_FIELDS[1], MatchField(column="region", comparison="exact", role="address"))
    rows = spark.createDataFrame(
        [("1", "King", "N"), ("2", "King", "N")], "record_key string, family_name string, region string"
    )
    found = match_records(rows, settings=MatchingSettings(fields=fields, swaps=()), checkpoint=cut)
    assert found.links.isEmpty() and not found.passes


def test_copies_of_a_record_do_not_hide_it_from_the_others(spark: SparkSession):
    """An order dump states everybody thirty times: no block would be small enough for all of them."""
    records = people(spark, strangers=60)
    times = spark.range(30).withColumnRenamed("id", "copy")
    dump = records.crossJoin(times).withColumn("record_key", F.concat_ws("-", "record_key", "copy"))
    found = match_records(dump, settings=MatchingSettings(), checkpoint=cut)
    links = found.links.where("status = 'accepted'").select("key_a", "key_b").collect()
    group: dict[str, str] = {}

    def head(key: str) -> str:
        while group.setdefault(key, key) != key:
            key = group[key]
        return key

    for link in links:
        group[head(link.key_a)] = head(link.key_b)
    assert len({head(f"s5-{i}") for i in range(30)} | {head(f"t5-{i}") for i in range(30)}) == 1
    assert len({head(f"s{n}-0") for n in range(60)}) == 60


def test_parts_of_a_birth_date_in_columns_of_their_own_make_keys_together(spark: SparkSession):
    fields = (
        *PERSON_FIELDS[:2],
        *(MatchField(column=c, comparison="number", role="birth") for c in ("year", "month", "day")),
        MatchField(column="middle_name", comparison="name", role="given"),
    )
    schema = "record_key string, given_name string, family_name string, year string, month string, day string, middle_name string"
    rows = spark.createDataFrame([("1", "Ada", "King", "1975", "8", "18", "Eva")], schema)
    folded, pattern = folded_records(rows, MatchingSettings(fields=fields))
    passes = {r["pass"] for r in blocked(folded, pattern).collect()}
    assert passes >= {
        "birth:day:year_month_day!", "sound:given_name sound:family_name", "sound:middle_name sound:family_name",
        "sound:family_name birth:part:year",
    }  # fmt: skip
    mails = spark.createDataFrame(
        [("1", "King", None), ("2", "Hill", None)], "record_key string, family_name string, email string"
    )
    assert blocked(
        *folded_records(mails, MatchingSettings())
    ).isEmpty()  # nothing is no key that two could share


def test_people_are_matched_without_any_field_that_tells_a_household_apart(spark: SparkSession):
    """Family name and mailbox are all there is: a household cannot be told from a person, so it is not looked for."""
    records = people(spark).select("record_key", "family_name", "email")
    found = match_records(records, settings=MatchingSettings(), checkpoint=cut)
    accepted = {(r.key_a, r.key_b) for r in found.links.where("status = 'accepted'").collect()}
    assert found.model is not None and found.model.prior["household"] == 0
    assert {(f"s{i}", f"t{i}") for i in range(0, 250, 5)} <= accepted


PEOPLE = """
1  Jürgen  Müller     1961-04-12  Hauptstraße 12    10115  Berlin   juergen.mueller@post.synth  -
2  Juergen Mueller    1961-04-12  Hauptstr. 12      10115  Berlin   -                           +49301234567
3  Müller  Jürgen     1961-04-21  Hauptstrasse 12   10115  Berlin   juergen.mueller@post.synth  -
4  Petra   Müller     1963-09-30  Hauptstraße 12    10115  Berlin   petra.m@post.synth          +49301234567
5  Lena    Müller     1990-01-05  Hauptstraße 12    10115  Berlin   lena@post.synth             +49301234567
6  Jürgen  Müller     1978-11-02  Gartenweg 3       80331  München  juergen.mueller7@post.synth -
"""


def people(spark: SparkSession, strangers: int = 250) -> DataFrame:
    """The six above among strangers; every fifth of these is there twice, with a slip."""
    columns = [
        "record_key",
        "given_name",
        "family_name",
        "birth_date",
        "street",
        "postal_code",
        "city",
        "email",
        "phone",
    ]
    rows = [[None if v == "-" else v for v in _cells(line)] for line in PEOPLE.strip().splitlines()]
    given = [
        "anna",
        "ben",
        "clara",
        "david",
        "emil",
        "frieda",
        "gustav",
        "hanna",
        "ida",
        "karl",
        "lotte",
        "moritz",
        "nora",
        "otto",
        "paula",
        "quentin",
        "rosa",
        "simon",
    ]
    for i in range(strangers):
        first, last = (
            given[i % 18],
            f"{'bdfgklmnprstw'[i % 13]}{'aeiou'[i % 5]}{'rlnmt'[i % 7 % 5]}ke{'rnl'[i % 3]}",
        )
        row = [f"s{i}", first, last, f"{1940 + i % 61}-{1 + i % 12:02}-{1 + i % 28:02}", f"Weg {i % 97}",
               f"{20000 + i * 37}", f"ort{i % 41}", f"{first}.{i}@brief.synth", None]  # fmt: skip
        rows.append(row)
        if i % 5 == 0:
            rows.append([f"t{i}", first[:-1], last, *row[3:6], None, *row[7:]])
    return spark.createDataFrame(
        pd.DataFrame(rows, columns=columns).astype(object), ", ".join(f"{c} string" for c in columns)
    )


def _cells(line: str) -> list[str]:
    key, given, family, birth, *rest = line.split()
    *street, postal, city, mail, phone = rest
    return [key, given, family, birth, " ".join(street), postal, city, mail, phone]


def test_one_person_is_found_in_several_spellings_and_the_family_stays_apart(spark: SparkSession):
    records = people(spark)
    numbers = F.when(F.col("record_key").isin("s0", "t0"), F.create_map(F.lit("crm"), F.col("record_key")))
    found = match_records(
        records.withColumn("exclusive", numbers),
        settings=MatchingSettings(),
        checkpoint=cut,
    )
    links = {(r.key_a, r.key_b): r for r in found.links.collect()}
    accepted = {pair for pair, r in links.items() if r.status == "accepted"}
    assert {("1", "2"), ("1", "3")} <= accepted
    known = {"1", "2", "3"}
    assert {pair for pair in accepted if set(pair) & set("123456") and not set(pair) <= known} == set()
    copies = {(f"s{i}", f"t{i}") for i in range(5, 250, 5)}
    assert copies <= accepted
    assert accepted - copies <= {("1", "2"), ("1", "3"), ("2", "3")}
    assert (
        links.get(("s0", "t0")) is None or links["s0", "t0"].status == "refused"
    )  # two numbers of one source
    assert "email" in links["1", "3"].agreement and "swapped" in links["1", "3"].agreement
    assert found.model is not None and found.model.matches == pytest.approx(53, abs=3)


def test_dates_and_given_names_contradict_only_where_households_are_frequent_and_no_mailbox_is_shared(
    spark: SparkSession,
) -> None:
    pattern = pattern_of(PERSON_FIELDS, (), ("given_name", "birth_date", "email"))
    pairs = {  # levels of the name, the birth date and the mailbox; -1 where one of both has none
        "all the same": (0, 0, 0),
        "one digit of the date": (0, 1, 4),
        "one part of the date": (0, 2, 4),
        "two digits, other mailbox": (0, 3, 4),
        "same year, other mailbox": (0, 4, 4),
        "other date, other mailbox": (0, 5, 4),
        "other date, no mailbox": (0, 5, -1),
        "other date, same mailbox": (0, 5, 0),
        "no date": (0, -1, 4),
        "part of the name, other mailbox": (2, 0, 4),
        "a twin": (4, 0, 4),
        "other name, same mailbox": (4, 0, 0),
    }
    levels = {c: np.array([pair[i] for pair in pairs.values()]) for i, c in enumerate(pattern.columns)}
    codes = list(zip(pairs, pattern.packed(levels).tolist(), strict=True))
    rows = spark.createDataFrame(codes, "pair string, pattern long")

    def contradictory(household: float) -> set[str]:
        person = {c: np.eye(pattern.levels(c))[0] for c in pattern.columns}  # all of it agrees
        model = Model(
            {"person": 0.001, "household": household, "namesake": 0.0}, {"person": person}, {}, 1.0, 1
        )
        return {row.pair for row in rows.where(contradicts(model, pattern)).collect()}

    assert contradictory(household=0.01) == {
        "two digits, other mailbox", "same year, other mailbox", "other date, other mailbox", "other date, no mailbox",
        "a twin",
    }  # fmt: skip
    assert contradictory(household=0.0001) == set()


def test_the_order_of_rows_and_partitions_changes_nothing(spark: SparkSession):
    records = people(spark, strangers=60)
    settings = MatchingSettings()
    results = [
        sorted(match_records(r, settings=settings, checkpoint=cut).links.collect())
        for r in (records.coalesce(1), records.orderBy(F.reverse("record_key")).repartition(7))
    ]
    assert results[0] == results[1]


def test_names_of_several_words_and_of_other_scripts_meet_by_their_first_word(spark: SparkSession):
    records = spark.createDataFrame(
        [
            ("1", "Anna Maria", "van den Berg"), ("2", "Anna", "Berg-Meier"), ("3", "Anne", "von Berg"),
            ("4", "\u0418\u0432\u0430\u043d", "\u041f\u0435\u0442\u0440\u043e\u0432"),
            ("5", "\u0418\u0432\u0430\u043d", "\u041f\u0435\u0442\u0440\u043e\u0432"), ("6", "Van", "Dyk"),
        ],
        "record_key string, given_name string, family_name string",
    )  # fmt: skip
    rows, pattern = folded_records(records, MatchingSettings())
    blocks = blocked(rows, pattern).where("pass = 'sound:given_name sound:family_name'").join(rows, on="code")
    together = blocks.groupBy("key").agg(F.array_sort(F.collect_list("record_key")).alias("keys"))
    assert sorted(r["keys"] for r in together.collect()) == [["1", "2", "3"], ["4", "5"], ["6"]]


def test_one_name_has_one_key_however_its_words_are_parted(spark: SparkSession):
    names = [
        ["O'Brien", "OBrien", "O Brien", "O\u2019Brien"], ["D'Angelo", "Dangelo", "D Angelo"], ["'t Hart", "T Hart", "van 't Hart"],
        ["McDonald", "Mc Donald", "Mac Donald", "MacDonald"], ["Dr. Meier", "Meier", "Prof. Dr. Meier", "von Meier"],
        ["L'Oreal", "Loreal"], ["Li"], ["O"],
    ]  # fmt: skip
    records = spark.createDataFrame(
        [(name, "Anna", name) for group in names for name in group],
        "record_key string, given_name string, family_name string",
    )
    rows, pattern = folded_records(records, MatchingSettings())
    blocks = blocked(rows, pattern).where("pass = 'sound:given_name sound:family_name'").join(rows, on="code")
    together = blocks.groupBy("key").agg(F.collect_list("record_key").alias("keys")).collect()
    assert sorted(sorted(r["keys"]) for r in together) == sorted(sorted(group) for group in names)


def test_a_block_over_the_cap_is_left_out_and_reported(spark: SparkSession):
    rows = [(str(i), "anna", "muell" if i < 30 else f"name{i:03}") for i in range(60)]
    records = spark.createDataFrame(rows, "record_key string, given_name string, family_name string")
    settings = MatchingSettings(block_limit=20, pairs_per_record=50)
    folded, pattern = folded_records(records, settings)
    blocks = blocked(folded, pattern)
    passes = {p.name: p for p in report(blocks, 60, settings)}
    both = passes["sound:given_name sound:family_name"]
    assert (both.capped_blocks, both.capped_records) == (2, 60)
    assert candidates(blocks, list(passes.values()), settings).isEmpty()


def test_a_pair_that_shares_several_blocks_is_compared_once(spark: SparkSession):
    rows = [("one", 1, code) for code in (3, 1, 2)] + [("two", 1, code) for code in (2, 1)] + [("two", 2, 3)]
    blocks = spark.createDataFrame(rows, "pass string, key bigint, code bigint")
    settings = MatchingSettings()
    met = candidates(blocks, report(blocks, 3, settings), settings).collect()
    assert {r["a"]: sorted(r["others"]) for r in met} == {1: [2, 3], 2: [3]}


def test_the_largest_passes_are_left_out_where_all_together_give_too_many_pairs(
    spark: SparkSession, monkeypatch
):
    monkeypatch.setattr("habitue.identity.matching.blocking.PAIRS_AT_EASE", 0)
    keys = {"narrow": range(0, 40, 2), "middle": range(0, 40, 4), "wide": range(0, 40, 10)}
    rows = [
        (name, place, code)
        for name, ends in keys.items()
        for place, first in enumerate(ends)
        for code in range(first, list(ends)[1] + first)
    ]
    blocks = spark.createDataFrame(rows, "pass string, key bigint, code bigint")
    used = {
        allowed: [p.name for p in report(blocks, 40, MatchingSettings(pairs_in_all=allowed)) if p.is_used]
        for allowed in (1, 2, 7)
    }
    assert used == {1: ["narrow"], 2: ["middle", "narrow"], 7: ["middle", "narrow", "wide"]}
    wide = {p.name: p.pairs for p in report(blocks, 40, MatchingSettings())}
    assert wide == {"narrow": 20, "middle": 60, "wide": 180}


def test_records_without_two_fields_to_compare_give_no_links(spark: SparkSession):
    records = spark.createDataFrame([("1", "ada"), ("2", "ada")], "record_key string, given_name string")
    found = match_records(records, settings=MatchingSettings(), checkpoint=cut)
    assert found.model is None and found.links.isEmpty()


@pytest.mark.parametrize(("copies", "strangers"), [(2, 0), (3, 0), (2, 1), (0, 2)])
def test_a_table_of_a_few_records_is_matched_with_honest_probabilities(
    spark: SparkSession, copies: int, strangers: int
) -> None:
    rows = [(f"copy{i}", "ada", "king", "1980-02-03", "10115", "ada@web.de") for i in range(copies)]
    rows += [(f"other{i}", "bob", "king", f"197{i}-11-2{i}", "80331", None) for i in range(strangers)]
    schema = "record_key string, given_name string, family_name string, birth_date string, postal_code string, email string"
    found = match_records(spark.createDataFrame(rows, schema), settings=MatchingSettings(), checkpoint=cut)
    pairs = {(r.key_a, r.key_b): r.probability for r in found.links.collect()}
    assert all(0 <= p <= 1 for p in pairs.values()), pairs
