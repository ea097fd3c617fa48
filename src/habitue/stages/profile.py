"""Profile: one row per person as of a day, the score thresholds of the day, and the moves between stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts import behaviour, entities
from habitue.contracts.identity_evidence import IDENTITY_OBSERVATION
from habitue.contracts.intake import FORMER_RECORD
from habitue.contracts.profile import CUSTOMER_PROFILE, LIFECYCLE_TRANSITION, RFM_THRESHOLD
from habitue.identity.survivorship import Survivorship
from habitue.job import Run
from habitue.lake.concurrency import at_once, both
from habitue.profile.conventions import Conventions
from habitue.profile.currency import Money, check_currencies
from habitue.profile.customer_profile import customer_profiles
from habitue.profile.cuts import Cut, cut_of
from habitue.profile.facts import ProfileFacts
from habitue.profile.reconciliation import (
    LateOrders,
    OrderTotals,
    late_orders,
    order_totals,
    profile_totals,
    reconcile,
)
from habitue.profile.rfm import day_thresholds
from habitue.profile.transitions import REFERENCE_DAYS, lifecycle_transitions
from habitue.sources.adapters import apart
from habitue.stages.evidence import removed_addresses

PROFILE_INPUTS = (
    *(entities.ORDER_LINE, entities.PRODUCT, entities.CUSTOMER_RECORD, entities.CAMPAIGN, entities.CONTACT),
    *(entities.RESPONSE, entities.CONSENT, entities.SURVEY, entities.SERVICE_CASE, entities.LOYALTY),
    *(behaviour.SESSION, behaviour.FORMER_SESSION, behaviour.ATTRIBUTION, behaviour.IDENTITY_MAP),
    *(FORMER_RECORD, IDENTITY_OBSERVATION),
)
"""All that `read_facts` reads, and nothing else: a change of these makes profiles anew."""


def profile(run: Run) -> None:
    """Bring the three tables of the run's day to what was known before it."""
    before = run.as_of - timedelta(days=REFERENCE_DAYS)
    for finding in apart(run.settings.sources):
        run.note(finding)
    # read
    facts = read_facts(run)
    conventions = conventions_of(run)
    check_currencies(facts.order_line, conventions.money, conventions.zone)
    # transform
    [cut] = cuts_of(run, [run.as_of])
    profiles, totals = both(
        lambda: run.lake.checkpoint(build_profiles(run, [before, run.as_of])),
        lambda: order_totals(facts.order_line, facts.identity_map, cut=cut, conventions=conventions),
    )
    today = profiles.where(F.col("as_of_date") == F.lit(run.as_of))
    _reconcile(run, totals, today)
    _note_late(run, late_orders(facts.order_line, cut=cut, conventions=conventions), totals)
    # write; the profile last, since its commit marks the stage as done
    thresholds = day_thresholds(today, run.settings.profile)
    moves = lifecycle_transitions(profiles, before=before, as_of=run.as_of)
    at_once(
        [
            partial(run.lake.replace_day, RFM_THRESHOLD, thresholds, as_of=run.as_of),
            partial(run.lake.replace_day, LIFECYCLE_TRANSITION, moves, as_of=run.as_of),
        ]
    )
    run.lake.replace_day(CUSTOMER_PROFILE, today, as_of=run.as_of)


def build_profiles(run: Run, days: Sequence[date]) -> DataFrame:
    """Profiles as of each of the days, in one pass: what scoring sees and training learns from."""
    return customer_profiles(
        read_facts(run),
        cuts=cuts_of(run, days),
        settings=run.settings.profile,
        conventions=conventions_of(run),
        checkpoint=run.lake.checkpoint,
    )


def cuts_of(run: Run, days: Sequence[date]) -> list[Cut]:
    """The cuts at the start of each day in the project's zone."""
    return [cut_of(day, run.settings.project.zone) for day in days]


def conventions_of(run: Run) -> Conventions:
    """Zone, money and order of identifiers as the project has configured them."""
    settings = run.settings
    return Conventions(
        zone=settings.project.zone,
        money=Money(currency=settings.project.currency, rates=settings.economics.rates),
        strongest_first=settings.identity.priority,
        anonymous_types=settings.identity.anonymous_types,
        survivorship=Survivorship(settings.identity.survivorship, settings.identity.source_rank),
    )


def read_facts(run: Run) -> ProfileFacts:
    """The silver tables that a profile is made of."""
    read = run.lake.read
    return ProfileFacts(
        order_line=read(entities.ORDER_LINE),
        product=read(entities.PRODUCT),
        identity_map=read(behaviour.IDENTITY_MAP),
        removed_identifier=removed_addresses(run),
        customer_record=read(entities.CUSTOMER_RECORD),
        session=read(behaviour.SESSION),
        former_session=read(behaviour.FORMER_SESSION),
        attribution=read(behaviour.ATTRIBUTION),
        campaign=read(entities.CAMPAIGN),
        contact=read(entities.CONTACT),
        response=read(entities.RESPONSE),
        consent=read(entities.CONSENT),
        survey=read(entities.SURVEY),
        service_case=read(entities.SERVICE_CASE),
        loyalty=read(entities.LOYALTY),
    )


def _note_late(run: Run, late: LateOrders, known: OrderTotals) -> None:
    """Say what the day leaves out because it was not known yet: of a few it is nothing, of many it is the mapping."""
    run.count("late_orders", late.orders)
    if late.orders > _FEW_LATE * known.all_orders:
        currency = run.settings.project.currency
        run.note(
            f"{late.orders:,} orders of before {run.as_of} ({late.revenue:,} {currency}) are not in its profiles: they were "
            "known later. Without times in the data a delivery is known when it arrives: map `known_time`, or say "
            "`history: true` of a first load; `--as-of` with a later day counts them."
        )


_FEW_LATE = 0.01
"""Share of orders that are always on their way when a day begins."""


def _reconcile(run: Run, lines: OrderTotals, today: DataFrame) -> None:
    """Tie the profiles to the order lines and keep the figures for the report."""
    currency = run.settings.project.currency
    profiles = profile_totals(today)
    reconcile(lines, profiles)
    run.count("persons", profiles.persons)
    run.count("buyers", profiles.buyers)
    run.count("orders", lines.all_orders)
    run.count("net_revenue", str(lines.all_revenue))
    run.count("unattributed_orders", lines.unattributed_orders)
    run.count("unattributed_revenue", str(lines.unattributed_revenue))
    run.count("currency", currency)
    if lines.unattributed_orders:
        run.note(
            f"{lines.unattributed_orders:,} of {lines.all_orders:,} orders name no known person; "
            f"{lines.unattributed_revenue:,} {currency} of revenue belong to no profile."
        )
