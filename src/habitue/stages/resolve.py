"""Resolve: which identifiers are one person, which person each visit belongs to, what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import (
    ATTRIBUTION,
    CUSTOMER,
    FORMER_SESSION,
    IDENTITY_CHANGE,
    IDENTITY_EDGE,
    IDENTITY_MAP,
    MATCH_REVIEW,
    SESSION,
)
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.identity_evidence import (
    ENDED_IDENTIFIER,
    FOUND_LINK_SPAN,
    IDENTITY_CONTRADICTION,
    IDENTITY_OBSERVATION,
)
from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import Table
from habitue.errors import CheckError
from habitue.identity.as_of import identity_now
from habitue.identity.attribution import attribute_sessions
from habitue.identity.audit import cluster_sizes, violations
from habitue.identity.circumstances import Circumstances
from habitue.identity.contradictions import changed_pairs
from habitue.identity.edges import node_code
from habitue.identity.guards import earliest
from habitue.identity.increment import (
    Changes,
    Stored,
    between_members,
    of_members,
    others,
    resolve_increment,
)
from habitue.identity.matching.found_links import FOUND_SPAN
from habitue.identity.resolution import Resolution, gather_evidence, resolve_observed
from habitue.identity.survivorship import surviving_customers
from habitue.job import Run
from habitue.lake.changes import made_from as written_from
from habitue.lake.concurrency import at_once, both
from habitue.stages.circumstances import circumstances, consented, contradictions_from
from habitue.stages.evidence import (
    Since,
    basis,
    changed_since,
    identified_records,
    with_state,
)
from habitue.stages.record_matching import (
    counts_by,
    matched,
    no_spans,
    people_to_match,
    review_of,
    stored_links,
    with_lost,
)


def resolve(run: Run) -> None:
    """Bring the identity tables to what all records so far say; no day is involved."""
    records = identified_records(run)
    if not records:
        run.note("No records with identifiers: nobody to resolve.")
        _write_nothing(run)
        return
    made_from = basis(run)
    present = circumstances(run)
    since = changed_since(run, made_from, present)
    work = (
        _resolve_all(run, records, present, made_from)
        if since is None
        else _resolve_touched(run, records, since, present, made_from)
    )
    _write(run, work, present, made_from)
    _count(run, work.identity_map)


@dataclass(frozen=True)
class _Work:
    """What is to be written; `members` are the identifiers that it is about, None for all."""

    resolution: Resolution | None  # None: nothing but sessions or customers changed
    members: DataFrame | None
    ended: DataFrame | None
    shared: DataFrame | None
    identity_map: DataFrame  # the whole one
    review: DataFrame | None  # None: as it is
    spans: DataFrame | None  # of links by matching that were lost once; None: as they are
    changed_hands: DataFrame | None  # all devices that did; None where none was away for long


def _resolve_all(
    run: Run, records: Mapping[str, DataFrame], present: Circumstances, made_from: Mapping[str, Any]
) -> _Work:
    """All records anew. What they say of identifiers and what matching finds need each other only at the end."""
    lake, settings = run.lake, run.settings.identity
    previous = lake.read(IDENTITY_MAP) if lake.exists(IDENTITY_MAP) else None
    people = people_to_match(run)
    evidence, matches = both(
        partial(
            gather_evidence,
            records,
            settings=settings,
            checkpoint=lake.checkpoint,
            has_links=people is not None,
            person_records=lake.read(PERSON_RECORD) if lake.exists(PERSON_RECORD) else None,
            circumstances=present,
        ),
        partial(matched, run, people, made_from),
    )
    spans = no_spans(run) if matches is None else matches.found.spans
    found = resolve_observed(
        evidence,
        links=None if matches is None else matches.found.links,
        circumstances=with_lost(run, present, spans),
        previous=previous,
        taken=None,
        settings=settings,
        checkpoint=lake.checkpoint,
    )
    _check(run, found, previous, present)
    return _Work(
        found,
        None,
        found.ended,
        found.shared,
        found.resolved.identity_map,
        review_of(run, matches),
        spans,
        found.changed_hands,
    )


def _resolve_touched(
    run: Run,
    records: Mapping[str, DataFrame],
    since: Since,
    present: Circumstances,
    made_from: Mapping[str, Any],
) -> _Work:
    """Only what the changed records touch; matching learns from all person records, so one change asks it anew."""
    lake, map_so_far = run.lake, run.lake.read(IDENTITY_MAP)
    links_before = stored_links(run)
    stored = Stored(lake.read(IDENTITY_OBSERVATION), lake.read(ENDED_IDENTIFIER), links_before, map_so_far)
    changes, review, spans = Changes(since.rows, touched=since.touched), None, None
    known_spans = lake.read(FOUND_LINK_SPAN).select(*FOUND_SPAN)
    if since.person_records_changed:
        matches = matched(run, people_to_match(run), made_from)
        links = links_before.limit(0) if matches is None else matches.found.links
        spans = no_spans(run) if matches is None else matches.found.spans
        touched = since.touched.union(changed_pairs(known_spans, spans)).distinct()
        changes = Changes(since.rows, links, lake.read(PERSON_RECORD), touched)
        review = review_of(run, matches)
    found = resolve_increment(
        stored,
        changes,
        records,
        settings=run.settings.identity,
        checkpoint=lake.checkpoint,
        circumstances=with_lost(run, present, known_spans if spans is None else spans),
    )
    if found.resolution is None:
        return _Work(None, None, None, earliest(stored.ended), map_so_far, review, spans, found.changed_hands)
    run.count("identifiers_resolved_anew", found.resolution.identifier_count)
    _check(run, found.resolution, of_members(map_so_far, found.members), present)
    whole = others(map_so_far.drop("row_hash"), found.members).unionByName(
        found.resolution.resolved.identity_map
    )
    return _Work(
        found.resolution,
        found.members,
        found.ended,
        lake.checkpoint(earliest(found.ended)),
        lake.checkpoint(whole),
        review,
        spans,
        found.changed_hands,
    )


def _write(run: Run, work: _Work, present: Circumstances, made_from: dict[str, Any]) -> None:
    """All tables; silver.identity_map last, since its commit marks the stage as done and says from what."""
    lake, settings = run.lake, run.settings.identity
    sessions = lake.read(SESSION)
    former = None if lake.is_empty(FORMER_SESSION) else lake.read(FORMER_SESSION)
    attribution = attribute_sessions(
        sessions,
        work.identity_map,
        work.shared,
        settings=settings,
        consented=consented(run, sessions, former),
        changed_hands=work.changed_hands,
        former=former,
    )
    customers = surviving_customers(lake.read(CUSTOMER_RECORD), work.identity_map, settings=settings)
    actions = [
        partial(lake.merge, CUSTOMER, customers, delete_unmatched=True),
        partial(lake.merge, ATTRIBUTION, attribution, delete_unmatched=True),
    ]
    from_records = contradictions_from(run)
    if written_from(run.location, IDENTITY_CONTRADICTION) != from_records:
        pairs = present.contradicting
        pairs = lake.read(IDENTITY_CONTRADICTION).drop("row_hash").limit(0) if pairs is None else pairs
        write = partial(lake.merge, IDENTITY_CONTRADICTION, pairs, delete_unmatched=True, basis=from_records)
        actions.append(write)
    if work.review is not None:
        actions.append(partial(lake.merge, MATCH_REVIEW, work.review, delete_unmatched=True))
    if work.spans is not None and not (work.spans.isEmpty() and lake.is_empty(FOUND_LINK_SPAN)):
        # what nobody shows any more is forgotten
        shown = identity_now(work.identity_map).select(
            node_code(F.col("id_type"), F.col("id_key")).alias("node")
        )
        spans = between_members(work.spans, shown)
        actions.append(partial(lake.merge, FOUND_LINK_SPAN, spans, delete_unmatched=True))
    if work.resolution is not None:
        found = work.resolution.resolved
        ended = lake.read(ENDED_IDENTIFIER).drop("row_hash").limit(0) if work.ended is None else work.ended
        actions += [
            partial(_merge_part, run, IDENTITY_EDGE, found.edges, work.members, between_members),
            partial(
                _merge_part, run, IDENTITY_OBSERVATION, work.resolution.observations, work.members, of_members
            ),
            partial(lake.merge, IDENTITY_CHANGE, found.changes),  # a log: a change once published stays
            partial(lake.merge, ENDED_IDENTIFIER, ended, delete_unmatched=True),
        ]
    at_once(actions)
    state = with_state(run, made_from)
    if work.resolution is None:  # what there is holds
        lake.merge(IDENTITY_MAP, work.identity_map.drop("row_hash").limit(0), basis=state)
    else:
        identity_map = work.resolution.resolved.identity_map
        _merge_part(run, IDENTITY_MAP, identity_map, work.members, of_members, made_from=state)


def _merge_part(
    run: Run,
    table: Table,
    rows: DataFrame,
    members: DataFrame | None,
    part: Callable[[DataFrame, DataFrame], DataFrame],
    made_from: Mapping[str, Any] | None = None,
) -> None:
    """Put rows in the place of all others of the table, or of those that are about the members."""
    present = None if members is None else part(run.lake.read(table), members)
    run.lake.merge(table, rows, delete_unmatched=True, present=present, basis=made_from)


def _check(run: Run, resolution: Resolution, previous: DataFrame | None, present: Circumstances) -> None:
    found = resolution.resolved
    broken = violations(
        found.identity_map,
        found.edges if resolution.has_edges else None,
        found.changes,
        resolution.sightings,
        previous=previous,
        settings=run.settings.identity,
        circumstances=present,
    )
    problems = [f"{count:,} {name}" for name, count in broken.items() if count]
    if problems:
        raise CheckError(
            "The identity map breaks its own rules; nothing was written:",
            problems,
            hint="This is a fault of habitue, not of the data. Please report it with these counts.",
        )


def _count(run: Run, identity_map: DataFrame) -> None:
    """Figures of all persons and edges, whatever part of them was resolved anew."""
    sizes, edges, changes = at_once(
        [
            partial(cluster_sizes, identity_map),
            partial(counts_by, run.lake.read(IDENTITY_EDGE), "status"),
            partial(counts_by, run.lake.read(IDENTITY_CHANGE), "cause"),
        ]
    )
    run.count("identifiers", identity_now(identity_map).count())
    run.count("persons", sum(sizes.values()))
    for bucket, persons in sizes.items():
        run.count(f"persons_with_{bucket}_identifiers", persons)
    run.count("edges_accepted", edges.get("accepted", 0))
    run.count("edges_refused", edges.get("refused", 0))
    run.count("edges_retired", edges.get("retired", 0))
    run.count("merges", changes.get("merge", 0))
    run.count("splits", changes.get("split", 0))
    run.count("changes_by_hand", changes.get("manual", 0))
    if edges.get("refused"):
        run.note(
            f"{edges['refused']:,} links between identifiers were refused; silver.identity_edge says why."
        )


def _write_nothing(run: Run) -> None:
    for table in (
        *(IDENTITY_EDGE, MATCH_REVIEW, IDENTITY_CHANGE, IDENTITY_OBSERVATION, ENDED_IDENTIFIER),
        IDENTITY_CONTRADICTION,
        *(CUSTOMER, ATTRIBUTION, IDENTITY_MAP),
    ):
        run.lake.merge(table, run.lake.read(table), delete_unmatched=False)
