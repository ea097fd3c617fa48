"""Target: audiences, holdouts and the consent gate turn profile and score into members to be contacted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.audiences.changes import membership_changes, with_entry
from habitue.audiences.conditions import Cutoffs, Moment
from habitue.audiences.definition import Audience
from habitue.audiences.funnel import audience_funnel
from habitue.audiences.gate import wishes, with_channels
from habitue.audiences.holdout import exposures, new_assignments, with_global_holdout, with_split
from habitue.audiences.inheritance import (
    ENDED,
    EVERY,
    RECENT,
    carry_assignments,
    carry_members,
    successors,
    with_kinds,
)
from habitue.audiences.membership import select_members
from habitue.audiences.percentiles import EXACT_UP_TO, percentile_cutoffs
from habitue.audiences.reading import read_audiences
from habitue.contracts.behaviour import CUSTOMER, IDENTITY_CHANGE, IDENTITY_MAP
from habitue.contracts.decision import (
    AUDIENCE_CHANGE,
    AUDIENCE_FUNNEL,
    AUDIENCE_MEMBER,
    CUSTOMER_SCORE,
    RELEASE,
    SPLIT_ASSIGNMENT,
)
from habitue.contracts.entities import CONSENT, CONTACT, RESPONSE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.concurrency import at_once
from habitue.lake.release import Release, last_release
from habitue.privacy.consent import current_consent, reach
from habitue.privacy.standing import inherited_unsubscribes, recent_unsubscribes, with_standing
from habitue.stages.evidence import removed_addresses

_KEPT = ("priority_score", "is_suppressed", "suppression_reason", "is_holdout", "reach")
"""What the gate needs of a person, beside the audience."""


def target(run: Run) -> None:
    """Decide for every person: which audiences, which arm of their tests, which channels, since when."""
    audiences = defined_audiences(run)
    if not audiences:
        run.note("no audiences: conf/audiences holds no definition")
        return _write_nothing(run)
    # read
    succession = read_succession(run)
    history = read_history(run, succession)
    persons = population(run, audiences, succession)
    # transform
    members = run.lake.checkpoint(_members(run, persons, audiences, history))
    exposed = exposures(members, run.settings.holdout, as_of=run.as_of)
    assignments = new_assignments(exposed, history.assigned, history.stored)
    changes = membership_changes(members, history.previous, as_of=run.as_of)
    funnel = audience_funnel(members, audiences, as_of=run.as_of)
    # write; gold.audience_member last, since its commit marks the stage as done
    at_once(
        [
            partial(run.lake.merge, SPLIT_ASSIGNMENT, assignments),
            partial(run.lake.replace_day, AUDIENCE_CHANGE, changes, as_of=run.as_of),
            partial(run.lake.replace_day, AUDIENCE_FUNNEL, funnel, as_of=run.as_of),
        ]
    )
    run.lake.replace_day(AUDIENCE_MEMBER, _member_rows(members, run), as_of=run.as_of)
    _note_sizes(run, audiences)


def defined_audiences(run: Run) -> tuple[Audience, ...]:
    """The project's audiences, checked."""
    settings = run.settings
    return read_audiences(settings.audiences, settings.consent, settings.holdout)


def moment(run: Run) -> Moment:
    """The run's day and its first instant."""
    return Moment(run.as_of, run.cut)


def day_slice(run: Run, table: Table) -> DataFrame:
    """A dated table's rows of the run's day."""
    return run.lake.read(table).where(F.col("as_of_date") == F.lit(run.as_of))


def has_consent_source(run: Run) -> bool:
    """Whether any consent was ever taken in; without one, nothing that needs an opt-in goes out."""
    return not run.lake.is_empty(CONSENT)


@dataclass(frozen=True)
class Succession:
    """Person ids with those that they led to (old_person_id, new_person_id).

    `links` are all, `ended` those of ids that ended, `recent` those and what moved between persons since the cut.
    """

    links: DataFrame
    ended: DataFrame
    recent: DataFrame


def read_succession(run: Run) -> Succession:
    """Which ids led to which by merges and splits; materialised."""
    lake, changes = run.lake, run.lake.read(IDENTITY_CHANGE)
    is_first = lake.is_empty(SPLIT_ASSIGNMENT) and lake.is_empty(RELEASE)
    if lake.is_empty(IDENTITY_CHANGE) or (
        is_first and lake.is_empty(RESPONSE)
    ):  # then nothing is to be carried
        none = changes.select("old_person_id", "new_person_id")
        return Succession(none, none, none)
    kinds = with_kinds(changes, lake.read(IDENTITY_MAP), since=run.cut)
    links = successors(kinds, checkpoint=lake.checkpoint, within=("kind",))
    every, ended, recent = (links.where(F.col("kind") == k).drop("kind") for k in (EVERY, ENDED, RECENT))
    return Succession(every, ended, recent)


def population(run: Run, audiences: tuple[Audience, ...], succession: Succession) -> DataFrame:
    """One row per person: profile and score of the day, with the standing of now and `reach`."""
    lake, settings = run.lake, run.settings.consent
    identity_map, of_day = lake.read(IDENTITY_MAP), day_slice(run, CUSTOMER_PROFILE)
    unsubscribes = recent_unsubscribes(lake.read(RESPONSE), lake.read(CONTACT), identity_map, since=run.cut)
    profile = with_standing(
        of_day,
        consent=current_consent(
            lake.read(CONSENT),
            identity_map,
            settings,
            at=run.now,
            identity=run.settings.identity,
            removed=removed_addresses(run),
        ),
        customers=lake.read(CUSTOMER),
        unsubscribes=[unsubscribes, inherited_unsubscribes(of_day, succession.recent)],
    )
    score = day_slice(run, CUSTOMER_SCORE).drop("as_of_date")
    wanted = [wish for audience in audiences for wish in wishes(audience, settings)]
    reachable = reach(wanted, settings, has_consent_source=has_consent_source(run))
    return profile.join(score, "person_id", "left").withColumn("reach", reachable)


@dataclass(frozen=True)
class History:
    """What earlier runs fixed, under the ids that persons have now; `stored` is as it lies in the lake."""

    stored: DataFrame
    assigned: DataFrame
    previous: DataFrame


def read_history(run: Run, succession: Succession) -> History:
    """Places in tests and members of the last release, carried through the merges of persons since."""
    stored = run.lake.read(SPLIT_ASSIGNMENT)
    previous = released_members(run, last_release(run.lake.read(RELEASE)))
    if run.lake.is_empty(SPLIT_ASSIGNMENT) and run.lake.is_empty(RELEASE):  # then nothing is to be carried
        return History(stored, stored, previous)
    assigned = run.lake.checkpoint(carry_assignments(stored, succession.links))
    return History(stored, assigned, carry_members(previous, succession.ended))


def current_members(run: Run, audiences: tuple[Audience, ...]) -> DataFrame:
    """Members as `target` would write them now, with `outcome` and `statuses`; writes nothing."""
    succession = read_succession(run)
    persons = population(run, audiences, succession)
    return _members(run, persons, audiences, read_history(run, succession))


def released_members(run: Run, release: Release | None) -> DataFrame:
    """Members in a release (audience, person_id, entered_at); nobody where there is none."""
    version = release.versions.get(AUDIENCE_MEMBER.name) if release else None
    columns = ("audience", "person_id", "entered_at")
    if release is None or version is None:
        return run.lake.read(AUDIENCE_MEMBER).limit(0).select(*columns)
    rows = run.lake.read(AUDIENCE_MEMBER, version=version)
    return rows.where(F.col("as_of_date") == F.lit(release.as_of_date)).select(*columns)


def cutoffs_of(run: Run, persons: DataFrame, audiences: tuple[Audience, ...]) -> Cutoffs:
    """The cut-offs of all percentiles: of every person up to a size, beyond it of a share drawn by hash."""
    size = day_slice(run, CUSTOMER_PROFILE).count()
    return percentile_cutoffs(persons, audiences, one_in=max(1, math.ceil(size / EXACT_UP_TO)))


def _members(run: Run, persons: DataFrame, audiences: tuple[Audience, ...], history: History) -> DataFrame:
    """Members with split, channels, outcome and entry, all from one pass over the persons."""
    placed = with_global_holdout(persons, history.assigned, run.settings.holdout)
    cutoffs = cutoffs_of(run, placed, audiences)
    selected = select_members(placed, audiences, moment=moment(run), cutoffs=cutoffs, keep=_KEPT)
    split = with_split(selected, history.assigned, audiences)
    gated = with_channels(split, audiences, run.settings.consent)
    return with_entry(gated, history.previous, as_of=run.as_of)


def _member_rows(members: DataFrame, run: Run) -> DataFrame:
    """The columns of gold.audience_member."""
    is_reachable = F.size("channels") > 0
    rows = members.withColumns(
        {
            "as_of_date": F.lit(run.as_of),
            "not_exportable_reason": F.when(~is_reachable, F.col("outcome_reason")),
        }
    )
    return rows.select(*AUDIENCE_MEMBER.column_names)


def _write_nothing(run: Run) -> None:
    for table in (AUDIENCE_CHANGE, AUDIENCE_FUNNEL, AUDIENCE_MEMBER):
        run.lake.replace_day(table, run.lake.read(table).limit(0), as_of=run.as_of)


def _note_sizes(run: Run, audiences: tuple[Audience, ...]) -> None:
    """Figures of the record: audiences, memberships, and how many of them may be contacted."""
    totals = day_slice(run, AUDIENCE_FUNNEL).where("channel = '' AND step IN ('members', 'exportable')")
    sums = {
        row["step"]: row["n"]
        for row in totals.groupBy("step").agg(F.sum("person_count").alias("n")).collect()
    }
    run.count("audiences", len(audiences))
    members, exportable = sums.get("members", 0), sums.get("exportable", 0)
    run.count("audience_members", members)
    run.count("audience_members_exportable", exportable)
    run.note(f"{len(audiences)} audiences, {members:,} memberships, {exportable:,} exportable")
