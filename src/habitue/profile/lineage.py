"""Where a profile comes from: the sources of each group of its facts, and how fresh each group is.

Parts of the profile tell both beside their columns, as `<group>_sources` and `<group>_known_time`.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

GROUPS = {
    "identity": "identifiers",
    "order": "orders",
    "session": "visits",
    "contact": "contacts",
    "consent": "consents",
    "record": "customer_records",
    "survey": "surveys",
    "case": "service_cases",
    "loyalty": "loyalty",
}
"""Names of groups as a profile spells them, by the prefix of their working columns."""
_OF_SOURCES = tuple(prefix for prefix in GROUPS if prefix not in ("identity", "session"))
"""Identifiers and visits are put together from records and events of any source, so they name none."""
KNOWN_TIMES = {f"{prefix}_known_time": "timestamp" for prefix in GROUPS}
SOURCES = {f"{prefix}_sources": "array<string>" for prefix in _OF_SOURCES}


def told_by() -> Column:
    """The sources of the facts of one group, sorted."""
    return F.array_sort(F.collect_set("source"))


def lineage() -> dict[str, Column]:
    """`sources` and `freshness` by group, and the newest known time of all."""
    sources = {GROUPS[prefix]: F.col(f"{prefix}_sources") for prefix in _OF_SOURCES}
    known = {group: F.col(f"{prefix}_known_time") for prefix, group in GROUPS.items()}
    return {
        "sources": _filled(sources),
        "freshness": _filled(known),
        "last_known_time": F.greatest(*known.values()),
    }


def _filled(values: dict[str, Column]) -> Column:
    entries = F.array(
        *(F.struct(F.lit(name).alias("key"), value.alias("value")) for name, value in values.items())
    )
    return F.map_from_entries(F.filter(entries, lambda entry: entry["value"].isNotNull()))
