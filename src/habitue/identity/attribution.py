"""Which person a session belongs to, and which rule says so.

A login in the session decides. Else the visitor's identifier does, as far as it
belongs to a known person: `device` from the first login on, `backfill` for a window
before it if the visitor had agreed to that, `no_consent` if not, `anonymous` for
what is older. A shared device belongs to nobody; the last login speaks for a visit
that begins shortly after it (`last_login`). Rows are valid by known time, like the
identity map they follow.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, rank_of
from habitue.identity.persons import born_id
from habitue.identity.settings import IdentitySettings

_VISITOR = ("visitor_type", "visitor_key")


def attribute_sessions(
    sessions: DataFrame,
    identity_map: DataFrame,
    shared: DataFrame | None,
    *,
    settings: IdentitySettings,
    consented: DataFrame | None = None,
    changed_hands: DataFrame | None = None,
) -> DataFrame:
    """silver.attribution without row_hash; `shared` are the values with too many owners and since when.

    `consented` are the sessions (session_id) whose visitor had agreed that they may be given to a later
    login; without it none had. It is not asked for where the settings name no purpose.
    `changed_hands` are the devices that changed hands; visits of before stay with the owner of then.
    """
    visits = _with_former_owner(_with_logins(sessions, shared, settings), changed_hands)
    claims = _with_consent(_claims(visits, settings), consented, settings)
    known_persons = (
        identity_map.where(~_is_anonymous(settings))
        .select("person_id", F.lit(True).alias("_is_known"))
        .distinct()
    )
    persons = identity_map.join(known_persons, on="person_id", how="left")
    own = (
        persons.where(F.col("_is_known").isNull())
        .groupBy(*NODE)
        .agg(F.min_by("person_id", "valid_from").alias("_own"))
        .withColumnsRenamed({"id_type": "visitor_type", "id_key": "visitor_key"})
    )
    valid_from = F.greatest("claim_from", "valid_from")
    valid_to = F.least("claim_to", "valid_to")
    joined = claims.join(persons, on=list(NODE), how="inner").join(own, on=list(_VISITOR), how="left")
    return (
        joined.withColumn("_rule", _rule(settings))
        .select(
            "session_id",
            valid_from.alias("valid_from"),
            _person().alias("person_id"),
            F.col("_rule").alias("rule"),
            valid_to.alias("valid_to"),
        )
        .where("valid_to IS NULL OR valid_to > valid_from")
    )


def _is_anonymous(settings: IdentitySettings) -> Column:
    return ~F.col("id_type").isin(*settings.known_types)


def _with_logins(sessions: DataFrame, shared: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    """Sessions with their own login, the visitor's first login and the last one before."""
    visitor = F.struct(F.col("visitor_type").alias("id_type"), F.col("visitor_key").alias("id_key"))
    seen = F.filter(F.array_append("logins", visitor), lambda i: i["id_type"].isin(*settings.known_types))
    ranked = F.transform(
        seen, lambda i: F.struct(rank_of(i["id_type"], settings).alias("rank"), i["id_type"], i["id_key"])
    )
    whole = Window.partitionBy(*_VISITOR)
    before = whole.orderBy("session_start", "session_id").rowsBetween(Window.unboundedPreceding, -1)
    of_login = F.when(F.col("login").isNotNull(), F.struct("login", "session_end", "known_time"))
    base = sessions.select("session_id", *_VISITOR, "session_start", "session_end", "known_time", "logins")
    logged = base.withColumn("login", F.get(F.array_sort(ranked), F.lit(0))).withColumns(
        {
            "first_login": F.min(F.when(F.col("login").isNotNull(), F.col("session_start"))).over(whole),
            "last_login": F.last(of_login, ignorenulls=True).over(before),
        }
    )
    if shared is None:
        return logged.withColumn("shared_at", F.lit(None).cast("timestamp"))
    visitors = shared.withColumnsRenamed({"id_type": "visitor_type", "id_key": "visitor_key"})
    return logged.join(visitors, on=list(_VISITOR), how="left")


def _with_former_owner(sessions: DataFrame, taken: DataFrame | None) -> DataFrame:
    """Sessions with `former`: who owned the visitor then, and when another owner took it over; null: nobody did."""
    if taken is None:
        return sessions.withColumn("former", F.from_json(F.lit(None).cast("string"), _FORMER))
    change = F.struct("left_at", "taken_at", "old")
    by_visitor = (
        taken.withColumnsRenamed({"id_type": "visitor_type", "id_key": "visitor_key"})
        .groupBy(*_VISITOR)
        .agg(F.array_sort(F.collect_list(change)).alias("_changes"))
    )
    next_one = F.get(F.filter("_changes", lambda c: c["left_at"] >= F.col("known_time")), F.lit(0))
    return (
        sessions.join(by_visitor, on=list(_VISITOR), how="left")
        .withColumn("former", next_one)
        .drop("_changes")
    )


_FORMER = "struct<left_at:timestamp,taken_at:timestamp,old:struct<id_type:string,id_key:string>>"


def _claims(sessions: DataFrame, settings: IdentitySettings) -> DataFrame:
    """The identifier that decides each session, from when to when; two rows where a last login takes over."""
    minutes = F.make_dt_interval(mins=F.lit(settings.attribution.last_login_minutes))
    is_fresh = F.col("session_start") - F.col("last_login.session_end") < minutes
    takes_over = F.col("login").isNull() & F.col("shared_at").isNotNull() & F.coalesce(is_fresh, F.lit(False))
    switch = F.when(takes_over, F.greatest("known_time", "shared_at", "last_login.known_time"))
    never = F.lit(None).cast("timestamp")

    def claim(by: str, id_type: Column, id_key: Column, start: Column, end: Column) -> Column:
        return F.struct(
            F.lit(by).alias("claimed_by"),
            id_type.alias("id_type"),
            id_key.alias("id_key"),
            start.alias("claim_from"),
            end.alias("claim_to"),
        )

    known = F.col("known_time")
    login = claim("login", F.col("login.id_type"), F.col("login.id_key"), known, never)
    ends = F.coalesce(switch, F.col("former.taken_at"))
    visitor = claim("visitor", F.col("visitor_type"), F.col("visitor_key"), known, ends)
    old = F.col("former.old")
    former = claim("former", old["id_type"], old["id_key"], F.col("former.taken_at"), never)
    last = F.col("last_login.login")
    heir = claim("last_login", last["id_type"], last["id_key"], switch, never)
    has_login = F.col("login").isNotNull()
    claims = (
        F.when(has_login, F.array(login))
        .when(takes_over, F.array(visitor, heir))
        .when(F.col("former").isNotNull(), F.array(visitor, former))
        .otherwise(F.array(visitor))
    )
    return sessions.select("session_id", *_VISITOR, "session_start", "first_login", F.inline(claims)).where(
        "claim_to IS NULL OR claim_to > claim_from"
    )


def _with_consent(claims: DataFrame, consented: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    if settings.attribution.backfill_purpose is None:
        return claims.withColumn("_has_consent", F.lit(True))
    if consented is None:
        return claims.withColumn("_has_consent", F.lit(False))
    agreed = consented.select("session_id", F.lit(True).alias("_agreed"))
    return (
        claims.join(agreed, on="session_id", how="left")
        .withColumn("_has_consent", F.col("_agreed").isNotNull())
        .drop("_agreed")
    )


def _rule(settings: IdentitySettings) -> Column:
    window = F.make_dt_interval(days=F.lit(settings.attribution.backfill_days))
    is_recent = F.col("session_start") >= F.col("first_login") - window
    is_late_enough = F.col("first_login").isNull() | (F.col("session_start") >= F.col("first_login"))
    return (
        F.when(F.col("claimed_by").isin("login", "last_login"), F.col("claimed_by"))
        .when(F.col("_is_known").isNull(), F.lit("anonymous"))
        .when(is_late_enough, F.lit("device"))
        .when(is_recent & F.col("_has_consent"), F.lit("backfill"))
        .when(is_recent, F.lit("no_consent"))
        .otherwise(F.lit("anonymous"))
    )


def _person() -> Column:
    """The deciding identifier's person; what may not be given to a login stays with the anonymous one."""
    stays = F.col("_rule").isin("anonymous", "no_consent") & F.col("_is_known").isNotNull()
    anonymous = F.coalesce("_own", born_id(F.col("visitor_type"), F.col("visitor_key")))
    return F.when(stays, anonymous).otherwise(F.col("person_id"))
