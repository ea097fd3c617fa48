"""Consent: who may be contacted for which purpose through which channel, on which legal basis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.edges import strongest_first
from habitue.identity.settings import IdentitySettings

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$")]

OK = "ok"
ANY = "any"
PROFILING = "profiling"
"""Purpose of predictions about a person: who objects to it is not scored."""
GRANTED = "granted"

WORDS = {
    "no_address": "no address for the channel",
    "no_consent_source": "no consent source",
    "no_consent": "no consent given",
    "objected": "consent denied or withdrawn",
    "unsubscribed": "unsubscribed from the channel",
}
"""Why a channel is closed, in words."""


class LegalBasis(StrEnum):
    """What allows a contact: a consent, or the absence of an objection."""

    OPT_IN = "opt_in"
    EXISTING_CUSTOMER = "existing_customer"
    LEGITIMATE_INTEREST = "legitimate_interest"


class Address(StrEnum):
    """What a channel needs to reach a person."""

    EMAIL = "email"
    PHONE = "phone"
    POSTAL = "postal"
    DEVICE = "device_id"
    CUSTOMER_NUMBER = "customer_number"


class ChannelSettings(BaseModel, extra="forbid", frozen=True):
    """One channel: its address, its legal basis, and purposes that need a consent of their own besides."""

    address: Address = Field(description="What the channel needs to reach a person.")
    legal_basis: LegalBasis = Field(LegalBasis.OPT_IN, description="What allows a contact.")
    also_needs: tuple[Name, ...] = Field(
        (), description="Further purposes that need a granted consent of their own."
    )


_PURPOSES = {
    "marketing": "Advertising for our own goods and services.",
    "profiling": "Predictions about a person, used to choose what to send.",
    "ads_sharing": "Handing contact data, in clear, to advertising platforms.",
}
_CHANNELS = {
    "email": ChannelSettings(address=Address.EMAIL),
    "phone": ChannelSettings(address=Address.PHONE),
    "post": ChannelSettings(address=Address.POSTAL),
    "push": ChannelSettings(address=Address.DEVICE),
    "ads": ChannelSettings(address=Address.EMAIL, also_needs=("ads_sharing",)),
}


class ConsentSettings(BaseModel, extra="forbid", frozen=True):
    """conf/consent.yaml: purposes in words, and channels. The operator states the law; habitue applies it.

    Without that file every channel needs an opt-in.
    """

    purposes: dict[Name, str] = Field(
        default_factory=lambda: dict(_PURPOSES), description="Purposes, in words."
    )
    channels: dict[Name, ChannelSettings] = Field(
        default_factory=lambda: dict(_CHANNELS), description="Channels, by name."
    )

    @model_validator(mode="after")
    def _known(self) -> ConsentSettings:
        if ANY in self.channels:
            raise ValueError(f"channels.{ANY}: the name is kept for consents that cover every channel")
        unknown = {p for channel in self.channels.values() for p in channel.also_needs} - set(self.purposes)
        if unknown:
            raise ValueError(f"also_needs names unknown purposes: {', '.join(sorted(unknown))}")
        return self


@dataclass(frozen=True)
class Wish:
    """A contact that somebody wants to make: a purpose through a channel."""

    purpose: str
    channel: str

    @property
    def key(self) -> str:
        """As consent is kept: 'purpose:channel'."""
        return f"{self.purpose}:{self.channel}"


def current_consent(
    consent: DataFrame,
    identity_map: DataFrame,
    settings: ConsentSettings,
    *,
    at: datetime,
    identity: IdentitySettings,
    removed: DataFrame | None = None,
) -> DataFrame:
    """One row per person: `consent`, a map from 'purpose:channel' to the latest status known by `at`.

    A statement for any channel counts for each of them, and the latest one counts; of two at the same instant
    the stricter one. A grant is that of the person whom its strongest identifier names, an
    objection that of everybody whom any of them names. An objection on a channel or to a purpose that is not
    known here counts for all of them: a wrong word must not let it fall. What was `removed` from all records
    (id_type, id_key) still carries objections but no grant: it may have been somebody else's.
    """
    is_objection = F.col("status") != GRANTED
    every_channel, every_purpose = _all(settings.channels), _all(settings.purposes)
    means_all = (F.col("channel") == ANY) | (is_objection & ~F.col("channel").isin(*settings.channels))
    channels = F.when(means_all, every_channel).otherwise(F.array("channel"))
    purpose = F.lower("purpose")  # as they are spelt in the settings
    is_known = purpose.isin(*settings.purposes)
    purposes = F.when(is_objection & ~is_known, every_purpose).otherwise(F.array(purpose))
    ranked = strongest_first(identity)
    who = F.when(is_objection, ranked).otherwise(F.slice(ranked, 1, 1))
    # an objection that is dated ahead holds from when it is there: nobody waits for the hour to come
    has_begun = F.greatest("given_time", "known_time") <= F.lit(at)
    stated = consent.where(has_begun | is_objection).select(
        F.explode(who).alias("i"),
        "given_time",
        "status",
        purposes.alias("purposes"),
        channels.alias("channels"),
    )
    holds = identity_map.where(F.col("valid_to").isNull())
    of_purpose = stated.select(
        "i", "given_time", "status", "channels", F.explode("purposes").alias("purpose")
    )
    persons = of_purpose.select(
        "i.id_type", "i.id_key", "purpose", F.explode("channels").alias("channel"), "given_time", "status"
    )
    latest = F.max_by(
        "status", F.struct("given_time", (F.col("status") != GRANTED).alias("is_stricter"), "status")
    )
    if removed is not None:
        gone = removed.select("id_type", "id_key", F.lit(True).alias("_is_gone"))
        persons = persons.join(gone, ["id_type", "id_key"], "left").where(
            F.col("_is_gone").isNull() | (F.col("status") != GRANTED)
        )
    by_channel = (
        persons.join(holds.select("id_type", "id_key", "person_id"), ["id_type", "id_key"])
        .groupBy("person_id", "purpose", "channel")
        .agg(latest.alias("status"))
    )
    entry = F.struct(F.concat_ws(":", "purpose", "channel"), F.col("status"))
    entries = by_channel.groupBy("person_id").agg(F.array_sort(F.collect_list(entry)).alias("entries"))
    return entries.select("person_id", F.map_from_entries("entries").alias("consent"))


def granted_addresses(
    consent: DataFrame, address: Address, *, purpose: str, channel: str, at: datetime
) -> DataFrame:
    """Identifiers of an address' type that a grant in force by `at` names itself: id_type, id_key.

    Of the statements that name one the latest counts, of two at the same instant the stricter one.
    """
    is_meant = (F.lower("purpose") == purpose) & F.col("channel").isin(channel, ANY)
    said = consent.where(is_meant & (F.greatest("given_time", "known_time") <= F.lit(at))).select(
        F.inline("identifiers"), "given_time", (F.col("status") == GRANTED).alias("is_granted")
    )
    latest = F.max_by("is_granted", F.struct("given_time", ~F.col("is_granted")))
    by_address = said.where(F.col("id_type") == address.value).groupBy("id_type", "id_key")
    return by_address.agg(latest.alias("is_granted")).where("is_granted").select("id_type", "id_key")


def objectors(consent: DataFrame, purpose: str) -> DataFrame:
    """Persons of `current_consent` who said no to a purpose, on whichever channel."""
    return consent.where(has_objected(purpose)).select("person_id")


def has_objected(purpose: str) -> Column:
    """Whether a person's `consent` says no to a purpose, on whichever channel."""
    refusals = F.filter(
        F.map_entries("consent"), lambda e: e["key"].startswith(f"{purpose}:") & (e["value"] != GRANTED)
    )
    return F.coalesce(F.size(refusals) > 0, F.lit(False))


def _all(names: Iterable[str]) -> Column:
    return F.array(*(F.lit(name) for name in names)).cast("array<string>")


def reach(wishes: Iterable[Wish], settings: ConsentSettings, *, has_consent_source: bool) -> Column:
    """Map from 'purpose:channel' to "ok" or why the channel is closed, for a profile with current consent.

    Missing consent means denied where the basis is opt-in. Suppression and holdouts are for the gate.
    """
    entries = [
        (F.lit(wish.key), _status(wish, settings, has_consent_source))
        for wish in sorted(set(wishes), key=lambda wish: wish.key)
    ]
    if not entries:
        return F.create_map().cast("map<string,string>")
    return F.create_map(*(part for entry in entries for part in entry))


def _status(wish: Wish, settings: ConsentSettings, has_consent_source: bool) -> Column:
    channel = settings.channels[wish.channel]
    if not has_consent_source and _needs_grant(channel):
        return F.lit("no_consent_source")
    stated = _stated(wish.purpose, wish.channel)
    besides = [_stated(purpose, wish.channel) == GRANTED for purpose in channel.also_needs]
    objected = _has_objected(wish.purpose, wish.channel)
    for purpose in channel.also_needs:
        objected = objected | _has_objected(purpose, wish.channel)
    allowed = _allowed(channel.legal_basis, stated)
    for granted in besides:
        allowed = allowed & F.coalesce(granted, F.lit(False))
    # who left a channel that is not known here may have meant this one
    left = F.col("unsubscribed_channels")
    of_unknown = F.size(F.array_except(left, _all(settings.channels))) > 0
    unsubscribed = F.coalesce(F.array_contains(left, wish.channel) | of_unknown, F.lit(False))
    return (
        F.when(~_has_address(channel.address), F.lit("no_address"))
        .when(unsubscribed, F.lit("unsubscribed"))
        .when(objected, F.lit("objected"))
        .when(~allowed, F.lit("no_consent"))
        .otherwise(F.lit(OK))
    )


def _allowed(basis: LegalBasis, stated: Column) -> Column:
    granted = F.coalesce(stated == GRANTED, F.lit(False))
    match basis:
        case LegalBasis.OPT_IN:
            return granted
        case LegalBasis.EXISTING_CUSTOMER:
            return granted | F.coalesce(F.col("order_count") > 0, F.lit(False))
        case LegalBasis.LEGITIMATE_INTEREST:
            return F.lit(True)


def _stated(purpose: str, channel: str) -> Column:
    return F.try_element_at(F.col("consent"), F.lit(f"{purpose}:{channel}"))


def _has_objected(purpose: str, channel: str) -> Column:
    return F.coalesce(_stated(purpose, channel) != GRANTED, F.lit(False))


def _has_address(address: Address) -> Column:
    flags = {Address.EMAIL: "has_email", Address.PHONE: "has_phone", Address.POSTAL: "has_address"}
    if address in flags:
        return F.col(flags[address])
    return F.array_contains("identifier_types", address.value)


def _needs_grant(channel: ChannelSettings) -> bool:
    return channel.legal_basis is LegalBasis.OPT_IN or bool(channel.also_needs)


def needs_consent_source(settings: ConsentSettings, channel: str) -> bool:
    """Whether nobody can be reached through the channel without a source of consents."""
    return _needs_grant(settings.channels[channel])
