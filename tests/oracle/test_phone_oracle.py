"""Telephone numbers against Google's phonenumbers library: the same E.164 for every valid number, however written."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.identity.phone import DIALLING, e164, e164_number

phonenumbers = pytest.importorskip("phonenumbers")
MAIN = ("DE", "AT", "CH", "NL", "FR", "IT", "GB", "PL", "ES", "BE", "DK", "SE", "TR", "US")
KINDS = ("FIXED_LINE", "MOBILE", "FIXED_LINE_OR_MOBILE")


def numbers(country: str, count: int) -> list[phonenumbers.PhoneNumber]:
    """The library's examples, and valid numbers drawn around them."""
    draw = random.Random(country)
    examples = [
        phonenumbers.example_number_for_type(country, getattr(phonenumbers.PhoneNumberType, kind))
        for kind in KINDS
    ]
    found = [e for e in examples if e is not None]
    while len(found) < count:
        near = str(draw.choice(found[:3]).national_number)
        digits = near[:3] + "".join(draw.choice("0123456789") for _ in near[3:])
        number = phonenumbers.PhoneNumber(country_code=DIALLING[country].code, national_number=int(digits))
        number.italian_leading_zero = (
            found[0].italian_leading_zero and country == "IT" and draw.random() < 0.5 or None
        )
        if phonenumbers.is_valid_number(number):
            found.append(number)
    return found


def spellings(number: phonenumbers.PhoneNumber, country: str) -> list[str]:
    form = phonenumbers.PhoneNumberFormat
    full = phonenumbers.format_number(number, form.E164)
    international = phonenumbers.format_number(number, form.INTERNATIONAL)
    national = phonenumbers.format_number(number, form.NATIONAL)
    exit_code = "011" if country == "US" else "00"
    code = f"+{number.country_code}"
    trunk = [international.replace(code, f"{code} (0)", 1)] if DIALLING[country].trunk == "0" else []
    # Luxembourg's numbers may be as long as a code and a number, Brazil's may begin with its code
    bare = [] if country in ("BR", "LU") else [full[1:]]
    written = [full, international, national, exit_code + full[1:], f"tel:{full}", *trunk, *bare]
    return [*written, national.replace(" ", "/", 1), national.replace(" ", "-"), f"{international} ext. 12"]


def test_every_spelling_of_a_valid_number_gives_its_e164(spark: SparkSession):
    rows = [
        (country, text, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        for country in DIALLING
        for number in numbers(country, 40 if country in MAIN else 8)
        for text in spellings(number, country)
    ]
    wrong = [(c, t, e, e164(t, c)) for c, t, e in rows if e164(t, c) != e]
    assert not wrong, f"{len(wrong)} of {len(rows)}: {wrong[:12]}"
    table = spark.createDataFrame(rows, "country string, text string, expected string")
    native = F.coalesce(*(F.when(F.col("country") == c, e164_number(F.col("text"), c)) for c in MAIN))
    differing = table.where(F.col("country").isin(*MAIN)).where(~native.eqNullSafe(F.col("expected")))
    assert [tuple(r) for r in differing.limit(5).collect()] == []


@pytest.mark.parametrize(
    "text",
    ["", "0", "12", "unknown", "+0301234567", "+49", "0800 FLOWERS", "1" * 30, "0123456789 / 0987654321"],
)
def test_what_cannot_be_dialled_is_no_number(text: str):
    assert e164(text, "DE") is None


def test_a_number_of_an_unlisted_country_is_read_in_full_only():
    assert e164("+852 2123 4567", "DE") == "+85221234567"
    assert e164("2123 4567", "HK") is None


@pytest.mark.parametrize(
    ("country", "text", "number"),
    [
        ("DE", "(0)171 1234567", "+491711234567"),
        ("IT", "+39 (0)6 1234567", "+39061234567"),
        ("DE", "0039 (0)6 1234567", "+39061234567"),
        ("DE", "0000000000", None),
        ("AT", "+43 000 123456", None),
    ],
)
def test_zeros_before_a_number(country: str, text: str, number: str | None):
    assert e164(text, country) == number
