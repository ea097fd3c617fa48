"""Ingest: files become canonical entities; bad rows are quarantined, clear identifiers locked away.

Each entity is a step of its own. Its sources are read whole, so that a changed file
replaces its rows exactly; the merge then writes only what differs. The entity's silver
table is written last: it marks the step as done.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import CUSTOMER_RECORD, ENTITIES, EVENT
from habitue.contracts.intake import IDENTIFIER, PERSON_RECORD, QUARANTINE_COUNT
from habitue.contracts.table import Table
from habitue.events.bots import flag_bots
from habitue.events.settings import BotSettings
from habitue.job import Run
from habitue.privacy.vault import person_records, vault_identifiers
from habitue.sources.adapters import adapter_of, fed_entities, sources_of
from habitue.sources.duplicates import IS_DUPLICATE, only_last_of_grain
from habitue.sources.inputs import digest, find
from habitue.sources.settings import SourceSettings
from habitue.sources.settled import silver_rows
from habitue.sources.validation import is_good
from habitue.stages.intake import Taken, note_files, take_in


def ingest(run: Run) -> None:
    """Take in every entity that a source feeds."""
    for name in fed_entities(run.settings.sources):
        ingest_entity(run, name)


def ingest_entity(run: Run, name: str) -> None:
    """Take in one entity from all sources that feed it."""
    entity = ENTITIES[name]
    taken = [take_in(run, settings, entity) for settings in sources_of(name, run.settings.sources)]
    good = _good_rows(taken, entity)
    for each in taken:
        note_files(run, each)
    run.lake.merge(IDENTIFIER, vault_identifiers(good), update=False)
    if entity is EVENT:
        good = flag_bots(good, settings=BotSettings())
    if entity is CUSTOMER_RECORD:
        run.lake.merge(PERSON_RECORD, person_records(good), delete_unmatched=True)
    run.lake.merge(QUARANTINE_COUNT, _counts(run, taken, name), delete_unmatched={"entity": name})
    run.lake.merge(entity, silver_rows(good, entity), delete_unmatched=True)


def source_digest(settings: SourceSettings, entity: str, project: Path) -> str:
    """Digest of a source's mapping and of the content of its files for an entity; needs no Spark."""
    return digest(settings, tuple(find(i, project) for i in adapter_of(settings).inputs(settings, entity)))


def _good_rows(taken: Sequence[Taken], entity: Table) -> DataFrame:
    rows = _union([each.rows for each in taken]).where(is_good() & ~F.col(IS_DUPLICATE))
    if len(taken) > 1 and "source" not in entity.grain:  # ids of two sources may collide
        return only_last_of_grain(rows, entity).where(~F.col(IS_DUPLICATE))
    return rows


def _counts(run: Run, taken: Sequence[Taken], entity: str) -> DataFrame:
    schema = ", ".join(f"{c.name} {c.type}" for c in QUARANTINE_COUNT.columns)
    rows = [row for each in taken for row in each.tally.rows(each.settings.source, entity)]
    return run.spark.createDataFrame(rows, schema)


def _union(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda a, b: a.unionByName(b), parts)
