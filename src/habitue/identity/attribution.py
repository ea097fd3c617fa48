"""Which person a session belongs to, and which rule says so.

A login in the session decides. Else the visitor's identifier does, as far as it
belongs to a known person: `device` from the first login on, `backfill` for a window
before it if the visitor had agreed to that, `no_consent` if not, `anonymous` for
what is older. A shared device belongs to nobody; the last login speaks for a visit
that begins shortly after it (`last_login`). Rows are valid by known time, like the
identity map they follow: a login that arrives late changes the rule from its arrival on.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from habitue.identity.edges import NODE, rank_of
from habitue.identity.pauses import far
from habitue.identity.persons import born_id
from habitue.identity.settings import IdentitySettings

_VISITOR = ("visitor_type", "visitor_key")
_DECIDED = ("login", "last_login")


def attribute_sessions(
    sessions: DataFrame,
    identity_map: DataFrame,
    shared: DataFrame | None,
    *,
    settings: IdentitySettings,
    consented: DataFrame | None = None,
    changed_hands: DataFrame | None = None,
    former: DataFrame | None = None,
) -> DataFrame:
    """silver.attribution without row_hash; `shared` are the values with too many owners and since when.

    `consented` are the sessions (session_id, known_time) whose visitor had agreed that they may be given to a later
    login, with the time since when that is known (`agreed_at`); without it none had. It is not asked for where
    the settings name no purpose.
    `changed_hands` are the devices that changed hands; visits of before stay with the owner of then.
    `former` are visits as they were known on an earlier day: theirs until they were superseded.
    """
    logged = _with_logins(_versions(sessions, former, settings), shared, settings)
    visits = _with_consent(logged, consented, settings)
    claims = _claims(_with_former_owner(visits, changed_hands), settings)
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
        joined.withColumn("_rule", _rule())
        .select(
            "session_id",
            valid_from.alias("valid_from"),
            _person().alias("person_id"),
            F.col("_rule").alias("rule"),
            valid_to.alias("valid_to"),
        )
        .where("valid_to IS NULL OR valid_to > valid_from")
    )


_VERSION = ("session_id", *_VISITOR, "session_start", "session_end", "known_time", "logins")


def _versions(sessions: DataFrame, former: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    """Visits with their `login`, with `login_known` and `superseded_time` (null for those of now).

    `login_known` is since when any form of the visit is known that had a login, which is before its own form was
    where a later event changed it.
    """
    never = F.lit(None).cast("timestamp").alias("superseded_time")
    visits = sessions.select(*_VERSION, never)
    if former is None:
        return visits.withColumns({"login": _login(settings), "login_known": F.col("known_time")})
    every = visits.unionByName(former.select(*visits.columns)).withColumn("login", _login(settings))
    form = F.struct("session_start", "session_end", "known_time")
    forms = (
        former.withColumn("login", _login(settings))
        .where(F.col("login").isNotNull())
        .groupBy(*_VISITOR)
        .agg(F.collect_list(form).alias("_forms"))
    )
    own = F.filter(
        "_forms",
        lambda f: (f["session_start"] <= F.col("session_end")) & (f["session_end"] >= F.col("session_start")),
    )
    known = F.least("known_time", F.array_min(F.transform(own, lambda f: f["known_time"])))
    return every.join(forms, on=list(_VISITOR), how="left").withColumn("login_known", known).drop("_forms")


def _login(settings: IdentitySettings) -> Column:
    """The strongest known identifier that was seen in the visit, or that is its visitor."""
    visitor = F.struct(F.col("visitor_type").alias("id_type"), F.col("visitor_key").alias("id_key"))
    seen = F.filter(F.array_append("logins", visitor), lambda i: i["id_type"].isin(*settings.known_types))
    ranked = F.transform(
        seen, lambda i: F.struct(rank_of(i["id_type"], settings).alias("rank"), i["id_type"], i["id_key"])
    )
    return F.get(F.array_sort(ranked), F.lit(0))


def _is_anonymous(settings: IdentitySettings) -> Column:
    return ~F.col("id_type").isin(*settings.known_types)


def _with_logins(sessions: DataFrame, shared: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    """Sessions with the visitor's last login before, and since when which logins are known.

    A login so many days after a visit makes it recent (`recent_at`), one before or in it a visit after the first
    login (`after_login_at`); `logged_in_at` is when any login was known.
    """
    whole = Window.partitionBy(*_VISITOR)
    before = whole.orderBy("_start", "session_id", "known_time").rowsBetween(Window.unboundedPreceding, -1)
    in_time = whole.orderBy("_start").rangeBetween
    reach = settings.attribution.backfill_days * 86_400 * 1_000_000
    has_login = F.col("login").isNotNull()
    is_present = F.col("superseded_time").isNull()
    of_login = F.when(has_login & is_present, F.struct("login", "session_end", "known_time"))
    known = F.min(F.when(has_login, F.col("known_time")))
    # where in time a login lies is told by the visits of now, since when it is known by any form of theirs; beside a
    # visit of then by the forms alone, since that of now may have swallowed it
    placed = F.min(F.when(has_login & is_present, F.col("login_known")))
    placed_then = F.min(F.when(has_login, F.col("known_time")))
    so_far = in_time(Window.unboundedPreceding, 0)
    after_login = F.when(is_present, placed.over(so_far)).otherwise(placed_then.over(so_far))
    logged = sessions.withColumn("_start", F.unix_micros("session_start")).withColumns(
        {
            "last_login": F.last(of_login, ignorenulls=True).over(before),
            "logged_in_at": F.coalesce(known.over(whole), far()),
            "recent_at": F.coalesce(known.over(in_time(Window.unboundedPreceding, reach)), far()),
            "after_login_at": F.coalesce(after_login, far()),
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
    never = F.col("superseded_time")

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
    ends = F.least(F.coalesce(switch, F.col("former.taken_at")), never)
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
    # in one list, since Spark's optimizer loses columns between two generators
    cut = F.flatten(F.transform(claims, _stages))
    return (
        sessions.select("session_id", *_VISITOR, F.inline(cut))
        .where("claim_from < claim_to")
        .withColumn("claim_to", F.nullif("claim_to", far()))
    )


def _stages(claim: Column) -> Column:
    """A claim cut where what was known of logins and consent changes the rule of those that no login decides."""

    def stage(name: str, start: Column | None, end: Column) -> Column:
        begins = claim["claim_from"] if start is None else F.greatest(claim["claim_from"], start)
        ends = F.least(end, F.coalesce(claim["claim_to"], far()))
        kept = (claim[name].alias(name) for name in ("claimed_by", "id_type", "id_key"))
        return F.struct(*kept, F.lit(name).alias("stage"), begins.alias("claim_from"), ends.alias("claim_to"))

    logged_in, recent, agreed, after = (
        F.col(name) for name in ("logged_in_at", "recent_at", "agreed_at", "after_login_at")
    )
    stages = F.array(
        stage("device", None, logged_in),
        stage("anonymous", logged_in, recent),
        stage("no_consent", recent, F.least(agreed, after)),
        stage("backfill", F.greatest(recent, agreed), after),
        stage("device", after, far()),
    )
    return F.when(claim["claimed_by"].isin(*_DECIDED), F.array(stage("", None, far()))).otherwise(stages)


def _with_consent(sessions: DataFrame, consented: DataFrame | None, settings: IdentitySettings) -> DataFrame:
    """Sessions with `agreed_at`, since when it is known that they may be given to a later login."""
    if settings.attribution.backfill_purpose is None:
        return sessions.withColumn("agreed_at", F.col("known_time"))
    if consented is None:
        return sessions.withColumn("agreed_at", far())
    key = ["session_id", "known_time"]
    joined = sessions.join(consented.select(*key, "agreed_at"), on=key, how="left")
    return joined.withColumn("agreed_at", F.coalesce("agreed_at", far()))


def _rule() -> Column:
    return (
        F.when(F.col("claimed_by").isin(*_DECIDED), F.col("claimed_by"))
        .when(F.col("_is_known").isNull(), F.lit("anonymous"))
        .otherwise(F.col("stage"))
    )


def _person() -> Column:
    """The deciding identifier's person; what may not be given to a login stays with the anonymous one."""
    stays = F.col("_rule").isin("anonymous", "no_consent") & F.col("_is_known").isNotNull()
    anonymous = F.coalesce("_own", born_id(F.col("visitor_type"), F.col("visitor_key")))
    return F.when(stays, anonymous).otherwise(F.col("person_id"))
