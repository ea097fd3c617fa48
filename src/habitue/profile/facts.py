"""The facts a profile is made of, and which of them a cut may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.profile.cuts import Cut, first_cut, instant

KEYS = ("as_of_date", "person_id")


@dataclass(frozen=True)
class ProfileFacts:
    """The silver tables as they are, each with its own times; empty where a project has no source."""

    order_line: DataFrame
    product: DataFrame
    identity_map: DataFrame
    removed_identifier: DataFrame  # id_type, id_key, removed_at: what no record states any more
    customer_record: DataFrame
    session: DataFrame
    former_session: DataFrame  # visits as they were known on an earlier day
    attribution: DataFrame
    campaign: DataFrame
    contact: DataFrame
    response: DataFrame
    consent: DataFrame
    survey: DataFrame
    service_case: DataFrame
    loyalty: DataFrame


def known_before(facts: DataFrame, time_column: str, cut: Cut) -> DataFrame:
    """Facts that happened before the cut and were known before it."""
    at = instant(cut.at)
    return facts.where((F.col(time_column) < at) & (F.col("known_time") < at))


def seen_by(facts: DataFrame, time_column: str, cuts: Sequence[Cut]) -> DataFrame:
    """The same for several cuts: adds `first_cut`, drops facts that no cut sees."""
    seen = first_cut(cuts, F.col(time_column), F.col("known_time"))
    return facts.withColumn("first_cut", seen).where(F.col("first_cut") < len(cuts))
