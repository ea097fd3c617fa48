"""Identity after a change of evidence: only the components that it touches are resolved anew.

What was observed is kept with the component of each identifier. A change names the
identifiers it is about; their components, as they were, hold everybody that it can
reach, since components were closed under all evidence so far. Guards look at the
neighbours of a value, so those are judged again too. The result for these
components is what a full run gives for them, and no other component changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.circumstances import NONE, Circumstances, linked_by_hand
from habitue.identity.edges import (
    FORMERLY_STATED,
    NODE,
    OBSERVED,
    hub_code,
    hub_of_record,
    node_code,
    observe,
    observe_rows,
    sightings,
    together,
)
from habitue.identity.edges import edges as edges_of
from habitue.identity.guards import all_ended, earliest, shared_values, tied_owners
from habitue.identity.learned_junk import CONTACTS, crowded_by_names, crowded_by_neighbours
from habitue.identity.persons import born_id, with_codes
from habitue.identity.resolution import Evidence, Resolution, resolve_observed, resting_edges
from habitue.identity.settings import IdentitySettings
from habitue.identity.takeovers import takeovers

Resting = Callable[[DataFrame, DataFrame], DataFrame | None]
"""Pauses of edges that others take the place of, of all edges around some values and the codes of their ends."""

_CONTENT = (*OBSERVED, "first_known", "last_seen", "observations")
_ENDED = (*NODE, "guard", "shared_at", "why")


@dataclass(frozen=True)
class Stored:
    """What the last run left: observations with component, ended values by guard, links by matching, the map."""

    observations: DataFrame
    ended: DataFrame
    links: DataFrame | None
    identity_map: DataFrame


@dataclass(frozen=True)
class Changes:
    """What is new since then: rows that came and went (rule, source, identifiers, known_time, seen_until, change).

    `links` and `person_records` are all of them as they are now; None where they did not change. `touched`
    are codes (`node`) that changed decisions, statements of consent or absences are about.
    """

    rows: DataFrame
    links: DataFrame | None = None
    person_records: DataFrame | None = None
    touched: DataFrame | None = None


@dataclass(frozen=True)
class Increment:
    """The touched components resolved (None where nothing is touched), and the codes of their identifiers (`node`).

    With all ended values and all devices that changed hands (None where none was away for long).
    """

    resolution: Resolution | None
    members: DataFrame
    ended: DataFrame
    changed_hands: DataFrame | None


def net_changes(rows: DataFrame) -> DataFrame:
    """Changes that are left when rows that only moved to another file are taken out."""
    return (
        rows.where(F.size("identifiers") > 0)
        .groupBy("rule", "source", "identifiers", "known_time", "seen_until")
        .agg(F.sum("change").alias("change"))
        .where("change <> 0")
    )


def resolve_increment(
    stored: Stored,
    changes: Changes,
    records: Mapping[str, DataFrame],
    *,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
    circumstances: Circumstances = NONE,
) -> Increment:
    """Resolve what the changes touch. `records` are all rows as they are now, and so are the circumstances.

    `changes.rows` are net and materialised. Of `records` only those are read whose hub lost a row.
    """
    old, new = _observed_anew(stored, changes.rows, records, settings, checkpoint)
    observed = checkpoint(_differing(old, new).select(*NODE, "hub_type", "hub_key"))
    every = _without(stored.observations, old).select(*_CONTENT).unionByName(new)
    seeds = _nodes_of(observed)
    if changes.touched is not None:
        seeds = seeds.union(changes.touched)
    seeds = checkpoint(seeds.distinct())
    hands = _changed_hands(every, circumstances.away, settings, checkpoint)

    def resting(edges: DataFrame, owners: DataFrame) -> DataFrame | None:
        seen = sightings(of_members(every, owners))
        return resting_edges(edges, seen, hands, has_former=FORMERLY_STATED in records, settings=settings)

    ended = checkpoint(_ended_anew(stored, changes, every, seeds, resting, settings, checkpoint))
    yielded = _yielded(every, seeds) if FORMERLY_STATED in records else None
    touched = checkpoint(_touched(stored, changes, every, seeds, ended, yielded, circumstances))
    if touched.isEmpty():
        return Increment(None, touched, ended, hands)
    members = checkpoint(_members(stored.observations, touched))
    can_rest = hands is not None or FORMERLY_STATED in records
    at_rest = resting(*_around(every, members, settings, checkpoint)) if can_rest else None
    resolution = _resolved(
        stored, changes, every, ended, members, circumstances, hands, at_rest, settings, checkpoint
    )
    return Increment(resolution, members, ended, hands)


def of_members(rows: DataFrame, members: DataFrame, *, node: Column | None = None) -> DataFrame:
    """Rows whose identifier (`id_type`, `id_key`, or the code given) is one of the members."""
    code = node_code(F.col("id_type"), F.col("id_key")) if node is None else node
    return rows.withColumn("node", code).join(members, on="node", how="left_semi").drop("node")


def others(rows: DataFrame, members: DataFrame) -> DataFrame:
    """Rows whose identifier is none of the members."""
    return _outside(rows, members, node_code(F.col("id_type"), F.col("id_key")))


def between_members(edges: DataFrame, members: DataFrame) -> DataFrame:
    """Edges with both ends among the members."""
    for end in ("a", "b"):
        edges = of_members(edges, members, node=node_code(F.col(f"id_type_{end}"), F.col(f"id_key_{end}")))
    return edges


def _observed_anew(
    stored: Stored,
    rows: DataFrame,
    records: Mapping[str, DataFrame],
    settings: IdentitySettings,
    checkpoint: Checkpoint,
) -> tuple[DataFrame, DataFrame]:
    """Observations of all hubs that a changed row belongs to, as they were and as they are now."""
    came = checkpoint(
        observe_rows(rows.where("change > 0").withColumnRenamed("change", "times"), settings=settings)
    )
    torn = checkpoint(rows.where("change < 0").select(hub_of_record(settings).alias("node")).distinct())
    hubs = checkpoint(came.select(hub_code().alias("node")).union(torn).distinct())
    old = checkpoint(of_members(stored.observations, hubs, node=hub_code()))
    is_torn = not torn.isEmpty()
    grown = old.select(*_CONTENT).unionByName(came)
    if is_torn:  # a first time or a count cannot be taken back: what is left is read again
        kept = _outside(grown, torn, hub_code())
        left = {rule: of_members(r, torn, node=hub_of_record(settings)) for rule, r in records.items()}
        new = together(kept).unionByName(observe(left, settings=settings))
    else:
        new = together(grown)
    return old, checkpoint(new)


def _touched(
    stored: Stored,
    changes: Changes,
    every: DataFrame,
    seeds: DataFrame,
    ended: DataFrame,
    yielded: DataFrame | None,
    circumstances: Circumstances,
) -> DataFrame:
    """Codes of all identifiers whose component is to be resolved anew.

    An edge that never linked ties no component; it may link now where an end of it counts again, so what is
    tied to such an identifier is touched as well.
    """
    loose = _ended_differently(stored.ended, ended)
    if changes.touched is not None:
        loose = loose.union(changes.touched)
    reasons = [seeds, loose, _neighbours(every, loose)]
    if yielded is not None:
        reasons.append(yielded)
    if changes.links is not None:
        reasons.append(_changed_links(stored.links, changes.links))
    links = stored.links if changes.links is None else changes.links
    if links is not None:
        reasons.append(_matched(links, loose))
    touched = reduce(DataFrame.union, reasons).distinct()
    if circumstances.decisions is None:
        return touched
    return touched.union(linked_by_hand(circumstances.decisions, touched)).distinct()


def _yielded(every: DataFrame, seeds: DataFrame) -> DataFrame:
    """Codes of values of the seeds, and of who stated them formerly: that yields, or no more, though nothing ties them."""
    values = _neighbours(every, seeds)
    return _nodes_of(_incident(every, values).where(F.col("rule") == FORMERLY_STATED))


def _changed_hands(
    every: DataFrame, away: DataFrame | None, settings: IdentitySettings, checkpoint: Checkpoint
) -> DataFrame | None:
    """Devices that changed hands, by all that is tied to those that were away."""
    if away is None:
        return None
    nodes = away.select(node_code(F.col("id_type"), F.col("id_key")).alias("node")).distinct()
    around = edges_of(_incident(every, nodes), settings=settings)
    return checkpoint(takeovers(around, away, settings=settings))


def _differing(old: DataFrame, new: DataFrame) -> DataFrame:
    """Observations that are only in one of both, by all their columns."""
    signed = old.select(*_CONTENT, F.lit(-1).alias("sign")).unionByName(
        new.select(*_CONTENT, F.lit(1).alias("sign"))
    )
    return signed.groupBy(*_CONTENT).agg(F.sum("sign").alias("sign")).where("sign <> 0")


def _without(observations: DataFrame, old: DataFrame) -> DataFrame:
    """Stored observations of all other hubs."""
    return _outside(observations, old.select(hub_code().alias("node")).distinct(), hub_code())


def _ended_anew(
    stored: Stored,
    changes: Changes,
    every: DataFrame,
    seeds: DataFrame,
    resting: Resting,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
) -> DataFrame:
    """Ended values by guard: of owners around the seeds, of the two others all."""
    crowded = checkpoint(_crowded(every, settings))
    is_owner = F.col("id_type").isin(*settings.owner_types)
    before = stored.ended.where("guard = 'neighbours'").select(*_ENDED)
    junk, junk_before = crowded.where(is_owner), before.where(is_owner)
    # what an owner was tied to is judged anew where it is nobody now, or no more
    unlike = _neighbours(every, _ended_differently(junk_before, junk))
    judged = checkpoint(seeds.union(_neighbours(every, seeds)).union(unlike).distinct())
    edges, owners = _around(every, judged, settings, checkpoint)
    seen = sightings(of_members(every, owners))
    of_owners = every.where(~F.col("id_type").isin(*settings.anonymous_types))  # none hangs on a device
    hung = edges_of(_incident(of_owners, owners), settings=settings)
    owned = shared_values(
        edges,
        seen,
        settings=settings,
        resting=resting(edges, owners),
        junk=junk,
        ties=tied_owners(hung, settings=settings, junk=junk),
    )
    by_guard = {"owners": of_members(owned, judged), "neighbours": crowded}
    if changes.person_records is not None:
        by_guard["names"] = crowded_by_names(changes.person_records, settings=settings)
    was = stored.ended.select(*_ENDED)
    code = node_code(F.col("id_type"), F.col("id_key"))
    kept = [_outside(was.where("guard = 'owners'"), judged, code)]
    if changes.person_records is None:
        kept.append(was.where("guard = 'names'"))
    return reduce(DataFrame.unionByName, [*kept, all_ended(by_guard)])


def _around(
    every: DataFrame, nodes: DataFrame, settings: IdentitySettings, checkpoint: Checkpoint
) -> tuple[DataFrame, DataFrame]:
    """All edges of which an end is one of the nodes, and the codes of both their ends."""
    around = checkpoint(_incident(every, nodes))
    return edges_of(around, settings=settings), checkpoint(_nodes_of(around).distinct())


def _crowded(every: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Values with too many neighbours among all; what is many depends on all, so it is asked anew.

    Most lakes have no value with so many at all, which narrow counts show.
    """
    linked = every.where("hub_key IS NOT NULL")
    ends = linked.select(
        node_code(F.col("id_type"), F.col("id_key")).alias("node"),
        F.col("id_type").alias("t"),
        F.col("hub_type").alias("neighbour"),
    )
    hubs = linked.select(hub_code().alias("node"), F.col("hub_type").alias("t"), F.col("id_type"))
    is_owner = F.col("t").isin(*settings.owner_types)
    tied = ends.union(hubs).where(~is_owner | F.col("neighbour").isin(*CONTACTS))
    many = tied.groupBy("node").count().where(F.col("count") > settings.neighbours_per_value)
    if many.isEmpty():
        return crowded_by_neighbours(edges_of(every.limit(0), settings=settings), settings=settings)
    return crowded_by_neighbours(edges_of(every, settings=settings), settings=settings)


def _ended_differently(old: DataFrame, new: DataFrame) -> DataFrame:
    """Codes of values that stop linking now, or no more, or from another time on or for another reason."""
    columns = (*NODE, "shared_at", "why")
    signed = (
        earliest(old)
        .select(*columns, F.lit(-1).alias("sign"))
        .unionByName(earliest(new).select(*columns, F.lit(1).alias("sign")))
    )
    differing = signed.groupBy(*columns).agg(F.sum("sign").alias("sign")).where("sign <> 0")
    return differing.select(node_code(F.col("id_type"), F.col("id_key")).alias("node")).distinct()


def _changed_links(old: DataFrame | None, new: DataFrame) -> DataFrame:
    """Codes at the ends of links that matching found or no longer finds, or found otherwise."""
    columns = new.columns
    signed = new.select(*columns, F.lit(1).alias("sign"))
    if old is not None:
        signed = signed.unionByName(old.select(*columns, F.lit(-1).alias("sign")))
    differing = with_codes(signed.groupBy(*columns).agg(F.sum("sign").alias("sign")).where("sign <> 0"))
    return differing.select(F.col("a").alias("node")).union(differing.select("b")).distinct()


def _matched(links: DataFrame, nodes: DataFrame) -> DataFrame:
    """Codes at both ends of the links by matching of which one end is one of the nodes."""
    ends = with_codes(links).select("a", "b")
    sides = [ends.join(nodes.toDF(end), on=end, how="left_semi") for end in ("a", "b")]
    both = sides[0].unionByName(sides[1])
    return both.select(F.col("a").alias("node")).union(both.select("b"))


def _members(observations: DataFrame, touched: DataFrame) -> DataFrame:
    """The touched identifiers and all of their components, as they were."""
    coded = observations.where("component IS NOT NULL").select(
        node_code(F.col("id_type"), F.col("id_key")).alias("node"), "component"
    )
    parts = coded.join(touched, on="node", how="left_semi").select("component").distinct()
    return coded.join(parts, on="component", how="left_semi").select("node").union(touched).distinct()


def _resolved(
    stored: Stored,
    changes: Changes,
    every: DataFrame,
    ended: DataFrame,
    members: DataFrame,
    circumstances: Circumstances,
    hands: DataFrame | None,
    resting: DataFrame | None,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
) -> Resolution:
    observations = checkpoint(of_members(every, members))
    previous = checkpoint(of_members(stored.identity_map, members))
    own = observations.select(born_id(F.col("id_type"), F.col("id_key")).alias("person_id")).distinct()
    outside = others(stored.identity_map, members).select("person_id")
    taken = checkpoint(outside.join(own, on="person_id", how="left_semi").distinct())
    links = stored.links if changes.links is None else changes.links
    inner = of_members(observations.where("hub_key IS NOT NULL"), members, node=hub_code())
    edges = checkpoint(edges_of(inner, settings=settings))
    return resolve_observed(
        Evidence(observations, edges, checkpoint(of_members(ended, members)), hands, resting),
        links=None if links is None else between_members(links, members),
        circumstances=circumstances,
        previous=previous,
        taken=taken,
        settings=settings,
        checkpoint=checkpoint,
    )


def _nodes_of(observations: DataFrame) -> DataFrame:
    """Codes of identifiers and hubs."""
    own = observations.select(node_code(F.col("id_type"), F.col("id_key")).alias("node"))
    return own.union(observations.select(hub_code().alias("node")))


def _incident(observations: DataFrame, nodes: DataFrame) -> DataFrame:
    """Observations of which the identifier or the hub is one of the nodes, each once."""
    code = node_code(F.col("id_type"), F.col("id_key"))
    ends = observations.withColumns({"node": code, "_hub": hub_code()})
    mine = ends.join(nodes, on="node", how="left_semi")
    hubs = nodes.withColumnRenamed("node", "_hub")
    theirs = ends.join(nodes, on="node", how="left_anti").join(hubs, on="_hub", how="left_semi")
    return mine.unionByName(theirs).drop("node", "_hub")


def _neighbours(observations: DataFrame, nodes: DataFrame) -> DataFrame:
    """Codes at both ends of everything that is tied to the nodes."""
    return _nodes_of(_incident(observations, nodes)).distinct()


def _outside(rows: DataFrame, nodes: DataFrame, node: Column) -> DataFrame:
    """Rows whose code is none of the nodes."""
    return rows.withColumn("node", node).join(nodes, on="node", how="left_anti").drop("node")
