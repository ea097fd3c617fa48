"""Keys of identifiers: HMAC-SHA-256 of type and normalised value under the project's secret pepper.

The pepper travels only inside the closure of an Arrow function, so that neither
a plan nor a log nor Spark's configuration ever shows it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from habitue.errors import ConfigError

DEFAULT_PEPPER = "${file:secrets/pepper}"
MIN_PEPPER_BYTES = 32

_KEYED = ArrayType(
    StructType(
        [
            StructField("id_type", StringType(), False),
            StructField("id_key", StringType(), False),
            StructField("value", StringType(), False),
        ]
    ),
    False,
)
_KEYED_ARROW = pa.struct([("id_type", pa.string()), ("id_key", pa.string()), ("value", pa.string())])


def make_pepper(path: Path) -> None:
    """Write a new random pepper that only its owner may read; an existing one is never replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path.name} exists already.", hint="A new pepper would make all keys of the lake useless."
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(MIN_PEPPER_BYTES) + "\n")


def key_id(pepper: bytes) -> str:
    """Name of a pepper that may be shown: 16 hex digits that do not lead back to it."""
    if len(pepper) < MIN_PEPPER_BYTES:
        raise ConfigError(
            "The pepper is too short:",
            [f"expected at least {MIN_PEPPER_BYTES} bytes, found {len(pepper)}"],
            hint="`habitue init` makes one.",
        )
    return hmac.digest(pepper, b"habitue key id", hashlib.sha256).hex()[:16]


def identifier_key(pepper: bytes, id_type: str, value: str) -> str:
    """Key of one normalised value, 64 hex digits."""
    return hmac.digest(pepper, id_type.encode() + b"\x00" + value.encode(), hashlib.sha256).hex()


def keyed(pepper: bytes, identifiers: Column) -> Column:
    """Sorted distinct `array<struct<id_type,id_key,value>>` of normalised clear `struct<id_type,value>` items.

    Each distinct identifier of an Arrow batch is keyed once.
    """
    distinct = F.array_sort(F.array_distinct(F.coalesce(identifiers, F.array().cast(_CLEAR))))
    keys = arrow_udf(_keying(pepper), _KEYED)  # type: ignore[call-overload]  # the stub lacks this form, which naming a type warns to use
    return F.array_sort(keys(distinct))


_CLEAR = "array<struct<id_type:string,value:string>>"


def _keying(pepper: bytes) -> Callable[[pa.Array], pa.Array]:
    def keys_of_batch(batch: pa.Array) -> pa.Array:
        return keyed_batch(pepper, batch)

    # the closure is pickled by value; annotations must be real types for the Arrow function
    keys_of_batch.__annotations__ = {"batch": pa.Array, "return": pa.Array}
    return keys_of_batch


def keyed_batch(pepper: bytes, batch: pa.Array) -> pa.Array:
    """The same lists with a key beside each value."""
    types, values = batch.flatten().flatten()
    known: dict[tuple[str, str], str] = {}
    keys = []
    for pair in zip(types.to_pylist(), values.to_pylist(), strict=True):
        if pair not in known:
            known[pair] = identifier_key(pepper, *pair)
        keys.append(known[pair])
    items = pa.StructArray.from_arrays(
        [types, pa.array(keys, pa.string()), values], fields=list(_KEYED_ARROW)
    )
    lengths = batch.value_lengths().to_pylist()
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + (length or 0))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)
