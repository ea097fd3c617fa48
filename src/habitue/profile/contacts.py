"""Contacts of campaigns with a person, and the reactions to them.

A response without identifiers of its own belongs to the person of the contact
it answers, as soon as that contact is known. Control groups were not contacted.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, as_of_date, days_before, local_date
from habitue.profile.facts import KEYS, seen_by
from habitue.profile.lineage import told_by
from habitue.profile.persons import with_person

CONTACT_WINDOWS = (7, 30, 90)
RESPONSE_WINDOWS = (7, 30, 45, 90)
ENGAGING = ("opened", "clicked", "redeemed")
LEAVING = ("unsubscribed", "complained")
UNKNOWN_CHANNEL = "any"  # an unsubscribe from nowhere in particular is taken for all channels


def contact_facts(
    contact: DataFrame, response: DataFrame, campaign: DataFrame, cuts: Sequence[Cut]
) -> DataFrame:
    """Contacts and responses as one stream: identifiers, source, first_cut, time, kind, channel."""
    contacts = seen_by(contact, "contact_time", cuts)
    made = contacts.where(~F.coalesce("is_control", F.lit(False))).select(
        "identifiers",
        "source",
        "first_cut",
        "known_time",
        "channel",
        F.lit(None).cast("date").alias("contact_since"),
        F.lit(None).cast("string").alias("contact_channel"),
        F.col("contact_time").alias("time"),
        F.lit("contact").alias("kind"),
    )
    return made.unionByName(_answers(seen_by(response, "response_time", cuts), contacts, campaign, cuts))


def _answers(
    responses: DataFrame, contacts: DataFrame, campaign: DataFrame, cuts: Sequence[Cut]
) -> DataFrame:
    """Responses with the campaign's channel, and the contact's with the first day that knows it."""
    answered = contacts.select(
        "source",
        "contact_id",
        F.col("identifiers").alias("contact_identifiers"),
        F.col("first_cut").alias("contact_cut"),
        F.col("channel").alias("contact_channel"),
    )
    campaigns = campaign.select("source", "campaign", F.col("channel").alias("campaign_channel"))
    found = responses.join(answered, on=["source", "contact_id"], how="left").join(
        campaigns, on=["source", "campaign"], how="left"
    )
    is_borrowing = (F.size("identifiers") == 0) & F.col("contact_cut").isNotNull()
    who = F.when(is_borrowing, F.col("contact_identifiers")).otherwise(F.col("identifiers"))
    return found.select(
        F.explode(_who_answers(who)).alias("identifiers"),
        "source",
        F.when(is_borrowing, F.greatest("first_cut", "contact_cut"))
        .otherwise(F.col("first_cut"))
        .alias("first_cut"),
        "known_time",
        F.col("campaign_channel").alias("channel"),
        as_of_date(cuts, F.col("contact_cut")).alias("contact_since"),
        "contact_channel",
        F.col("response_time").alias("time"),
        F.col("type").alias("kind"),
    )


def _who_answers(who: Column) -> Column:
    """Sets of identifiers that an answer is given to: one who leaves does so for everybody whom it names."""
    leaves = F.col("type").isin(*LEAVING) & (F.size(who) > 1)
    return F.when(leaves, F.transform(who, lambda identifier: F.array(identifier))).otherwise(F.array(who))


def contact_history(
    stream: DataFrame, owner: DataFrame, cuts: Sequence[Cut], conventions: Conventions
) -> DataFrame:
    """One row per cut and person with a contact or a response."""
    owned = with_person(stream, owner, cuts).where(F.col("person_id").isNotNull())
    answered = F.when(F.col("contact_since") <= F.col("as_of_date"), F.col("contact_channel"))
    dated = owned.withColumns(
        {
            "days_ago": days_before(local_date(F.col("time"), conventions.zone)),
            "channel": F.coalesce(answered, "channel"),
        }
    )
    aggregates = _contacts() | _responses() | _unsubscribes()
    return dated.groupBy(*KEYS).agg(*(column.alias(name) for name, column in aggregates.items()))


def _contacts() -> dict[str, Column]:
    is_contact = F.col("kind") == "contact"
    windows = {f"contacts_{d}d": F.count_if(is_contact & (F.col("days_ago") <= d)) for d in CONTACT_WINDOWS}
    return {
        **windows,
        "last_contact_at": F.max(F.when(is_contact, F.col("time"))),
        "contact_known_time": F.max("known_time"),
        "contact_sources": told_by(),
    }


def _responses() -> dict[str, Column]:
    engages = F.col("kind").isin(*ENGAGING)
    windows = {f"responses_{d}d": F.count_if(engages & (F.col("days_ago") <= d)) for d in RESPONSE_WINDOWS}
    redeemed = (F.col("kind") == "redeemed") & (F.col("days_ago") <= 90)
    return {**windows, "redemptions_90d": F.count_if(redeemed)}


def _unsubscribes() -> dict[str, Column]:
    channel = F.coalesce("channel", F.lit(UNKNOWN_CHANNEL)).alias("channel")
    leaves = F.when(F.col("kind").isin(*LEAVING), F.struct(channel, F.col("time")))
    return {"unsubscribes": F.collect_set(leaves)}


def response_rate() -> Column:
    """Responses over contacts of the last 90 days."""
    return F.when(F.col("contacts_90d") > 0, F.col("responses_90d").cast("double") / F.col("contacts_90d"))
