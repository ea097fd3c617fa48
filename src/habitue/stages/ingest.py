"""Ingest: files become canonical entities; bad rows are quarantined, clear identifiers locked away.

Each entity is a step of its own. Its sources are read whole, so that a changed file
replaces its rows exactly; the merge then writes only what differs. Of events only new files are read, where
nothing else changed. The entity's silver table marks the step as done; after it only the figures are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import CUSTOMER_RECORD, ENTITIES, EVENT, ORDER_LINE
from habitue.contracts.intake import IDENTIFIER, QUARANTINE_COUNT
from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.concurrency import at_once, both
from habitue.privacy.vault import vault_identifiers
from habitue.sources.adapters import adapter_of, fed_entities, sources_of
from habitue.sources.duplicates import IS_DUPLICATE
from habitue.sources.inputs import FoundInput, find
from habitue.sources.settings import SourceSettings
from habitue.sources.settled import silver_rows
from habitue.sources.validation import FUTURE, is_good
from habitue.stages.customer_intake import sources_as_before, write_customers
from habitue.stages.event_settling import Events, new_event_files, settle, write_events
from habitue.stages.first_known import READING, as_first_known, read_anew, reading
from habitue.stages.intake import Taken, note_files, quarantine_rows_of, report, take_in, with_tallies
from habitue.stages.lost_refusals import REFUSALS, note_lost_refusals
from habitue.stages.rows_ahead import AHEAD, earlier, first_ahead

_LONGEST = (EVENT.leaf, CUSTOMER_RECORD.leaf, ORDER_LINE.leaf)


def ingest(run: Run) -> None:
    """Take in every entity that a source feeds."""
    ingest_entities(run, fed_entities(run.settings.sources))


def ingest_entities(run: Run, names: Sequence[str]) -> None:
    """Take in entities from all sources that feed them; tables that all entities share are written once."""
    taken, events = _take_in(run, names)
    quarantine_rows_of(run, taken, names)
    good = {name: _good_rows([t for t in taken if t.entity.leaf == name]) for name in names}
    repeats = [_repeated_records(taken)] if CUSTOMER_RECORD.leaf in good else []
    at_once(
        [
            partial(note_files, run, taken),
            partial(run.lake.merge, IDENTIFIER, vault_identifiers([*good.values(), *repeats]), update=False),
        ]
    )
    ahead = _rows_ahead(taken)
    good = {name: _as_first_known(run, rows, ENTITIES[name]) for name, rows in good.items()}
    for name, rows in good.items():
        if name in REFUSALS:
            run.focus(step_name(name))
            note_lost_refusals(run, ENTITIES[name], silver_rows(rows, ENTITIES[name]))
    writers = {
        name: partial(_write_entity, run, name, rows, ahead.get(name, {})) for name, rows in good.items()
    }
    if CUSTOMER_RECORD.leaf in good:
        run.focus(step_name(CUSTOMER_RECORD.leaf))
        records, as_before = good[CUSTOMER_RECORD.leaf], sources_as_before(run)
        writers[CUSTOMER_RECORD.leaf] = partial(
            write_customers, run, records, repeats[0], as_before=as_before
        )
    if events:
        writers[EVENT.leaf] = partial(write_events, run, events)
    # those that take longest begin first
    first = [name for name in _LONGEST if name in writers]
    at_once(writers[name] for name in dict.fromkeys([*first, *writers]))
    # last: figures of rows that a run did not live to write would be held against the tables for ever
    run.lake.merge(QUARANTINE_COUNT, _counts(run, taken), delete_unmatched={"entity": names})


def _as_first_known(run: Run, good: DataFrame, entity: Table) -> DataFrame:
    if entity in (EVENT, CUSTOMER_RECORD):  # their data, or what was stated before, tell the time
        return good
    run.focus(step_name(entity.leaf))
    anew = read_anew(run, entity)
    return as_first_known(good, run.lake.read(entity), entity, anew) if anew else good


def _write_entity(run: Run, name: str, good: DataFrame, ahead: Mapping[str, int]) -> None:
    entity = ENTITIES[name]
    rows = silver_rows(good, entity)
    basis = {AHEAD: dict(ahead), READING: reading(run, entity)}
    run.lake.merge(entity, rows, delete_unmatched=True, basis=basis)


def _rows_ahead(taken: Sequence[Taken]) -> Mapping[str, Mapping[str, int]]:
    """By entity when the first of its rows that lie too far ahead will have come; events note their own."""
    found: dict[str, dict[str, int]] = {}
    for each in taken:
        if FUTURE in each.tally.quarantined and each.entity is not EVENT:
            name = each.entity.leaf
            found[name] = earlier(found.get(name, {}), first_ahead(each.rows, each.entity))
    return found


def _repeated_records(taken: Sequence[Taken]) -> DataFrame:
    """Good rows of customer records that have others with their key known later."""
    rows = _union([t.rows for t in taken if t.entity is CUSTOMER_RECORD])
    return rows.where(is_good() & F.col(IS_DUPLICATE))


def step_name(entity: str) -> str:
    """Name of an entity's step in the run record."""
    return f"ingest {entity}"


def _take_in(run: Run, names: Sequence[str]) -> tuple[list[Taken], Events | None]:
    """Every source of the entities, several at a time; what was found is said in the order of the entities."""
    has_events = EVENT.leaf in names
    if has_events:
        run.focus(step_name(EVENT.leaf))
    came = new_event_files(run) if has_events else None
    wanted = [(s, ENTITIES[name]) for name in names for s in sources_of(name, run.settings.sources)]
    each = at_once(
        [
            partial(
                take_in,
                run,
                settings,
                entity,
                came=came[settings.source] if came and entity is EVENT else None,
            )
            for settings, entity in wanted
        ]
    )
    of_events = [t for t in each if t.entity is EVENT]
    events, counted = both(lambda: settle(run, of_events) if of_events else None, lambda: with_tallies(each))
    if has_events and events is None:  # what came cannot be told from what is there
        again = [partial(take_in, run, settings, entity) for settings, entity in wanted if entity is EVENT]
        events = settle(run, at_once(again))
    settled = iter(events.taken if events else ())
    found = [next(settled) if t.entity is EVENT else t for t in counted]
    for taken in found:
        run.focus(step_name(taken.entity.leaf))
        report(run, taken)
    return found, events


def source_inputs(settings: SourceSettings, entity: str, project: Path) -> tuple[FoundInput, ...]:
    """What a source reads for an entity, with the files that are there now."""
    return tuple(find(i, project) for i in adapter_of(settings).inputs(settings, entity))


def _good_rows(taken: Sequence[Taken]) -> DataFrame:
    return _union([each.rows for each in taken]).where(is_good() & ~F.col(IS_DUPLICATE))


def _counts(run: Run, taken: Sequence[Taken]) -> DataFrame:
    rows = [row for each in taken for row in each.tally.rows(each.settings.source, each.entity.leaf)]
    return run.spark.createDataFrame(rows, QUARANTINE_COUNT.ddl)


def _union(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda a, b: a.unionByName(b), parts)
