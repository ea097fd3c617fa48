"""Reading Snowplow's entities: fields by name, in either spelling, from the JSON text of one schema."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.sources.tracked_products import TEXTS

_SNOWPLOW = "com_snowplowanalytics_snowplow"
_ENHANCED = "com_google_analytics_enhanced_ecommerce"


@dataclass(frozen=True)
class Schema:
    """A schema with the fields that are read of it, in snake_case; all are text first."""

    name: str
    fields: tuple[str, ...]

    @property
    def type(self) -> str:
        """The type to parse with: every field in both spellings."""
        spelt = dict.fromkeys(name for field in self.fields for name in (field, _camel(field)))
        return f"struct<{','.join(f'`{name}`:string' for name in spelt)}>"

    def read(self, data: Column) -> Column:
        """One object, parsed; a column of its own, so that it is parsed once however many fields are asked."""
        return F.from_json(data, self.type)

    def read_first(self, entities: Column) -> Column:
        """The first entity of this schema, parsed; null where there is none."""
        return self.read(F.get(self._own(entities), F.lit(0))["data"])

    def read_every(self, entities: Column) -> Column:
        """All entities of this schema as an array of structs of their fields."""
        objects = F.transform(self._own(entities), lambda e: self.read(e["data"]))
        return F.transform(
            objects, lambda o: F.struct(*(value.alias(name) for name, value in self.values(o).items()))
        )

    def values(self, parsed: Column) -> dict[str, Column]:
        """The fields of a parsed object in whichever spelling it has."""
        return {field: F.coalesce(parsed[field], parsed[_camel(field)]) for field in self.fields}

    def _own(self, entities: Column) -> Column:
        return F.filter(entities, lambda e: e["schema"] == self.name)


def _camel(field: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda m: m.group(1).upper(), field)


CLIENT_SESSION = Schema(f"{_SNOWPLOW}_client_session", ("user_id", "session_id"))
MOBILE = Schema(f"{_SNOWPLOW}_mobile_context", ("os_type", "device_model"))
ROBOTS = Schema("com_iab_snowplow_spiders_and_robots", ("spider_or_robot",))
UA_PARSER = Schema(f"{_SNOWPLOW}_ua_parser_context", ("useragent_family", "os_family"))
YAUAA = Schema(
    "nl_basjes_yauaa_context", ("device_class", "agent_class", "agent_name", "operating_system_name")
)
CONSENT_DOCUMENT = Schema(f"{_SNOWPLOW}_consent_document", ("id",))

USER = Schema(f"{_SNOWPLOW}_ecommerce_user", ("id", "email"))
PRODUCT = Schema(f"{_SNOWPLOW}_ecommerce_product", TEXTS)
TRANSACTION = Schema(
    f"{_SNOWPLOW}_ecommerce_transaction",
    ("transaction_id", "revenue", "tax", "shipping", "discount_amount", "discount_code", "currency"),
)
REFUND = Schema(f"{_SNOWPLOW}_ecommerce_refund", ("transaction_id", "refund_amount", "currency"))
CART = Schema(f"{_SNOWPLOW}_ecommerce_cart", ("total_value", "currency"))
ENHANCED_PRODUCT = Schema(f"{_ENHANCED}_product_field_object", TEXTS)
ENHANCED_ACTION = Schema(
    f"{_ENHANCED}_action_field_object", ("id", "revenue", "tax", "shipping", "coupon", "currency")
)

EVENT = Schema(
    "",
    (
        *("type", "action", "sku", "category", "unit_price", "quantity", "currency", "terms"),
        *("event_type", "consent_scopes", "name", "title"),
    ),
)
"""What is read of the self-describing event itself, whatever its schema."""

FORMS = tuple(f"{_SNOWPLOW}_{form}" for form in ("submit_form", "change_form", "focus_form"))
"""Self-describing events of a form, whose values are what a person typed."""
_FIELDS_OF_FORM = "formId:string,form_id:string,formClasses:array<string>,form_classes:array<string>"
_FIELDS_OF_ELEMENT = "name:string,nodeName:string,node_name:string,type:string"
FORM = (
    f"struct<{_FIELDS_OF_FORM},elements:array<struct<{_FIELDS_OF_ELEMENT}>>,{_FIELDS_OF_ELEMENT},"
    "elementId:string,element_id:string,elementClasses:array<string>,element_classes:array<string>>"
)
"""What such an event says beside them: which form and elements these were."""

FIRST: dict[str, Schema] = {
    "session": CLIENT_SESSION,
    "mobile": MOBILE,
    "robots": ROBOTS,
    "parser": UA_PARSER,
    "agent": YAUAA,
    "user": USER,
    "sold": TRANSACTION,
    "returned": REFUND,
    "cart": CART,
    "enhanced": ENHANCED_ACTION,
}
"""Entities of which an event has one, by the name under which their fields are read."""

HIDDEN = (
    CLIENT_SESSION.name,
    USER.name,
    ROBOTS.name,
    UA_PARSER.name,
    YAUAA.name,
    "org_ietf_http_cookie",
    "org_ietf_http_header",
    f"{_SNOWPLOW}_geolocation_context",
    "com_google_analytics_cookies",
    "com_google_ga4_cookies",
)
"""Entities that name a person or where one is, or say no more than the columns made of them: not kept as properties."""
