"""Take in one source for one entity: find, read, map, check, number, key and count its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from habitue.contracts.entities import CONSENT, ENTITIES, EVENT
from habitue.contracts.intake import QUARANTINE, SOURCE_FILE
from habitue.contracts.table import Table
from habitue.errors import InputError
from habitue.identity.normalise import NormaliseSettings
from habitue.job import Run
from habitue.lake.source_files import counted_from_zero, leaves_positions_open, read_input, read_text
from habitue.privacy.vault import with_keys
from habitue.sources.adapters import adapter_of
from habitue.sources.columns import check_columns, columns_of
from habitue.sources.counting import COUNTED, Tally, check_quarantined, outcome_counts, tallies
from habitue.sources.draft import Draft
from habitue.sources.duplicates import IS_DUPLICATE, only_last, settled
from habitue.sources.event_rows import PLACE, dressed, with_agent
from habitue.sources.fields import SURROGATES
from habitue.sources.files import (
    SourceFile,
    check_rejected,
    check_still_readable,
    readable,
    reject_unreadable,
)
from habitue.sources.inputs import FoundInput, find
from habitue.sources.known_time import known_time_rule, with_known_time
from habitue.sources.settings import SourceSettings
from habitue.sources.slices import DELIVERIES, IS_REPLACED, deliveries, mark_replaced
from habitue.sources.validation import checked, dated_refusals, quarantine_rows


@dataclass(frozen=True)
class Arrival:
    """A file with the time at which its content first arrived, and the run that brought it."""

    file: SourceFile
    first_seen: datetime
    run_id: str


@dataclass(frozen=True)
class Taken:
    """One source's rows for one entity, materialised: good, duplicate and faulty ones.

    They are counted with those of all other sources, events when they are settled.
    """

    settings: SourceSettings
    entity: Table
    inputs: tuple[FoundInput, ...]
    arrivals: tuple[Arrival, ...]
    rows: DataFrame
    tally: Tally
    known_time: str  # the rule by which its rows became known
    came: frozenset[str] | None = None  # names of the files that the rows are of; None for all


def take_in(
    run: Run, settings: SourceSettings, entity: Table, *, came: frozenset[str] | None = None
) -> Taken:
    """Read a source for an entity; stop where too many of its files or rows are bad.

    `came` names the files to read where the rows of all others are in the lake already.
    Says nothing to the run, so that several sources may be taken in at the same time (`report` does).
    """
    settings = in_zone(settings, run.settings.project.zone)
    inputs = tuple(find(i, run.project) for i in adapter_of(settings).inputs(settings, entity.leaf))
    noted = _noted(run, settings)
    _check_files(settings, inputs, noted)
    arrivals = _arrivals(run, inputs, noted)
    try:
        prepared = _prepared(run, settings, entity, inputs, arrivals, came)
        rows = run.lake.checkpoint(prepared.rows)
    except Exception:  # what a damaged page raises differs between Spark and Connect; others go on unchanged
        inputs, found = _without_damaged(inputs)
        if not found:
            raise
        _check_files(settings, inputs, noted)
        prepared = _prepared(run, settings, entity, inputs, arrivals, came)
        rows = run.lake.checkpoint(prepared.rows)
    if any(leaves_positions_open(found) for found in inputs):
        rows = counted_from_zero(rows, checkpoint=run.lake.checkpoint)
    if entity is EVENT:
        rows = _told_apart(run, rows, arrivals)
        if settings.key:
            rows = _only_last_of_key(run, rows)
    return Taken(settings, entity, inputs, arrivals, rows, Tally(), prepared.known_time, came)


def with_tallies(taken: Sequence[Taken]) -> list[Taken]:
    """The same with their rows counted, all in one pass; events are counted when they are settled."""
    wanted = [(place, t) for place, t in enumerate(taken) if t.entity is not EVENT]
    if not wanted:
        return list(taken)
    rows = (t.rows.select(F.lit(place).alias("place"), *COUNTED) for place, t in wanted)
    counts = outcome_counts(reduce(DataFrame.unionByName, rows), "place")
    found = tallies(counts, "place")
    return [replace(t, tally=found[place]) for place, t in enumerate(taken)]


def quarantine_rows_of(run: Run, taken: Sequence[Taken], entities: Sequence[str]) -> None:
    """Lock the faulty rows away, then stop where a source has too many of them."""
    faulty = [quarantine_rows(t.rows, t.entity, source=t.settings.source, run_id=run.run_id) for t in taken]
    if any(t.tally.quarantined_total for t in taken) or run.lake.exists(QUARANTINE):
        every = reduce(lambda a, b: a.unionByName(b), faulty)
        files = sorted({name for t in taken for name in t.came or ()})
        whole = {t.entity.leaf for t in taken if t.came is None}
        parts = [{"entity": [e for e in entities if e in whole]}]
        parts += [{"entity": [e for e in entities if e not in whole], "file": files}]
        for scope in (scope for scope in parts if all(scope.values())):
            rows = every.where(F.col("entity").isin(scope["entity"]))
            run.lake.merge(QUARANTINE, rows, delete_unmatched=scope)
    for each, rows in zip(taken, faulty, strict=True):
        limit = each.settings.limits.max_quarantined_share
        check_quarantined(each.settings.source, each.entity.leaf, each.tally, limit, rows)


def in_zone(settings: SourceSettings, project_zone: str) -> SourceSettings:
    """The settings with the project's zone where they name none."""
    return settings if settings.zone else settings.model_copy(update={"zone": project_zone})


def note_files(run: Run, taken: Sequence[Taken]) -> None:
    """Bring `bronze.source_file` up to date; files that are gone keep their row and are called so."""
    rows = {(row[0], row[1]): row for each in taken for row in _file_rows(each)}
    fed = {(t.settings.source, _feeds(t.settings)[i.input.name]) for t in taken for i in t.inputs}
    before = run.lake.read(SOURCE_FILE).where(F.col("source").isin(sorted({source for source, _ in fed})))
    for row in before.where("status <> 'gone'").collect():
        if (row["source"], row["entity"]) in fed and (row["source"], row["file"]) not in rows:
            rows[row["source"], row["file"]] = tuple((row.asDict() | _GONE).values())
    run.lake.merge(SOURCE_FILE, run.spark.createDataFrame(list(rows.values()), SOURCE_FILE.ddl))


_GONE = {"status": "gone", "reason": None}


def _file_rows(taken: Taken) -> Iterator[tuple[object, ...]]:
    source, feeds = taken.settings.source, _feeds(taken.settings)
    files = {f.name: (i.input.name, f) for i in taken.inputs for f in i.files}
    seen = {a.file.name: a for a in taken.arrivals}
    for name, (group, file) in sorted(files.items()):
        arrival = seen[name]
        known = (file.bytes, file.sha256, file.status, file.reason)
        yield (source, name, feeds[group], *known, arrival.first_seen, arrival.run_id)


def _check_files(settings: SourceSettings, inputs: Sequence[FoundInput], noted: Sequence[Row]) -> None:
    were_read = {row["file"]: row["sha256"] for row in noted if row["status"] == "read"}
    for found in inputs:
        check_rejected(settings.source, found.files, settings.limits.max_rejected_file_share)
        if not readable(found.files):
            raise InputError(
                f"Source {settings.source} has no file that can be read:",
                [f"{f.name}: {f.reason}" for f in found.files],
            )
        check_still_readable(settings.source, found.files, were_read)


@dataclass(frozen=True)
class _Prepared:
    """A source's rows for an entity, not yet computed."""

    rows: DataFrame
    known_time: str


def _prepared(
    run: Run,
    settings: SourceSettings,
    entity: Table,
    inputs: Sequence[FoundInput],
    arrivals: Sequence[Arrival],
    came: frozenset[str] | None,
) -> _Prepared:
    adapter = adapter_of(settings)
    inputs, is_empty = _read_now(inputs, came)
    if settings.adapter is None:
        named = settings.named_columns if settings.format == "json" else ()
        inputs = [replace(i, named=named, is_part=came is not None, numbers=settings.numbers) for i in inputs]
        check_columns(settings, [c for found in inputs for c in columns_of(found)])
    tables: Mapping[str, DataFrame] = {
        found.input.name: (read_text if found.input.as_lines else read_input)(run.spark, found)
        for found in inputs
    }
    every = adapter.read(tables, settings, entity.leaf, run.settings.event_rules)
    drafts = [draft for draft in every if draft.entity.leaf == entity.leaf]
    times = run.spark.createDataFrame(
        [(a.file.name, a.first_seen) for a in arrivals], "_file string, arrived timestamp"
    )
    country = settings.country or run.settings.project.country
    normalise = NormaliseSettings(country=country, email=run.settings.identity.email)
    latest = max(a.first_seen for a in arrivals)
    rows = []
    for draft in drafts:
        sound = checked(draft, now=run.now).withColumn("source", F.lit(settings.source))
        known = with_known_time(sound, draft, times, latest)
        if draft.entity is EVENT:
            known = with_agent(known, bots=run.settings.bots)
        keyed = with_keys(known, draft.entity, pepper=run.pepper, settings=normalise)
        settled_rows = _settled(run, settings, draft, keyed)
        rows.append(dated_refusals(settled_rows, times, latest) if draft.entity is CONSENT else settled_rows)
    whole = reduce(lambda a, b: a.unionByName(b), rows)
    return _Prepared(whole.limit(0) if is_empty else whole, known_time_rule(drafts[-1]))


def _read_now(inputs: Sequence[FoundInput], came: frozenset[str] | None) -> tuple[Sequence[FoundInput], bool]:
    """The inputs with the files that came, and whether these hold nothing: then one file stands for their form."""
    if came is None:
        return inputs, False
    chosen = [replace(i, files=tuple(f for f in i.files if f.name in came)) for i in inputs]
    if any(readable(i.files) for i in chosen):
        return [i for i in chosen if readable(i.files)], False
    return [replace(i, files=readable(i.files)[:1]) for i in inputs], True


def _told_apart(run: Run, rows: DataFrame, arrivals: Sequence[Arrival]) -> DataFrame:
    """Events with `_is_replaced`: whether a later delivery of their part of the source takes their place."""
    if rows.where(F.col("_slice").isNotNull()).isEmpty():
        return rows.withColumn(IS_REPLACED, F.lit(False))
    files = deliveries((a.file.name, a.first_seen) for a in arrivals)
    return mark_replaced(rows, run.spark.createDataFrame(files, DELIVERIES))


def _only_last_of_key(run: Run, rows: DataFrame) -> DataFrame:
    """Events of which another one with the same key is known later as replaced; decided on narrow columns."""
    narrow = rows.select(*PLACE, "_key", "known_time", "_faults")
    earlier_ones = only_last(narrow, "_key").where(F.col(IS_DUPLICATE)).select(*PLACE, IS_DUPLICATE)
    joined = rows.join(run.lake.checkpoint(earlier_ones), on=list(PLACE), how="left")
    return joined.withColumn(IS_REPLACED, F.col(IS_REPLACED) | F.coalesce(IS_DUPLICATE, F.lit(False))).drop(
        IS_DUPLICATE
    )


def _settled(run: Run, settings: SourceSettings, draft: Draft, keyed: DataFrame) -> DataFrame:
    if draft.entity is EVENT:
        return dressed(keyed, session=run.settings.session)
    number = SURROGATES.get(draft.entity.leaf, "line_number")
    return settled(keyed, draft.entity, has_key=bool(settings.key), has_number=number in draft.rows.columns)


def _noted(run: Run, settings: SourceSettings) -> list[Row]:
    """What earlier runs found of the source's files."""
    return run.lake.read(SOURCE_FILE).where(F.col("source") == settings.source).collect()


def _arrivals(run: Run, inputs: Sequence[FoundInput], noted: Sequence[Row]) -> tuple[Arrival, ...]:
    """When each file's content came first: as noted before, under its name or one that is gone; else now."""
    before = {(row["file"], row["sha256"]): row for row in noted}
    files = [f for found in inputs for f in found.files]
    here = {file.name for file in files}
    moved: dict[str, Row] = {}
    for old in sorted(noted, key=lambda row: (row["first_seen"], row["file"])):
        if old["file"] not in here and old["status"] != _GONE["status"]:
            moved.setdefault(old["sha256"], old)
    arrivals = []
    for file in files:
        row = before.get((file.name, file.sha256)) or moved.get(file.sha256)
        first = row["first_seen"].replace(tzinfo=run.now.tzinfo) if row else run.now
        arrivals.append(Arrival(file, first, row["run_id"] if row else run.run_id))
    return tuple(arrivals)


def _without_damaged(inputs: Sequence[FoundInput]) -> tuple[tuple[FoundInput, ...], bool]:
    """Inputs without the Parquet files that cannot be read to their end, and whether there are any."""
    parquet = [i.input.format == "parquet" for i in inputs]
    after = tuple(
        replace(i, files=reject_unreadable(i.files)) if is_parquet else i
        for i, is_parquet in zip(inputs, parquet, strict=True)
    )
    return after, after != tuple(inputs)


def _feeds(settings: SourceSettings) -> dict[str, str]:
    """The entities that each input of a source feeds, comma separated."""
    adapter = adapter_of(settings)
    fed: dict[str, list[str]] = {}
    for entity in (name for name in ENTITIES if name in adapter.feeds):
        for wanted in adapter.inputs(settings, entity):
            fed.setdefault(wanted.name, []).append(entity)
    return {name: ", ".join(entities) for name, entities in fed.items()}


def report(run: Run, taken: Taken) -> None:
    """Figures and findings of a source for the step of its entity."""
    source, leaf, counted = taken.settings.source, taken.entity.leaf, taken.tally
    prefix = f"rows.{source}.{leaf}"
    run.count(f"known_time.{source}.{leaf}", taken.known_time)
    run.count(f"{prefix}.read", counted.read)
    run.count(f"{prefix}.good", counted.good)
    run.count(f"{prefix}.duplicate", counted.duplicates)
    run.count(f"{prefix}.quarantined", counted.quarantined_total)
    for code, rows in {**counted.quarantined, **counted.flagged}.items():
        run.count(f"{prefix}.{code}", rows)
    run.note(f"{counted.good:,} {leaf} rows from {source}")
    if taken.came is not None:
        files = sum(f.status != "ignored" for i in taken.inputs for f in i.files)
        run.count(f"files.{source}.{leaf}.came", len(taken.came))
        run.note(f"of {files:,} files of {source}, {len(taken.came):,} are new; only these were read")
    if counted.quarantined_total:
        run.note(f"{counted.quarantined_total:,} in quarantine")
    for file in (f for found in taken.inputs for f in found.files if f.status != "read"):
        run.note(f"{file.name} {file.reason}")
