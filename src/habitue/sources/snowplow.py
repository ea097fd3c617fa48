"""Snowplow's atomic events: the enriched stream (TSV), and exports of a warehouse as CSV, TSV, JSON or Parquet.

Each row is one event. Its kind comes from `event_name`; e-commerce actions, searches and
consents are told by their self-describing event and entities. Page pings stay events of
their own, since they say how long a page had attention.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.events import vocabulary
from habitue.events.bots import LISTED, USER_AGENT
from habitue.events.clock import believed_time, corrected_time, is_too_early
from habitue.privacy.redaction import once, redacted_json, redacted_text
from habitue.sources import event_parts as parts
from habitue.sources import snowplow_commerce as commerce
from habitue.sources import snowplow_entities as entity
from habitue.sources import tracked_products
from habitue.sources.draft import Draft
from habitue.sources.event_names import ANY_NAMES, ENHANCED_ACTIONS, SNOWPLOW_ACTIONS, canonical_name, named
from habitue.sources.event_parts import present, tracker_time
from habitue.sources.event_rules import EventRules
from habitue.sources.faults import CORRUPT, Condition, faults
from habitue.sources.inputs import Input
from habitue.sources.settings import SourceSettings, default_currency, format_of
from habitue.sources.snowplow_atomic import TYPED, dialect
from habitue.sources.snowplow_row import rows_of_lines, rows_of_table

ROWS = "events"
_OWN_OPTIONS = ("currency",)
_NO_ONE = r"^[0\-]*$"  # what a tracker without consent sends for an id
_ROBOTS = ("Robot", "Robot Mobile", "Spy", "Hacker")
_APPS = ("mob", "app", "pc", "tv", "cnsl")
_KINDS = {
    "page_view": vocabulary.PAGE_VIEWED,
    "page_ping": vocabulary.PAGE_PINGED,
    "screen_view": vocabulary.SCREEN_VIEWED,
    "transaction": vocabulary.ORDER_COMPLETED,
    "transaction_item": "order_item_listed",
    "site_search": vocabulary.PRODUCTS_SEARCHED,
    "add_to_cart": vocabulary.PRODUCT_ADDED,
    "remove_from_cart": vocabulary.PRODUCT_REMOVED,
    "focus_form": "form_started",
    "submit_form": "form_submitted",
}
_VENDOR = r"^(?:com_snowplowanalytics_(?:snowplow|mobile|console)|[a-z]{2,4}_[a-z0-9]+)_(?=.)"
"""Who made the schema that a column is named by: a domain from its end, of two words but for Snowplow's own."""
_AGREED = ("allow_all", "allow_selected", "implicit_consent", "deny_all")
"""Choices whose scopes are those that are allowed after them; who denies all leaves the necessary ones."""
_Entities = Mapping[str, Mapping[str, Column]]
_REFUSED = {"expired": "denied", "withdrawn": "withdrawn"}


def inputs(settings: SourceSettings, wanted: str) -> tuple[Input, ...]:
    """The one input of a source of atomic events."""
    form = format_of(settings, "csv")
    options = {k: v for k, v in settings.options.items() if k not in _OWN_OPTIONS}
    return (Input(ROWS, form, settings.locations, options, as_lines=form == "json", dialect=dialect),)


def read_snowplow(raw: DataFrame, settings: SourceSettings, rules: EventRules) -> Draft:
    """Draft events of rows, or of JSON lines in `value`."""
    read = rows_of_lines if "value" in raw.columns else rows_of_table
    rows = read(raw, nulls=settings.nulls)
    has_load_time = "value" in raw.columns or "load_tstamp" in (name.lower() for name in raw.columns)
    return Draft(settings.source, EVENT, _events(rows, settings, rules, has_load_time), settings.history)


def _events(rows: DataFrame, settings: SourceSettings, rules: EventRules, has_load_time: bool) -> DataFrame:
    row = {name: F.col(name) for name in TYPED}
    entities = F.col("entities")
    # each JSON text is parsed into a column of its own, so that it is parsed once
    parsed = rows.withColumns(
        {name: schema.read_first(entities) for name, schema in entity.FIRST.items()}
        | {
            "event_data": entity.EVENT.read(F.col("told.data")),
            "documents": entity.CONSENT_DOCUMENT.read_every(entities),
            "kind": _kind(row),
        }
    )
    of = {name: schema.values(F.col(name)) for name, schema in entity.FIRST.items()}
    told = entity.EVENT.values(F.col("event_data"))
    named_rows = parsed.withColumns(
        {
            "name": _name(row, told),
            "clock": _clock(row, rules),
            "products": commerce.listed(entities, told, row),
            "robot": _robot(row, of),
        }
    )
    name, products, stated = F.col("name"), F.col("products"), commerce.amounts(of, row)
    return named_rows.select(
        "_file",
        "_position",
        "_raw",
        _faults(stated, rules).alias("_faults"),
        _identifiers(row, of).alias("_identifiers"),
        row["event_fingerprint"].alias("_fingerprint"),
        row["event_id"].alias("event_id"),
        name.alias("event_name"),
        F.col("clock.event_time").alias("event_time"),
        F.col("clock.time_quality").alias("time_quality"),
        _created(row).alias("original_time"),
        tracker_time(row["dvce_sent_tstamp"]).alias("sent_time"),
        tracker_time(row["collector_tstamp"]).alias("received_time"),
        *([tracker_time(row["load_tstamp"]).alias("known_time")] if has_load_time else []),
        F.coalesce(row["domain_sessionid"], of["session"]["session_id"]).alias("source_session_id"),
        F.when(row["platform"] == "web", "web").when(row["platform"].isin(*_APPS), "app").alias("channel"),
        _campaign(row).alias("campaign"),
        _page(row, told, rules).alias("page"),
        _device(row, of).alias("device"),
        tracked_products.product(products, name).alias("product"),
        tracked_products.items(products, name).alias("items"),
        commerce.order(stated, products, name, currency=default_currency(settings)).alias("order"),
        _search(told, name).alias("search_term"),
        _consent(told).alias("consent"),
        F.col("robot").isNotNull().alias("is_bot"),
        F.col("robot").alias("bot_reason"),
        parts.variant(once(_properties(), lambda text: redacted_json(text, settings=rules.redaction))).alias(
            "properties"
        ),
    )


def _kind(row: Mapping[str, Column]) -> Column:
    """What happened: the event's name, which for a self-describing event is its schema's, else its type."""
    event = F.lower(row["event"])
    of_schema = F.coalesce(present(F.col("told.name")), F.regexp_replace("told.schema", _VENDOR, ""))
    return F.lower(F.coalesce(row["event_name"], F.when(event.isin("unstruct", "ue"), of_schema), event))


def _name(row: Mapping[str, Column], told: Mapping[str, Column]) -> Column:
    """The canonical name: of the e-commerce action, of what a structured event did, else of the event."""
    kind = F.col("kind")
    schema = F.col("told.schema")
    is_structured = (F.lower(row["event"]) == "struct") | ((kind == "event") & row["se_action"].isNotNull())
    is_enhanced = schema.startswith("com_google_analytics_enhanced_ecommerce")
    return (
        F.when(schema.endswith("snowplow_ecommerce_action"), canonical_name(told["type"], SNOWPLOW_ACTIONS))
        .when(is_enhanced & told["action"].isNotNull(), canonical_name(told["action"], ENHANCED_ACTIONS))
        .when(
            is_structured,
            F.coalesce(
                canonical_name(row["se_action"], ANY_NAMES),
                canonical_name(row["se_category"], ANY_NAMES),
                F.lit("structured_event"),
            ),
        )
        .otherwise(F.coalesce(named(_KINDS, kind), canonical_name(kind, {})))
    )


def _created(row: Mapping[str, Column]) -> Column:
    return tracker_time(F.coalesce(row["dvce_created_tstamp"], row["dvce_tstamp"]))


def _clock(row: Mapping[str, Column], rules: EventRules) -> Column:
    """A time that the tracker vouches for; else Snowplow's derived time, which is our formula."""
    true = tracker_time(row["true_tstamp"])
    exact = believed_time(true, tracker_time(row["collector_tstamp"]), settings=rules.clock)
    corrected = corrected_time(
        _created(row),
        tracker_time(row["dvce_sent_tstamp"]),
        tracker_time(row["collector_tstamp"]),
        tracker_time(row["derived_tstamp"]),
        settings=rules.clock,
        library=F.regexp_replace(row["v_tracker"], r"-[0-9].*$", ""),
        is_computed=True,
    )
    return F.when(true.isNotNull(), exact).otherwise(corrected)


def _faults(stated: Mapping[str, Column], rules: EventRules) -> Column:
    name, time, told = F.col("name"), F.col("clock.event_time"), F.col("told")
    conditions: list[Condition] = [
        (
            F.col("entities").isNull(),
            CORRUPT,
            "contexts, derived_contexts or the column of an entity is JSON that cannot be read",
        ),
        (
            told.isNotNull() & told["data"].isNull(),
            CORRUPT,
            "unstruct_event or the column of an event's schema is JSON that cannot be read",
        ),
        (name.isNull(), "missing_value", "event_name is empty"),
        (time.isNull(), "missing_value", "event_time is empty: none of the clocks can be read"),
        (
            is_too_early(time, settings=rules.clock),
            "impossible_value",
            f"event_time lies before {rules.clock.earliest}",
        ),
        *commerce.number_faults(stated, F.col("products"), name),
    ]
    return faults(
        conditions, is_corrupt=F.col("is_corrupt"), corrupt="the row does not have the form of its file"
    )


def _identifiers(row: Mapping[str, Column], of: _Entities) -> Column:
    """Who this was: one cookie or installation, and the user where one is known."""
    user = of["user"]
    # the collector's cookie: for a server, which keeps none, it is a new one with every call
    of_network = F.when(~_is_server(row), row["network_userid"])
    visitor = F.coalesce(*(_someone(v) for v in (row["domain_userid"], of["session"]["user_id"], of_network)))
    return parts.clear_identifiers(
        [
            ("anonymous_id", visitor),
            ("user_id", row["user_id"]),
            ("user_id", user["id"]),
            ("email", user["email"]),
        ]
    )


def _someone(value: Column) -> Column:
    text = present(value)
    return F.when(~text.rlike(_NO_ONE), text)


def _campaign(row: Mapping[str, Column]) -> Column:
    stated = {
        "source": row["mkt_source"],
        "medium": row["mkt_medium"],
        "name": row["mkt_campaign"],
        "term": row["mkt_term"],
        "content": row["mkt_content"],
    }
    return parts.campaign(stated, row["page_url"], click_id=row["mkt_clickid"])


def _page(row: Mapping[str, Column], told: Mapping[str, Column], rules: EventRules) -> Column:
    """Page of the event; a screen has a name for a title."""
    screen = F.when(F.col("name") == vocabulary.SCREEN_VIEWED, F.coalesce(told["name"], told["title"]))
    return parts.page(
        url=row["page_url"],
        path=row["page_urlpath"],
        title=F.coalesce(row["page_title"], screen),
        referrer=row["page_referrer"],
        redaction=rules.redaction,
    )


def _device(row: Mapping[str, Column], of: _Entities) -> Column:
    agent, mobile, parser = of["agent"], of["mobile"], of["parser"]
    names = (
        row["os_name"],
        mobile["os_type"],
        row["os_family"],
        parser["os_family"],
        agent["operating_system_name"],
    )
    kinds = (row["dvce_type"], agent["device_class"], F.when(mobile["os_type"].isNotNull(), "mobile"))
    return parts.device(
        agent=_agent(row),
        kind=F.coalesce(*(parts.named_value(value) for value in kinds)),
        system=F.coalesce(*(parts.named_value(value) for value in names)),
        app=F.when(row["platform"].isin(*_APPS), row["app_id"]),
        locale=row["br_lang"],
        zone=F.coalesce(row["os_timezone"], row["geo_timezone"]),
        browser_name=F.coalesce(
            *(
                parts.named_value(v)
                for v in (row["br_family"], parser["useragent_family"], agent["agent_name"])
            )
        ),
    )


def _robot(row: Mapping[str, Column], of: _Entities) -> Column:
    """Why no person did this: the list of robots, or what an enrichment makes of the user agent."""
    is_listed = F.lower(of["robots"]["spider_or_robot"]) == "true"
    is_robot = of["agent"]["agent_class"].isin(*_ROBOTS)
    return F.when(~_is_server(row), F.when(is_listed, LISTED).when(is_robot, USER_AGENT))


def _agent(row: Mapping[str, Column]) -> Column:
    """The user agent; what a server sends is that of its own client and says nothing of the person."""
    return F.when(~_is_server(row), row["useragent"])


def _is_server(row: Mapping[str, Column]) -> Column:
    return F.coalesce(F.lower(row["platform"]) == "srv", F.lit(False))


def _search(told: Mapping[str, Column], name: Column) -> Column:
    """The words of a search; the tracker sends a list."""
    words = F.coalesce(F.array_join(F.from_json(told["terms"], "array<string>"), " "), told["terms"])
    return F.when(name == vocabulary.PRODUCTS_SEARCHED, redacted_text(present(words)))


def _consent(told: Mapping[str, Column]) -> Column:
    """What was agreed to: the scopes of a chosen preference, or the documents of an older consent event."""
    choice = told["event_type"]
    state = F.when(choice.isin(*_AGREED), "granted")
    for word, status in _REFUSED.items():
        state = state.when(choice == word, status)
    scopes = F.from_json(told["consent_scopes"], "array<string>")
    kind = F.col("kind")
    of_documents = F.when(kind == "consent_granted", "granted").when(kind == "consent_withdrawn", "withdrawn")
    documents = F.transform("documents", lambda d: d["id"])
    return F.coalesce(_stated(scopes, state), _stated(documents, of_documents))


def _stated(purposes: Column, status: Column) -> Column:
    known = F.array_distinct(F.array_compact(purposes))
    stated = F.map_from_arrays(known, F.transform(known, lambda _: status))
    return F.when(status.isNotNull() & (F.size(known) > 0), stated)


def _told_data() -> Column:
    """The event's own data as JSON, of a form without what was typed into it."""
    data = F.col("told.data")
    untyped = F.to_json(F.from_json(data, entity.FORM))
    return F.when(F.col("told.schema").isin(*entity.FORMS), untyped).otherwise(data)


def _properties() -> Column:
    """Everything else as one JSON object: kept columns, the event's own data, entities by schema."""
    kept = F.filter("entities", lambda e: ~e["schema"].isin(*entity.HIDDEN))
    schemas = F.array_distinct(F.transform(kept, lambda e: e["schema"]))
    lists = F.transform(
        schemas,
        lambda s: F.concat(
            F.lit('"'), s, F.lit('":['),
            F.array_join(F.transform(F.filter(kept, lambda e: e["schema"] == s), lambda e: e["data"]), ","),
            F.lit("]"),
        ),
    )  # fmt: skip
    columns = F.regexp_replace("kept", r"^\{|\}$", "")
    members = F.array(
        F.nullif(columns, F.lit("")),
        F.concat(F.lit('"data":'), _told_data()),
        F.when(F.size(lists) > 0, F.concat(F.lit('"entities":{'), F.array_join(lists, ","), F.lit("}"))),
    )
    return F.concat(F.lit("{"), F.array_join(F.array_compact(members), ","), F.lit("}"))
