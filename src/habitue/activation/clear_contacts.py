"""Clear contact data from the vault, one row per person; joined at export only and kept nowhere else."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

POSTAL_COLUMNS = ("street", "postal_code", "city", "country")
NAME_COLUMNS = ("salutation", "title", "given_name", "family_name")


def clear_identifiers(
    vault: DataFrame,
    identity_map: DataFrame,
    removed: DataFrame,
    id_type: str,
    granted: DataFrame | None = None,
) -> DataFrame:
    """One row per person: `<id_type>` in clear, of several the one that came to the person last.

    What was `removed` from all records (id_type, id_key) is nobody's address any more. Addresses that a consent names
    (`granted`) go before all others: a later one may be a slip, and a stranger's.
    """
    owner = identity_map.where(F.col("valid_to").isNull() & (F.col("id_type") == id_type)).join(
        removed, on=["id_type", "id_key"], how="left_anti"
    )
    known = vault.where(F.col("id_type") == id_type).select("id_key", "clear_value")
    owned = owner.select("id_type", "id_key", "person_id", "valid_from").withColumn("is_named", F.lit(False))
    if granted is not None:
        named = granted.select("id_type", "id_key", F.lit(True).alias("_named"))
        owned = owned.join(named, on=["id_type", "id_key"], how="left").withColumn(
            "is_named", F.coalesce("_named", F.lit(False))
        )
    last = F.max_by("clear_value", F.struct("is_named", "valid_from", "id_key")).alias(id_type)
    return owned.join(known, "id_key").groupBy("person_id").agg(last)


def clear_records(records: DataFrame, *, with_address: bool) -> DataFrame:
    """One row per person: names and address of the record known last, where asked only of full addresses.

    Takes records with the person whose they are.
    """
    columns = (*NAME_COLUMNS, *POSTAL_COLUMNS)
    full = F.lit(True)
    for name in ("family_name", "street", "postal_code", "city"):
        full = full & (F.coalesce(F.trim(name), F.lit("")) != "") if with_address else full
    last = F.max_by(F.struct(*columns), F.struct("known_time", "source", "record_key")).alias("record")
    return records.where(full).groupBy("person_id").agg(last).select("person_id", "record.*")
