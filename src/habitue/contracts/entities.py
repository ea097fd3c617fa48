"""The canonical entities: what any source is mapped to, and the silver tables that hold them."""

from __future__ import annotations

from habitue.contracts.table import IDENTIFIERS, MONEY, QUANTITY, Column, Personal, Table

_PRODUCT = f"struct<product_number:string,category:string,brand:string,price:{MONEY},quantity:{QUANTITY}>"

_IDENTIFIERS = Column(
    "identifiers",
    IDENTIFIERS,
    "Keyed identifiers on the row, sorted.",
    nullable=False,
    personal=Personal.PSEUDONYM,
)
_KNOWN = Column("known_time", "timestamp", "When the fact was known to the company.", nullable=False)
_HASH = Column(
    "row_hash", "string", "Digest of the row, so that a merge rewrites only what changed.", nullable=False
)
_SOURCE = Column("source", "string", "Source of the row.", nullable=False)


def _entity(
    leaf: str,
    comment: str,
    grain: tuple[str, ...],
    *columns: Column,
    checks: tuple[tuple[str, str], ...] = (),
    identifiers: bool = True,
    cluster_by: tuple[str, ...] = (),
) -> Table:
    shared = (_SOURCE, *columns, *((_IDENTIFIERS,) if identifiers else ()), _KNOWN, _HASH)
    return Table(f"silver.{leaf}", comment, "ingest", grain, shared, checks, cluster_by=cluster_by)


EVENT = _entity(
    "event",
    "One tracked event of a website, app or other touchpoint, after clocks, duplicates and bots.",
    ("event_id",),
    Column("event_id", "string", "The tracker's id, or a digest of the content.", nullable=False),
    Column(
        "event_name",
        "string",
        "page_viewed, product_viewed, product_added, checkout_started, order_completed, ...",
        nullable=False,
    ),
    Column("event_time", "timestamp", "When it happened, corrected for the device's clock.", nullable=False),
    Column("time_quality", "string", "corrected, clamped, device, missing, mapped.", nullable=False),
    Column("original_time", "timestamp", "Device clock when it happened."),
    Column("sent_time", "timestamp", "Device clock when it was sent."),
    Column("received_time", "timestamp", "Server clock when it arrived."),
    Column("event_date", "date", "UTC day of event_time, for pruning.", nullable=False),
    Column(
        "event_sequence",
        "bigint",
        "Place among events of one instant, where the tracker sends them in numbered batches; else 0. "
        "The total order of a visitor's events is event_time, event_sequence, event_id.",
    ),
    Column("visitor_type", "string", "Type of the identifier that says which device or cookie this was."),
    Column("visitor_key", "string", "Its key; sessions are cut per visitor.", personal=Personal.PSEUDONYM),
    Column(
        "source_session_id",
        "string",
        "The tracker's own session, where it has one.",
        personal=Personal.PSEUDONYM,
    ),
    Column("channel", "string", "web, app, mail, store, service, ads."),
    Column(
        "campaign",
        "struct<source:string,medium:string,name:string,term:string,content:string,click_id:string>",
        "Campaign parameters of the landing.",
    ),
    Column("page", "struct<url:string,path:string,title:string,referrer:string>", "Page, URL redacted."),
    Column(
        "device",
        "struct<type:string,os:string,browser:string,app:string,locale:string,zone:string,user_agent:string>",
        "Device as reported.",
    ),
    Column("product", _PRODUCT, "Product of a product event."),
    Column("items", f"array<{_PRODUCT}>", "Products of a cart or order event."),
    Column(
        "order",
        f"struct<order_number:string,value:{MONEY},currency:string,discount:{MONEY},coupon:string>",
        "Order of an order event.",
    ),
    Column("search_term", "string", "What was searched for, redacted."),
    Column("engaged_seconds", "double", "Engaged time that the tracker reports for this event."),
    Column("consent", "map<string,string>", "Consent state sent with the event, by purpose."),
    Column("is_bot", "boolean", "Whether a rule says that no person did this.", nullable=False),
    Column("bot_reason", "string", "Which rule."),
    Column("properties", "variant", "Everything else, redacted."),
    Column(
        "tracker_id",
        "string",
        "The tracker's id, where other events have it too, so that event_id is another.",
    ),
    Column(
        "tracker_fingerprint",
        "string",
        "Digest of what the client set, where the tracker's pipeline made one.",
    ),
    checks=(
        ("known_time_quality", "time_quality IN ('corrected', 'clamped', 'device', 'missing', 'mapped')"),
    ),
    cluster_by=("event_date", "visitor_key"),
)

ORDER_LINE = _entity(
    "order_line",
    "One line of an order, a return or a cancellation. Returns carry negative quantity and revenue.",
    ("source", "order_number", "line_number"),
    Column("order_number", "string", "The shop's order number.", nullable=False, personal=Personal.PSEUDONYM),
    Column(
        "line_number",
        "int",
        "Position in the order, from 1; negative where a return has that of what came back.",
        nullable=False,
    ),
    Column("order_time", "timestamp", "When it was ordered or returned.", nullable=False),
    Column("product_number", "string", "What was bought."),
    Column("quantity", QUANTITY, "Units; negative for a return.", nullable=False),
    Column(
        "net_revenue",
        MONEY,
        "Revenue of the line without VAT, after discounts; negative for a return.",
        nullable=False,
    ),
    Column("vat_rate", "decimal(5,2)", "VAT contained in the source's price.", unit="percent"),
    Column("discount", MONEY, "All discounts on the line, as a positive amount."),
    Column("discount_type", "string", "The largest discount's type."),
    Column("discounts", f"map<string,{MONEY}>", "Discounts apart by type, as positive amounts."),
    Column("coupon", "string", "Coupon used on the line."),
    Column("cost", MONEY, "Cost of goods of the line."),
    Column("currency", "string", "ISO 4217.", nullable=False),
    Column("channel", "string", "Purchase channel: web, app, store, phone, marketplace."),
    Column("store", "string", "Store."),
    Column("payment", "string", "Means of payment."),
    Column("is_return", "boolean", "Return or cancellation.", nullable=False),
    Column(
        "returned_order_number", "string", "Order that the return belongs to.", personal=Personal.PSEUDONYM
    ),
    checks=(
        ("currency_is_iso", "currency RLIKE '^[A-Z]{3}$'"),
        ("returns_are_not_positive", "NOT is_return OR net_revenue <= 0"),
    ),
    cluster_by=("order_time",),
)

CUSTOMER_RECORD = _entity(
    "customer_record",
    "One record of a customer as one source keeps it, without what names the person (that is in the vault).",
    ("source", "record_key"),
    Column(
        "record_key", "string", "HMAC of the source's record id.", nullable=False, personal=Personal.PSEUDONYM
    ),
    Column("gender", "string", "f, m, d.", personal=Personal.ATTRIBUTE),
    Column("birth_year", "int", "Year of birth.", personal=Personal.ATTRIBUTE),
    Column("postal_area", "string", "First two characters of the postal code.", personal=Personal.ATTRIBUTE),
    Column("city", "string", "City.", personal=Personal.ATTRIBUTE),
    Column("country", "string", "ISO 3166 alpha-2.", personal=Personal.ATTRIBUTE),
    Column("language", "string", "ISO 639-1.", personal=Personal.ATTRIBUTE),
    Column(
        "customer_since", "date", "Since when the source calls this a customer.", personal=Personal.ATTRIBUTE
    ),
    Column("segment", "string", "The source's own segment.", personal=Personal.ATTRIBUTE),
    Column("has_address", "boolean", "Whether the vault has a full postal address."),
    Column(
        "attributes",
        "map<string,string>",
        "Everything else that was mapped: demographics, opinions, preferences.",
        personal=Personal.ATTRIBUTE,
    ),
    Column("is_deceased", "boolean", "Reported deceased.", personal=Personal.ATTRIBUTE),
    Column("is_blocked", "boolean", "Blocked for all marketing by the source."),
)

PRODUCT = _entity(
    "product",
    "One product.",
    ("source", "product_number"),
    Column("product_number", "string", "The shop's product number.", nullable=False),
    Column("name", "string", "Name."),
    Column("category", "string", "Main category or department."),
    Column("subcategory", "string", "Category below it."),
    Column("brand", "string", "Brand."),
    Column("price", MONEY, "List price without VAT."),
    Column("margin", "double", "Contribution margin as a share of the price."),
    Column("introduced_on", "date", "First day on sale."),
    Column("discontinued_on", "date", "Last day on sale."),
    Column("is_blocked", "boolean", "Not to be offered."),
    identifiers=False,
)

STOCK_LEVEL = _entity(
    "stock_level",
    "Stock of a product in a store at a moment.",
    ("source", "product_number", "store", "as_of_time"),
    Column("product_number", "string", "Product.", nullable=False),
    Column("store", "string", "Store; empty text for the whole shop.", nullable=False),
    Column("as_of_time", "timestamp", "When it was counted.", nullable=False),
    Column("quantity", QUANTITY, "Units at hand.", nullable=False),
    identifiers=False,
)

CONSENT = _entity(
    "consent",
    "A consent given, denied or withdrawn: purpose x channel at a time.",
    ("source", "consent_id"),
    Column("consent_id", "string", "Digest of the row's key.", nullable=False),
    Column("purpose", "string", "marketing, profiling, analytics, ads_sharing, ...", nullable=False),
    Column("channel", "string", "email, phone, post, push, ads, any.", nullable=False),
    Column("status", "string", "granted, denied, withdrawn.", nullable=False),
    Column("given_time", "timestamp", "When the person said so.", nullable=False),
    Column("basis", "string", "Legal basis the source states."),
    Column("text_version", "string", "Version of the text that was shown."),
    Column("double_opt_in_time", "timestamp", "When it was confirmed."),
    checks=(("known_status", "status IN ('granted', 'denied', 'withdrawn')"),),
)

CAMPAIGN = _entity(
    "campaign",
    "One campaign.",
    ("source", "campaign"),
    Column("campaign", "string", "Name or number of the campaign.", nullable=False),
    Column("name", "string", "Title."),
    Column("type", "string", "The source's own type."),
    Column("channel", "string", "Main channel."),
    Column("start_time", "timestamp", "Start."),
    Column("end_time", "timestamp", "End."),
    Column("cost", MONEY, "Fixed cost."),
    Column("incentive_type", "string", "discount, gift, points, information, ..."),
    Column("is_acquisition", "boolean", "Aims at people who are not yet customers."),
    Column("is_randomised", "boolean", "Whether receivers were drawn at random."),
    identifiers=False,
)

CONTACT = _entity(
    "contact",
    "One contact with a person within a campaign.",
    ("source", "contact_id"),
    Column("contact_id", "string", "The source's id, or a digest.", nullable=False),
    Column("campaign", "string", "Campaign.", nullable=False),
    Column("channel", "string", "email, post, push, ads, phone, ...", nullable=False),
    Column("contact_time", "timestamp", "When the person was contacted.", nullable=False),
    Column("cost", MONEY, "Cost of this contact."),
    Column("variant", "string", "Variant of the content."),
    Column("is_control", "boolean", "Assigned to the control group, not contacted."),
)

RESPONSE = _entity(
    "response",
    "One reaction to a contact or campaign.",
    ("source", "response_id"),
    Column("response_id", "string", "Digest of the row's key.", nullable=False),
    Column("contact_id", "string", "Contact it answers."),
    Column("campaign", "string", "Campaign it answers."),
    Column(
        "type",
        "string",
        "delivered, opened, clicked, bounced, unsubscribed, complained, redeemed.",
        nullable=False,
    ),
    Column("response_time", "timestamp", "When.", nullable=False),
    Column("value", MONEY, "Money that came with it."),
    checks=(
        (
            "known_type",
            "type IN ('delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained', 'redeemed')",
        ),
        ("answers_something", "contact_id IS NOT NULL OR campaign IS NOT NULL"),
    ),
)

SURVEY = _entity(
    "survey",
    "One answer to a survey, a rating, a review or a stated preference.",
    ("source", "survey_id"),
    Column("survey_id", "string", "Digest of the row's key.", nullable=False),
    Column("kind", "string", "nps, rating, review, preference.", nullable=False),
    Column("score", "double", "Score on the kind's own scale."),
    Column("text_topic", "string", "Topic of a free text; never the text."),
    Column("survey_time", "timestamp", "When.", nullable=False),
)

SERVICE_CASE = _entity(
    "service_case",
    "One case at customer service.",
    ("source", "case_id"),
    Column("case_id", "string", "The source's id.", nullable=False),
    Column("opened_time", "timestamp", "Opened.", nullable=False),
    Column("closed_time", "timestamp", "Closed."),
    Column("type", "string", "complaint, question, return."),
    Column("satisfaction", "double", "Satisfaction stated after closing."),
)

LOYALTY = _entity(
    "loyalty",
    "State of a loyalty account at a moment.",
    ("source", "loyalty_id"),
    Column("loyalty_id", "string", "Digest of the row's key.", nullable=False),
    Column("tier", "string", "Tier."),
    Column("points", "bigint", "Points at hand."),
    Column("points_expiring", "bigint", "Points that expire next."),
    Column("expires_on", "date", "When they expire."),
    Column("status_time", "timestamp", "When this was the state.", nullable=False),
)

SUBSCRIPTION = _entity(
    "subscription",
    "One contract.",
    ("source", "contract_id"),
    Column("contract_id", "string", "The source's id.", nullable=False, personal=Personal.PSEUDONYM),
    Column("start_time", "timestamp", "Start.", nullable=False),
    Column("end_time", "timestamp", "Agreed end."),
    Column("renewal_time", "timestamp", "Next renewal."),
    Column("price", MONEY, "Price per period without VAT."),
    Column("currency", "string", "ISO 4217."),
    Column("period", "string", "month, year, ..."),
    Column("cancelled_time", "timestamp", "When it was cancelled."),
)

TOUCH = _entity(
    "touch",
    "Referral, social follow, store visit, community, raffle.",
    ("source", "touch_id"),
    Column("touch_id", "string", "Digest of the row's key.", nullable=False),
    Column("kind", "string", "referral, social_follow, store_visit, community, raffle.", nullable=False),
    Column("touch_time", "timestamp", "When.", nullable=False),
    Column("other_type", "string", "Type of the other person's identifier."),
    Column("other_key", "string", "Key of the other person's identifier.", personal=Personal.PSEUDONYM),
)

ENTITIES: dict[str, Table] = {
    table.leaf: table
    for table in (
        EVENT, CUSTOMER_RECORD, ORDER_LINE, PRODUCT, STOCK_LEVEL, CONSENT, CAMPAIGN, CONTACT, RESPONSE, SURVEY,
        SERVICE_CASE, LOYALTY, SUBSCRIPTION, TOUCH,
    )
}  # fmt: skip
