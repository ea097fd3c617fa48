"""Checks of every run on its own result, each as a number of violations that must be zero."""

from __future__ import annotations

from functools import reduce
from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.as_of import identity_now, with_persons
from habitue.identity.circumstances import NONE, Circumstances, together_despite
from habitue.identity.edges import NODE, PAIR, space_of
from habitue.identity.settings import IdentitySettings

HISTOGRAM = ((1, "1"), (2, "2"), (5, "3-5"), (10, "6-10"), (50, "11-50"))


def violations(
    identity_map: DataFrame,
    edges: DataFrame | None,
    changes: DataFrame,
    sightings: DataFrame,
    *,
    previous: DataFrame | None,
    settings: IdentitySettings,
    circumstances: Circumstances = NONE,
) -> dict[str, int]:
    """Violations by check, collected at once. Without edges (None) nobody can have merged."""
    now = identity_now(identity_map)
    checks = {
        "validities that leave a gap or overlap": torn_validities(identity_map),
        "identifiers without a person": without_person(now, sightings),
    }
    together = together_despite(circumstances, now)
    if together is not None:
        checks["persons with identifiers that a reviewer or their records keep apart"] = together
    if edges is not None:
        checks |= {
            "persons over a limit of their identifiers": persons_over_limit(
                now, sightings, settings=settings
            ),
            "persons with two numbers of one source": persons_with_two_numbers(
                now, sightings, settings=settings
            ),
            "accepted edges across persons": edges_across_persons(now, edges),
            "ids changed without a cause": unexplained_changes(identity_map, changes),
        }
    if previous is not None:
        checks["ids changed since the last run without a cause"] = unexplained_rewrites(
            previous, identity_map, changes
        )
    counted = [
        rows.agg(F.count(F.lit(1)).alias("n")).select(F.lit(name).alias("name"), "n")
        for name, rows in checks.items()
    ]
    return {row["name"]: row["n"] for row in reduce(DataFrame.unionByName, counted).collect()}


def torn_validities(identity_map: DataFrame) -> DataFrame:
    """Rows that do not end where the next begins; the last one must be open: one valid person, always."""
    following = F.lead("valid_from").over(Window.partitionBy(*NODE).orderBy("valid_from"))
    return identity_map.withColumn("_next", following).where(~F.col("valid_to").eqNullSafe(F.col("_next")))


def without_person(now: DataFrame, sightings: DataFrame) -> DataFrame:
    """Identifiers that some source showed and that came out of the resolution without a person."""
    return sightings.select(*NODE).distinct().join(now, on=list(NODE), how="left_anti")


def persons_over_limit(now: DataFrame, sightings: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Persons who at some moment held more values of a type, or more identifiers at all, than allowed."""
    is_over = F.col("n") > _limit(settings)
    held = _at_once(now, sightings, is_over, settings)
    return (
        held.groupBy("person_id", "at")
        .agg(F.bool_or(is_over).alias("_over"), F.sum("n").alias("size"))
        .where(F.col("_over") | (F.col("size") > settings.cluster_limit))
        .select("person_id")
        .distinct()
    )


def persons_at_limit(now: DataFrame, sightings: DataFrame, *, settings: IdentitySettings) -> DataFrame:
    """Persons that held as many values of a type at once as one may: one more was refused. Exclusive types aside."""
    is_full = (F.col("n") >= _limit(settings)) & ~F.col("id_type").isin(*settings.exclusive_types)
    held = _at_once(now, sightings, is_full, settings)
    return held.where(is_full & (F.col("n") > 1)).select("person_id").distinct()


def _at_once(now: DataFrame, sightings: DataFrame, suspect: Column, settings: IdentitySettings) -> DataFrame:
    """Values of a type that a person held at a moment (person_id, at, id_type, n), of persons who may be of interest.

    `suspect` tells them by all values they ever held. A device or cookie counts for the days that its type lives
    after it was first known.
    """
    per_type = now.groupBy("person_id", "id_type").agg(F.count(F.lit(1)).alias("n"))
    suspects = (
        per_type.groupBy("person_id")
        .agg(F.bool_or(suspect).alias("_is_suspect"), F.sum("n").alias("size"))
        .where(F.col("_is_suspect") | (F.col("size") > settings.cluster_limit))
        .select("person_id")
    )
    theirs = now.join(suspects, on="person_id", how="left_semi")
    first = sightings.groupBy(*NODE).agg(F.min("first_known").alias("born"))
    held = theirs.join(first, on=list(NODE), how="inner").withColumn("dies", _end_of_life(settings))
    moments = held.select("person_id", F.col("born").alias("at")).distinct()
    return (
        held.join(moments, on="person_id", how="inner")
        .where("dies IS NULL OR (born <= at AND at < dies)")
        .groupBy("person_id", "at", "id_type")
        .agg(F.count(F.lit(1)).alias("n"))
    )


def _end_of_life(settings: IdentitySettings) -> Column:
    """When an identifier first known at `born` stops to count; null where it counts for good."""
    if not settings.live_days:
        return F.lit(None).cast("timestamp")
    pairs = chain.from_iterable((F.lit(t), F.lit(n)) for t, n in sorted(settings.live_days.items()))
    return F.col("born") + F.make_dt_interval(days=F.create_map(*pairs)[F.col("id_type")])


def persons_with_two_numbers(
    now: DataFrame, sightings: DataFrame, *, settings: IdentitySettings
) -> DataFrame:
    """Persons holding two exclusive values of one number space."""
    spaces = sightings.where(F.col("id_type").isin(*settings.exclusive_types)).select(
        *NODE, space_of(F.col("source"), settings).alias("space")
    )
    held = now.join(spaces.distinct(), on=list(NODE), how="inner")
    return held.groupBy("person_id", "id_type", "space").agg(F.count(F.lit(1)).alias("n")).where("n > 1")


def edges_across_persons(now: DataFrame, edges: DataFrame) -> DataFrame:
    """Accepted edges whose ends belong to different persons."""
    joined = with_persons(edges.where("status = 'accepted'").select(*PAIR), now)
    return joined.where(~F.col("person_a").eqNullSafe(F.col("person_b")))


def unexplained_changes(identity_map: DataFrame, changes: DataFrame) -> DataFrame:
    """Identifiers that moved from one person to another without a logged change."""
    before = F.lag("person_id").over(Window.partitionBy(*NODE).orderBy("valid_from"))
    moves = identity_map.select(
        before.alias("old_person_id"),
        F.col("person_id").alias("new_person_id"),
        F.col("valid_from").alias("changed_at"),
    ).where("old_person_id <> new_person_id")
    return moves.join(changes, on=["old_person_id", "new_person_id", "changed_at"], how="left_anti")


def unexplained_rewrites(previous: DataFrame, identity_map: DataFrame, changes: DataFrame) -> DataFrame:
    """Identifiers whose last published person is neither in their history nor in the log."""
    was = previous.where("valid_to IS NULL").select(*NODE, F.col("person_id").alias("old_person_id"))
    trace = identity_map.select(*NODE, F.col("person_id").alias("old_person_id"))
    now = identity_now(identity_map).withColumnRenamed("person_id", "new_person_id")
    return (
        was.join(trace, on=[*NODE, "old_person_id"], how="left_anti")
        .join(now, on=list(NODE), how="inner")
        .join(changes, on=["old_person_id", "new_person_id"], how="left_anti")
    )


def cluster_sizes(identity_map: DataFrame) -> dict[str, int]:
    """Histogram: identifiers of a person -> persons."""
    sizes = identity_now(identity_map).groupBy("person_id").agg(F.count(F.lit(1)).alias("n"))
    bucket = reduce(
        lambda column, step: column.when(F.col("n") <= step[0], F.lit(step[1])),
        HISTOGRAM[1:],
        F.when(F.col("n") <= HISTOGRAM[0][0], F.lit(HISTOGRAM[0][1])),
    )
    rows = sizes.groupBy(F.coalesce(bucket, F.lit("51+")).alias("bucket")).count().collect()
    found = {row["bucket"]: row["count"] for row in rows}
    return {name: found[name] for name in (*(label for _, label in HISTOGRAM), "51+") if name in found}


def _limit(settings: IdentitySettings) -> Column:
    pairs = chain.from_iterable((F.lit(t), F.lit(n)) for t, n in sorted(settings.per_person.items()))
    return F.coalesce(F.create_map(*pairs)[F.col("id_type")], F.lit(settings.default_per_person))
