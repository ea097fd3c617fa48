"""Random worlds: nobody suppressed, held out or without the legal basis has a channel; a dropped gate is caught."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from habitue.audiences.definition import Audience
from habitue.audiences.gate import CLOSEST, wishes, with_channels
from habitue.privacy.consent import Address, ConsentSettings, LegalBasis, Wish, reach
from tests.audience_files import audiences, definition

CONSENT = ConsentSettings.model_validate(
    {
        "purposes": {"marketing": "News.", "ads_sharing": "Ads."},
        "channels": {
            "email": {"address": "email", "legal_basis": "opt_in"},
            "shop_mail": {"address": "email", "legal_basis": "existing_customer"},
            "post": {"address": "postal", "legal_basis": "legitimate_interest"},
            "push": {"address": "device_id", "legal_basis": "opt_in"},
            "ads": {"address": "email", "legal_basis": "opt_in", "also_needs": ["ads_sharing"]},
        },
    }
)
SCHEMA = """
    audience string, person_id string, is_suppressed boolean, suppression_reason string, is_holdout boolean,
    split_group string, has_email boolean, has_phone boolean, has_address boolean, identifier_types array<string>,
    unsubscribed_channels array<string>, order_count bigint, consent map<string,string>
"""
RULE = {"field": "is_known", "eq": True}
DEFINED = audiences(
    {
        "all_channels": definition("all_channels", RULE),
        "mail_only": definition("mail_only", RULE, requires={"channels": ["email"]}),
        "ads_only": definition("ads_only", RULE, requires={"purpose": "ads_sharing", "channels": ["ads"]}),
        "kept_out": definition(
            "kept_out", RULE, requires={"purpose": "ads_sharing", "channels": ["ads"], "exclusion": True}
        ),
        "for_nobody": definition("for_nobody", RULE, requires={"channels": []}),
    },
    CONSENT,
)


def member(draw: random.Random, number: int) -> dict[str, Any]:
    suppressed = draw.random() < 0.2
    said = {
        f"{purpose}:{channel}": draw.choice(["granted", "denied", "withdrawn"])
        for purpose in CONSENT.purposes
        for channel in CONSENT.channels
        if draw.random() < 0.6
    }
    return {
        "audience": draw.choice(DEFINED).name,
        "person_id": f"p{number}",
        "is_suppressed": suppressed,
        "suppression_reason": "blocked" if suppressed else None,
        "is_holdout": draw.random() < 0.2,
        "split_group": draw.choice(["treatment", "treatment", "holdout"]),
        "has_email": draw.random() < 0.8,
        "has_phone": False,
        "has_address": draw.random() < 0.7,
        "identifier_types": draw.choice([[], ["device_id"], ["customer_number"]]),
        "unsubscribed_channels": draw.choice([None, [], ["email"], ["post", "ads"], ["crm_mail"]]),
        "order_count": draw.choice([None, 0, 3]),
        "consent": draw.choice([None, said, said]),
    }


def violations(rows: Sequence[Row], truth: dict[str, dict[str, Any]], has_source: bool) -> int:
    """Channels that the law closes, judged on the world as it is and not by the gate's own code."""
    return sum(
        _is_closed(truth[row["person_id"]], channel, has_source)
        for row in rows
        for channel in row["channels"]
    )


def _is_closed(p: dict[str, Any], channel: str, has_source: bool) -> bool:
    said = p["consent"] or {}
    main = said.get(
        f"{'ads_sharing' if p['audience'] in ('ads_only', 'kept_out') else 'marketing'}:{channel}"
    )
    sharing = said.get(f"ads_sharing:{channel}")
    opt_in = main == "granted" and has_source
    lawful = {
        "email": p["has_email"] and opt_in,
        "shop_mail": p["has_email"] and (main == "granted" or (main is None and (p["order_count"] or 0) > 0)),
        "post": p["has_address"] and main in (None, "granted"),
        "push": "device_id" in p["identifier_types"] and opt_in,
        "ads": p["has_email"] and opt_in and sharing == "granted",
    }[channel]
    held_out = p["audience"] != "kept_out" and (p["is_holdout"] or p["split_group"] == "holdout")
    left = set(p["unsubscribed_channels"] or [])
    has_left = channel in left or left - set(
        CONSENT.channels
    )  # of a channel that nobody knows, all are closed
    return bool(p["is_suppressed"] or held_out or has_left or not lawful)


def gated(rows: DataFrame, has_source: bool) -> list[Row]:
    wanted = [wish for audience in DEFINED for wish in wishes(audience, CONSENT)]
    reachable = reach(wanted, CONSENT, has_consent_source=has_source)
    return with_channels(rows.withColumn("reach", reachable), DEFINED, CONSENT).collect()


def mutations() -> dict[str, dict[str, Column]]:
    """Worlds as a gate sees them that has lost one of its checks."""
    return {
        "suppression": {"is_suppressed": F.lit(False)},
        "global holdout": {"is_holdout": F.lit(False)},
        "holdout of the audience": {"split_group": F.lit("treatment")},
        "unsubscribes": {"unsubscribed_channels": F.lit(None).cast("array<string>")},
        "addresses": {
            "has_email": F.lit(True),
            "has_address": F.lit(True),
            "identifier_types": F.array(F.lit("device_id")),
        },
        "objections": {"consent": F.map_filter("consent", lambda _, status: status == "granted")},
        "missing consents": {
            "consent": F.create_map(
                *(
                    F.lit(t)
                    for c in CONSENT.channels
                    for p in CONSENT.purposes
                    for t in (f"{p}:{c}", "granted")
                )
            )
        },
        "existing customers": {"order_count": F.lit(1).cast("bigint")},
    }


def test_nobody_is_reached_who_must_not_be_and_a_dropped_gate_is_noticed(
    spark: SparkSession, seeds: range
) -> None:
    draw = random.Random(seeds.stop)
    worlds = {f"p{n}": member(draw, n) for n in range(1500 * len(seeds))}
    rows = spark.createDataFrame([tuple(p.values()) for p in worlds.values()], SCHEMA)
    for has_source in (True, False):
        result = gated(rows, has_source)
        assert violations(result, worlds, has_source) == 0
        _assert_same_as_python(result, worlds, has_source)
        assert all(row["split_group"] != "holdout" or not row["channels"] for row in result)  # the contract
        outcomes = {row["outcome"] for row in result}
        assert outcomes >= {"suppressed", "global_holdout", "audience_holdout", "not_for_contact", "ok"}
        assert ("no_address" in outcomes) is has_source  # without a source, that is the reason named
        assert ("no_consent_source" in outcomes) is not has_source
    for name, columns in mutations().items():
        assert violations(gated(rows.withColumns(columns), True), worlds, True) > 0, (
            f"dropping {name} went unnoticed"
        )
    assert violations(gated(rows, True), worlds, False) > 0, "a faked consent source went unnoticed"


def _assert_same_as_python(
    result: Sequence[Row], worlds: dict[str, dict[str, Any]], has_source: bool
) -> None:
    by_name = {audience.name: audience for audience in DEFINED}
    for row in result:
        p = worlds[row["person_id"]]
        expected = decision(p, by_name[row["audience"]], has_source)
        assert (row["channels"], row["outcome"]) == expected, row


def decision(person: dict[str, Any], audience: Audience, has_source: bool) -> tuple[list[str], str]:
    """Channels and outcome for one person, in plain words."""
    status = {wish.channel: status_of(person, wish, has_source) for wish in wishes(audience, CONSENT)}
    is_exclusion = audience.definition.requires.exclusion
    if person["is_suppressed"]:
        return [], "suppressed"
    if person["is_holdout"] and not is_exclusion:
        return [], "global_holdout"
    if person["split_group"] == "holdout" and not is_exclusion:
        return [], "audience_holdout"
    if not status:
        return [], "not_for_contact"
    met = next(code for code in ("ok", *CLOSEST) if code in status.values())
    return [channel for channel, code in status.items() if code == "ok"], met


def status_of(person: dict[str, Any], wish: Wish, has_source: bool) -> str:
    channel = CONSENT.channels[wish.channel]
    needs_grant = channel.legal_basis is LegalBasis.OPT_IN or bool(channel.also_needs)
    if needs_grant and not has_source:
        return "no_consent_source"
    flag = {Address.EMAIL: "has_email", Address.PHONE: "has_phone", Address.POSTAL: "has_address"}
    address = channel.address
    if not (person[flag[address]] if address in flag else address.value in person["identifier_types"]):
        return "no_address"
    left = set(person["unsubscribed_channels"] or ())
    if wish.channel in left or left - set(CONSENT.channels):
        return "unsubscribed"
    consent = person["consent"] or {}
    main, *others = [
        consent.get(f"{purpose}:{wish.channel}") for purpose in (wish.purpose, *channel.also_needs)
    ]
    if any(said not in (None, "granted") for said in (main, *others)):
        return "objected"
    by_basis = {
        LegalBasis.OPT_IN: main == "granted",
        LegalBasis.EXISTING_CUSTOMER: main == "granted" or (person["order_count"] or 0) > 0,
        LegalBasis.LEGITIMATE_INTEREST: True,
    }
    is_allowed = by_basis[channel.legal_basis] and all(said == "granted" for said in others)
    return "ok" if is_allowed else "no_consent"
