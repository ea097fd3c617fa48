"""Entities that no source feeds any more: what a removed source brought leaves the lake with it."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import functions as F

from habitue.contracts.entities import CUSTOMER_RECORD, ENTITIES
from habitue.contracts.intake import (
    FORMER_RECORD,
    PERSON_RECORD,
    QUARANTINE,
    QUARANTINE_COUNT,
    SOURCE_FILE,
)
from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.deltalog import DeltaLog
from habitue.lake.merge import Deletion
from habitue.sources.adapters import fed_entities
from habitue.stages.lost_refusals import note_lost_refusals


def unfed_entities(run: Run) -> tuple[str, ...]:
    """Entities that the lake has a table of and the project no source, in the order of the contracts."""
    fed = fed_entities(run.settings.sources)
    others = ((name, table) for name, table in ENTITIES.items() if name not in fed)
    return tuple(name for name, table in others if DeltaLog(run.location.table(table)).head() is not None)


def clear_entities(run: Run, names: Sequence[str]) -> None:
    """Remove all rows of the entities, as those of a file that is gone: a grant without a source is none."""
    _note_gone(run, names)
    for table in (QUARANTINE, QUARANTINE_COUNT):
        _remove(run, table, {"entity": list(names)})
    if CUSTOMER_RECORD.leaf in names:
        _remove(run, PERSON_RECORD)
        _remove(run, FORMER_RECORD)
    for name in names:
        note_lost_refusals(run, ENTITIES[name], run.lake.read(ENTITIES[name]).limit(0))
        _remove(run, ENTITIES[name])
        run.note(f"No source feeds {name} any more; its rows are taken out.")


def _remove(run: Run, table: Table, scope: Deletion = True) -> None:
    if run.lake.exists(table):
        run.lake.merge(table, run.lake.read(table).limit(0), delete_unmatched=scope)


def _note_gone(run: Run, names: Sequence[str]) -> None:
    feeds = F.arrays_overlap(F.split("entity", ", "), F.array(*(F.lit(name) for name in names)))
    known = run.lake.read(SOURCE_FILE).where(feeds & ~F.col("source").isin(_configured(run)))
    gone = {"status": F.lit("gone"), "reason": F.lit(None).cast("string")}
    run.lake.merge(SOURCE_FILE, run.lake.checkpoint(known.where("status <> 'gone'").withColumns(gone)))


def _configured(run: Run) -> list[str]:
    return sorted({source.source for source in run.settings.sources.values()})
