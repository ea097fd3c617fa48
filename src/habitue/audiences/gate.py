"""The gate between a member and a channel: suppression and holdouts first, then address and consent."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.audiences.definition import Audience
from habitue.audiences.holdout import HOLDOUT, TREATMENT
from habitue.privacy.consent import OK, WORDS, ConsentSettings, Wish

CLOSEST = ("unsubscribed", "objected", "no_consent", "no_consent_source", "no_address")
"""Which of several channels' obstacles is named: the one nearest to a contact."""

STEPS = {
    "suppressed": "suppressed",
    "global_holdout": "holdout",
    "audience_holdout": "holdout",
    "not_for_contact": "not_for_contact",
    "no_address": "no_address",
    "no_consent_source": "no_consent",
    "no_consent": "no_consent",
    "objected": "no_consent",
    "unsubscribed": "no_consent",
    OK: "exportable",
}
"""The step of the funnel that each outcome belongs to."""

_OUTCOMES = WORDS | {
    "suppressed": "suppressed",
    "global_holdout": "in the global holdout",
    "audience_holdout": "in the audience's own holdout",
    "not_for_contact": "the audience is not for contact",
}


def wishes(audience: Audience, settings: ConsentSettings) -> tuple[Wish, ...]:
    """The channels that an audience wants, each with the purpose it needs."""
    requires = audience.definition.requires
    channels = settings.channels if requires.channels is None else requires.channels
    return tuple(Wish(requires.purpose, channel) for channel in channels)


def with_channels(members: DataFrame, audiences: Sequence[Audience], settings: ConsentSettings) -> DataFrame:
    """Members with `channels`, `outcome`, its `outcome_reason`, and `statuses` per wanted channel.

    Expects is_suppressed, suppression_reason, is_holdout, split_group and `reach` (privacy.consent.reach). A list for
    exclusion holds nobody out: its members are all of one group.
    """
    statuses = F.transform(_wanted(audiences, settings), _status)
    reached = F.transform(F.filter(statuses, lambda s: s["status"] == OK), lambda s: s["channel"])
    excluding = F.col("audience").isin([a.name for a in audiences if a.definition.requires.exclusion])
    is_held_out = ~excluding & (F.col("is_holdout") | (F.col("split_group") == HOLDOUT))
    may_reach = ~F.col("is_suppressed") & ~is_held_out
    nobody = F.array().cast("array<string>")
    outcome = _outcome(F.col("statuses"), excluding)
    words = F.create_map(*(F.lit(part) for item in _OUTCOMES.items() for part in item))
    suppressed = F.concat(F.lit("suppressed: "), F.col("suppression_reason"))
    reason = F.when(F.col("outcome") == "suppressed", F.coalesce(suppressed, F.lit("suppressed")))
    return (
        members.withColumns(
            {
                "statuses": statuses,
                "split_group": F.when(excluding, F.lit(TREATMENT)).otherwise(F.col("split_group")),
            }
        )
        .withColumns({"channels": F.when(may_reach, reached).otherwise(nobody), "outcome": outcome})
        .withColumn("outcome_reason", F.coalesce(reason, F.try_element_at(words, F.col("outcome"))))
    )


def _wanted(audiences: Sequence[Audience], settings: ConsentSettings) -> Column:
    """Per audience its wishes, as an array of (purpose, channel)."""
    empty = F.array().cast("array<struct<purpose:string,channel:string>>")
    wanted = empty
    for audience in audiences:
        pairs = [
            F.struct(F.lit(w.purpose).alias("purpose"), F.lit(w.channel).alias("channel"))
            for w in wishes(audience, settings)
        ]
        listed = F.array(*pairs) if pairs else empty
        wanted = F.when(F.col("audience") == audience.name, listed).otherwise(wanted)
    return wanted


def _status(wish: Column) -> Column:
    key = F.concat_ws(":", wish["purpose"], wish["channel"])
    return F.struct(wish["channel"].alias("channel"), F.try_element_at(F.col("reach"), key).alias("status"))


def _outcome(statuses: Column, excluding: Column) -> Column:
    def met(code: str) -> Column:
        return F.exists(statuses, lambda s: s["status"] == code)

    outcome = (
        F.when(F.col("is_suppressed"), F.lit("suppressed"))
        .when(~excluding & F.col("is_holdout"), F.lit("global_holdout"))
        .when(~excluding & (F.col("split_group") == HOLDOUT), F.lit("audience_holdout"))
        .when(F.size(statuses) == 0, F.lit("not_for_contact"))
    )
    for code in (OK, *CLOSEST):
        outcome = outcome.when(met(code), F.lit(code))
    return outcome
