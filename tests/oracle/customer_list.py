"""A made-up list of customers of a shop: households in many towns, whose postal code says which town it is.

Some customers stand in it twice, the second time with slips, another address or a mailbox missing.
"""

from __future__ import annotations

import itertools
import random

import pandas as pd

_HEADS = [
    "ba",
    "be",
    "bo",
    "bau",
    "bran",
    "dre",
    "eb",
    "fi",
    "fra",
    "gra",
    "ha",
    "hei",
    "hoff",
    "kai",
    "kla",
    "kra",
    "lan",
    "lo",
    "ma",
    "mey",
    "ott",
    "pfei",
    "schmi",
    "stei",
    "tho",
]
_TAILS = [
    "der",
    "ner",
    "mann",
    "meier",
    "bach",
    "berg",
    "feld",
    "hardt",
    "ler",
    "sen",
    "stein",
    "wald",
    "wig",
    "zer",
    "rich",
]
_GIVEN = [
    "anna",
    "maria",
    "julia",
    "lena",
    "laura",
    "sarah",
    "lisa",
    "katharina",
    "sabine",
    "petra",
    "monika",
    "claudia",
    "ursula",
    "renate",
    "helga",
    "karin",
    "peter",
    "michael",
    "thomas",
    "andreas",
    "wolfgang",
    "klaus",
    "stefan",
    "christian",
    "uwe",
    "werner",
    "horst",
    "frank",
    "dieter",
    "manfred",
    "jan",
    "lukas",
    "leon",
    "paul",
    "felix",
    "jonas",
    "max",
    "daniel",
    "david",
    "tobias",
    "florian",
    "kevin",
    "simon",
    "karl",
    "emil",
    "oskar",
    "emma",
    "hannah",
    "sophie",
    "marie",
    "clara",
    "ida",
    "nora",
    "paula",
    "rosa",
    "mathilda",
    "margarete",
    "erika",
]
_STREETS = [
    a + b
    for a in ["haupt", "bahnhof", "garten", "schul", "berg", "kirch", "wald", "ring", "linden", "birken"]
    for b in ("weg", "allee")
]
_MAIL = ("gmx.de", "web.de", "gmail.com", "t-online.de")
_TOWNS = 200
COLUMNS = (
    *(
        "record_key",
        "given_name",
        "family_name",
        "birth_date",
        "street",
        "house_number",
        "postal_code",
        "city",
    ),
    *("email", "phone"),
)


def customers(people: int, *, households: float, twice: float, seed: int) -> pd.DataFrame:
    """Records (COLUMNS) with the number of their `person`: `households` is the share of dwellings with several
    people, `twice` that of people with a second record."""
    draw = random.Random(seed)
    rows: list[dict[str, str | int | None]] = []
    for _ in range(people):
        if len(rows) >= people:
            break
        rows += _dwelling(draw, draw.randint(2, 4) if draw.random() < households else 1, len(rows))
    copies = [_copy(draw, row, rows) for row in rows if draw.random() < twice]
    found = pd.DataFrame([*rows, *copies]).sample(frac=1, random_state=seed).reset_index(drop=True)
    found["record_key"] = [f"{i:06d}" for i in range(len(found))]
    return found.astype(object).where(found.notna(), None)


def _dwelling(draw: random.Random, size: int, first: int) -> list[dict[str, str | int | None]]:
    names = [a + b for a, b in itertools.product(_HEADS, _TAILS)]
    family = names[int(len(names) * draw.random() ** 2)]  # some names are frequent
    town = int(_TOWNS * draw.random() ** 1.5)
    shared = {
        "family_name": family,
        "street": draw.choice(_STREETS),
        "house_number": str(draw.randint(1, 120)),
        "postal_code": f"{10_000 + town * 397:05d}",
        "city": f"{_HEADS[town % 24]}{_TAILS[town * 7 % 15]}stadt",
    }
    landline, year = f"+49{200 + town}{draw.randint(10**5, 10**6)}", draw.randint(1940, 1990)
    members: list[dict[str, str | int | None]] = []
    for number, given in enumerate(draw.sample(_GIVEN, size)):
        born = year + (draw.randint(-4, 4) if number < 2 else draw.randint(22, 33))
        own: dict[str, str | int | None] = {
            "person": first + number,
            "given_name": given,
            "birth_date": f"{born}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
            "email": f"{given}.{family}{draw.randint(1, 99)}@{draw.choice(_MAIL)}"
            if draw.random() < 0.7
            else None,
            "phone": None if draw.random() < 0.4 else landline,
        }
        members.append(shared | own)
    return members


def _copy(draw: random.Random, row: dict[str, str | int | None], rows: list[dict[str, str | int | None]]):
    copy = {c: _slip(draw, v) if isinstance(v, str) and draw.random() < 0.15 else v for c, v in row.items()}
    copy |= {c: None for c in ("email", "phone") if draw.random() < 0.3}
    if draw.random() < 0.05:
        moved = draw.choice(rows)
        copy |= {c: moved[c] for c in ("street", "house_number", "postal_code", "city")}
    return copy


def _slip(draw: random.Random, text: str) -> str:
    place = draw.randrange(len(text))
    letter = draw.choice("0123456789" if text[place].isdigit() else "abcdefghijklmnoprstuwz")
    return draw.choice((text[:place] + text[place + 1 :], text[:place] + letter + text[place + 1 :])) or text
