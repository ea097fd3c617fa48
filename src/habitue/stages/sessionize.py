"""Sessionize: the events of each visitor become visits; needs no identity and no day."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import SESSION, SESSION_EVENT
from habitue.contracts.entities import EVENT
from habitue.events.sessionize import session_events, sessions, without_visitor
from habitue.job import Run


def sessionize(run: Run) -> None:
    """Bring silver.session_event and silver.session to what all events so far say."""
    settings = run.settings.session
    # read
    events = run.lake.read(EVENT)
    _note_coverage(run, events)
    # transform
    members = session_events(events, settings=settings)
    visits = sessions(events, settings=settings)
    # write; silver.session last, since its commit marks the stage as done
    run.lake.merge(SESSION_EVENT, members, delete_unmatched=True)
    run.lake.merge(SESSION, visits, delete_unmatched=True)


def _note_coverage(run: Run, events: DataFrame) -> None:
    """Say what cannot become a visit, so that a missing source or identifier is seen and not guessed."""
    row = events.agg(F.count("event_id"), without_visitor(events)).first()
    found, unassigned = (row[0], row[1]) if row else (0, 0)
    run.count("events", found)
    run.count("events_without_visitor", unassigned)
    if not found:
        run.note("No events: no source is mapped to them, so there are no visits.")
    elif unassigned:
        run.note(f"{unassigned:,} of {found:,} events name no device or cookie and belong to no visit.")
