"""A person's standing at the time of an export: consents, blocks and unsubscribes known by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.privacy.consent import ANY

_LEAVING = ("unsubscribed", "complained")


def recent_unsubscribes(
    responses: DataFrame, contacts: DataFrame, identity_map: DataFrame, *, since: datetime
) -> DataFrame:
    """One row per person: the channels left since `since`; `any` where the contact's channel is not known.

    An answer that names nobody is that of whom the contact went to.

    The profile knows what was said before its day; a later grant is not looked for, so this errs on the
    side of not contacting. So does an answer that a clock dates ahead: it counts from when it is there.
    """
    left = responses.where(F.col("type").isin(*_LEAVING))
    contact = contacts.select(
        "source",
        "contact_id",
        "channel",
        F.col("identifiers").alias("contact_identifiers"),
        F.col("known_time").alias("contact_known_time"),
    )
    names_itself = F.size("identifiers") > 0
    who = F.when(names_itself, F.col("identifiers")).otherwise(F.col("contact_identifiers"))
    known = F.when(names_itself, F.col("known_time")).otherwise(
        F.greatest("known_time", "contact_known_time")
    )
    is_recent = (F.col("response_time") >= F.lit(since)) | (known >= F.lit(since))
    placed = (
        left.join(contact, ["source", "contact_id"], "left")
        .where(is_recent)
        .select(F.explode(who).alias("i"), F.coalesce("channel", F.lit(ANY)).alias("channel"))
    )
    owner = identity_map.where(F.col("valid_to").isNull()).select("id_type", "id_key", "person_id")
    persons = placed.select("i.id_type", "i.id_key", "channel").join(owner, ["id_type", "id_key"])
    return persons.groupBy("person_id").agg(F.collect_set("channel").alias("left_channels"))


def inherited_unsubscribes(profile: DataFrame, heirs: DataFrame) -> DataFrame:
    """One row per person: the channels that an id had left of which it got something after the profile's day.

    `heirs` are such links (old_person_id, new_person_id).
    """
    left = profile.select(
        F.col("person_id").alias("old_person_id"), F.explode("unsubscribed_channels").alias("channel")
    )
    inherited = left.join(heirs, "old_person_id").groupBy(F.col("new_person_id").alias("person_id"))
    return inherited.agg(F.collect_set("channel").alias("left_channels"))


def with_standing(
    profile: DataFrame, *, consent: DataFrame, customers: DataFrame, unsubscribes: Sequence[DataFrame]
) -> DataFrame:
    """The profile with consent, unsubscribed_channels, is_suppressed and suppression_reason as of now.

    Whoever was suppressed on the profile's day stays so; a present block, death or general unsubscribe adds.
    """
    blocks = customers.where("is_deceased OR is_blocked").select(
        "person_id", F.when(F.col("is_deceased"), "deceased").otherwise("blocked").alias("block")
    )
    no_channels = F.array().cast("array<string>")
    recent = F.coalesce("left_channels", no_channels)
    general = F.when(F.array_contains(recent, ANY), F.lit("unsubscribed"))
    now = F.coalesce("block", "suppression_reason", general)
    joined = (
        profile.drop("consent")
        .join(consent, "person_id", "left")
        .join(blocks, "person_id", "left")
        .join(_together(unsubscribes), "person_id", "left")
    )
    standing = {
        "suppression_reason": now,
        "is_suppressed": F.col("is_suppressed") | now.isNotNull(),
        "unsubscribed_channels": F.array_union(F.coalesce("unsubscribed_channels", no_channels), recent),
    }
    return joined.withColumns(standing).drop("block", "left_channels")


def _together(unsubscribes: Sequence[DataFrame]) -> DataFrame:
    channels = F.array_distinct(F.flatten(F.collect_list("left_channels")))
    every = reduce(DataFrame.unionByName, unsubscribes)
    return every.groupBy("person_id").agg(channels.alias("left_channels"))
