"""Names of Segment and RudderStack events, and which of them are responses to mails."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events import vocabulary
from habitue.events.words import holds_any
from habitue.sources.event_names import ANY_NAMES, SEGMENT_NAMES, canonical_name, named

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

_SPELT = (*RESPONSES, *(name for name, canonical in SEGMENT_NAMES.items() if canonical in RESPONSES))


def name_of_call(call: Column, event: Column, plain: Column) -> Column:
    """The event's canonical name: that of the call, or for `track` that of the event it names, `plain_name` beside it.

    Many shops name their calls as GA4's documentation does.
    """
    return F.coalesce(
        named(OF_CALL, call),
        F.when(call == "track", canonical_name(event, ANY_NAMES, plain)),
    )


def may_be_response(line: Column) -> Column:
    """Whether a raw line can become a response: false for most lines, which then need not be parsed for it."""
    text = F.lower(line)
    firsts = sorted({name.split("_")[0] for name in _SPELT})
    lasts = sorted({name.rpartition("_")[2] for name in _SPELT})
    return holds_any(text, *firsts) & holds_any(text, *lasts)


def response_type(event_name: Column) -> Column:
    """The type of response an e-mail event is, null for all other events."""
    return named(RESPONSES, event_name)
