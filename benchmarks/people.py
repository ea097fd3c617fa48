"""Seeded customer records of two systems, a tenth of the persons twice and mistyped; who is who is known.

Beside the faults of the synthetic lake some records hold another address, a slip in one of their texts, or
another mailbox, so that no field of two records of one person is always the same. Mailboxes and telephones
are spelt as ingest leaves them: what identifies nobody is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from habitue.identity.normalise import NormaliseSettings, normalise
from habitue.synth.people import draw_people
from habitue.synth.records import CSV_HEADS, customer_records
from habitue.synth.settings import Block, SynthSettings

FILE = "people.parquet"
FAULTY = 0.03
"""Share of records with each kind of fault."""
_RECORDS_PER_PERSON = 0.8
_NAMES = {
    "Satz": "record_key", "Vorname": "given_name", "Nachname": "family_name", "Geburtsdatum": "birth_date",
    "Strasse": "street", "PLZ": "postal_code", "Ort": "city", "Mail": "email", "Telefon": "phone",
}  # fmt: skip
COLUMNS = tuple(_NAMES.values())


def generate_people(folder: Path, rows: int) -> int:
    """Write about `rows` records with the columns that are compared, and `person`; without customer numbers."""
    settings = SynthSettings(persons=max(int(rows / _RECORDS_PER_PERSON), 100), seed=5)
    parts = []
    for number in range(settings.blocks):
        block = Block(settings, number)
        draw = block.stream("people of a benchmark")
        joins = np.where(draw.random(block.size) < 0.7, draw.uniform(0, settings.days, block.size), np.inf)
        for lines in customer_records(block, draw_people(block, joins)):
            file = lines.column("file")[0].as_py()
            if not file.startswith("truth/"):
                parts.append(_records(lines.column("line"), CSV_HEADS[file]))
    people = pa.concat_tables(parts)
    draw = np.random.default_rng(5)
    people = _with_faults(people.take(pa.array(draw.permutation(people.num_rows))), draw)
    pq.write_table(people, folder / FILE)
    return int(people.num_rows)


def _with_faults(people: pa.Table, draw: np.random.Generator) -> pa.Table:
    """Some moved, some written down wrongly, some by another mailbox or telephone."""
    columns = {name: people[name].to_numpy(zero_copy_only=False) for name in COLUMNS}
    count = people.num_rows

    def some() -> np.ndarray[Any, Any]:
        return np.flatnonzero(draw.random(count) < FAULTY)

    moved, other = some(), draw.integers(0, count, count)
    for name in ("street", "postal_code", "city"):
        columns[name][moved] = columns[name][other[moved]]
    for name in ("given_name", "street", "postal_code", "city", "birth_date", "email", "phone"):
        for record in some().tolist():
            columns[name][record] = _slip(columns[name][record], int(draw.integers(0, 100)))
    for name in ("email", "phone"):
        changed = some()
        columns[name][changed] = columns[name][other[changed]]
        columns[name] = [
            text and normalise(name, text, NormaliseSettings()) for text in columns[name].tolist()
        ]
    return pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()} | {"person": people["person"]})


def _slip(text: str | None, place: int) -> str | None:
    """Two neighbours exchanged."""
    if text is None or len(text) < 3:
        return text
    i = place % (len(text) - 2) + 1
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def _records(lines: pa.Array, head: tuple[str, ...]) -> pa.Table:
    """Lines of one file as columns; the number of the person is the first one in the record's own id."""
    text = "\n".join(lines.to_pylist()).encode()
    table = csv.read_csv(
        pa.BufferReader(text),
        read_options=csv.ReadOptions(column_names=list(head)),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(head, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    kept = table.select(list(_NAMES)).rename_columns(list(COLUMNS))
    person = pc.extract_regex(kept["record_key"], r"^[A-Z](?P<person>\d+)")
    return kept.append_column("person", pc.cast(pc.struct_field(person, "person"), pa.int64()))
