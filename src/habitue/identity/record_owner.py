"""Whose a record is: the person of its strongest identifier.

A weaker one may be another person's: a family shares a telephone, and numbers are given away again.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now
from habitue.identity.edges import strongest
from habitue.identity.settings import IdentitySettings


def with_person_now(records: DataFrame, identity_map: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Records with `person_id` and the identifier that says so; a record without any has no person and is left out."""
    first = strongest(F.col("identifiers"), settings)
    return records.withColumns({"id_type": first["id_type"], "id_key": first["id_key"]}).join(
        identity_now(identity_map), on=["id_type", "id_key"], how="inner"
    )
