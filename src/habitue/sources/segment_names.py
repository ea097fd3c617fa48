"""Names of Segment and RudderStack events, and which of them are responses to mails."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events import vocabulary
from habitue.sources.event_names import SEGMENT_NAMES, canonical_name, named

OF_CALL = {
    "page": vocabulary.PAGE_VIEWED,
    "screen": vocabulary.SCREEN_VIEWED,
    "identify": vocabulary.IDENTIFIED,
    "group": vocabulary.GROUPED,
    "alias": vocabulary.ALIASED,
}
"""Calls that are an event by themselves; `track` names its event."""

CALLS = (*OF_CALL, "track")

RESPONSES = {
    "email_delivered": "delivered",
    "email_opened": "opened",
    "email_clicked": "clicked",
    "email_bounced": "bounced",
    "email_complained": "complained",
    "email_unsubscribed": "unsubscribed",
}
"""E-mail events and the type of response they are."""

MAY_BE_RESPONSE = ("email", "unsubscribed")
"""One of these words is in every raw line, in lower case, that can become a response."""


def name_of_call(call: Column, event: Column) -> Column:
    """The event's canonical name: that of the call, or for `track` that of the event it names."""
    return F.coalesce(
        named(OF_CALL, call),
        F.when(call == "track", canonical_name(event, SEGMENT_NAMES)),
    )


def response_type(event_name: Column) -> Column:
    """The type of response an e-mail event is, null for all other events."""
    return named(RESPONSES, event_name)
