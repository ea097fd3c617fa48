"""How persons moved between lifecycle stages: the stage at a reference day against the stage now."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

NEW = "new"
REFERENCE_DAYS = 90


def lifecycle_transitions(profiles: DataFrame, *, before: date, as_of: date) -> DataFrame:
    """`gold.lifecycle_transition`: one row per pair of stages, from the profiles of both days.

    Persons who did not exist at the reference day come from 'new'; those who have
    since become part of another person count with that one.
    """
    then = profiles.where(F.col("as_of_date") == F.lit(before)).select(
        "person_id", F.col("lifecycle_stage").alias("from_stage")
    )
    now = profiles.where(F.col("as_of_date") == F.lit(as_of)).select(
        "person_id", F.col("lifecycle_stage").alias("to_stage")
    )
    moves = now.join(then, on="person_id", how="left")
    from_stage = F.coalesce("from_stage", F.lit(NEW)).alias("from_stage")
    return (
        moves.groupBy(from_stage, "to_stage")
        .agg(F.count("*").alias("person_count"))
        .select(
            F.lit(as_of).alias("as_of_date"),
            "from_stage",
            "to_stage",
            F.lit(before).alias("from_date"),
            "person_count",
        )
    )
