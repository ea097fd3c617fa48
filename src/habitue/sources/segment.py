"""Segment-style event files: JSON lines of identify, track, page, screen, group and alias calls.

RudderStack writes the same form. Lines become events; e-mail events that name a campaign
become responses beside it. Traits are read for identifiers only: they name people, and
events lie in an open layer.
"""

from __future__ import annotations

from pydantic import BaseModel, Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT, RESPONSE
from habitue.events.bots import user_agent_reason
from habitue.events.clock import corrected_time, is_too_early
from habitue.events.settings import BotSettings, ClockSettings
from habitue.events.user_agent import browser, device_type
from habitue.privacy.redaction import RedactionSettings, redacted_json, redacted_text, redacted_url
from habitue.sources import segment_commerce as commerce
from habitue.sources.draft import CLEAR_IDENTIFIERS, FAULTS, Draft
from habitue.sources.segment_line import parsed, present
from habitue.sources.segment_names import CALLS, MAY_BE_RESPONSE, RESPONSES, canonical_name, response_type

_CLICK_IDS = r"[?&](?:gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=([^&#]*)"
_WORKING = ("_file", "_position", "_raw", "_faults", "_identifiers")


class SegmentSettings(BaseModel, extra="forbid", frozen=True):
    """A source of Segment-style files."""

    source: str = Field(min_length=1, description="Name of the source.")
    is_history: bool = Field(False, description="First historical load: known when it happened.")
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency of orders that state none."
    )
    clock: ClockSettings = ClockSettings()
    bots: BotSettings = BotSettings()
    redaction: RedactionSettings = RedactionSettings()


def read_segment(raw_text: DataFrame, *, settings: SegmentSettings) -> list[Draft]:
    """Drafts of events and responses. `raw_text` has `value` (a line), `_file` and `_position`.

    A line that cannot be read becomes a draft event with a fault, so that no row is lost on the way.
    """
    events = _events(raw_text, settings)
    mails = _events(raw_text.where(F.col("value").rlike(MAY_BE_RESPONSE)), settings)
    return [
        Draft(settings.source, EVENT, events.drop("_campaign", "_contact"), settings.is_history),
        Draft(settings.source, RESPONSE, _responses(mails), settings.is_history),
    ]


def _events(raw_text: DataFrame, settings: SegmentSettings) -> DataFrame:
    line, props = F.col("line"), F.col("props")
    agent = line["context"]["userAgent"]
    bot_reason = user_agent_reason(agent, settings=settings.bots)
    times = [
        line[name].try_cast("timestamp")
        for name in ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
    ]
    named = parsed(raw_text).withColumns(
        {
            "event_name": canonical_name(line["type"], line["event"]),
            "clock": corrected_time(*times, settings=settings.clock),
        }
    )
    name = F.col("event_name")
    variant = _variant(redacted_json(line["properties"], settings=settings.redaction))
    return named.select(
        "_file",
        "_position",
        F.col("value").alias("_raw"),
        _faults(settings).alias("_faults"),
        _identifiers().alias("_identifiers"),
        F.coalesce(present(line["messageId"]), F.sha2("value", 256)).alias("event_id"),
        name,
        F.col("clock.event_time").alias("event_time"),
        F.col("clock.time_quality").alias("time_quality"),
        *(
            time.alias(n)
            for n, time in zip(("original_time", "sent_time", "received_time"), times, strict=False)
        ),
        F.to_date("clock.event_time").alias("event_date"),
        present(line["context"]["sessionId"]).alias("source_session_id"),
        _channel(name).alias("channel"),
        _campaign().alias("campaign"),
        _page(settings.redaction).alias("page"),
        _device(agent).alias("device"),
        commerce.product(props).alias("product"),
        commerce.items(props).alias("items"),
        commerce.order(props, name, currency=settings.currency).alias("order"),
        redacted_text(present(props["query"])).alias("search_term"),
        _consent().alias("consent"),
        bot_reason.isNotNull().alias("is_bot"),
        bot_reason.alias("bot_reason"),
        variant.alias("properties"),
        F.coalesce(present(props["campaign_id"]), present(props["campaign_name"])).alias("_campaign"),
        present(props["email_id"]).alias("_contact"),
    )


def _responses(mails: DataFrame) -> DataFrame:
    """E-mail events that answer a campaign. A faulty line is reported once, with the events."""
    kind = response_type(F.col("event_name"))
    is_response = kind.isNotNull() & F.col("_campaign").isNotNull() & (F.size("_faults") == 0)
    return mails.where(is_response).select(
        *_WORKING,
        F.sha2(F.concat(F.lit("response|"), "event_id"), 256).alias("response_id"),
        F.col("_contact").alias("contact_id"),
        F.col("_campaign").alias("campaign"),
        kind.alias("type"),
        F.col("event_time").alias("response_time"),
        F.col("received_time").alias("known_time"),
    )


def _faults(settings: SegmentSettings) -> Column:
    """All faults of a line; one that is no JSON object has only that."""
    name, call, time = F.col("event_name"), F.col("line.type"), F.col("clock.event_time")
    conditions = [
        (call.isNull(), "missing_value", "type is empty"),
        (~call.isin(*CALLS), "unknown_value", f"type is none of {', '.join(CALLS)}"),
        ((call == "track") & name.isNull(), "missing_value", "event_name is empty"),
        (time.isNull(), "missing_value", "event_time is empty: none of the clocks can be read"),
        (
            is_too_early(time, settings=settings.clock),
            "impossible_value",
            f"event_time lies before {settings.clock.earliest}",
        ),
        *commerce.number_faults(F.col("props"), name),
    ]
    found = F.array_compact(F.array(*(F.when(c, _fault(code, reason)) for c, code, reason in conditions)))
    corrupt = F.array(_fault("corrupt_record", "the line is not one JSON object"))
    return F.when(F.col("is_corrupt"), corrupt).otherwise(found).cast(FAULTS)


def _fault(code: str, reason: str) -> Column:
    return F.struct(F.lit(code).alias("code"), F.lit(reason).alias("reason"))


def _identifiers() -> Column:
    """Who this was, in clear. Traits of a group are the group's and not the person's.

    The previous id of an alias may be a user's or, in older trackers, an anonymous one: it stands
    as both, since one of them meets no other evidence and changes nothing.
    """
    line, traits = F.col("line"), F.col("line.context.traits")
    own = F.when(line["type"] == "identify", line["traits"])
    mailed_to = F.when(F.col("event_name").isin(*RESPONSES), F.col("props.email"))
    previous = present(line["previousId"])
    pairs = [
        ("device_id", line["context"]["device"]["id"]),
        ("anonymous_id", line["anonymousId"]),
        ("anonymous_id", F.when(present(line["anonymousId"]).isNull(), previous)),
        ("user_id", line["userId"]),
        ("user_id", previous),
        ("email", own["email"]),
        ("email", traits["email"]),
        ("email", mailed_to),
        ("phone", own["phone"]),
        ("phone", traits["phone"]),
    ]
    found = (
        F.when(
            present(value).isNotNull(), F.struct(F.lit(type_).alias("id_type"), present(value).alias("value"))
        )
        for type_, value in pairs
    )
    return F.array_sort(F.array_distinct(F.array_compact(F.array(*found)))).cast(CLEAR_IDENTIFIERS)


def _channel(name: Column) -> Column:
    """mail, app or web, by the kind of event, what the tracker says and which library it is."""
    line = F.col("line")
    stated = F.lower(F.coalesce(line["channel"], line["context"]["channel"]))
    library = F.lower(line["context"]["library"]["name"])
    return (
        F.when(name.isin(*RESPONSES), "mail")
        .when((line["type"] == "screen") | stated.isin("mobile", "app"), "app")
        .when((line["type"] == "page") | stated.isin("browser", "web"), "web")
        .when(library.rlike(r"ios|android|swift|kotlin|react-native|flutter"), "app")
        .when(library.rlike(r"\.js$|javascript|web"), "web")
    )


def _campaign() -> Column:
    campaign, url = F.col("line.context.campaign"), _url()
    fields = ("source", "medium", "name", "term", "content")
    click_id = F.nullif(F.regexp_extract(url, _CLICK_IDS, 1), F.lit(""))
    values = {field: redacted_text(present(campaign[field])) for field in fields} | {"click_id": click_id}
    return F.when(
        F.coalesce(*values.values()).isNotNull(), F.struct(*(value.alias(f) for f, value in values.items()))
    )


def _url() -> Column:
    return F.coalesce(present(F.col("line.context.page.url")), present(F.col("props.url")))


def _page(redaction: RedactionSettings) -> Column:
    """Page of the event. A screen has a name for a title, and no address."""
    page, props = F.col("line.context.page"), F.col("props")
    stated = F.coalesce(present(page["path"]), present(props["path"]))
    path_of_url = F.nullif(
        F.regexp_extract(_url(), r"^[A-Za-z][A-Za-z0-9+.-]*+://[^/?#]*+([^?#]*)", 1), F.lit("")
    )
    path = F.regexp_replace(F.coalesce(stated, path_of_url), r"[?#].*$", "")
    title = F.coalesce(present(page["title"]), present(props["title"]), present(F.col("line.name")))
    values = {
        "url": redacted_url(_url(), settings=redaction),
        "path": redacted_text(path),
        "title": redacted_text(title),
        "referrer": redacted_url(
            F.coalesce(present(page["referrer"]), present(props["referrer"])), settings=redaction
        ),
    }
    return F.when(
        F.coalesce(*values.values()).isNotNull(), F.struct(*(value.alias(f) for f, value in values.items()))
    )


def _device(agent: Column) -> Column:
    context = F.col("line.context")
    stated = F.lower(present(context["device"]["type"]))
    # trackers of apps state the system there
    type_ = F.when(stated.isin("ios", "android"), "mobile").otherwise(stated)
    return F.struct(
        F.coalesce(type_, device_type(agent)).alias("type"),
        present(context["os"]["name"]).alias("os"),
        browser(agent).alias("browser"),
        present(context["app"]["name"]).alias("app"),
        present(context["locale"]).alias("locale"),
        present(context["timezone"]).alias("zone"),
        present(agent).alias("user_agent"),
    )


def _consent() -> Column:
    given = F.col("line.context.consent.categoryPreferences")
    words = {"true": "granted", "false": "denied"}
    return F.transform_values(
        given, lambda _, v: F.when(v == "true", words["true"]).when(v == "false", words["false"]).otherwise(v)
    )


def _variant(json: Column) -> Column:
    """JSON as variant; text that a variant cannot hold (a key twice) is kept as text."""
    return F.coalesce(F.try_parse_json(json), json.cast("variant"))
