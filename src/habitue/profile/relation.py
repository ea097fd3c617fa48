"""The relation of a person with the company: what it answered, complained about, earned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, days_before, instant, local_date
from habitue.profile.facts import KEYS
from habitue.profile.lineage import told_by
from habitue.profile.persons import with_person


def relation(
    survey: DataFrame,
    service_case: DataFrame,
    loyalty: DataFrame,
    owner: DataFrame,
    cuts: Sequence[Cut],
    conventions: Conventions,
    nps_valid_days: int,
) -> DataFrame:
    """One row per cut and person with an NPS answer, a service case or a loyalty account."""
    parts = (
        _nps(_owned(survey, owner, cuts), conventions, nps_valid_days),
        _complaints(_owned(service_case, owner, cuts), cuts),
        _loyalty(_owned(loyalty, owner, cuts)),
    )
    return reduce(lambda left, right: left.join(right, on=list(KEYS), how="full"), parts)


def _owned(rows: DataFrame, owner: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    return with_person(rows, owner, cuts).where(F.col("person_id").isNotNull())


def _nps(surveys: DataFrame, conventions: Conventions, valid_days: int) -> DataFrame:
    is_valid = days_before(local_date(F.col("survey_time"), conventions.zone)) <= valid_days
    answers = surveys.where((F.col("kind") == "nps") & F.col("score").isNotNull() & is_valid)
    newest = F.max_by("score", F.struct("survey_time", "known_time", "source", "survey_id"))
    return answers.groupBy(*KEYS).agg(
        newest.alias("nps_last"),
        F.max("known_time").alias("survey_known_time"),
        told_by().alias("survey_sources"),
    )


def _complaints(cases: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    """A case counts as open at a cut that lies before its closing."""
    at = reduce(
        lambda chosen, cut: F.when(F.col("as_of_date") == F.lit(cut.as_of), instant(cut.at)).otherwise(
            chosen
        ),
        cuts,
        F.lit(None).cast("timestamp"),
    )
    is_open = F.col("closed_time").isNull() | (F.col("closed_time") >= at)
    return cases.groupBy(*KEYS).agg(
        F.count_if((F.col("type") == "complaint") & is_open).alias("complaints_open"),
        F.max("known_time").alias("case_known_time"),
        told_by().alias("case_sources"),
    )


def _loyalty(accounts: DataFrame) -> DataFrame:
    newest = F.max(F.struct("status_time", "known_time", "source", "loyalty_id", "tier", "points"))
    return (
        accounts.groupBy(*KEYS)
        .agg(newest.alias("newest"), F.max("known_time").alias("loyalty_known_time"), told_by().alias("loyalty_sources"))
        .select(*KEYS, "loyalty_known_time", "loyalty_sources", F.col("newest.tier").alias("loyalty_tier"),
                F.col("newest.points").alias("loyalty_points"))
    )  # fmt: skip
