"""Refusals that leave the lake because their file or source is gone: allowed, and never in silence.

A file that is taken away takes its rows along, grants and refusals alike. After a grant nobody is missed; after a
refusal somebody is contacted who did not want to be.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from habitue.contracts.entities import CONSENT, CUSTOMER_RECORD, RESPONSE
from habitue.contracts.table import Table
from habitue.job import Run

REFUSALS = {
    CONSENT.leaf: "status <> 'granted'",
    RESPONSE.leaf: "type IN ('unsubscribed', 'complained')",
    CUSTOMER_RECORD.leaf: "is_blocked OR is_deceased",
}
"""By entity which of its rows stand against a contact."""
_SAME = {CONSENT.leaf: ("source", "identifiers", "purpose", "channel")}
"""Two rows with these equal say the same; elsewhere those of one key."""


def note_lost_refusals(run: Run, entity: Table, rows: DataFrame) -> None:
    """Say how many refusals the lake has of which `rows`, all that there will be, know nothing any more."""
    if entity.leaf not in REFUSALS or run.lake.is_empty(entity):
        return
    key = list(_SAME.get(entity.leaf, entity.grain))
    refused = run.lake.read(entity).where(REFUSALS[entity.leaf]).select(*key)
    lost = refused.join(rows.select(*key), on=key, how="left_anti").count()
    if lost:
        run.count(f"lost_refusals.{entity.leaf}", lost)
        run.note(
            f"{lost:,} refusals of {entity.leaf} left with their files: what stood against a contact stands no more. "
            "If they still hold, deliver them again."
        )
