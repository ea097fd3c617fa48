"""What goes behind the vault's door: clear identifiers and names; the open side gets keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import IDENTIFIERS, Table
from habitue.identity.normalise import EMAIL_PATTERN, RECORD, ROLE_MAILBOXES, NormaliseSettings
from habitue.identity.phone import UNKNOWN_COUNTRY
from habitue.privacy.keys import keyed

_CLEAR_ITEM = "struct<id_type:string,value:string>"
_CLEAR_LIST = f"array<{_CLEAR_ITEM}>"
_NO_COUNTRY = "^(AA|Q[M-Z]|X[A-Z]|ZZ)$"  # ISO 3166 leaves them to users: they stand for an unknown country


def with_keys(rows: DataFrame, entity: Table, *, pepper: bytes, settings: NormaliseSettings) -> DataFrame:
    """Replace `_identifiers` by `_keyed` (type, key, normalised value); flag rows where one identified nobody.

    Customer records get their `record_key`, which is their identifier where they have no other: matching may find
    whose they are. Touches get the key of the other person. A customer's telephone number without a prefix is one of
    the country of the record, and nobody's where that is a country of which nothing is known.
    """
    country = F.when(~F.col("country").rlike(_NO_COUNTRY), F.col("country"))
    of_record = country if entity.leaf == "customer_record" else None
    found = keyed(pepper, F.col("_identifiers"), settings, country=of_record)
    keyed_rows = rows.withColumn("_keyed", found)
    if of_record is not None:
        keyed_rows = keyed_rows.withColumn("country", F.nullif("country", F.lit(UNKNOWN_COUNTRY)))
    named_nobody = F.exists(
        "_identifiers",
        lambda item: (
            (F.trim(item["value"]) != "") & ~F.exists("_keyed", lambda key: key["id_type"] == item["id_type"])
        ),
    )
    # each gives one key at most, so that where none is lost there is nothing to look for
    is_short = F.size("_identifiers") > F.size("_keyed")
    stated = keyed_rows.withColumn("_has_junk", F.coalesce(is_short & named_nobody, F.lit(False)))
    counted = stated.drop("_identifiers")
    if entity.leaf == "customer_record":
        told = stated.withColumn("_mailbox", _stated_mailbox()).drop("_identifiers")
        own = told.withColumn("_own", _own_key(pepper, settings))
        named = F.when(F.size("_keyed") > 0, F.col("_keyed")).otherwise(F.col("_own"))
        record_key = F.get("_own", F.lit(0))["id_key"]
        return own.withColumns({"record_key": record_key, "_keyed": named}).drop("_own")
    return _with_other_person(counted, pepper, settings) if entity.leaf == "touch" else counted


def _stated_mailbox() -> Column:
    """The first mailbox of a person as stated: one of a reserved domain ties nobody, but tells records apart."""

    def is_personal(mail: Column) -> Column:
        return mail.rlike(EMAIL_PATTERN) & ~F.substring_index(mail, "@", 1).isin(*ROLE_MAILBOXES)

    stated = F.filter("_identifiers", lambda i: i["id_type"] == "email")
    mails = F.transform(stated, lambda i: F.lower(F.trim(i["value"])))
    return F.get(F.filter(mails, is_personal), F.lit(0))


def _own_key(pepper: bytes, settings: NormaliseSettings) -> Column:
    """The record's own id as an identifier; the source is part of it, as two sources may use the same id."""
    item = F.struct(
        F.lit(RECORD).alias("id_type"), F.concat("source", F.lit("/"), "record_id").alias("value")
    )
    known = F.when(F.col("record_id").isNotNull(), F.array(item)).otherwise(F.array()).cast(_CLEAR_LIST)
    return keyed(pepper, known, settings)


def _with_other_person(rows: DataFrame, pepper: bytes, settings: NormaliseSettings) -> DataFrame:
    entries = F.transform(
        F.map_entries("other_person"),
        lambda e: F.struct(e["key"].alias("id_type"), e["value"].alias("value")),
    )
    given = F.coalesce(entries, F.array().cast(_CLEAR_LIST))
    with_other = rows.withColumn("_other", F.get(keyed(pepper, given, settings), F.lit(0)))
    return with_other.withColumns(
        {"other_type": F.col("_other.id_type"), "other_key": F.col("_other.id_key")}
    )


def open_identifiers() -> Column:
    """The keys of a row without the clear values."""
    return F.arrays_zip("_keyed.id_type", "_keyed.id_key").cast(IDENTIFIERS)


def vault_identifiers(every: Sequence[DataFrame]) -> DataFrame:
    """Rows for `vault.identifier` of all keyed rows: one per identifier, with the first source in the order of names."""
    items = (
        rows.select("source", F.explode("_keyed").alias("item"))
        .select("source", "item.id_type", "item.id_key", "item.value")
        .distinct()  # by hashes; the least of texts is found by sorting, which few rows are left for then
        for rows in every
    )
    return (
        reduce(DataFrame.unionByName, items)
        .groupBy("id_type", "id_key")
        .agg(F.min("value").alias("clear_value"), F.min("source").alias("first_source"))
    )


def person_records(rows: DataFrame) -> DataFrame:
    """Rows for `vault.person_record` without their hash, with `_stated_time`, from keyed customer records (`with_keys`)."""
    made = {
        "identifiers": open_identifiers(),
        "email": F.coalesce(_first_value("email"), "_mailbox"),
        "phone": _first_value("phone"),
    }
    return rows.select(
        *(
            made[c.name].alias(c.name) if c.name in made else F.col(c.name)
            for c in PERSON_RECORD.columns
            if c.name != "row_hash"
        ),
        "_stated_time",
    )


def _first_value(id_type: str) -> Column:
    return F.get(F.filter("_keyed", lambda k: k["id_type"] == id_type), F.lit(0))["value"]
