"""Matching as one transform: person records in, links between them out, each with its probability and its fate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.identity.components import components
from habitue.identity.matching import blocking, scoring
from habitue.identity.matching.blocking import BlockingPass
from habitue.identity.matching.comparisons import Levels
from habitue.identity.matching.expectation_maximisation import Chance, Model, learn
from habitue.identity.matching.kernel import (
    COMPARED,
    PAIR,
    RECORD,
    REPAIRED,
    ROWS,
    compare_batches,
    repair_batches,
)
from habitue.identity.matching.patterns import Pattern
from habitue.identity.matching.placeholders import without_placeholders
from habitue.identity.matching.preparation import (
    Prepared,
    checked_sizes,
    drawn,
    folded_records,
    with_original,
    with_rarity,
)
from habitue.identity.matching.settings import MatchingSettings

DRIVER_TIER_MAX_LINKS = 5_000_000
PAIRS_PER_BUCKET = 3_000_000
"""Pairs that are compared beside one copy of their records: what a process of Python holds at once."""
SHARED_OUT, FEWEST_PAIRS = 8, 50_000
"""Fewer pairs are shared out to so many buckets at most, of so many pairs at least, so that every core has some."""
NUMBER = "two values of one number space"
FEW_ROLES = "too few independent fields agree"
CONTRADICTION = "given names or birth dates contradict it, and no mailbox or number is the same"
WEAK_BRIDGE = "weak bridge: other pairs of the group contradict it"
UNSURE = "probability below the one to accept"


@dataclass(frozen=True)
class Matching:
    """Links with probability 0.5 and more (see `match_records`), and how they came about; None without pairs."""

    links: DataFrame
    passes: list[BlockingPass]
    model: Model | None
    candidate_pairs: int


def match_records(records: DataFrame, *, settings: MatchingSettings, checkpoint: Checkpoint) -> Matching:
    """Match records of persons by the declared fields that they have.

    `records`: one row per record_key, with any of the declared columns; `exclusive`
    (map of number space to number, optional) names numbers of which two of one space
    are two persons. Grain of `links`: key_a, key_b (key_a < key_b), with probability,
    status (accepted, review, refused), reason (null when accepted), agreement (columns that agree).
    """
    rows, declared = folded_records(records, settings)
    if len(declared.fields) < 2:
        return Matching(_no_links(rows), [], None, 0)
    everybody = checkpoint(with_original(without_placeholders(checkpoint(rows), declared), declared))
    sizes = checked_sizes(everybody)
    prepared = with_rarity(everybody.where("code = original").drop("original"), declared, sizes.originals)
    pattern = prepared.pattern
    if len(pattern.fields) < 2 or not blocking.has_keys(pattern):
        return Matching(_no_links(rows), [], None, 0)
    people = checkpoint(prepared.records)
    blocks = checkpoint(blocking.blocked(people, pattern))
    passes = blocking.report(blocks, prepared.count, settings)
    candidates = checkpoint(blocking.candidates(blocks, passes, settings))
    pairs = checkpoint(_compared(candidates, people, pattern))
    patterns = checkpoint(_patterns(pairs))
    alike = _alike(everybody, people, pattern, checkpoint) if sizes.copies else None
    counts = _counts(patterns)
    learnt_from, found = counts, int(np.sum(counts.column("n").to_numpy()))
    # where all are copies, what they agree on is all there is to learn from
    if not found and alike is not None:
        learnt_from = _counts(_patterns(alike.pairs))
    if learnt_from.num_rows == 0:
        return Matching(_no_links(rows), passes, None, 0)
    weight = learnt_from.column("n").to_numpy().astype(np.float64)
    levels = pattern.unpacked(learnt_from.column("pattern").to_numpy())
    model = learn(pattern, levels, weight, prepared.count, _chance(people, prepared, settings))
    scored = _scored(pairs, patterns, pattern, model, settings)
    links = checkpoint(_decided(scored, people, pattern, model, settings, checkpoint))
    if alike is not None:
        links = links.unionByName(_links_of_copies(alike, sizes.copies, pattern, model, settings))
    return Matching(_with_keys(links, everybody), passes, model, found)


def _patterns(pairs: DataFrame) -> DataFrame:
    """Every pattern once, and how many pairs without a conflict show it."""
    return pairs.groupBy("pattern").agg(F.count_if(~F.col("conflict")).alias("n"))


def _counts(patterns: DataFrame) -> pa.Table:
    """Patterns that pairs without a conflict show; in order, since sums of floats depend on it."""
    return patterns.where("n > 0").toArrow().sort_by("pattern")


@dataclass(frozen=True)
class _Alike:
    """Copies (original, code), and what each original with copies agrees on with itself, as a compared pair."""

    copies: DataFrame
    pairs: DataFrame


def _alike(everybody: DataFrame, people: DataFrame, pattern: Pattern, checkpoint: Checkpoint) -> _Alike:
    copies = checkpoint(everybody.where("code <> original").select("original", "code"))
    same = copies.select(F.col("original").alias("a"), F.array("original").alias("others")).distinct()
    return _Alike(copies, checkpoint(_compared(checkpoint(same), people, pattern)))


def _links_of_copies(
    alike: _Alike, count: int, pattern: Pattern, model: Model, settings: MatchingSettings
) -> DataFrame:
    """Copies with their originals: links where what they say is enough to know a person by.

    The share of true pairs is learnt from records that differ; of those that say the same there may be many more.
    """
    boost = np.log1p(count / max(model.matches, 1e-3))
    scored = _scored(alike.pairs, _patterns(alike.pairs), pattern, model, settings, boost=float(boost))
    judged = scored.where(F.col("accepted") | (F.col("probability") >= settings.review))
    told = _told(judged, pattern, settings, is_torn=F.lit(False)).drop("b")
    joined = told.join(alike.copies, on=F.col("a") == F.col("original"), how="inner")
    return joined.withColumnRenamed("code", "b").select(
        "a", "b", "probability", "status", "reason", "agreement"
    )


def _compared(pairs: DataFrame, people: DataFrame, pattern: Pattern) -> DataFrame:
    """Candidate pairs (a, others; materialised) with conflict, pattern and rarity by population. Grain: a, b."""
    size = pairs.agg(F.sum(F.size("others")).alias("pairs")).collect()[0]
    buckets = _buckets(size["pairs"] or 0)
    placed = pairs.select(F.pmod(F.xxhash64("a"), F.lit(buckets)).cast("int").alias("bucket"), "a", "others")
    if buckets > 1:  # then most records meet others in every bucket
        every = F.explode(F.sequence(F.lit(0), F.lit(buckets - 1))).alias("bucket")
        needed = people.select("*", every)
    else:
        codes = placed.select(F.col("a").alias("code")).union(placed.select(F.explode("others"))).distinct()
        needed = people.join(codes, on="code", how="left_semi").withColumn("bucket", F.lit(0))
    records = needed.select(
        "bucket",
        F.lit(RECORD).alias("kind"),
        F.col("code").alias("a"),
        F.lit(None).cast("array<bigint>").alias("others"),
        F.array(*pattern.columns).alias("fields"),
        "rarity",
        "exclusive",
    )
    rows = records.unionByName(placed.withColumn("kind", F.lit(PAIR)), allowMissingColumns=True)
    in_order = rows.select(*ROWS).repartition(buckets, "bucket").sortWithinPartitions("bucket", "kind")
    return in_order.mapInArrow(_comparing(pattern), COMPARED)


def _buckets(pairs: int) -> int:
    return max(1, -(-pairs // PAIRS_PER_BUCKET), min(SHARED_OUT, pairs // FEWEST_PAIRS))


def _comparing(pattern: Pattern) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    return partial(compare_batches, pattern=pattern)


def _chance(people: DataFrame, prepared: Prepared, settings: MatchingSettings) -> Chance:
    """Levels between records drawn by chance; exact agreement is counted over all records."""
    pattern = prepared.pattern
    levels = _levels_by_chance(people, pattern, settings)
    mixed = {column for pair in pattern.swaps for column in pair}
    for column in pattern.columns:
        is_sparse = prepared.known[column] * 2 < prepared.count
        if is_sparse and column not in mixed:  # too few of those drawn have a value
            own = Pattern(tuple(f for f in pattern.fields if f.column == column), ())
            levels |= _levels_by_chance(people.where(F.col(column).isNotNull()), own, settings)
    share, pairs = {}, {}
    for column in pattern.columns:
        seen = levels[column][levels[column] >= 0]
        tally = np.bincount(seen, minlength=pattern.levels(column)).astype(np.float64)
        same, rest = prepared.same[column], max(tally[1:].sum(), 1.0)
        share[column] = np.append(same, tally[1:] * (1 - same) / rest)
        pairs[column] = max(float(tally.sum()), 1.0)
    known = {column: count / prepared.count for column, count in prepared.known.items()}
    return Chance(share, pairs, known)


def _levels_by_chance(people: DataFrame, pattern: Pattern, settings: MatchingSettings) -> dict[str, Levels]:
    few = drawn(people, pattern.columns, settings.sample_records)
    left, right = np.triu_indices(len(next(iter(few.values()))), 1)
    return pattern.compare({c: v[left] for c, v in few.items()}, {c: v[right] for c, v in few.items()})


def _decided(
    scored: DataFrame,
    people: DataFrame,
    pattern: Pattern,
    model: Model,
    settings: MatchingSettings,
    checkpoint: Checkpoint,
) -> DataFrame:
    """Links (a, b, probability, status, reason, agreement) after thresholds and repair."""
    likely = checkpoint(scored.where(F.col("accepted") | (F.col("probability") >= settings.review)))
    accepted = likely.where("accepted").select("a", "b")
    labels = checkpoint(
        components(
            accepted,
            edge_count=accepted.count(),
            driver_tier_max_edges=DRIVER_TIER_MAX_LINKS,
            checkpoint=checkpoint,
        )
    )
    groups = labels.groupBy("component").agg(F.count(F.lit(1)).alias("n")).where("n > 2")
    members = checkpoint(labels.join(groups, on="component", how="inner"))
    others = checkpoint(_compared(checkpoint(_missing(members, likely, settings)), people, pattern))
    whole = _scored(others, others.select("pattern").distinct(), pattern, model, settings)
    inside = _within(likely.unionByName(whole), members)
    large = members.where(F.col("n") > settings.component_limit)
    if not large.isEmpty():  # too many pairs to compare all: those that met in a block have to do
        inside = inside.unionByName(_within(scored, large)).distinct()
    kept = checkpoint(
        inside.repartition("component")
        .sortWithinPartitions("component", "a", "b")
        .mapInArrow(repair_batches, REPAIRED)
    )
    found = likely.join(kept, on=["a", "b"], how="left")
    return _told(found, pattern, settings, is_torn=F.col("accepted") & (F.col("is_kept") == F.lit(False)))


def _told(found: DataFrame, pattern: Pattern, settings: MatchingSettings, *, is_torn: Column) -> DataFrame:
    """Links (a, b, probability, status, reason, agreement) of scored pairs."""
    enough = F.col("roles") >= settings.independent_roles
    reason = (
        F.when(F.col("conflict"), F.lit(NUMBER))
        .when(is_torn, F.lit(WEAK_BRIDGE))
        .when(F.col("accepted"), F.lit(None).cast("string"))
        .when(~enough, F.lit(FEW_ROLES))
        .when(F.col("contradicts"), F.lit(CONTRADICTION))
        .otherwise(F.lit(UNSURE))
    )
    status = (
        F.when(F.col("conflict") | is_torn, F.lit("refused"))
        .when(F.col("accepted"), F.lit("accepted"))
        .otherwise(F.lit("review"))
    )
    return found.select(
        "a",
        "b",
        "probability",
        status.alias("status"),
        reason.alias("reason"),
        scoring.agreement(pattern).alias("agreement"),
    )


def _scored(
    pairs: DataFrame,
    patterns: DataFrame,
    pattern: Pattern,
    model: Model,
    settings: MatchingSettings,
    *,
    boost: float = 0.0,
) -> DataFrame:
    """Pairs with log_odds, probability, roles that agree, whether they contradict, and are accepted as links.

    `patterns` holds every pattern of the pairs once; `boost` comes to the log odds.
    """
    supports = patterns.select("pattern").withColumns(scoring.supports(model, pattern))
    odds = pairs.join(F.broadcast(supports), on="pattern", how="inner").withColumn(
        "log_odds", scoring.log_odds(model) + F.lit(boost)
    )
    probability = 1 / (1 + F.exp(-F.col("log_odds")))
    likely = odds.select(
        *("a", "b", "conflict", "pattern", "roles", "contradicts", "log_odds"),
        probability.alias("probability"),
    )
    accepted = (
        (F.col("probability") >= settings.accept)
        & (F.col("roles") >= settings.independent_roles)
        & ~F.col("conflict")
        & ~F.col("contradicts")
    )
    return likely.withColumn("accepted", accepted)


def _missing(members: DataFrame, likely: DataFrame, settings: MatchingSettings) -> DataFrame:
    """The other pairs of a group (a, others); what they say is needed to judge its bridges."""
    small = members.where(F.col("n") <= settings.component_limit)
    ones = small.select("component", F.col("node").alias("a"))
    others = small.select("component", F.col("node").alias("b"))
    every = ones.join(others, on="component", how="inner").where("a < b").select("a", "b")
    unmet = every.join(likely.select("a", "b"), on=["a", "b"], how="left_anti")
    return unmet.groupBy("a").agg(F.collect_list("b").alias("others"))


def _within(scored: DataFrame, members: DataFrame) -> DataFrame:
    """Scored pairs with both ends in one group: component, a, b, log_odds, conflict, accepted."""
    one = members.select("component", F.col("node").alias("a"))
    other = members.select(F.col("component").alias("_other"), F.col("node").alias("b"))
    return (
        scored.join(one, on="a", how="inner")
        .join(other, on="b", how="inner")
        .where("component = _other")
        .select("component", "a", "b", "log_odds", "conflict", "accepted")
    )


def _with_keys(links: DataFrame, people: DataFrame) -> DataFrame:
    """Links by record keys, the smaller key first."""
    one = people.select(F.col("code").alias("a"), F.col("record_key").alias("_a"))
    other = people.select(F.col("code").alias("b"), F.col("record_key").alias("_b"))
    named = links.join(one, on="a", how="inner").join(other, on="b", how="inner")
    return named.select(
        F.least("_a", "_b").alias("key_a"),
        F.greatest("_a", "_b").alias("key_b"),
        *("probability", "status", "reason", "agreement"),
    )


def _no_links(rows: DataFrame) -> DataFrame:
    text = F.col("record_key")
    return rows.where(F.lit(False)).select(
        text.alias("key_a"),
        text.alias("key_b"),
        F.lit(0.0).alias("probability"),
        *(text.alias(c) for c in ("status", "reason", "agreement")),
    )
