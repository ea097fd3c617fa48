"""Identity resolution as one transform: records with identifiers in, map, changes and edges out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.errors import HabitueError
from habitue.identity.components import components
from habitue.identity.edges import edges as edges_of
from habitue.identity.edges import nodes as nodes_of
from habitue.identity.edges import observe, sightings
from habitue.identity.guards import earliest, linked_once, shared_values, with_until
from habitue.identity.learned_junk import crowded_by_names, crowded_by_neighbours
from habitue.identity.persons import Resolved, assign_persons, with_codes
from habitue.identity.settings import IdentitySettings

Checkpoint = Callable[[DataFrame], DataFrame]


@dataclass(frozen=True)
class Resolution:
    """Map, changes and edges, materialised; shared values for attribution, sightings for checks."""

    resolved: Resolved
    sightings: DataFrame
    shared: DataFrame | None  # id_type, id_key, shared_at; None without edges
    identifier_count: int
    has_edges: bool


def resolve_identity(
    records: Mapping[str, DataFrame],
    *,
    previous: DataFrame | None,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
    links: DataFrame | None = None,
    person_records: DataFrame | None = None,
) -> Resolution:
    """Resolve all identifiers of `records` (rule -> rows with source, identifiers, known_time).

    `previous` is the identity map of the last run, None for the first one. `links` are edges that
    matching of person records found (materialised); they link, but make no value shared. `person_records`
    (identifiers, given_name, family_name, known_time) show which values come with too many names.
    """
    observations = checkpoint(observe(records, settings=settings))
    nodes = checkpoint(nodes_of(observations))
    seen = sightings(observations)
    identifier_count = _count_without_collision(nodes)
    edges = edges_of(observations, settings=settings)
    upper_count = observations.where(
        F.col("hub_key").isNotNull()
    ).count()  # per source: never fewer than edges
    if links is not None:
        links = _between(links, nodes)
        upper_count += links.count()
    shared, labels = None, None
    if upper_count:
        edges = checkpoint(edges)  # every guard reads them
        ended = [
            shared_values(edges, seen, settings=settings),
            crowded_by_neighbours(edges, settings=settings),
        ]
        if person_records is not None:
            ended.append(crowded_by_names(person_records, settings=settings))
        shared = checkpoint(earliest(ended))
        every = edges if links is None else edges.unionByName(links)
        edges = checkpoint(with_until(every, shared))
        links = with_codes(edges.where(linked_once())).select("a", "b")
        labels = checkpoint(
            components(
                links,
                edge_count=upper_count,
                driver_tier_max_edges=settings.driver_tier_max_edges,
                checkpoint=checkpoint,
            )
        )
    else:
        edges = edges.withColumns(
            {"until": F.lit(None).cast("timestamp"), "until_why": F.lit(None).cast("string")}
        )
    resolved = assign_persons(
        nodes, edges, seen, labels, previous=previous, settings=settings, checkpoint=checkpoint
    )
    return Resolution(resolved, seen, shared, identifier_count, upper_count > 0)


def _between(links: DataFrame, nodes: DataFrame) -> DataFrame:
    """Links of which both ends are identifiers of these records."""
    for end in ("a", "b"):
        known = nodes.select(F.col("id_type").alias(f"id_type_{end}"), F.col("id_key").alias(f"id_key_{end}"))
        links = links.join(known, on=[f"id_type_{end}", f"id_key_{end}"], how="left_semi")
    return links


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
