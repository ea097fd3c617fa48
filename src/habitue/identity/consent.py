"""Consent as far as identity needs it: evidence that counts only while a purpose is granted.

Said is what a person or a browser said, by the identifier it was said with. A statement counts from
when it was both given and known; of two at one moment the stricter one. Silence is no consent.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, PAIR
from habitue.identity.pauses import CONSENT_WITHDRAWN, NO_CONSENT, PAUSE, far, span, without
from habitue.privacy.consent import GRANTED

_SPANS = "array<struct<start:timestamp,end:timestamp>>"


def statements(consents: DataFrame, events: DataFrame | None, *, purpose: str) -> DataFrame:
    """What was said on a purpose: id_type, id_key, given_time, at (when it counts from), is_granted.

    `consents` are rows of silver.consent, on any channel; events carry the state of their browser.
    """
    of_persons = consents.where(F.col("purpose") == purpose).select(
        F.inline("identifiers"), "given_time", "known_time", (F.col("status") == GRANTED).alias("is_granted")
    )
    said = of_persons
    if events is not None:
        said = of_persons.unionByName(_of_browsers(events, purpose).select(*of_persons.columns))
    return (
        said.withColumn("at", F.greatest("given_time", "known_time"))
        .groupBy(*NODE, "given_time", "at")
        .agg(F.bool_and("is_granted").alias("is_granted"))
    )


def _of_browsers(events: DataFrame, purpose: str) -> DataFrame:
    """The changes of a browser's state: id_type, id_key, given_time, known_time, is_granted.

    Every event carries the state; only another one than before is a statement, in the order in which it was given or
    in which it counts. Of days with one state, nearly all, no more is looked at than its first event and the one known first.
    """
    state = F.try_element_at("consent", F.lit(purpose))
    said = events.where(state.isNotNull() & F.col("visitor_key").isNotNull()).select(
        F.col("visitor_type").alias("id_type"),
        F.col("visitor_key").alias("id_key"),
        "event_date",
        F.col("event_time").alias("given_time"),
        "known_time",
        (state == GRANTED).alias("is_granted"),
    )
    by_day = [*NODE, "event_date"]
    moment = F.struct("given_time", "known_time")
    days = said.groupBy(*by_day).agg(
        F.bool_and("is_granted").alias("is_granted"),
        (F.bool_or("is_granted") & ~F.bool_and("is_granted")).alias("is_mixed"),
        F.array_distinct(
            F.array(F.min(moment), F.min_by(moment, F.struct("known_time", "given_time")))
        ).alias("ends"),
    )
    columns = (*NODE, "given_time", "known_time", "is_granted")
    of_whole = days.where("NOT is_mixed").select(*NODE, "is_granted", F.inline("ends")).select(*columns)
    mixed = days.where("is_mixed").select(*by_day)
    rows = of_whole.unionByName(said.join(mixed, on=by_day, how="left_semi").select(*columns))
    of_browser = Window.partitionBy(*NODE)
    before = F.lag(F.struct("is_granted", "known_time")).over(
        of_browser.orderBy("given_time", "is_granted", "known_time")
    )
    counted_before = F.lag("is_granted").over(
        of_browser.orderBy(F.greatest("given_time", "known_time"), "given_time", "is_granted", "known_time")
    )
    is_said_again = (
        (before["is_granted"] == F.col("is_granted"))
        & (before["known_time"] <= F.col("known_time"))
        & (counted_before == F.col("is_granted"))
    )
    return rows.withColumn("_is_said_again", F.coalesce(is_said_again, F.lit(False))).where(
        "NOT _is_said_again"
    )


def consent_pauses(edges: DataFrame, said: DataFrame, *, rules: Sequence[str]) -> DataFrame:
    """Times in which edges of these rules have no consent by either of their identifiers."""
    key = [*PAIR, "rule"]
    needing = edges.where(F.col("rule").isin(*rules)).select(*key, "first_known")
    sides = [
        needing.join(
            said.select(
                F.col("id_type").alias(f"id_type_{end}"),
                F.col("id_key").alias(f"id_key_{end}"),
                "at",
                "is_granted",
            ),
            on=[f"id_type_{end}", f"id_key_{end}"],
            how="inner",
        ).select(*key, "at", "is_granted")
        for end in ("a", "b")
    ]
    by_moment = (
        sides[0].unionByName(sides[1]).groupBy(*key, "at").agg(F.bool_and("is_granted").alias("is_granted"))
    )
    following = F.lead("at").over(Window.partitionBy(*key).orderBy("at"))
    granted = (
        by_moment.withColumn("end", F.coalesce(following, far()))
        .where("is_granted")
        .groupBy(*key)
        .agg(F.array_sort(F.collect_list(F.struct(F.col("at").alias("start"), "end"))).alias("_granted"))
    )
    none = F.from_json(F.lit("[]"), _SPANS)
    spans = F.coalesce("_granted", none)
    why = F.when(F.col("_granted").isNull(), F.lit(NO_CONSENT)).otherwise(F.lit(CONSENT_WITHDRAWN))
    return (
        needing.join(granted, on=key, how="left")
        .select(*key, why.alias("why"), F.inline(without(span(F.col("first_known"), far()), spans)))
        .select(*PAUSE)
    )


def consented_visits(sessions: DataFrame, said: DataFrame) -> DataFrame:
    """Sessions whose visitor had granted the purpose when they ended: their key and agreed_at (when that was known).

    The key is session_id and known_time, since former visits may have the id of present ones.

    Of all grants since the last refusal the one known first counts. A refusal counts for all times, also where it
    was known late.
    """
    by_visitor = said.withColumnsRenamed({"id_type": "visitor_type", "id_key": "visitor_key"})
    key = ("session_id", "known_time")
    visits = sessions.select(*key, "visitor_type", "visitor_key", "session_end")
    joined = visits.join(by_visitor, on=["visitor_type", "visitor_key"], how="inner")
    refused = F.max(F.when(~F.col("is_granted"), F.col("given_time"))).over(Window.partitionBy(*key))
    return (
        joined.where("given_time <= session_end")
        .withColumn("_refused", refused)
        .where("is_granted AND (_refused IS NULL OR given_time > _refused)")
        .groupBy(*key)
        .agg(F.min("at").alias("agreed_at"))
    )
