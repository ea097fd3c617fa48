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
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from habitue.errors import ConfigError
from habitue.identity.normalise import NormaliseSettings, normalise

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
    digest = _primed(pepper).copy()
    digest.update(id_type.encode() + b"\x00" + value.encode())
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _primed(pepper: bytes) -> hmac.HMAC:
    """The digest with the pepper taken in, which each value copies: a third of its time is that."""
    return hmac.new(pepper, b"", hashlib.sha256)


def keyed(
    pepper: bytes, identifiers: Column, settings: NormaliseSettings, *, country: Column | None = None
) -> Column:
    """Sorted distinct `array<struct<id_type,id_key,value>>` of clear `struct<id_type,value>` items.

    Values come out in their one spelling; junk and nulls are left out. Each distinct item
    of an Arrow batch is spelt and keyed once (measured: a quarter of what the same rules
    cost as expressions over arrays). `country` (ISO 3166 alpha-2) is that of a row's telephone
    numbers without a prefix, null where the settings say it.
    """
    udf: Callable[..., Callable[..., Column]] = arrow_udf  # typed for decorators with a type of UDF only
    of_row = F.lit(None).cast("string") if country is None else country
    return udf(_keying(pepper, settings), _KEYED)(identifiers, of_row)


def _keying(pepper: bytes, settings: NormaliseSettings) -> Callable[[pa.Array, pa.Array], pa.Array]:
    def keys_of_batch(batch: pa.Array, countries: pa.Array) -> pa.Array:
        return keyed_batch(pepper, batch, settings, countries)

    # the function is pickled with the pepper in its closure; Spark reads the kind from real types
    keys_of_batch.__annotations__ = {"batch": pa.Array, "countries": pa.Array, "return": pa.Array}
    return keys_of_batch


def keyed_batch(
    pepper: bytes, batch: pa.Array, settings: NormaliseSettings, countries: pa.Array | None = None
) -> pa.Array:
    """One list of keyed items per list of clear ones. All but the keys themselves is done on whole columns."""
    types, values = batch.flatten().flatten()
    lengths = batch.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    if countries is not None and countries.null_count < len(countries):
        types = _with_country(types, countries.take(pa.array(owners)))
    pairs = pc.binary_join_element_wise(types, values, _BETWEEN).dictionary_encode()
    items = [_keyed_item(pepper, pair, settings) for pair in pairs.dictionary.to_pylist()]
    order = sorted({item for item in items if item is not None})
    place = {item: i for i, item in enumerate(order)}
    # of each item its place among all items, -1 for one that identifies nobody; the last is for null values
    places = np.array([-1 if item is None else place[item] for item in items] + [-1], np.int64)
    of_row = places[pairs.indices.fill_null(len(items)).to_numpy(zero_copy_only=False)]
    kept = of_row >= 0
    width = max(1, len(order))
    owners, found = np.divmod(np.unique(owners[kept] * width + of_row[kept]), width)
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=len(lengths)), out=offsets[1:])
    fields = [pa.array([item[i] for item in order], pa.string()).take(pa.array(found)) for i in range(3)]
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.StructArray.from_arrays(fields, fields=list(_KEYED_ARROW))
    )


_Item = tuple[str, str, str]
_BETWEEN = "\x00"  # part of no type
_OF_COUNTRY = "phone@"  # what a telephone number is called for a while, with its country behind it


def _with_country(types: pa.Array, countries: pa.Array) -> pa.Array:
    is_phone = pc.and_(pc.equal(types, "phone"), countries.is_valid())
    return pc.if_else(is_phone, pc.binary_join_element_wise(_OF_COUNTRY, countries, ""), types)


def _keyed_item(pepper: bytes, pair: str, settings: NormaliseSettings) -> _Item | None:
    id_type, _, value = pair.partition(_BETWEEN)
    if id_type.startswith(_OF_COUNTRY):
        settings = settings.model_copy(update={"country": id_type.removeprefix(_OF_COUNTRY)})
        id_type = "phone"
    spelt = normalise(id_type, value, settings)
    return None if spelt is None else (id_type, identifier_key(pepper, id_type, spelt), spelt)
