"""Persistent person ids with validity by known time, for all components in parallel.

Components with edges go, each as a whole, through the replay of their evidence in
Arrow batches; an identifier without any edge is its own person, natively. The
previous map is an input: a person keeps its id through the identifier that founded
it, also when older evidence arrives and moves its birth back in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.constrained import MANUAL, Limits
from habitue.identity.edges import NODE, PAIR, node_code, rank_of, space_of
from habitue.identity.guards import linked_once
from habitue.identity.kernel import FACTS, FOUND, ID_DIGITS, replay_partition
from habitue.identity.matching.identity_links import RULE
from habitue.identity.pauses import RETIRED
from habitue.identity.settings import IdentitySettings

_MICROS_PER_DAY = 86_400 * 1_000_000


@dataclass(frozen=True)
class Resolved:
    """What resolution found: the map, changes of ids, and the edges with their status."""

    identity_map: DataFrame
    changes: DataFrame
    edges: DataFrame


def assign_persons(
    nodes: DataFrame,
    edges: DataFrame,
    sightings: DataFrame,
    components: DataFrame | None,
    *,
    previous: DataFrame | None,
    taken: DataFrame | None,
    settings: IdentitySettings,
    checkpoint: Checkpoint,
    spans: DataFrame | None = None,
    spaces: DataFrame | None = None,
) -> Resolved:
    """Persons of all identifiers; `edges` carry codes and `until`, `components` is None when nothing links.

    `taken` are ids of persons that none of these identifiers ever belonged to (person_id), None for none.
    `spans` are the times in which edges with pauses link, with codes; `spaces` the identifiers that
    reviewers or contradictions keep apart.
    """
    founders = checkpoint(_founders(previous, nodes, settings)) if previous is not None else None
    held = _held(founders, taken)
    if components is None:
        found, identity_map = None, _alone(nodes, founders, held)
    else:
        placed = nodes.join(components.withColumnRenamed("node", "code"), on="code", how="left")
        found = checkpoint(
            _replayed(placed, edges, sightings, founders, held, settings, spans=spans, spaces=spaces)
        )
        alone = placed.where(F.col("component").isNull())
        identity_map = _alone(alone, founders, held).unionByName(_map_rows(found))
    identity_map = checkpoint(identity_map)
    rewritten = _rewritten(previous, identity_map) if previous is not None else None
    changes = checkpoint(_changes(found, rewritten, identity_map))
    return Resolved(identity_map, changes, checkpoint(_with_status(edges, found)))


def born_id(id_type: Column, id_key: Column) -> Column:
    """Id of a person born from an identifier; `replay.born_id` is the same in Python."""
    return F.substring(F.sha2(F.concat(id_type, F.lit("\0"), id_key), 256), 1, ID_DIGITS)


def _founders(previous: DataFrame, nodes: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Of each earlier person the identifier that founded it: person_id, code, valid_from, is_born.

    `is_born` says that the person's id is the one that is made from this identifier, as it nearly always is.
    """
    is_born = born_id(F.col("id_type"), F.col("id_key")) == F.col("person_id")
    strength = F.struct("valid_from", "rank", "first_known", "code", "is_born")
    return (
        previous.select(
            "person_id",
            "valid_from",
            node_code(F.col("id_type"), F.col("id_key")).alias("code"),
            rank_of(F.col("id_type"), settings).alias("rank"),
            is_born.alias("is_born"),
        )
        .join(nodes.select("code", "first_known"), on="code", how="inner")
        .groupBy("person_id")
        .agg(F.min(strength).alias("_founder"))
        .select("person_id", *(f"_founder.{name}" for name in ("code", "valid_from", "is_born")))
    )


def _held(founders: DataFrame | None, taken: DataFrame | None) -> DataFrame | None:
    """Ids that an identifier must not found, though they are made from it: another's person has them (born_id)."""
    held = None
    if founders is not None:
        held = founders.where("NOT is_born").select(F.col("person_id").alias("born_id"))
    if taken is not None:
        others = taken.select(F.col("person_id").alias("born_id"))
        held = others if held is None else held.unionByName(others)
    return None if held is None else held.distinct().withColumn("_is_held", F.lit(True))


def _with_born_id(nodes: DataFrame, held: DataFrame | None) -> DataFrame:
    """Nodes with the id a person born from each would get; null when another identifier's person holds it."""
    born = nodes.withColumn("born_id", born_id(F.col("id_type"), F.col("id_key")))
    if held is None:
        return born
    is_free = F.col("_is_held").isNull()
    return born.join(held, on="born_id", how="left").withColumn("born_id", F.when(is_free, F.col("born_id")))


def _alone(nodes: DataFrame, founders: DataFrame | None, held: DataFrame | None) -> DataFrame:
    """Map rows of identifiers that nothing ever linked."""
    nodes = _with_born_id(nodes, held)
    person = F.coalesce("born_id", _reborn_id())
    if founders is not None:
        first = founders.groupBy("code").agg(
            F.min_by("person_id", F.struct("valid_from", "person_id")).alias("_kept")
        )
        nodes = nodes.join(first, on="code", how="left")
        person = F.coalesce("_kept", "born_id", _reborn_id())
    return nodes.select(
        *NODE,
        F.col("first_known").alias("valid_from"),
        person.alias("person_id"),
        F.lit(None).cast("timestamp").alias("valid_to"),
    )


def _reborn_id() -> Column:
    at = F.unix_micros("first_known").cast("string")
    text = F.concat(F.lit("reborn\0"), F.col("code").cast("string"), F.lit("\0"), at)
    return F.substring(F.sha2(text, 256), 1, ID_DIGITS)


def _replayed(
    placed: DataFrame,
    edges: DataFrame,
    sightings: DataFrame,
    founders: DataFrame | None,
    held: DataFrame | None,
    settings: IdentitySettings,
    *,
    spans: DataFrame | None,
    spaces: DataFrame | None,
) -> DataFrame:
    """All facts of a component side by side, then its replay; grain: one finding."""
    linked = placed.where(F.col("component").isNotNull())
    place = linked.select("code", "component")
    facts = [
        _node_facts(linked, held, settings),
        _edge_facts(edges, place, settings),
        _space_facts(linked, sightings, settings),
    ]
    if spans is not None:
        facts.append(_edge_facts(spans, place, settings))
    if spaces is not None:
        facts.append(_apart_facts(linked, spaces))
    if founders is not None:
        facts.append(_hint_facts(founders, place))
    rows = facts[0]
    for more in facts[1:]:
        rows = rows.unionByName(more, allowMissingColumns=True)
    limits = Limits(
        per_person=dict(settings.per_person),
        default_per_person=settings.default_per_person,
        cluster=settings.cluster_limit,
        life={id_type: days * _MICROS_PER_DAY for id_type, days in settings.live_days.items()},
    )
    anonymous_rank = min((settings.rank(t) for t in settings.anonymous_types), default=len(settings.priority))

    def kernel(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return replay_partition(batches, limits=limits, anonymous_rank=anonymous_rank)

    by_component = rows.select(*FACTS).repartition("component").sortWithinPartitions("component")
    return by_component.mapInArrow(kernel, FOUND)


def _node_facts(linked: DataFrame, held: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    is_free = F.lit(True)
    if held is not None:
        linked, is_free = _with_born_id(linked, held), F.col("born_id").isNotNull()
    return linked.select(
        "component",
        F.lit(0).alias("kind"),
        F.unix_micros("first_known").alias("at"),
        F.col("code").alias("a"),
        rank_of(F.col("id_type"), settings).alias("rank"),
        *NODE,
        is_free.alias("is_free"),
        F.lit(None).cast("bigint").alias("b"),
        F.lit(None).cast("bigint").alias("until"),
        F.lit(None).cast("double").alias("confidence"),
        F.lit(None).cast("string").alias("name"),
    )


def _edge_facts(edges: DataFrame, place: DataFrame, settings: IdentitySettings) -> DataFrame:
    rank_a, rank_b = rank_of(F.col("id_type_a"), settings), rank_of(F.col("id_type_b"), settings)
    # what records say of a person comes after all that identifiers say
    is_probable = F.col("rule") == RULE
    tier = (
        F.greatest(rank_a, rank_b) * 100 + F.least(rank_a, rank_b) + F.when(is_probable, 10_000).otherwise(0)
    )
    tier = F.when(F.col("rule") == MANUAL, F.lit(-1)).otherwise(tier)
    return (
        edges.where(linked_once())
        .join(place.withColumnRenamed("code", "a"), on="a", how="inner")
        .select(
            "component",
            F.lit(1).alias("kind"),
            F.unix_micros("first_known").alias("at"),
            "a",
            "b",
            tier.alias("rank"),
            "confidence",
            F.unix_micros("until").alias("until"),
            F.col("rule").alias("name"),
        )
    )


def _space_facts(linked: DataFrame, sightings: DataFrame, settings: IdentitySettings) -> DataFrame:
    exclusive = sightings.where(F.col("id_type").isin(*settings.exclusive_types))
    return (
        exclusive.select(
            node_code(F.col("id_type"), F.col("id_key")).alias("code"),
            space_of(F.col("source"), settings).alias("name"),
            F.unix_micros("first_known").alias("at"),
        )
        .groupBy("code", "name")
        .agg(F.min("at").alias("at"))
        .join(linked.select("code", "component"), on="code", how="inner")
        .select("component", F.lit(2).alias("kind"), "at", F.col("code").alias("a"), "name")
    )


def _apart_facts(linked: DataFrame, spaces: DataFrame) -> DataFrame:
    """Members of what keeps identifiers apart, each from when it is known itself."""
    return (
        linked.join(spaces, on=list(NODE), how="inner")
        .select(
            "component",
            F.lit(2).alias("kind"),
            F.unix_micros(F.greatest("start", "first_known")).alias("at"),
            F.unix_micros("end").alias("until"),
            F.col("code").alias("a"),
            F.col("text").alias("name"),
        )
        .where("until IS NULL OR at < until")
    )


def _hint_facts(founders: DataFrame, place: DataFrame) -> DataFrame:
    return founders.join(place, on="code", how="inner").select(
        "component",
        F.lit(3).alias("kind"),
        F.unix_micros("valid_from").alias("at"),
        F.col("code").alias("a"),
        F.col("person_id").alias("name"),
    )


def with_codes(edges: DataFrame) -> DataFrame:
    """Edges with the 64-bit codes of both ends as `a` and `b`."""
    return edges.withColumns(
        {
            "a": node_code(F.col("id_type_a"), F.col("id_key_a")),
            "b": node_code(F.col("id_type_b"), F.col("id_key_b")),
        }
    )


def _map_rows(found: DataFrame) -> DataFrame:
    return found.where("kind = 0").select(
        *NODE,
        F.timestamp_micros("at").alias("valid_from"),
        "person_id",
        F.timestamp_micros("until").alias("valid_to"),
    )


def _changes(found: DataFrame | None, rewritten: DataFrame | None, identity_map: DataFrame) -> DataFrame:
    """Changes of ids found by the replay, and those that rewritten history brought."""
    columns = ("old_person_id", "new_person_id", "changed_at", "cause")
    parts = []
    if found is not None:
        parts.append(
            found.where("kind = 1").select(
                F.col("other_id").alias("old_person_id"),
                F.col("person_id").alias("new_person_id"),
                F.timestamp_micros("at").alias("changed_at"),
                F.col("text").alias("cause"),
            )
        )
    if rewritten is not None:
        parts.append(rewritten)
    if not parts:
        nothing = identity_map.where(F.lit(False))
        text = F.col("person_id")
        return nothing.select(
            *(x.alias(c) for x, c in zip((text, text, F.col("valid_from"), text), columns, strict=True))
        )
    changes = parts[0]
    for more in parts[1:]:
        changes = changes.unionByName(more)
    # the replay's own cause comes first where both know of a change
    return changes.groupBy(*columns[:3]).agg(F.min("cause").alias("cause"))


def _rewritten(previous: DataFrame, identity_map: DataFrame) -> DataFrame:
    """Persons of the previous map that an identifier has left without a trace in the new history.

    This happens when evidence arrives that was known before the last run, or
    when a record was corrected; it counts from the start of the new row.
    """
    was = previous.where("valid_to IS NULL").select(*NODE, F.col("person_id").alias("old_person_id"))
    trace = identity_map.select(*NODE, F.col("person_id").alias("old_person_id"))
    now = identity_map.where("valid_to IS NULL")
    alive = now.select(F.col("person_id").alias("old_person_id"), F.lit(True).alias("_alive")).distinct()
    return (
        was.join(trace, on=[*NODE, "old_person_id"], how="left_anti")
        .join(now, on=list(NODE), how="inner")
        .join(alive, on="old_person_id", how="left")
        .groupBy(
            "old_person_id",
            F.col("person_id").alias("new_person_id"),
            F.col("valid_from").alias("changed_at"),
        )
        .agg(F.when(F.max("_alive"), F.lit("split")).otherwise(F.lit("merge")).alias("cause"))
    )


def _with_status(edges: DataFrame, found: DataFrame | None) -> DataFrame:
    """silver.identity_edge rows without row_hash: accepted, or refused with the limit it broke."""
    coded = edges
    reason = F.col("until_why")
    if found is not None:
        refused = found.where("kind = 2").select(
            "a", "b", F.col("text").alias("rule"), F.col("person_id").alias("_broken")
        )
        coded = coded.join(refused, on=["a", "b", "rule"], how="left")
        reason = F.coalesce(reason, "_broken")
    is_retired = reason.isin(*RETIRED)
    status = (
        F.when(reason.isNull(), F.lit("accepted"))
        .when(is_retired, F.lit("retired"))
        .otherwise(F.lit("refused"))
    )
    columns = ("source", "first_known", "last_seen", "observations", "confidence")
    return coded.select(*PAIR, "rule", status.alias("status"), reason.alias("reason"), *columns)
