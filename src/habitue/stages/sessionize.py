"""Sessionize: the events of each visitor become visits; needs no identity and no day.

Only visits that a change of events touches are made anew. All are where it is not known what has changed:
the first time, after other settings or code, or where the history of silver.event is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import FORMER_SESSION, SESSION, SESSION_EVENT
from habitue.contracts.entities import EVENT
from habitue.errors import CheckError
from habitue.events import hot_visitors, touched
from habitue.events.hits import VISITOR
from habitue.events.sessionize import EVENT_IDS, followed, former, members, present, sessions_with_events
from habitue.job import Run
from habitue.lake.changes import made_from, row_changes
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import code_digest, data_version, digest

_SAID = "All visits are made anew: "
_BESIDE = (SESSION_EVENT, FORMER_SESSION)
"""Written before silver.session."""


def sessionize(run: Run) -> None:
    """Bring silver.session_event, silver.former_session and silver.session to what all events so far say."""
    basis = _basis(run)
    if all(run.lake.is_empty(table) for table in (EVENT, SESSION, *_BESIDE)):
        _note_coverage(run, _Held(0, 0, 0))
        _write_nothing(run, basis)
        return
    events = run.lake.read(EVENT)
    count = events.count()
    changes = _changes(run, basis)
    work = _all_visits(run, events, count) if changes is None else _touched_visits(run, events, changes)
    _check(work.held, count)
    _note_coverage(run, work.held)
    _write(run, work, basis)


@dataclass(frozen=True)
class _Held:
    """How many visits there are, the events that they hold, and those of them that name no device or cookie."""

    visits: int
    events: int
    without_device: int

    def plus(self, other: _Held, *, less: _Held) -> _Held:
        """Both together, but for some of them."""
        return _Held(
            self.visits + other.visits - less.visits,
            self.events + other.events - less.events,
            self.without_device + other.without_device - less.without_device,
        )


@dataclass(frozen=True)
class _Work:
    """New rows of the tables, and which rows there are they take the place of; None for all.

    `held` is what all visits hold, as they will be.
    """

    sessions: DataFrame
    members: DataFrame
    former: DataFrame
    held: _Held
    present_sessions: DataFrame | None = None
    present_members: DataFrame | None = None
    present_former: DataFrame | None = None


def _all_visits(run: Run, events: DataFrame, count: int) -> _Work:
    marks = hot_visitors.hot_marks(events, settings=run.settings.session)
    visits, hot = _visits(run, events, count, marks)
    rows = present(visits).drop(EVENT_IDS)
    if hot is not None:
        whole = rows.join(hot, on=list(VISITOR), how="left_anti").select(*rows.columns)
        parted = touched.visits_of(hot, rows)
        rows = whole.unionByName(followed(parted, settings=run.settings.session))
    return _Work(rows, members(visits), former(visits), _held(run, present(visits)))


def _touched_visits(run: Run, events: DataFrame, changes: DataFrame) -> _Work:
    settings, lake = run.settings.session, run.lake
    instants = lake.checkpoint(touched.changed_instants(changes, settings=settings))
    stored = lake.checkpoint(touched.visits_of(instants, lake.read(SESSION)))
    spans = lake.checkpoint(touched.touched_spans(instants, stored, settings=settings))
    replaced = touched.visits_within(stored, spans)
    days = F.to_date(F.timestamp_micros("from_micros")), F.to_date(F.timestamp_micros("to_micros"))
    again = touched.events_within(_of_days(events, "event_date", spans, *days), spans, settings=settings)
    was = _held(run, replaced)
    run.count("visits_made_anew", was.visits)
    marks = hot_visitors.hot_marks_of_touched(instants, replaced, settings=settings)
    visits, _ = _visits(run, again, was.events + _count_changes(run, instants), marks)
    untouched = touched.others(stored, replaced)
    made = present(visits)
    rows = followed(made.drop(EVENT_IDS).unionByName(untouched), settings=settings)
    memberships = _of_days(lake.read(SESSION_EVENT), "session_date", replaced, F.col("session_date"))
    owned = memberships.join(replaced.select("session_id"), on="session_id", how="left_semi")
    superseded = touched.visits_within(lake.read(FORMER_SESSION), spans)
    held = _held(run, lake.read(SESSION)).plus(_held(run, made), less=was)
    return _Work(rows, members(visits), former(visits), held, stored, owned, superseded)


def _visits(run: Run, events: DataFrame, count: int, hot: DataFrame) -> tuple[DataFrame, DataFrame | None]:
    """Materialised visits, former ones too, with the ids of their events, and the visitors worked off in parts.

    `hot` marks the visitors with very many events; of so few in all that there can be none nobody looks for them.
    """
    settings, zone, checkpoint = run.settings.session, run.settings.project.zone, run.lake.checkpoint
    if count > settings.hot_visitor_events:
        marks = checkpoint(hot)
        if not marks.isEmpty():
            parts = checkpoint(hot_visitors.hour_parts(events, marks, settings=settings))
            found = sessions_with_events(events, settings=settings, zone=zone, parts=parts)
            return checkpoint(found), parts.select(*VISITOR).distinct()
    return checkpoint(sessions_with_events(events, settings=settings, zone=zone)), None


def _write(run: Run, work: _Work, basis: dict[str, Any]) -> None:
    """All tables; silver.session last, since its commit marks the stage as done and says from what.

    Whoever dies before that makes all visits anew, and so may the largest table have its new rows in a commit of their own.
    """
    lake = run.lake
    lake.merge(
        SESSION_EVENT,
        work.members,
        delete_unmatched=True,
        present=work.present_members,
        in_two_commits=True,
    )
    lake.merge(FORMER_SESSION, work.former, delete_unmatched=True, present=work.present_former)
    lake.merge(
        SESSION,
        work.sessions,
        delete_unmatched=True,
        present=work.present_sessions,
        basis=_state(run, basis),
    )


def _write_nothing(run: Run, basis: dict[str, Any]) -> None:
    """Empty tables, and the note that they are what no events say."""
    for table in _BESIDE:
        run.lake.ensure(table)
    run.lake.merge(SESSION, run.lake.read(SESSION), basis=_state(run, basis))


def _state(run: Run, basis: dict[str, Any]) -> dict[str, Any]:
    """What visits are made from, and the tables that were written before silver.session."""
    return basis | {table.leaf: data_version(run.location, table) for table in _BESIDE}


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
    if any(made.get(table.leaf) != data_version(run.location, table) for table in _BESIDE):
        run.note(f"{_SAID}a run ended between the writes of their tables.")
        return None
    changes = row_changes(run.lake, EVENT, touched.READ, since=made[EVENT.leaf], until=basis[EVENT.leaf])
    if changes is None:
        run.note(f"{_SAID}the history of silver.event since the last time is gone.")
    return changes


def _of_days(
    rows: DataFrame, day: str, of: DataFrame, first: Column, last: Column | None = None
) -> DataFrame:
    """Rows of the days between the first and the last of others, told as literals, so that files of other days stay closed."""
    row = of.agg(F.min(first), F.max(first if last is None else last)).first()
    edges = row if row else (None, None)
    return rows.where(F.col(day).between(*(F.lit(edge).cast("date") for edge in edges)))


def _held(run: Run, visits: DataFrame) -> _Held:
    """What visits hold. An event without a device goes by a login, or is a visit of its own."""
    count, types = F.col("event_count"), run.settings.session.visitor_types
    of_others = F.when(~F.col("visitor_type").isin(*types), count)
    sums = (F.coalesce(F.sum(n), F.lit(0)) for n in (count, of_others))
    row = visits.agg(F.count(F.lit(1)), *sums).first()
    return _Held(*(int(n) for n in row)) if row else _Held(0, 0, 0)


def _count_changes(run: Run, instants: DataFrame) -> int:
    """How many instants with changed events there are."""
    changed = instants.count()
    run.count("changed_events", changed)
    return changed


def _check(held: _Held, count: int) -> None:
    """Every event belongs to exactly one visit."""
    if held.events != count:
        raise CheckError(
            "Events and visits do not add up; nothing was written:",
            [f"expected the {count:,} events of silver.event in visits, found {held.events:,}"],
            hint="This is a fault of habitue, not of the data. Please report it with these counts.",
        )


def _note_coverage(run: Run, held: _Held) -> None:
    """Say what kind of visits are to be expected, so that a missing source or identifier is seen and not guessed."""
    run.count("events", held.events)
    run.count("events_without_device", held.without_device)
    if not held.events:
        run.note("No events: no source is mapped to them, so there are no visits.")
    elif held.without_device:
        run.note(
            f"{held.without_device:,} of {held.events:,} events name no device or cookie: their visits go by the login, "
            "or are one event each."
        )
