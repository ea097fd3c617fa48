"""Sources that need more than a mapping, by name: which entities they feed, from which files, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from habitue.contracts.entities import ENTITIES, EVENT
from habitue.errors import ConfigError
from habitue.sources import completejourney, ga4, snowplow
from habitue.sources.draft import Draft
from habitue.sources.event_rules import EventRules
from habitue.sources.ga4 import read_ga4
from habitue.sources.inputs import Input, mapped_input
from habitue.sources.mapping import map_source
from habitue.sources.segment import SegmentSettings, read_segment, read_segment_responses
from habitue.sources.settings import SourceSettings, default_currency, format_of
from habitue.sources.snowplow import read_snowplow


@dataclass(frozen=True)
class Adapter:
    """How one kind of source is read."""

    feeds: tuple[str, ...]
    inputs: Callable[[SourceSettings, str], tuple[Input, ...]]
    read: Callable[[Mapping[str, DataFrame], SourceSettings, str, EventRules], list[Draft]]


def _segment_inputs(settings: SourceSettings, entity: str) -> tuple[Input, ...]:
    form = format_of(settings, "json")
    if form != "json":
        raise ConfigError(
            f"conf/sources: {settings.source} cannot be read by the adapter segment:",
            [f"format: expected json, found {form}"],
            hint="Deliver the calls as JSON lines, or map the tables with `entity: event`.",
        )
    return (Input("lines", form, settings.locations, dict(settings.options), as_lines=True),)


def _segment_drafts(
    tables: Mapping[str, DataFrame], settings: SourceSettings, entity: str, rules: EventRules
) -> list[Draft]:
    read = read_segment if entity == EVENT.leaf else read_segment_responses
    own = SegmentSettings(
        source=settings.source,
        is_history=settings.history,
        currency=default_currency(settings),
        clock=rules.clock,
        redaction=rules.redaction,
    )
    return [read(tables["lines"], settings=own)]


def _snowplow_drafts(
    tables: Mapping[str, DataFrame], settings: SourceSettings, entity: str, rules: EventRules
) -> list[Draft]:
    return [read_snowplow(tables[snowplow.ROWS], settings, rules)]


def _ga4_drafts(
    tables: Mapping[str, DataFrame], settings: SourceSettings, entity: str, rules: EventRules
) -> list[Draft]:
    return [read_ga4(tables[ga4.ROWS], settings, rules)]


def _mapped_inputs(settings: SourceSettings, entity: str) -> tuple[Input, ...]:
    return (mapped_input(settings),)


def _mapped_drafts(
    tables: Mapping[str, DataFrame], settings: SourceSettings, entity: str, rules: EventRules
) -> list[Draft]:
    return [map_source(tables["rows"], settings, rules)]


ADAPTERS: dict[str, Adapter] = {
    "completejourney": Adapter(
        tuple(completejourney.FILES), completejourney.inputs, lambda t, s, e, _: completejourney.read(t, s, e)
    ),
    "segment": Adapter(("event", "response"), _segment_inputs, _segment_drafts),
    "snowplow": Adapter(("event",), snowplow.inputs, _snowplow_drafts),
    "ga4": Adapter(("event",), ga4.inputs, _ga4_drafts),
}


TRACKED = ("event", "response")
"""Entities that trackers feed: what a project configures for its events decides how these are read."""


def adapter_of(settings: SourceSettings) -> Adapter:
    """The adapter of a source; a mapped source has one of its own."""
    if settings.adapter is not None:
        return ADAPTERS[settings.adapter]
    return Adapter((settings.entity or "",), _mapped_inputs, _mapped_drafts)


def sources_of(entity: str, sources: Mapping[str, SourceSettings]) -> list[SourceSettings]:
    """The sources that feed an entity, in the order of their names."""
    feeding = [s for s in sources.values() if entity in adapter_of(s).feeds]
    return sorted(feeding, key=lambda s: (s.source, s.adapter or "", s.locations))


def fed_entities(sources: Mapping[str, SourceSettings]) -> tuple[str, ...]:
    """Entities that any source feeds, in the order of the contracts; ConfigError where one is fed twice."""
    fed = Counter((s.source, entity) for s in sources.values() for entity in adapter_of(s).feeds)
    twice = sorted(f"{source} feeds {entity} {n} times" for (source, entity), n in fed.items() if n > 1)
    if twice:
        raise ConfigError(
            "Rows of one source and entity must come from one mapping:",
            twice,
            hint="Give the mappings different source names, or one mapping several paths.",
        )
    return tuple(name for name in ENTITIES if sources_of(name, sources))


_NUMBERED_BY: tuple[tuple[str, str, str], ...] = (
    ("order_line", "product", "shares of categories and brands, and audiences of them, stay empty"),
    ("response", "contact", "answers that name nobody themselves, unsubscribes too, belong to nobody"),
    ("response", "campaign", "the channel of its answers is not known"),
)
"""What names a number of another entity, and what is lost where that number is another source's."""


def apart(sources: Mapping[str, SourceSettings]) -> list[str]:
    """What mapped sources name by number that only sources of other names deliver: each in a sentence.

    Numbers are those of one source: two shops may both have a product 4711.
    """
    found = []
    for one, other, loss in _NUMBERED_BY:
        there = {s.source for s in sources_of(other, sources)}
        alone = {s.source for s in sources_of(one, sources) if s.adapter is None} - there
        if there:
            found += [
                f"{one} rows of {name} find no {other}: those are of {', '.join(sorted(there))}, so {loss}. "
                "If the numbers are the same, give both mappings one name of `source`."
                for name in sorted(alone)
            ]
    return found
