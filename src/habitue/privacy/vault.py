"""What goes behind the vault's door: clear identifiers and names; the open side gets keys."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import IDENTIFIERS, Table
from habitue.identity.normalise import NormaliseSettings, normalised_identifiers
from habitue.privacy.keys import keyed

_CLEAR_ITEM = "struct<id_type:string,value:string>"
_CLEAR_LIST = f"array<{_CLEAR_ITEM}>"
RECORD = "record"
"""Type under which record ids are keyed: never an identifier that links."""


def with_keys(rows: DataFrame, entity: Table, *, pepper: bytes, settings: NormaliseSettings) -> DataFrame:
    """Replace `_identifiers` by `_keyed` (type, key, normalised value); count those left out in `_junk_count`.

    Customer records get their `record_key`, touches the key of the other person.
    """
    clear = normalised_identifiers(F.col("_identifiers"), settings)
    given = F.size(F.filter("_identifiers", lambda item: F.trim(item["value"]) != ""))
    prepared = rows.withColumns({"_clear": clear, "_given": given})
    keyed_rows = prepared.withColumn("_keyed", keyed(pepper, F.col("_clear")))
    counted = keyed_rows.withColumn("_junk_count", F.col("_given") - F.size("_clear"))
    return _with_special_keys(counted, entity, pepper, settings).drop("_identifiers", "_clear", "_given")


def _with_special_keys(
    rows: DataFrame, entity: Table, pepper: bytes, settings: NormaliseSettings
) -> DataFrame:
    if entity.leaf == "customer_record":
        # the source is part of the key: two sources may use the same record id
        item = F.struct(
            F.lit(RECORD).alias("id_type"), F.concat("source", F.lit("\x1f"), "record_id").alias("value")
        )
        known = F.when(F.col("record_id").isNotNull(), F.array(item)).cast(_CLEAR_LIST)
        return rows.withColumn("record_key", F.get(keyed(pepper, known), F.lit(0))["id_key"])
    if entity.leaf == "touch":
        entries = F.transform(
            F.map_entries("other_person"),
            lambda e: F.struct(e["key"].alias("id_type"), e["value"].alias("value")),
        )
        other = F.get(keyed(pepper, normalised_identifiers(entries, settings)), F.lit(0))
        with_other = rows.withColumn("_other", other)
        return with_other.withColumns(
            {"other_type": F.col("_other.id_type"), "other_key": F.col("_other.id_key")}
        )
    return rows


def open_identifiers() -> Column:
    """The keys of a row without the clear values."""
    return F.transform(
        "_keyed", lambda k: F.struct(k["id_type"].alias("id_type"), k["id_key"].alias("id_key"))
    ).cast(IDENTIFIERS)


def vault_identifiers(rows: DataFrame) -> DataFrame:
    """Rows for `vault.identifier`, one per identifier, with the first source in the order of names."""
    items = rows.select("source", F.explode("_keyed").alias("item"))
    named = items.select(
        F.col("item.id_type").alias("id_type"),
        F.col("item.id_key").alias("id_key"),
        F.col("item.value").alias("clear_value"),
        "source",
    )
    return named.groupBy("id_type", "id_key", "clear_value").agg(F.min("source").alias("first_source"))


def person_records(rows: DataFrame) -> DataFrame:
    """Rows for `vault.person_record` from keyed customer records."""
    made = {
        "identifiers": open_identifiers(),
        "email": _first_value("email"),
        "phone": _first_value("phone"),
    }
    return rows.select(
        *(
            made[c.name].alias(c.name) if c.name in made else F.col(c.name)
            for c in PERSON_RECORD.columns
            if c.name != "row_hash"
        )
    )


def _first_value(id_type: str) -> Column:
    return F.get(F.filter("_keyed", lambda k: k["id_type"] == id_type), F.lit(0))["value"]
