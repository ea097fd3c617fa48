"""Pairs compared in buckets, as Arrow batches, give what comparing each pair by itself gives."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from habitue.identity.matching import kernel
from habitue.identity.matching.comparisons import agrees
from habitue.identity.matching.expectation_maximisation import POPULATIONS, follows_chance
from habitue.identity.matching.kernel import PAIR, RARITIES, RECORD, compare_batches
from habitue.identity.matching.patterns import pattern_of
from habitue.identity.matching.settings import PERSON_FIELDS

PATTERN = pattern_of(PERSON_FIELDS, (("given_name", "family_name"),), [f.column for f in PERSON_FIELDS])
SCHEMA = pa.schema(
    [
        ("bucket", pa.int32()),
        ("kind", pa.int32()),
        ("a", pa.int64()),
        ("others", pa.list_(pa.int64())),
        ("fields", pa.list_(pa.string())),
        ("rarity", pa.list_(pa.float64())),
        ("exclusive", pa.map_(pa.string(), pa.string())),
    ]
)
VALUES = {
    "given_name": ["ada|02", "adda|02", "ben|16", "lang|564", None],
    "family_name": ["lang|564", "lange|564", "ada|02", "meier|67", None],
    "birth_date": ["19610412", "19611204", "19900101", None],
    "street": ["hauptstr", "haubtstr", "weg", None],
    "house_number": ["12", "13", None],
    "postal_code": ["89073", "89037", "10115", None],
    "city": ["ulm", "ulmm", "berlin", None],
    "email": ["ada@x.org", "ada@y.org", "b@x.org", None],
    "phone": ["491701", "491702", None],
}
NUMBERS: list[list[tuple[str, str]]] = [[], [("crm", "1")], [("crm", "2")], [("club", "1"), ("crm", "1")]]


def people(draw: random.Random) -> list[dict[str, object]]:
    return [
        {
            "a": draw.randrange(-(2**60), 2**60),
            "fields": [draw.choice(VALUES[c]) for c in PATTERN.columns],
            "rarity": [draw.uniform(-3, 3) for _ in PATTERN.columns],
            "exclusive": draw.choice([None, *NUMBERS]),
        }
        for _ in range(40)
    ]


def one_by_one(a: dict[str, object], b: dict[str, object]) -> dict[str, object]:
    sides = [
        {c: np.array([v], dtype=object) for c, v in zip(PATTERN.columns, side["fields"], strict=True)}  # type: ignore[arg-type]
        for side in (a, b)
    ]
    levels = PATTERN.compare(*sides)
    held, other = (dict(side["exclusive"] or []) for side in (a, b))  # type: ignore[call-overload]
    shown = {"a": a["a"], "b": b["a"], "pattern": int(PATTERN.packed(levels)[0])}
    shown["conflict"] = any(held[s] != other[s] for s in held.keys() & other.keys())
    for name, population in zip(RARITIES, POPULATIONS, strict=True):
        shown[name] = sum(
            min(a["rarity"][i], b["rarity"][i])  # type: ignore[index]
            for i, f in enumerate(PATTERN.fields)
            if agrees(levels[f.column], f.comparison)[0] and not follows_chance(population, f, PATTERN)
        )
    return shown


@pytest.mark.parametrize("batch", [7, 1_000])
def test_buckets_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, seeds: range, batch: int):
    monkeypatch.setattr(kernel, "BATCH", batch)
    for seed in seeds:
        draw = random.Random(seed)
        rows, wanted = [], []
        for bucket in range(3):
            known = people(draw)
            rows += [{"bucket": bucket, "kind": RECORD} | person for person in known]
            for _ in range(15):
                one, *others = draw.sample(known, draw.randint(2, 5))
                codes = [other["a"] for other in others]
                rows.append({"bucket": bucket, "kind": PAIR, "a": one["a"], "others": codes})
                wanted += [one_by_one(one, other) for other in others]
        batches = pa.Table.from_pylist(rows, SCHEMA).to_batches(max_chunksize=23)
        found = pa.Table.from_batches(list(compare_batches(iter(batches), PATTERN))).to_pylist()
        assert [r | dict.fromkeys(RARITIES) for r in found] == [w | dict.fromkeys(RARITIES) for w in wanted]
        for name in RARITIES:
            assert [r[name] for r in found] == pytest.approx([w[name] for w in wanted], abs=1e-5)
