"""Identity resolution as one transform: records with identifiers in, map, changes and edges out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.errors import HabitueError
from habitue.identity.circumstances import NONE, Circumstances, kept_apart, linking_spans
from habitue.identity.components import components
from habitue.identity.edges import FORMERLY_STATED, node_code, observe, sightings
from habitue.identity.edges import edges as edges_of
from habitue.identity.edges import nodes as nodes_of
from habitue.identity.former_records import yielding
from habitue.identity.guards import all_ended, earliest, linked_once, shared_values, tied_owners, with_until
from habitue.identity.learned_junk import crowded_by_names, crowded_by_neighbours
from habitue.identity.persons import Resolved, assign_persons, with_codes
from habitue.identity.settings import IdentitySettings
from habitue.identity.takeovers import takeover_pauses, takeovers


@dataclass(frozen=True)
class Resolution:
    """Map, changes and edges, materialised, and what they came from: kept for the next increment."""

    resolved: Resolved
    observations: DataFrame  # with the component of each identifier, null where nothing links it
    ended: DataFrame | None  # values that stopped linking by guard; None without edges
    shared: DataFrame | None  # of each of them the first reason: id_type, id_key, shared_at, why
    identifier_count: int
    has_edges: bool
    changed_hands: DataFrame | None = None  # devices that changed hands; None where none was away for long

    @property
    def sightings(self) -> DataFrame:
        """When each source knew each identifier first."""
        return sightings(self.observations)


@dataclass(frozen=True)
class Evidence:
    """What records say of identifiers: the first half of resolution, which knows no links by matching yet.

    `edges` still have `stated_until`. `ended` are values that stopped linking, None where nothing links.
    `changed_hands` are devices that changed hands (`takeovers`), `resting` is what `resting_edges` gives.
    """

    observations: DataFrame
    edges: DataFrame
    ended: DataFrame | None
    changed_hands: DataFrame | None = None
    resting: DataFrame | None = None


def gather_evidence(
    records: Mapping[str, DataFrame],
    *,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
    has_links: bool,
    person_records: DataFrame | None = None,
    circumstances: Circumstances = NONE,
) -> Evidence:
    """Evidence of `records` (rule -> rows with source, identifiers, known_time), materialised where anything may link.

    `has_links` says whether links by matching may come to it. `person_records` (identifiers, given_name,
    family_name, known_time) show which values come with too many names.
    """
    observations = checkpoint(observe(records, settings=settings))
    edges = edges_of(observations, settings=settings)
    has_more = has_links or circumstances.decisions is not None
    if not has_more and observations.where("hub_key IS NOT NULL").isEmpty():
        return Evidence(observations, edges, None)
    edges = checkpoint(edges)  # every guard reads them
    hands = None
    if circumstances.away is not None:
        hands = checkpoint(takeovers(edges, circumstances.away, settings=settings))
    seen = sightings(observations)
    resting = resting_edges(edges, seen, hands, has_former=FORMERLY_STATED in records, settings=settings)
    crowded = checkpoint(crowded_by_neighbours(edges, settings=settings))
    junk = crowded.where(F.col("id_type").isin(*settings.owner_types))
    shared = shared_values(
        edges,
        seen,
        settings=settings,
        resting=resting,
        junk=junk,
        ties=tied_owners(edges, settings=settings, junk=junk),
    )
    by_guard = {"owners": shared, "neighbours": crowded}
    if person_records is not None:
        by_guard["names"] = crowded_by_names(person_records, settings=settings)
    return Evidence(observations, edges, checkpoint(all_ended(by_guard)), hands, resting)


def resolve_identity(
    records: Mapping[str, DataFrame],
    *,
    previous: DataFrame | None,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
    links: DataFrame | None = None,
    person_records: DataFrame | None = None,
    circumstances: Circumstances = NONE,
) -> Resolution:
    """Resolve all identifiers of `records` (see `gather_evidence`).

    `previous` is the identity map of the last run, None for the first one. `links` are edges that
    matching of person records found (materialised); they link, but make no value shared.
    """
    evidence = gather_evidence(
        records,
        settings=settings,
        checkpoint=checkpoint,
        has_links=links is not None,
        person_records=person_records,
        circumstances=circumstances,
    )
    return resolve_observed(
        evidence,
        links=links,
        circumstances=circumstances,
        previous=previous,
        taken=None,
        settings=settings,
        checkpoint=checkpoint,
    )


def resolve_observed(
    evidence: Evidence,
    *,
    links: DataFrame | None,
    circumstances: Circumstances,
    previous: DataFrame | None,
    taken: DataFrame | None,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
) -> Resolution:
    """Resolve whole components: their evidence and their earlier map rows.

    `taken` are ids of persons outside these components (person_id), which must not be given again.
    """
    observations, ended = evidence.observations, evidence.ended
    nodes, edges = checkpoint(nodes_of(observations)), evidence.edges.drop("stated_until")
    identifier_count = _count_without_collision(nodes)
    if links is not None:
        links = _between(links, nodes)
        edges = edges.unionByName(links)
    shared, labels, spans = None, None, None
    if ended is not None:
        shared = checkpoint(earliest(ended))
        edges, spans = linking_spans(
            with_until(edges, shared),
            nodes,
            circumstances,
            evidence.resting,
            settings=settings,
            checkpoint=checkpoint,
        )
        edges = checkpoint(with_codes(edges))
        linking, edge_count = edges.where(linked_once()).select("a", "b"), edges.count()
        if spans is not None:
            spans = checkpoint(with_codes(spans))
            linking, edge_count = linking.unionByName(spans.select("a", "b")), edge_count + spans.count()
        labels = checkpoint(
            components(
                linking,
                edge_count=edge_count,
                driver_tier_max_edges=settings.driver_tier_max_edges,
                checkpoint=checkpoint,
            )
        )
    else:
        never = {"until": F.lit(None).cast("timestamp"), "until_why": F.lit(None).cast("string")}
        edges = edges.withColumns(never)
    resolved = assign_persons(
        nodes,
        edges,
        sightings(observations),
        labels,
        previous=previous,
        taken=taken,
        settings=settings,
        checkpoint=checkpoint,
        spans=spans,
        spaces=kept_apart(circumstances),
    )
    return Resolution(
        resolved,
        _labelled(observations, labels),
        ended,
        shared,
        identifier_count,
        ended is not None,
        evidence.changed_hands,
    )


def resting_edges(
    edges: DataFrame,
    sightings: DataFrame,
    changed_hands: DataFrame | None,
    *,
    has_former: bool,
    settings: IdentitySettings,
) -> DataFrame | None:
    """Pauses of edges that others take the place of: of devices that changed hands, of records before a correction.

    None where there are neither. For the second all edges of their values must be there.
    """
    pauses = [] if changed_hands is None else [takeover_pauses(edges, changed_hands)]
    if has_former:
        pauses.append(yielding(edges, sightings, settings=settings))
    return reduce(DataFrame.unionByName, pauses) if pauses else None


def _labelled(observations: DataFrame, labels: DataFrame | None) -> DataFrame:
    """Observations with the component of their identifier."""
    rows = observations.drop("component")
    if labels is None:
        return rows.withColumn("component", F.lit(None).cast("bigint"))
    coded = rows.withColumn("node", node_code(F.col("id_type"), F.col("id_key")))
    return coded.join(labels, on="node", how="left").drop("node")


def _between(links: DataFrame, nodes: DataFrame) -> DataFrame:
    """Links of which both ends are identifiers of these records, none older than its ends.

    The record that showed an end first may be gone, while another one shows it since later.
    """
    columns, since = links.columns, [f"_since_{end}" for end in ("a", "b")]
    for end in ("a", "b"):
        known = nodes.select(
            F.col("id_type").alias(f"id_type_{end}"),
            F.col("id_key").alias(f"id_key_{end}"),
            F.col("first_known").alias(f"_since_{end}"),
        )
        links = links.join(known, on=[f"id_type_{end}", f"id_key_{end}"], how="inner")
    return links.withColumn("first_known", F.greatest("first_known", *since)).select(*columns)


def _count_without_collision(nodes: DataFrame) -> int:
    """Number of identifiers; the 64-bit codes that stand for them in graphs must all differ.

    The chance that they do not is 1 in 10 million for 2 million identifiers.
    """
    counts = nodes.agg(F.count(F.lit(1)).alias("nodes"), F.count_distinct("code").alias("codes")).collect()[0]
    if counts["nodes"] != counts["codes"]:
        raise HabitueError(
            f"{counts['nodes'] - counts['codes']} identifier codes collide",
            hint="Two identifiers hash to the same 64-bit code; identity cannot be resolved on these data.",
        )
    return int(counts["nodes"])
