"""Resolve: which identifiers are one person, which person each visit belongs to, what is known of it."""

from __future__ import annotations

from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import (
    ATTRIBUTION,
    CUSTOMER,
    IDENTITY_CHANGE,
    IDENTITY_EDGE,
    IDENTITY_MAP,
    MATCH_REVIEW,
    SESSION,
)
from habitue.contracts.entities import CUSTOMER_RECORD, ENTITIES, EVENT
from habitue.contracts.intake import PERSON_RECORD
from habitue.errors import CheckError
from habitue.identity.attribution import attribute_sessions
from habitue.identity.audit import cluster_sizes, violations
from habitue.identity.matching.identity_links import for_review, identity_links, matchable
from habitue.identity.matching.matching import Matching, match_records
from habitue.identity.resolution import Resolution, resolve_identity
from habitue.identity.survivorship import surviving_customers
from habitue.job import Run
from habitue.lake.concurrency import at_once


def resolve(run: Run) -> None:
    """Bring the identity tables to what all records so far say; no day is involved."""
    lake, settings = run.lake, run.settings.identity
    # read
    records = _records(run)
    previous = lake.read(IDENTITY_MAP) if lake.exists(IDENTITY_MAP) else None
    if not records:
        run.note("No records with identifiers: nobody to resolve.")
        _write_nothing(run)
        return
    # transform
    matching = _match(run)
    resolution = resolve_identity(
        records,
        previous=previous,
        settings=settings,
        checkpoint=lake.checkpoint,
        links=_links(run, matching),
        person_records=lake.read(PERSON_RECORD) if lake.exists(PERSON_RECORD) else None,
    )
    found = resolution.resolved
    at_once([partial(_check, run, resolution, previous), partial(_count, run, resolution)])
    sessions = lake.read(SESSION)
    attribution = attribute_sessions(sessions, found.identity_map, resolution.shared, settings=settings)
    customers = surviving_customers(lake.read(CUSTOMER_RECORD), found.identity_map, settings=settings)
    # write; silver.identity_map last, since its commit marks the stage as done
    at_once(
        [
            partial(lake.merge, IDENTITY_EDGE, found.edges, delete_unmatched=True),
            partial(lake.merge, MATCH_REVIEW, _review(run, matching), delete_unmatched=True),
            partial(lake.merge, IDENTITY_CHANGE, found.changes),  # a log: a change once published stays
            partial(lake.merge, CUSTOMER, customers, delete_unmatched=True),
            partial(lake.merge, ATTRIBUTION, attribution, delete_unmatched=True),
        ]
    )
    lake.merge(IDENTITY_MAP, found.identity_map, delete_unmatched=True)


def _records(run: Run) -> dict[str, DataFrame]:
    """Rows with identifiers by rule; what a tracker saw together counts less than what a record states."""
    stated = [
        run.lake.read(table)
        for table in ENTITIES.values()
        if table is not EVENT and "identifiers" in table.column_names and run.lake.exists(table)
    ]
    columns = ("source", "identifiers", "known_time")
    records = {}
    if stated:
        records["same_record"] = reduce(DataFrame.unionByName, [rows.select(*columns) for rows in stated])
    if run.lake.exists(EVENT):
        records["login"] = run.lake.read(EVENT).where(~F.col("is_bot")).select(*columns)
    return records


def _match(run: Run) -> Matching | None:
    """Links between person records; None where there is nothing to compare."""
    settings = run.settings.identity
    if not (settings.matching.enabled and run.lake.exists(PERSON_RECORD)):
        return None
    people = run.lake.checkpoint(matchable(run.lake.read(PERSON_RECORD), settings))
    if people.isEmpty():
        return None
    found = match_records(people, settings=settings.matching, checkpoint=run.lake.checkpoint)
    for status, links in sorted(_by(found.links, "status").items()):
        run.count(f"matches_{status}", links)
    run.count("match_candidates", found.candidate_pairs)
    for each in found.passes:
        if each.capped_blocks or not each.is_used:
            run.count(f"blocks_left_out.{each.name}", each.capped_blocks if each.is_used else each.pairs)
    return found


def _links(run: Run, matching: Matching | None) -> DataFrame | None:
    if matching is None:
        return None
    links = identity_links(matching.links, run.lake.read(PERSON_RECORD), run.settings.identity)
    return run.lake.checkpoint(links)


def _review(run: Run, matching: Matching | None) -> DataFrame:
    """What a person should look at; nothing without matching."""
    if matching is None:
        return run.lake.read(MATCH_REVIEW).drop("row_hash").limit(0)
    return for_review(matching.links, run.lake.read(PERSON_RECORD))


def _check(run: Run, resolution: Resolution, previous: DataFrame | None) -> None:
    found = resolution.resolved
    broken = violations(
        found.identity_map,
        found.edges if resolution.has_edges else None,
        found.changes,
        resolution.sightings,
        previous=previous,
        settings=run.settings.identity,
    )
    problems = [f"{count:,} {name}" for name, count in broken.items() if count]
    if problems:
        raise CheckError(
            "The identity map breaks its own rules; nothing was written:",
            problems,
            hint="This is a fault of habitue, not of the data. Please report it with these counts.",
        )


def _count(run: Run, resolution: Resolution) -> None:
    found = resolution.resolved
    sizes = cluster_sizes(found.identity_map)
    run.count("identifiers", resolution.identifier_count)
    run.count("persons", sum(sizes.values()))
    for bucket, persons in sizes.items():
        run.count(f"persons_with_{bucket}_identifiers", persons)
    edges = _by(found.edges, "status") if resolution.has_edges else {}
    changes = _by(found.changes, "cause") if resolution.has_edges else {}
    run.count("edges_accepted", edges.get("accepted", 0))
    run.count("edges_refused", edges.get("refused", 0))
    run.count("merges", changes.get("merge", 0))
    run.count("splits", changes.get("split", 0))
    if edges.get("refused"):
        run.note(
            f"{edges['refused']:,} links between identifiers were refused; silver.identity_edge says why."
        )


def _by(rows: DataFrame, column: str) -> dict[str, int]:
    return {row[column]: row["count"] for row in rows.groupBy(column).count().collect()}


def _write_nothing(run: Run) -> None:
    for table in (IDENTITY_EDGE, MATCH_REVIEW, IDENTITY_CHANGE, CUSTOMER, ATTRIBUTION, IDENTITY_MAP):
        run.lake.merge(table, run.lake.read(table), delete_unmatched=False)
