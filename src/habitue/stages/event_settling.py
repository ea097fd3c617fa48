"""Events of all sources settled at once, beside those of the lake where only new files were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.intake import SOURCE_FILE
from habitue.events.bots import flag_bots
from habitue.events.repeated_orders import name_repeated_orders
from habitue.job import Run
from habitue.lake.changes import made_from
from habitue.lake.fingerprint import code_digest, digest
from habitue.sources.adapters import adapter_of, sources_of
from habitue.sources.counting import Tally, outcome_counts, tallies
from habitue.sources.duplicates import IS_DUPLICATE
from habitue.sources.event_increment import increment, settled_beside
from habitue.sources.event_rows import settled_events
from habitue.sources.file_changes import (
    FileChanges,
    Noted,
    file_changes,
    files_digest,
    noted_files,
    states_known_time,
    why_never,
)
from habitue.sources.inputs import find
from habitue.sources.settings import SourceSettings
from habitue.sources.settled import hashed_rows, silver_rows
from habitue.sources.validation import FUTURE, is_good
from habitue.stages.intake import Taken
from habitue.stages.rows_ahead import AHEAD, earlier, first_ahead, has_come, noted_ahead

_SAID = "All files of events are read: "


@dataclass(frozen=True)
class Events:
    """Settled events by source; where only new files were read, the stored events that these overrule.

    `ahead` says by source when the first of the events that lie too far ahead will have come (microseconds).
    """

    taken: tuple[Taken, ...]
    overruled: DataFrame | None = None
    ahead: Mapping[str, int] = field(default_factory=dict)

    @property
    def good(self) -> DataFrame:
        """Rows that become events."""
        rows = reduce(lambda a, b: a.unionByName(b), (each.rows for each in self.taken))
        return rows.where(is_good() & ~F.col(IS_DUPLICATE))


def new_event_files(run: Run) -> Mapping[str, frozenset[str]] | None:
    """Names of the files to read by source; None where all have to be read, with a sentence that says why.

    All sources are read where one has to be: an event that another source delivers too was dropped there as a repeat.
    """
    made = made_from(run.location, EVENT)
    if made is None or "tallies" not in made:
        return None
    why = "" if made["rules"] == _rules(run) else "the mappings, the rules or the code are other ones"
    came: dict[str, frozenset[str]] = {}
    for settings in sources_of(EVENT.leaf, run.settings.sources):
        noted = _noted(run, settings.source)
        changes = file_changes(_now(run, settings), noted)
        came[settings.source] = changes.came
        why = why or _why_all(run, settings, changes, noted, made)
    if why:
        run.note(f"{_SAID}{why}.")
        return None
    return came


def _why_all(
    run: Run, settings: SourceSettings, changes: FileChanges, noted: Noted, made: Mapping[str, Any]
) -> str:
    """Why all files of a source have to be read; empty where those that came are enough."""
    source = settings.source
    if changes.why_all:
        return f"of {source}, {changes.why_all}"
    never = why_never(settings)
    if never and (changes.came or states_known_time(settings)):  # which a stored event does not tell
        return f"of {source}, {never}"
    if has_come(run, made[AHEAD].get(source)):
        return f"some rows of {source} were too far in the future"
    is_whole = made["files"].get(source) == files_digest(noted)
    return "" if is_whole else "a run ended before all was written"


def settle(run: Run, taken: Sequence[Taken]) -> Events | None:
    """Events with ids and repeats, each source counted; None where new rows bring no id, so that all have to be read."""
    every = reduce(lambda a, b: a.unionByName(b), (each.rows for each in taken))
    checkpoint = run.lake.checkpoint
    if taken[0].came is None:
        rows, overruled = settled_events(every, checkpoint=checkpoint), None
    elif not every.where(F.col("event_id").isNull()).isEmpty():
        run.note(f"{_SAID}new ones have no id of their own.")
        return None
    else:
        beside = settled_beside(every, run.lake.read(EVENT), checkpoint=checkpoint)
        rows, overruled = beside.rows, beside.overruled
    counted = tallies(outcome_counts(rows, "source"))
    before, lost = _before(run, taken), _lost(overruled)
    is_future = any(FUTURE in tally.quarantined for tally in counted.values())
    ahead = first_ahead(rows, EVENT) if is_future else {}
    if taken[0].came is not None:
        ahead = earlier(noted_ahead(run, EVENT), ahead)
    return Events(
        tuple(
            replace(
                each,
                rows=rows.where(F.col("source") == (source := each.settings.source)),
                tally=before.get(source, Tally()).plus(counted[source], overruled=lost.get(source, 0)),
            )
            for each in taken
        ),
        overruled,
        ahead,
    )


def write_events(run: Run, events: Events) -> None:
    """Bring silver.event to what the settled events say."""
    checkpoint, bots, basis = run.lake.checkpoint, run.settings.bots, _basis(run, events)
    if events.overruled is None:
        named = name_repeated_orders(events.good, checkpoint=checkpoint)
        rows = flag_bots(named, settings=bots, checkpoint=checkpoint)
        run.lake.merge(EVENT, silver_rows(rows, EVENT), delete_unmatched=True, basis=basis)
        return
    found = increment(
        events.good,
        events.overruled,
        run.lake.read(EVENT),
        histories=[each.settings.source for each in events.taken if each.settings.history],
        bots=bots,
        checkpoint=checkpoint,
    )
    rows = hashed_rows(found.rows, EVENT)
    run.lake.merge(EVENT, rows, delete_unmatched=True, present=found.present, basis=basis)


def _basis(run: Run, events: Events) -> dict[str, Any]:
    """What silver.event is made from, for the next time: rules, files and figures."""
    return {
        "rules": _rules(run),
        "files": {each.settings.source: files_digest(_found(each)) for each in events.taken},
        "tallies": {each.settings.source: each.tally.spelt() for each in events.taken},
        AHEAD: dict(events.ahead),
    }


def _found(taken: Taken) -> Noted:
    return noted_files(file for found in taken.inputs for file in found.files)


def _now(run: Run, settings: SourceSettings) -> Noted:
    inputs = (find(i, run.project) for i in adapter_of(settings).inputs(settings, EVENT.leaf))
    return noted_files(file for found in inputs for file in found.files)


def _noted(run: Run, source: str) -> Noted:
    feeds_events = F.array_contains(F.split("entity", ", "), EVENT.leaf)
    rows = run.lake.read(SOURCE_FILE).where(
        (F.col("source") == source) & feeds_events & ~F.col("status").isin("gone", "ignored")
    )
    return {row["file"]: (row["sha256"], row["status"]) for row in rows.collect()}


def _before(run: Run, taken: Sequence[Taken]) -> Mapping[str, Tally]:
    """Figures of the files that were not read again."""
    made = made_from(run.location, EVENT) if taken[0].came is not None else None
    return {source: Tally.read_from(spelt) for source, spelt in (made or {"tallies": {}})["tallies"].items()}


def _lost(overruled: DataFrame | None) -> Mapping[str, int]:
    """How many stored events of each source are repeats now."""
    if overruled is None:
        return {}
    rows = overruled.where(F.col("own_id").isNull()).groupBy("source").count().collect()
    return {row["source"]: row["count"] for row in rows}


def _rules(run: Run) -> str:
    settings = run.settings
    sources = [s.model_dump(mode="json") for s in sources_of(EVENT.leaf, settings.sources)]
    sections = (settings.clock, settings.bots, settings.redaction, settings.identity.email)
    spelt = [settings.session.visitor_types, *(section.model_dump(mode="json") for section in sections)]
    return digest([code_digest(), sources, settings.project.zone, settings.project.country, spelt])
