"""Draft rows: what an adapter makes of a source before anything is checked, keyed or stored.

A draft DataFrame holds the canonical columns of one entity (those the source
knows, typed, null where a value could not be read) beside five working columns:

- `_file`, `_position`: where the row came from (path as given, number from 0);
- `_raw`: the row as received, for the quarantine: JSON text, or a struct that becomes it;
- `_faults`: `array<struct<code:string,reason:string>>`, all faults found while
  reading it; reasons name columns and expectations, never values;
- `_identifiers`: `array<struct<id_type:string,value:string>>` in clear, not yet
  normalised.

An adapter may add more: `_key`, a text that tells rows apart (a later row
replaces an earlier one with the same); `_flags`, `array<string>`, codes of what
was odd about a row that was taken in all the same; `_fingerprint`, the source's
own digest of what the client set in an event; `_slice`, a text naming a part of
the source that is always delivered as a whole, so that a later delivery
replaces every row of an earlier one.

`known_time` may be null: ingest then applies the rules of time (received time,
event time of a historical load, time of ingest). For customer records the
columns of `vault.person_record` are part of the draft.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table

FAULTS = "array<struct<code:string,reason:string>>"
CLEAR_IDENTIFIERS = "array<struct<id_type:string,value:string>>"
FLAGS = "array<string>"
WORKING_COLUMNS = ("_file", "_position", "_raw", "_faults", "_identifiers")
OPTIONAL_WORKING_COLUMNS = {"_key": "string", "_flags": FLAGS, "_fingerprint": "string", "_slice": "string"}


@dataclass(frozen=True)
class Draft:
    """Draft rows of one entity from one source."""

    source: str
    entity: Table
    rows: DataFrame
    is_history: bool = False  # first historical load: known when it happened


def listed(items: Iterable[tuple[Column, Column]], type_: str) -> Column:
    """The list of those items whose condition holds, as an array of the type.

    Compiled by Spark, unlike `array_compact`, which interprets all that it is given, for every row.
    """
    none = F.array().cast(type_)
    parts = [F.when(condition, F.array(item).cast(type_)).otherwise(none) for condition, item in items]
    return F.concat(none, *parts)
