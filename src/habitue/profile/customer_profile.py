"""The customer profile: all that is known of each person at each cut, put together in one pass.

Facts are first reduced to persons (one row per cut and person, checkpointed).
What depends on all persons - the usual gap, score thresholds, revenue ranks - is
then taken from that small table and joined back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.checkpoint import Checkpoint
from habitue.contracts.conform import conform
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import MONEY
from habitue.profile import (
    basket,
    consent_state,
    contacts,
    demographics,
    discounts,
    engagement,
    lineage,
    purchases,
    relation,
    rfm,
    rhythm,
    shares,
)  # fmt: skip
from habitue.profile.conventions import Conventions
from habitue.profile.cuts import Cut, ascending
from habitue.profile.distribution import distribution
from habitue.profile.facts import KEYS, ProfileFacts, seen_by
from habitue.profile.lifecycle import lifecycle_dates, lifecycle_stage
from habitue.profile.orders import order_history, order_slices
from habitue.profile.pareto import pareto_classes, pareto_values
from habitue.profile.persons import owners, persons_at
from habitue.profile.settings import ProfileSettings

_OF_VISITS = ("session_count", *(f"sessions_{d}d" for d in engagement.VISIT_WINDOWS), "views_90d",
              "product_views_90d", "carts_abandoned_30d", "engaged_seconds_90d")  # fmt: skip
_OF_CONTACTS = (*(f"contacts_{d}d" for d in contacts.CONTACT_WINDOWS),
                *(f"responses_{d}d" for d in contacts.RESPONSE_WINDOWS), "redemptions_90d")  # fmt: skip
_IF_STATED = {  # what says nothing where no bought line of anybody states it
    "has_discounts_stated": discounts.OF_DISCOUNTS,
    "has_coupons_stated": discounts.OF_COUPONS,
    "has_stores_stated": shares.OF_STORES,
}
_COUNTS = ("order_count", "purchase_day_count", "return_count", *(f"orders_{d}d" for d in (30, 90, 365)),
           "purchase_days_30d", "purchase_days_45d", "purchase_days_90d", *_OF_VISITS[:-1],
           *_OF_CONTACTS)  # fmt: skip
_KINDS = (
    "order_line", "session", "contact", "response", "consent", "customer_record", "survey", "service_case",
    "loyalty",
)  # fmt: skip
_PROFILE = frozenset(CUSTOMER_PROFILE.column_names)
# columns between the parts and the profile
_WORKING = {
    "purchase_days": "array<date>",
    "gaps": "array<int>",
    "own_gap_days": "double",
    "usual_gap_days": "double",
    "last_order_time": "timestamp",
    "purchase_days_45d": "bigint",
    "sessions_45d": "bigint",
    "responses_45d": "bigint",
    "last_cart": engagement.LEFT,
    "last_left": engagement.LEFT,
    "evaluating_since": "date",
    "evaluation_over": "date",
    **dict.fromkeys(_IF_STATED, "boolean"),
    "unsubscribes": "array<struct<channel:string,time:timestamp>>",
    "statements": "array<struct<name:string,status:string,purpose:string,channel:string,time:timestamp>>",
    "is_deceased": "boolean",
    "is_blocked": "boolean",
    "record_since": "date",
    **lineage.KNOWN_TIMES,
    **lineage.SOURCES,
}
_FLAGS = ("has_address", "is_deceased", "is_blocked")
_SUMS = ("net_revenue", *(f"net_revenue_{d}d" for d in (30, 90, 365)))


def customer_profiles(
    facts: ProfileFacts,
    *,
    cuts: Sequence[Cut],
    settings: ProfileSettings,
    conventions: Conventions,
    checkpoint: Checkpoint,
) -> DataFrame:
    """`gold.customer_profile` at each cut: one row per as_of_date and person known by then."""
    moments = ascending(cuts)
    fed = {name for name in _KINDS if not getattr(facts, name).isEmpty()}
    if "response" in fed:
        fed.add("contact")  # one stream
    dated = _dated(facts, moments)
    slices = checkpoint(order_slices(facts.order_line, moments, conventions))
    sets = _identifier_sets(slices, *(rows for name, rows in dated.items() if name in fed))
    owner = checkpoint(owners(sets, facts.identity_map, moments, conventions))
    parts = _parts(facts, fed, dated, owner, slices, moments, settings, conventions)
    base = persons_at(facts.identity_map, facts.removed_identifier, moments, conventions)
    joined = reduce(lambda left, part: left.join(part, on=list(KEYS), how="left"), parts, base)
    complete = joined.withColumns(_unfed(joined)).withColumns(_absent(conventions))
    persons = checkpoint(complete.withColumns(_across_parts(settings)))
    return _against_all(persons, settings)


def _parts(
    facts: ProfileFacts,
    fed: set[str],
    dated: dict[str, DataFrame],
    owner: DataFrame,
    slices: DataFrame,
    cuts: Sequence[Cut],
    settings: ProfileSettings,
    conventions: Conventions,
) -> list[DataFrame]:
    """What each kind of facts says, one row per cut and person; kinds without a row are not even planned."""
    parts = []
    if "order_line" in fed:
        parts += [
            purchase_history(order_history(slices, owner, cuts, conventions), settings),
            shares.category_shares(facts.order_line, facts.product, owner, cuts, conventions),
        ]
    if "session" in fed:
        parts.append(
            engagement.visits(
                engagement.versions(facts.session, facts.former_session),
                facts.attribution,
                cuts,
                settings.lifecycle,
                conventions,
            )
        )
    if "contact" in fed:
        parts.append(contacts.contact_history(dated["contact"], owner, cuts, conventions))
    if "consent" in fed:
        parts.append(consent_state.consent_state(dated["consent"], owner, cuts))
    if "customer_record" in fed:
        parts.append(demographics.demographics(dated["customer_record"], owner, cuts, conventions))
    if fed & {"survey", "service_case", "loyalty"}:
        answers = (dated["survey"], dated["service_case"], dated["loyalty"])
        parts.append(relation.relation(*answers, owner, cuts, conventions, settings.nps_valid_days))
    return parts


def _unfed(persons: DataFrame) -> dict[str, Column]:
    """Null columns for what no part has told."""
    types = {c.name: c.type for c in CUSTOMER_PROFILE.columns} | _WORKING
    told_later = {"overdue_ratio", "expected_gap_days", "lifecycle_stage", "stage_since", "is_reactivated"}
    missing = types.keys() - set(persons.columns) - told_later - {"pareto_share", "pareto_class", *rfm.SCORES}
    return {name: F.lit(None).cast(types[name]) for name in sorted(missing)}


def _dated(facts: ProfileFacts, cuts: Sequence[Cut]) -> dict[str, DataFrame]:
    """Facts with the first cut that sees them; a customer record happens when it is known."""
    return {
        "contact": contacts.contact_facts(facts.contact, facts.response, facts.campaign, cuts),
        "consent": seen_by(facts.consent, "given_time", cuts),
        "customer_record": seen_by(facts.customer_record, "known_time", cuts),
        "survey": seen_by(facts.survey, "survey_time", cuts),
        "service_case": seen_by(facts.service_case, "opened_time", cuts),
        "loyalty": seen_by(facts.loyalty, "status_time", cuts),
    }


def purchase_history(orders: DataFrame, settings: ProfileSettings) -> DataFrame:
    """One row per cut and person with an order or a return: everything that its orders say."""
    aggregates = purchases.totals() | basket.totals() | discounts.totals() | shares.places()
    people = orders.groupBy(*KEYS).agg(*(column.alias(name) for name, column in aggregates.items()))
    with_days = people.withColumn("purchase_days", purchases.purchase_days())
    with_frequency = with_days.withColumns(purchases.recency_frequency() | {"gaps": rhythm.gaps()})
    with_order = with_frequency.withColumns({"ordered_gaps": F.array_sort("gaps")} | shares.place_counts())
    derived = (
        {"monetary_value": purchases.monetary_value()}
        | basket.columns()
        | discounts.columns()
        | shares.place_columns()
        | rhythm.columns(settings.rhythm)
    )
    working = ("day_values", "channels", "stores", "channel_counts", "store_counts", "ordered_gaps")
    return with_order.withColumns(derived).drop(*working)


def _absent(conventions: Conventions) -> dict[str, Column]:
    """Counts and sums of persons without facts are zero."""
    counts = {name: F.coalesce(F.col(name), F.lit(0).cast("bigint")) for name in _COUNTS}
    sums = {name: F.coalesce(F.col(name), F.lit(0).cast(MONEY)) for name in _SUMS}
    flags = {name: F.coalesce(F.col(name), F.lit(False)) for name in _FLAGS}
    return (
        counts
        | sums
        | flags
        | {
            "engaged_seconds_90d": F.coalesce("engaged_seconds_90d", F.lit(0.0)),
            "currency": F.lit(conventions.money.currency),
        }
    )


def _across_parts(settings: ProfileSettings) -> dict[str, Column]:
    """What needs several kinds of facts of one person."""
    return {
        **engagement.still_left(),
        **consent_state.suppression(),
        "engagement_score": engagement.engagement_score(settings.engagement),
        "trend_90d": engagement.trend(),
        "response_rate_90d": contacts.response_rate(),
        "customer_since": F.least("record_since", "first_order_date"),
        **lineage.lineage(),
    }


def _against_all(persons: DataFrame, settings: ProfileSettings) -> DataFrame:
    """Add what depends on the other persons of the day."""
    usual = persons.groupBy("as_of_date").agg(
        rhythm.population_gap().alias("population_gap_days"),
        (F.count("session_known_time") > 0).alias("has_visits"),
        (F.count("contact_known_time") > 0).alias("has_contacts"),
        (F.count("case_known_time") > 0).alias("has_cases"),
        *(F.bool_or(name).alias(f"any_{name}") for name in _IF_STATED),
    )
    places = distribution(rfm.axis_values(persons).unionByName(pareto_values(persons)))
    thresholds = rfm.by_axis(rfm.rfm_thresholds(places, settings))
    ranked = (
        persons.join(F.broadcast(usual), on="as_of_date", how="left")
        .join(thresholds, on="as_of_date", how="left")
        .join(pareto_classes(places, settings), on=["as_of_date", "net_revenue_365d"], how="left")
    )
    return _contracted(ranked.withColumns(_expected_gaps(settings) | _known_counts()), settings)


def _known_counts() -> dict[str, Column]:
    """Counts and shares of what nobody of the day has are null: no source had delivered any by then.

    None is not known to be none.
    """
    of_visits = {name: F.when(F.col("has_visits"), F.col(name)) for name in _OF_VISITS if name in _PROFILE}
    of_contacts = {
        name: F.when(F.col("has_contacts"), F.col(name)) for name in _OF_CONTACTS if name in _PROFILE
    }
    of_lines = {
        name: F.when(F.col(f"any_{stated}"), F.col(name))
        for stated, names in _IF_STATED.items()
        for name in names
    }
    complaints = F.when(F.col("has_cases"), F.coalesce("complaints_open", F.lit(0).cast("bigint")))
    either = F.col("has_visits") | F.col("has_contacts")
    return (
        of_visits
        | of_contacts
        | of_lines
        | {"engagement_score": F.when(either, F.col("engagement_score")), "complaints_open": complaints}
    )


def _expected_gaps(settings: ProfileSettings) -> dict[str, Column]:
    is_buyer = F.col("purchase_day_count") > 0
    own = rhythm.shrunk(F.col("own_gap_days"), F.size("gaps"), settings.rhythm)
    without_longest = rhythm.shrunk(F.col("usual_gap_days"), F.size("gaps") - 1, settings.rhythm)
    return {
        "expected_gap_days": F.when(is_buyer, own),
        "lapse_gap_days": F.when(is_buyer, without_longest),
    }


def _contracted(persons: DataFrame, settings: ProfileSettings) -> DataFrame:
    late = F.col("days_since_last_order") / F.col("expected_gap_days")
    stage = lifecycle_stage(settings.lifecycle)
    scored = persons.withColumns({"overdue_ratio": late, "lifecycle_stage": stage} | rfm.scores())
    complete = scored.withColumns(lifecycle_dates(settings.lifecycle))
    return conform(complete.select(*CUSTOMER_PROFILE.column_names), CUSTOMER_PROFILE)


def _identifier_sets(*facts: DataFrame) -> DataFrame:
    """The distinct sets of identifiers on any record."""
    sets = [rows.where(F.size("identifiers") > 0).select("identifiers").distinct() for rows in facts]
    return reduce(DataFrame.unionByName, sets).distinct()
