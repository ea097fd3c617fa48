"""The report of a release: collect its facts, render one HTML file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from habitue.contracts.behaviour import (
    IDENTITY_EDGE,
    IDENTITY_MAP,
    IDENTITY_OVERRIDE,
    MATCH_REVIEW,
    SESSION,
)
from habitue.contracts.decision import (
    AUDIENCE_CHANGE,
    AUDIENCE_FUNNEL,
    AUDIENCE_MEMBER,
    CUSTOMER_SCORE,
    RELEASE,
)
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.contracts.profile import CUSTOMER_PROFILE, LIFECYCLE_TRANSITION
from habitue.contracts.tables import BY_NAME
from habitue.errors import UsageError
from habitue.identity.decisions import as_evidence
from habitue.identity.review import waiting
from habitue.job import Run, RunRecord
from habitue.job.record import read_record
from habitue.lake.concurrency import at_once
from habitue.lake.deltalog import DeltaLog
from habitue.lake.release import Release, last_release
from habitue.report import collect
from habitue.report.facts import ModelFacts, ReportFacts, Table
from habitue.report.identity_facts import IdentityFacts, identity_facts
from habitue.report.model_facts import model_facts
from habitue.report.page import render
from habitue.report.summary import summarise
from habitue.report.visit_facts import visit_facts
from habitue.stages.publish import exported_rows


def write_report(run: Run, *, language: str | None = None) -> Path:
    """Render the last release's report to `<project>/report/index.html`; returns the file."""
    release = last_release(run.lake.read(RELEASE))
    if release is None:
        raise UsageError(
            "There is no release yet, so there is nothing to report.", ["`habitue run` makes one"]
        )
    facts = report_facts(run, release)
    file = report_file(run.project)
    file.parent.mkdir(exist_ok=True)
    file.write_text(render(facts, language or run.settings.project.language), encoding="utf-8")
    summarise(facts, file).write(file.with_name("summary.json"))
    return file


def report_file(project: Path) -> Path:
    """Where a project's report lies; `summary.json` lies beside it."""
    return project / "report" / "index.html"


def is_reported(run: Run) -> bool:
    """Whether the report shows the last release; a run may have died between its release and its report."""
    newest = DeltaLog(run.location.table(RELEASE)).last_change()
    summary = report_file(run.project).with_name("summary.json")
    if newest is None or not summary.exists():
        return newest is None
    shown = json.loads(summary.read_text(encoding="utf-8")).get("release_id")
    return bool(shown == newest.metadata.get("run_id"))


def report_facts(run: Run, release: Release) -> ReportFacts:
    """Everything the page shows of one release, read at that release's versions."""
    record = read_record(run.location.records() / "runs", release.run_id)
    day = release.as_of_date
    profile, score, member, change, funnel, moves = (
        collect.of_day(run.lake.read(table, version=release.versions.get(table.name)), day)
        for table in (
            CUSTOMER_PROFILE,
            CUSTOMER_SCORE,
            AUDIENCE_MEMBER,
            AUDIENCE_CHANGE,
            AUDIENCE_FUNNEL,
            LIFECYCLE_TRANSITION,
        )
    )
    quarantine = run.lake.read(QUARANTINE_COUNT, version=release.versions.get(QUARANTINE_COUNT.name))
    descriptions = {a.audience: a.description for a in run.settings.audiences.values()}
    exported = exported_rows(run.project, release.export_digests)
    looks: dict[str, Callable[[], Any]] = {  # those that take longest begin first
        "identity": lambda: _identity(run, release),
        "tables": lambda: _tables(run, release),
        "sources": lambda: collect.source_facts(quarantine, record.figures),
        "audiences": lambda: collect.audience_facts(funnel, member, change, descriptions, exported),
        "overlaps": lambda: collect.overlaps(member),
        "lifecycle": lambda: collect.stages(profile),
        "transitions": lambda: collect.transitions(moves),
        "pareto": lambda: collect.pareto_points(profile),
        "clv_deciles": lambda: collect.clv_tenths(score),
        "scored_by": lambda: collect.scored_by(score),
        "fill_rates": lambda: collect.fill_rates(profile),
        "funnel": lambda: _funnel(run, release, profile, score, member),
        "visits": lambda: visit_facts(
            run.lake.read(SESSION, version=release.versions.get(SESSION.name)),
            run.instant(day),
            run.settings.identity.anonymous_types,
        ),
    }
    found = dict(zip(looks, at_once(looks.values()), strict=True))
    (sources, reasons), audiences = found["sources"], found["audiences"]
    return ReportFacts(
        project=run.settings.project.name,
        release_id=release.release_id,
        run_id=release.run_id,
        as_of=day,
        made_at=run.now,
        zone=run.settings.project.zone,
        currency=run.settings.project.currency,
        figures=record.figures,
        funnel=[*found["funnel"], ("exported rows", sum(audience.exported for audience in audiences))],
        audiences=audiences,
        overlaps=found["overlaps"],
        lifecycle=found["lifecycle"],
        transitions=found["transitions"],
        pareto=found["pareto"],
        clv_deciles=found["clv_deciles"],
        clv_basis=found["scored_by"].clv_basis or run.settings.economics.basis,
        assumptions=_assumptions(run, record),
        models=_models(run, found["scored_by"]),
        sources=sources,
        quarantine=reasons,
        fill_rates=found["fill_rates"],
        tables=found["tables"],
        steps=_steps(record),
        findings=[(s.name, text) for s in record.steps for text in s.findings],
        exports_withheld=record.exports_withheld,
        identity=found["identity"],
        visits=found["visits"],
    )


def _identity(run: Run, release: Release) -> IdentityFacts:
    tables = (IDENTITY_MAP, IDENTITY_EDGE, MATCH_REVIEW, CUSTOMER_RECORD, IDENTITY_OVERRIDE)
    identity_map, edges, pairs, records, decided = (
        run.lake.read(table, version=release.versions.get(table.name)) for table in tables
    )
    settings = run.settings.identity
    reviews = waiting(pairs, records, identity_map, as_evidence(decided, run.now), settings=settings)
    return identity_facts(identity_map, edges, reviews, settings=settings)


def _steps(record: RunRecord) -> list[tuple[str, str, float]]:
    """Outcome and seconds by stage; steps of a stage are worked off at the same time and have no times of their own."""
    seconds: dict[tuple[str, str], float] = {}
    for step in record.steps:
        key = (step.name.split()[0], step.outcome)
        seconds[key] = seconds.get(key, 0.0) + step.seconds
    return [(stage, outcome, taken) for (stage, outcome), taken in seconds.items()]


def _funnel(
    run: Run, release: Release, profile: DataFrame, score: DataFrame, member: DataFrame
) -> list[tuple[str, int]]:
    present = run.lake.read(IDENTITY_MAP, version=release.versions.get(IDENTITY_MAP.name)).where(
        "valid_to IS NULL"
    )
    parts = {
        "identifiers": present,
        "persons": profile,
        "buyers": profile.where("order_count > 0"),
        "with a churn score": score.where("p_churn IS NOT NULL"),
    }
    counted = {name: rows.count() for name, rows in parts.items()}
    in_audience, reachable = collect.reached_persons(member)
    return [
        *counted.items(),
        ("in an audience", in_audience),
        ("reachable in one", reachable),
    ]


def _assumptions(run: Run, record: RunRecord) -> list[tuple[str, str]]:
    """The economics behind every CLV, as configured; with a word of warning where they may be other ones by now."""
    economics, currency = run.settings.economics, run.settings.project.currency
    margin = (
        f"{economics.margin:.0%} of net revenue"
        if economics.margin is not None
        else "unknown: CLV is revenue-based"
    )
    is_other = run.record.config_digest != record.config_digest
    changed = (
        [("settings", "changed since this release, which may rest on other assumptions")] if is_other else []
    )
    return [
        *changed,
        ("contribution margin", margin),
        ("discount rate per year", f"{economics.discount_rate:.1%}"),
        ("cost per order", f"{economics.order_cost:.2f} {currency}"),
        ("service cost per order", f"{economics.service_cost:.2f} {currency}"),
        ("return rate", f"{economics.return_rate:.1%}"),
        ("cost per return", f"{economics.return_cost:.2f} {currency}"),
        ("contact cost per year", f"{economics.contact_cost_per_year:.2f} {currency}"),
    ]


def _models(run: Run, scored_by: collect.ScoredBy) -> list[ModelFacts]:
    """The models that scored the day, whoever is champion by now, as far as a window judged them."""
    used = [("churn", scored_by.churn_model_version), ("clv", scored_by.clv_model_version)]
    versions = [v for name, number in used for v in run.registry.versions(name) if v.version == number]
    judged = [(version, run.registry.judgement(version)) for version in versions]
    return [
        model_facts(v.name, v.version, v.data_cut.isoformat(), v.flag, found)
        for v, found in judged
        if found is not None
    ]


def _tables(run: Run, release: Release) -> list[Table]:
    published = sorted(release.versions.items())
    found = at_once(
        partial(collect.freshness, run.lake.read(BY_NAME[name], version=version))
        for name, version in published
    )
    tables = [Table(*named, *fresh) for named, fresh in zip(published, found, strict=True)]
    return [table for table in tables if table.rows]
