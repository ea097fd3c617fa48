"""Guards before clustering: a value that several owners of one source use stops linking anybody.

An owner is a customer number or account; a value a weaker identifier directly
linked to it. From the moment the first owner too many is known, the value is
shared and none of its edges links. Degrees only grow with time, so a shared
value stays shared, and an edge links in one interval [first_known, until).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, PAIR, rank_of, space_of
from habitue.identity.pauses import far
from habitue.identity.settings import IdentitySettings


def shared_values(
    edges: DataFrame,
    sightings: DataFrame,
    *,
    settings: IdentitySettings,
    resting: DataFrame | None = None,
    junk: DataFrame | None = None,
    ties: DataFrame | None = None,
) -> DataFrame:
    """Values with too many owners: id_type, id_key, shared_at (known time of the owner too many), why.

    `resting` are edges (with `start`) that no longer count from then on, and `junk` are values (with `shared_at`)
    that are nobody from then on: an owner who is gone makes no value shared. `ties` say which owners are one
    (see `tied_owners`).
    """
    gone = F.lit(None).cast("timestamp")
    if resting is not None:
        rests = resting.groupBy(*PAIR, "rule").agg(F.min("start").alias("gone"))
        edges, gone = edges.join(rests, on=[*PAIR, "rule"], how="left"), F.col("gone")
    edges = edges.withColumn("gone", F.coalesce(gone, far()))
    owned = owned_values(edges, "first_known", "gone", settings=settings)
    # nearly all values have one owner; what follows looks at the few others only
    several = owned.groupBy(*NODE).agg(F.count(F.lit(1)).alias("_n")).where("_n > 1").select(*NODE)
    owned = owned.join(several, on=list(NODE), how="left_semi")
    if junk is not None:
        nobody = junk.select(
            F.col("id_type").alias("owner_type"),
            F.col("id_key").alias("owner_key"),
            F.col("shared_at").alias("_ended"),
        )
        owned = owned.join(F.broadcast(nobody), on=["owner_type", "owner_key"], how="left").withColumn(
            "gone", F.least("gone", "_ended")
        )
    known = F.greatest("first_known", "space_known")
    owners = (
        owned.join(owner_spaces(sightings, settings), on=["owner_type", "owner_key"], how="inner")
        .groupBy(*NODE, "owner_type", "space", "owner_key")
        .agg(F.min(known).alias("known"), F.max("gone").alias("gone"))
        .withColumn("gone", F.greatest("gone", "known"))  # nobody goes before having come
    )
    if ties is not None:
        owners = _once_each(owners, ties)
    too_many = (_ranked(owners) if resting is None and junk is None else _present(owners)).where(
        F.col("_n") == _allowed(settings) + 1
    )
    why = F.concat(F.lit("shared "), F.col("id_type"), F.lit(": too many owners"))
    return too_many.groupBy(*NODE).agg(F.min("known").alias("shared_at")).withColumn("why", why)


def tied_owners(edges: DataFrame, *, settings: IdentitySettings, junk: DataFrame | None = None) -> DataFrame:
    """What owners hang on: owner_type, owner_key, hub (of two owners with one hub a record says that they are one), tied_at.

    The hub is the owner itself, another one of its type (an account before its renaming), or what is stronger (the
    customer whose two mailboxes they are). What is `junk` (with `shared_at`) ties nobody from then on. Types that
    never merge are left out.
    """
    types = [t for t in settings.all_owner_types if t not in settings.exclusive_types]
    sides = []
    for end, hub in (("a", "b"), ("b", "a")):
        own, other = F.col(f"id_type_{end}"), F.col(f"id_type_{hub}")
        is_hub = rank_of(other, settings) <= rank_of(own, settings)
        sides.append(
            edges.where(own.isin(*types) & is_hub).select(
                own.alias("owner_type"),
                F.col(f"id_key_{end}").alias("owner_key"),
                other.alias("hub_type"),
                F.col(f"id_key_{hub}").alias("hub_key"),
                F.col("first_known").alias("tied_at"),
            )
        )
    tied = sides[0].unionByName(sides[1])
    if junk is not None:
        nobody = junk.select(
            F.col("id_type").alias("hub_type"),
            F.col("id_key").alias("hub_key"),
            F.col("shared_at").alias("_ended"),
        )
        tied = tied.join(F.broadcast(nobody), on=["hub_type", "hub_key"], how="left").where(
            "_ended IS NULL OR tied_at < _ended"
        )
    itself = tied.where("hub_type = owner_type").select(
        "owner_type", F.col("hub_key").alias("owner_key"), "hub_type", "hub_key", "tied_at"
    )
    return tied.select(*itself.columns).unionByName(itself)


def _once_each(owners: DataFrame, ties: DataFrame) -> DataFrame:
    """Owners of a value without those that were known to be one with an owner before them."""
    place = [*NODE, "owner_type", "space"]
    hung = owners.select(*place, "owner_key", "known").join(ties, on=["owner_type", "owner_key"], how="inner")
    before = hung.select(
        *place,
        "hub_type",
        "hub_key",
        F.struct("known", "owner_key").alias("_before"),
        F.col("tied_at").alias("_tied"),
    )
    is_tied = F.greatest("tied_at", "_tied") <= F.col("known")
    doubles = (
        hung.join(before, on=[*place, "hub_type", "hub_key"], how="inner")
        .where((F.col("_before") < F.struct("known", "owner_key")) & is_tied)
        .select(*place, "owner_key")
        .distinct()
    )
    return owners.join(doubles, on=[*place, "owner_key"], how="left_anti")


def earliest(ended: DataFrame) -> DataFrame:
    """Values that stopped linking for any of several reasons, with the first one to hold."""
    first = F.min(F.struct("shared_at", "why")).alias("_first")
    return ended.groupBy(*NODE).agg(first).select(*NODE, "_first.shared_at", "_first.why")


def all_ended(by_guard: Mapping[str, DataFrame]) -> DataFrame:
    """What each guard ended: id_type, id_key, guard, shared_at, why."""
    return reduce(
        DataFrame.unionByName,
        [
            rows.select(*NODE, F.lit(guard).alias("guard"), "shared_at", "why")
            for guard, rows in by_guard.items()
        ],
    )


def with_until(edges: DataFrame, shared: DataFrame) -> DataFrame:
    """Edges with `until` (null: links to this day) and `until_why`, the reason of the value that ended it."""
    for end in ("a", "b"):
        side = shared.select(
            F.col("id_type").alias(f"id_type_{end}"),
            F.col("id_key").alias(f"id_key_{end}"),
            F.struct("shared_at", "why").alias(f"_end_{end}"),
        )
        edges = edges.join(side, on=[f"id_type_{end}", f"id_key_{end}"], how="left")
    first = F.least("_end_a", "_end_b")  # nulls are passed over
    return edges.withColumns({"until": first["shared_at"], "until_why": first["why"]}).drop(
        "_end_a", "_end_b"
    )


def linked_once() -> Column:
    """Whether an edge links, or linked at some time in the past."""
    return F.col("until").isNull() | (F.col("first_known") < F.col("until"))


def _ranked(owners: DataFrame) -> DataFrame:
    """Owners of a value in the order in which they became known: `_n` of them until then."""
    in_order = Window.partitionBy(*NODE, "owner_type", "space").orderBy("known", "owner_key")
    return owners.withColumn("_n", F.row_number().over(in_order))


def _present(owners: DataFrame) -> DataFrame:
    """The same where owners go: `_n` of them at a time; who goes makes room for who comes at that moment."""
    goes = owners.where(F.col("gone") < far()).withColumns({"known": F.col("gone"), "_step": F.lit(-1)})
    steps = owners.withColumn("_step", F.lit(1)).unionByName(goes)
    in_order = Window.partitionBy(*NODE, "owner_type", "space").orderBy("known", "_step", "owner_key")
    return steps.withColumn("_n", F.sum("_step").over(in_order)).where("_step = 1")


def owner_spaces(sightings: DataFrame, settings: IdentitySettings) -> DataFrame:
    """Number spaces of each owner: owner_type, owner_key, space, space_known.

    What only devices belong to, such as a mailbox, is the same in all sources.
    """
    is_numbered = F.col("id_type").isin(*settings.owner_types)
    return sightings.where(F.col("id_type").isin(*settings.all_owner_types)).select(
        F.col("id_type").alias("owner_type"),
        F.col("id_key").alias("owner_key"),
        F.when(is_numbered, space_of(F.col("source"), settings)).otherwise("").alias("space"),
        F.col("first_known").alias("space_known"),
    )


def owned_values(edges: DataFrame, *columns: str, settings: IdentitySettings) -> DataFrame:
    """Edges from a value to an owner stronger than it: id_type, id_key, owner_type, owner_key and these columns."""

    def directed(value: str, owner: str) -> DataFrame:
        of_device = F.col(f"id_type_{value}").isin(*settings.anonymous_types)
        is_owner = F.col(f"id_type_{owner}").isin(*settings.owner_types) | (
            of_device & F.col(f"id_type_{owner}").isin(*settings.device_owner_types)
        )
        is_value = F.col(f"id_type_{value}").isin(*settings.owners_per_value)
        stronger = rank_of(F.col(f"id_type_{owner}"), settings) < rank_of(F.col(f"id_type_{value}"), settings)
        return edges.where(is_owner & is_value & stronger).select(
            F.col(f"id_type_{value}").alias("id_type"),
            F.col(f"id_key_{value}").alias("id_key"),
            F.col(f"id_type_{owner}").alias("owner_type"),
            F.col(f"id_key_{owner}").alias("owner_key"),
            *columns,
        )

    return directed("a", "b").unionByName(directed("b", "a"))


def _allowed(settings: IdentitySettings) -> Column:
    pairs = chain.from_iterable((F.lit(t), F.lit(n)) for t, n in sorted(settings.owners_per_value.items()))
    return F.create_map(*pairs)[F.col("id_type")]
