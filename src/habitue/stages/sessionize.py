"""Sessionize: the events of each visitor become visits; needs no identity and no day.

Only visits that a change of events touches are made anew. All are where it is not known what has changed:
the first time, after other settings or code, or where the history of silver.event is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import SESSION, SESSION_EVENT
from habitue.contracts.entities import EVENT
from habitue.contracts.table import Table
from habitue.events import hot_visitors, touched
from habitue.events.hits import VISITOR
from habitue.events.sessionize import EVENT_IDS, followed, members, sessions_with_events
from habitue.events.visitor import has_device
from habitue.job import Run
from habitue.lake.changes import made_from, row_changes
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import code_digest, digest

_SAID = "All visits are made anew: "


def sessionize(run: Run) -> None:
    """Bring silver.session_event and silver.session to what all events so far say."""
    events = run.lake.read(EVENT)
    count = _note_coverage(run, events)
    basis = _basis(run)
    changes = _changes(run, basis)
    work = _all_visits(run, events, count) if changes is None else _touched_visits(run, events, changes)
    _write(run, work, basis)


@dataclass(frozen=True)
class _Work:
    """New rows of both tables, and which rows there are they take the place of; None for all."""

    sessions: DataFrame
    members: DataFrame
    present_sessions: DataFrame | None = None
    present_members: DataFrame | None = None


def _all_visits(run: Run, events: DataFrame, count: int) -> _Work:
    visits, hot = _visits(run, events, count)
    rows = visits.drop(EVENT_IDS)
    if hot is not None:
        whole = rows.join(hot, on=list(VISITOR), how="left_anti").select(*rows.columns)
        parted = touched.visits_of(hot, rows)
        rows = whole.unionByName(followed(parted, settings=run.settings.session))
    return _Work(rows, members(visits))


def _touched_visits(run: Run, events: DataFrame, changes: DataFrame) -> _Work:
    settings, lake = run.settings.session, run.lake
    instants = lake.checkpoint(touched.changed_instants(changes, settings=settings))
    stored = lake.checkpoint(touched.visits_of(instants, lake.read(SESSION)))
    spans = lake.checkpoint(touched.touched_spans(instants, stored, settings=settings))
    replaced = touched.visits_within(stored, spans)
    again = touched.events_within(_of_days(events, spans), spans, settings=settings)
    visits, _ = _visits(run, again, _count_again(run, instants, stored, replaced))
    untouched = touched.others(stored, replaced)
    rows = followed(visits.drop(EVENT_IDS).unionByName(untouched), settings=settings)
    owned = lake.read(SESSION_EVENT).join(replaced.select("session_id"), on="session_id", how="left_semi")
    return _Work(rows, members(visits), stored, owned)


def _visits(run: Run, events: DataFrame, count: int) -> tuple[DataFrame, DataFrame | None]:
    """Materialised visits with the ids of their events, and the visitors that were worked off in parts."""
    settings, zone, checkpoint = run.settings.session, run.settings.project.zone, run.lake.checkpoint
    if count > settings.hot_visitor_events:
        marks = checkpoint(hot_visitors.hot_marks(events, settings=settings))
        if not marks.isEmpty():
            parts = checkpoint(hot_visitors.hour_parts(events, marks, settings=settings))
            parted = hot_visitors.parted(events, parts, settings=settings)
            found = sessions_with_events(parted, settings=settings, zone=zone, parts=(hot_visitors.PART,))
            return checkpoint(found), parts.select(*VISITOR).distinct()
    return checkpoint(sessions_with_events(events, settings=settings, zone=zone)), None


def _write(run: Run, work: _Work, basis: dict[str, Any]) -> None:
    """Both tables; silver.session last, since its commit marks the stage as done and says from what."""
    lake = run.lake
    lake.merge(SESSION_EVENT, work.members, delete_unmatched=True, present=work.present_members)
    note = lake.note
    lake.note = replace(note, basis=basis | {SESSION_EVENT.leaf: _data_version(run, SESSION_EVENT)})
    lake.merge(SESSION, work.sessions, delete_unmatched=True, present=work.present_sessions)
    lake.note = note


def _basis(run: Run) -> dict[str, Any]:
    """What visits are made from: rules, zone and code, and the version of silver.event."""
    rules = [code_digest(), run.settings.session.model_dump(mode="json"), run.settings.project.zone]
    head = DeltaLog(run.location.table(EVENT)).head()
    return {"rules": digest(rules), EVENT.leaf: head}


def _changes(run: Run, basis: dict[str, Any]) -> DataFrame | None:
    """Rows of silver.event that came and went since the visits were made; None where that is not known."""
    made = made_from(run.location, SESSION)
    if made is None or made[EVENT.leaf] is None or basis[EVENT.leaf] is None:
        return None
    if made["rules"] != basis["rules"]:
        run.note(
            f"{_SAID}the rules, the zone or the code are not those that the present ones were made with."
        )
        return None
    if made[SESSION_EVENT.leaf] != _data_version(run, SESSION_EVENT):
        run.note(f"{_SAID}a run ended between the writes of silver.session_event and silver.session.")
        return None
    changes = row_changes(run.lake, EVENT, touched.READ, since=made[EVENT.leaf], until=basis[EVENT.leaf])
    if changes is None:
        run.note(f"{_SAID}the history of silver.event since the last time is gone.")
    return changes


def _data_version(run: Run, table: Table) -> int | None:
    return DeltaLog(run.location.table(table)).data_version()


def _of_days(events: DataFrame, spans: DataFrame) -> DataFrame:
    """The events of the spans' UTC days, told as literals, so that files of other days are not opened."""
    day = [F.to_date(F.timestamp_micros(edge)) for edge in (F.min("from_micros"), F.max("to_micros"))]
    row = spans.agg(*day).first()
    first, last = row if row else (None, None)
    return events.where(F.col("event_date").between(F.lit(first).cast("date"), F.lit(last).cast("date")))


def _count_again(run: Run, instants: DataFrame, stored: DataFrame, replaced: DataFrame) -> int:
    """How many events are read again, about; noted beside how many visits that makes anew."""
    row = replaced.agg(F.coalesce(F.sum("event_count"), F.lit(0)), F.count("*")).first()
    events, visits = (int(row[0]), int(row[1])) if row else (0, 0)
    changed = instants.count()
    run.count("changed_events", changed)
    run.count("visits_made_anew", visits)
    return events + changed


def _note_coverage(run: Run, events: DataFrame) -> int:
    """Say what kind of visits are to be expected, so that a missing source or identifier is seen and not guessed."""
    row = events.agg(F.count("*"), F.count_if(~has_device())).first()
    found, without = (int(row[0]), int(row[1])) if row else (0, 0)
    run.count("events", found)
    run.count("events_without_device", without)
    if not found:
        run.note("No events: no source is mapped to them, so there are no visits.")
    elif without:
        run.note(
            f"{without:,} of {found:,} events name no device or cookie: their visits go by the login, "
            "or are one event each."
        )
    return found
