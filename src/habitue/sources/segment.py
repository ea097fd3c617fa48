"""Segment-style event files: JSON lines of identify, track, page, screen, group and alias calls.

RudderStack writes the same form. Lines become events; e-mail events that name a campaign
or a mail become responses beside it. Traits of persons are read for identifiers only: they name people, and
events lie in an open layer.
"""

from __future__ import annotations

from pydantic import BaseModel, Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT, RESPONSE
from habitue.events.clock import corrected_time, is_too_early
from habitue.events.settings import ClockSettings
from habitue.events.vocabulary import PRODUCTS_SEARCHED
from habitue.privacy.redaction import RedactionSettings, redacted_json, redacted_text
from habitue.sources import event_parts as parts
from habitue.sources import segment_commerce as commerce
from habitue.sources.draft import Draft
from habitue.sources.event_names import plain_name
from habitue.sources.event_parts import present, tracker_time
from habitue.sources.faults import faults
from habitue.sources.segment_line import GROUP_TRAITS, parsed
from habitue.sources.segment_names import CALLS, RESPONSES, may_be_response, name_of_call, response_type

_WORKING = ("_file", "_position", "_raw", "_faults", "_identifiers")
_CLOCKS = {
    "original_time": "originalTimestamp",
    "sent_time": "sentAt",
    "received_time": "receivedAt",
    "stated_time": "timestamp",
}
_CAMPAIGN_NAMES = ("campaign_id", "campaignId", "campaign_name", "campaignName")
_OF_DELIVERY = ("sentAt", "receivedAt", "_corrupt")


class SegmentSettings(BaseModel, extra="forbid", frozen=True):
    """A source of Segment-style files."""

    source: str = Field(min_length=1, description="Name of the source.")
    is_history: bool = Field(False, description="First historical load: known when it happened.")
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency of orders that state none."
    )
    clock: ClockSettings = ClockSettings()
    redaction: RedactionSettings = RedactionSettings()


def read_segment(raw_text: DataFrame, *, settings: SegmentSettings) -> Draft:
    """Draft of events. `raw_text` has `value` (a line), `_file` and `_position`.

    A line that cannot be read becomes a draft event with a fault, so that no row is lost on the way.
    """
    events = _events(raw_text, settings).drop("_campaign", "_contact")
    return Draft(settings.source, EVENT, events, settings.is_history)


def read_segment_responses(raw_text: DataFrame, *, settings: SegmentSettings) -> Draft:
    """Draft of responses, from the lines that tell one."""
    mails = _events(raw_text.where(may_be_response(F.col("value"))), settings)
    return Draft(settings.source, RESPONSE, _responses(mails), settings.is_history)


def _events(raw_text: DataFrame, settings: SegmentSettings) -> DataFrame:
    line, props = F.col("line"), F.col("props")
    context = line["context"]
    times = [F.col(name) for name in _CLOCKS]
    call = F.lower(present(line["type"]))
    # what several columns need is a column first: Spark would work it out for each of them, and again for each mention
    named = (
        parsed(raw_text)
        .withColumns(
            {name: tracker_time(line[field]) for name, field in _CLOCKS.items()}
            | {"call": call, "plain": plain_name(line["event"])}
        )
        .withColumns(
            {
                "event_name": name_of_call(F.col("call"), line["event"], F.col("plain")),
                "clock": corrected_time(*times, settings=settings.clock, library=context["library"]["name"]),
                "url": _url(),
                # of a group its traits are what the call says; those of a person are identifiers at most
                "said": F.when(F.col("call") == "group", _group()).otherwise(_properties()),
                "context": _context(),
            }
            | _page_texts()
        )
        .withColumn("told", _told())
        .withColumn("small", F.lower("told"))
    )
    name, url = F.col("event_name"), F.col("url")
    searched = F.when(name == PRODUCTS_SEARCHED, present(props["search_term"]))
    return named.select(
        "_file",
        "_position",
        F.col("value").alias("_raw"),
        _faults(settings).alias("_faults"),
        _identifiers().alias("_identifiers"),
        F.coalesce(present(line["messageId"]), _digest()).alias("event_id"),
        name,
        F.col("clock.event_time").alias("event_time"),
        F.col("clock.time_quality").alias("time_quality"),
        *times[:3],
        F.to_date("clock.event_time").alias("event_date"),
        present(context["sessionId"]).alias("source_session_id"),
        _channel(name).alias("channel"),
        parts.campaign({f: context["campaign"][f] for f in parts.CAMPAIGN_FIELDS}, url).alias("campaign"),
        parts.page(
            url=url,
            path=F.col("path"),
            title=F.col("title"),
            referrer=F.col("referrer"),
            redaction=settings.redaction,
        ).alias("page"),
        _device().alias("device"),
        commerce.product(props, F.col("products"), name).alias("product"),
        commerce.items(props, F.col("products"), name).alias("items"),
        commerce.order(props, F.col("products"), name, currency=settings.currency).alias("order"),
        redacted_text(F.coalesce(present(props["query"]), searched)).alias("search_term"),
        _consent().alias("consent"),
        parts.variant(redacted_json(F.col("told"), settings=settings.redaction, small=F.col("small"))).alias(
            "properties"
        ),
        F.coalesce(*(present(props[n]) for n in _CAMPAIGN_NAMES)).alias("_campaign"),
        F.coalesce(present(props["email_id"]), present(props["emailId"])).alias("_contact"),
    )


def _digest() -> Column:
    """Id of a call without one: what the client set, so that a second delivery gets the same.

    Where the client's own time is there, `timestamp` is what the server made of the clocks of a delivery.
    """
    line = F.col("line")
    own_time = F.when(line["originalTimestamp"].isNull(), line["timestamp"])
    client_set = F.to_json(line.dropFields(*_OF_DELIVERY).withField("timestamp", own_time))
    return F.when(~F.col("is_corrupt"), F.sha2(client_set, 256)).otherwise(F.sha2("value", 256))


def _responses(mails: DataFrame) -> DataFrame:
    """E-mail events that answer a campaign or a mail. A faulty line is reported once, with the events."""
    kind = response_type(F.col("event_name"))
    answers = F.col("_campaign").isNotNull() | F.col("_contact").isNotNull()
    is_response = kind.isNotNull() & answers & (F.size("_faults") == 0)
    # a row's number keeps the condition behind the columns that it reads: in front of them Spark would work each of
    # them out once more for the condition, in one expression of a hundred thousand letters
    numbered = mails.withColumn("_number", F.monotonically_increasing_id())
    return numbered.where(is_response & (F.col("_number") >= 0)).select(
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
    name, call, time = F.col("event_name"), F.col("call"), F.col("clock.event_time")
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
        *commerce.number_faults(F.col("props"), F.col("products"), name),
    ]
    return faults(conditions, is_corrupt=F.col("is_corrupt"), corrupt="the line is not one JSON object")


def _identifiers() -> Column:
    """Who this was, in clear. Traits of a group are the group's, those of any other call the person's.

    The previous id of an alias may be a user's or, in older trackers, an anonymous one: it stands
    as both, since one of them meets no other evidence and changes nothing.
    """
    line, traits = F.col("line"), F.col("line.context.traits")
    own = F.when(F.col("call") != "group", F.col("traits"))
    mailed_to = F.when(F.col("event_name").isin(*RESPONSES), F.col("props.email"))
    previous = present(line["previousId"])
    return parts.clear_identifiers(
        [
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
    )


def _channel(name: Column) -> Column:
    """mail, app or web, by the kind of event, what the tracker says and which library it is."""
    line, call = F.col("line"), F.col("call")
    stated = F.lower(F.coalesce(line["channel"], line["context"]["channel"]))
    library = F.lower(line["context"]["library"]["name"])
    return (
        F.when(name.isin(*RESPONSES), "mail")
        .when((call == "screen") | stated.isin("mobile", "app"), "app")
        .when((call == "page") | stated.isin("browser", "web"), "web")
        .when(library.rlike(r"ios|android|swift|kotlin|react-native|flutter"), "app")
        .when(library.rlike(r"\.js$|javascript|web"), "web")
    )


def _url() -> Column:
    return F.coalesce(present(F.col("line.context.page.url")), present(F.col("props.url")))


def _page_texts() -> dict[str, Column]:
    """Path, title and referrer of the page. A screen has a name for a title, and no address."""
    page, props, line = F.col("line.context.page"), F.col("props"), F.col("line")
    of_screen = F.when(F.col("call") == "screen", F.coalesce(present(props["name"]), present(line["event"])))
    return {
        "path": F.coalesce(present(page["path"]), present(props["path"])),
        "title": F.coalesce(
            present(page["title"]), present(props["title"]), present(line["name"]), of_screen
        ),
        "referrer": F.coalesce(present(page["referrer"]), present(props["referrer"])),
    }


def _device() -> Column:
    context = F.col("line.context")
    return parts.device(
        agent=context["userAgent"],
        kind=context["device"]["type"],
        system=context["os"]["name"],
        app=context["app"]["name"],
        locale=context["locale"],
        zone=context["timezone"],
    )


def _told() -> Column:
    """What the call says, and in `context` what the specification lists there and no column holds.

    A property of that name keeps it.
    """
    said, context = F.coalesce("said", F.lit("{}")), F.col("context")
    member = F.concat(F.lit('"context":'), context, F.lit("}"))
    beside = F.concat(F.left(said, F.length(said) - 1), F.when(said == "{}", "").otherwise(","), member)
    may_have_own = said.contains('"context":')
    has_own = may_have_own & F.array_contains(F.json_object_keys(said), "context")
    has_room = said.startswith("{") & ~F.coalesce(has_own, F.lit(False))
    return F.when(context.isNotNull() & has_room, beside).otherwise(F.col("said"))


def _properties() -> Column:
    """What a call says. Trackers in PHP write a list where an object has no member."""
    said = F.col("line.properties")
    return F.nullif(said, F.lit("[]"))


def _group() -> Column:
    return F.to_json(F.struct(*(F.col("traits")[name].alias(name) for name in GROUP_TRAITS)))


def _context() -> Column:
    """Its members as JSON. A device's name is left out, since it often names its owner, and so are coordinates.

    Members of other names are not taken in, nor `integrations`: libraries and destinations leave cookies and numbers
    of persons there (`externalIds`, `fbp`, `marketingCloudVisitorId`), which no rule knows by their names.
    """
    line, context = F.col("line"), F.col("line.context")
    read = {
        "app": ("version", "build", "namespace"),
        "device": ("manufacturer", "model"),
        "library": ("name", "version"),
        "location": ("country", "region", "city"),
        "network": ("carrier", "cellular", "wifi"),
        "os": ("version",),
        "referrer": ("id", "type"),
        "screen": ("width", "height", "density"),
    }
    members = [
        parts.filled({field: context[name][field] for field in fields}).alias(name)
        for name, fields in read.items()
    ]
    group = F.coalesce(present(line["groupId"]), present(context["groupId"])).alias("group_id")
    experiments = parts.variant(context["experiments"]).alias("experiments")
    return F.nullif(F.to_json(F.struct(*members, experiments, group)), F.lit("{}"))


def _consent() -> Column:
    """Consent by category: Segment states each, RudderStack lists the ids that are allowed and denied."""
    given = F.col("line.context.consent.categoryPreferences")
    words = {"true": "granted", "false": "denied"}
    stated = F.transform_values(
        given, lambda _, v: F.when(v == "true", words["true"]).when(v == "false", words["false"]).otherwise(v)
    )
    managed = F.col("line.context.consentManagement")
    listed = parts.consent_lists(managed["allowedConsentIds"], managed["deniedConsentIds"])
    # most events state neither and are spared the walk
    return F.coalesce(F.when(given.isNotNull(), stated), F.when(managed.isNotNull(), listed))
