"""Matching of person records within resolve: what it finds, beside what it found before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_EDGE, IDENTITY_MAP, MATCH_REVIEW
from habitue.contracts.identity_evidence import FOUND_LINK_SPAN
from habitue.contracts.intake import PERSON_RECORD
from habitue.identity.circumstances import Circumstances
from habitue.identity.edges import PAIR
from habitue.identity.matching.found_links import (
    FOUND_SPAN,
    FoundLinks,
    found_beside,
    lost_pauses,
    since_first_found,
)
from habitue.identity.matching.identity_links import RULE, for_review, identity_links, matchable
from habitue.identity.matching.matching import Matching, match_records
from habitue.job import Run
from habitue.lake.changes import made_from as written_from
from habitue.stages.day import newest_fact
from habitue.stages.evidence import changed_person_records


@dataclass(frozen=True)
class Matched:
    """What matching found of person records, and its links between identifiers with those that it found before."""

    matching: Matching
    found: FoundLinks


def people_to_match(run: Run) -> DataFrame | None:
    """Person records to compare; None where there are none."""
    settings = run.settings.identity
    if not (settings.matching.enabled and run.lake.exists(PERSON_RECORD)):
        return None
    people = run.lake.checkpoint(matchable(run.lake.read(PERSON_RECORD), settings))
    return None if people.isEmpty() else people


def _match(run: Run, people: DataFrame) -> Matching:
    """Links between person records, counted."""
    settings = run.settings.identity.matching
    found = match_records(people, settings=settings, checkpoint=run.lake.checkpoint)
    for status, links in sorted(counts_by(found.links, "status").items()):
        run.count(f"matches_{status}", links)
    run.count("match_candidates", found.candidate_pairs)
    for each in found.passes:
        if each.capped_blocks or not each.is_used:
            run.count(f"blocks_left_out.{each.name}", each.capped_blocks if each.is_used else each.pairs)
    return found


def matched(run: Run, people: DataFrame | None, now: Mapping[str, Any]) -> Matched | None:
    """What matching found; None where there is nothing to compare."""
    if people is None:
        return None
    matching = _match(run, people)
    return Matched(matching, _found_links(run, matching, now))


def counts_by(rows: DataFrame, column: str) -> dict[str, int]:
    """Rows by what a column of few values holds."""
    return {row[column]: row["count"] for row in rows.groupBy(column).count().collect()}


def _found_links(run: Run, matching: Matching, now: Mapping[str, Any]) -> FoundLinks:
    """Links between identifiers. By other rules, or for the first time, they say nothing of a past.

    `now` is what the map will be made from (`evidence.basis`).
    """
    people, settings = run.lake.read(PERSON_RECORD), run.settings.identity
    made, stored = written_from(run.location, IDENTITY_MAP), stored_links(run)
    if made is None or made["rules"] != now["rules"]:
        links = identity_links(matching.links, people, settings)
        return FoundLinks(run.lake.checkpoint(since_first_found(links, stored)), no_spans(run))
    fresh = changed_person_records(run, made, now)
    links = run.lake.checkpoint(identity_links(matching.links, people, settings, fresh=fresh))
    if fresh is None:
        run.note("What matching finds counts from its records on: it cannot be told which of them are new.")
    newest = max(filter(None, (_newest_record(people), newest_fact(run))))
    known = run.lake.read(FOUND_LINK_SPAN).select(*FOUND_SPAN)
    beside = found_beside(links, stored, known, newest=newest)
    return FoundLinks(run.lake.checkpoint(beside.links), run.lake.checkpoint(beside.spans))


def _newest_record(people: DataFrame) -> datetime:
    return cast("datetime", people.agg(F.max("known_time")).collect()[0][0]).replace(tzinfo=UTC)


def no_spans(run: Run) -> DataFrame:
    """Of no link that it was lost once."""
    return run.lake.read(FOUND_LINK_SPAN).select(*FOUND_SPAN).limit(0)


def with_lost(run: Run, present: Circumstances, spans: DataFrame) -> Circumstances:
    """The circumstances with the times in which links are lost, if there are any."""
    return replace(present, lost=None if spans.isEmpty() else run.lake.checkpoint(lost_pauses(spans)))


def review_of(run: Run, matched: Matched | None) -> DataFrame:
    """What a person should look at; nothing without matching."""
    if matched is None:
        return run.lake.read(MATCH_REVIEW).drop("row_hash").limit(0)
    return for_review(matched.matching.links, run.lake.read(PERSON_RECORD))


def stored_links(run: Run) -> DataFrame:
    """Links that matching found the last time, as it gave them."""
    edges = run.lake.read(IDENTITY_EDGE).where(F.col("rule") == RULE)
    return edges.select(*PAIR, "rule", *("source", "first_known", "last_seen", "observations", "confidence"))
