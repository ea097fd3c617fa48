"""The facts of a run that the report shows: small aggregates of the published tables, no person's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from habitue.report.identity_facts import IdentityFacts
from habitue.report.visit_facts import VisitFacts

Figure = int | float | str


@dataclass(frozen=True)
class AudienceFacts:
    """One audience: its size, its way to the export, and what changed since the last release."""

    name: str
    description: str
    members: int
    holdout: int
    exportable: int
    exported: int
    entered: int
    left: int
    losses: dict[str, int]  # reason in words -> persons


@dataclass(frozen=True)
class SourceFacts:
    """One source and entity: rows read and what became of them."""

    source: str
    entity: str
    read: int
    good: int
    duplicate: int
    quarantined: int
    known_by: str = ""
    """The rule that says since when its rows are known."""


@dataclass(frozen=True)
class Table:
    """Freshness of one table."""

    name: str
    version: int
    rows: int
    newest: datetime | None


@dataclass(frozen=True)
class ModelFacts:
    """A champion: how it was judged, beside the baselines."""

    name: str
    version: str
    kind: str
    trained_until: str
    flag: str
    """What the gate found wanting: baseline, weak; empty: nothing."""

    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    curves: dict[str, Any] = field(
        default_factory=dict
    )  # tenths, gains, purchases: as in the registered judgement


@dataclass(frozen=True)
class ReportFacts:
    """Everything the page shows."""

    project: str
    release_id: str
    run_id: str
    as_of: date
    made_at: datetime
    zone: str
    currency: str
    figures: dict[str, Figure]
    funnel: Sequence[tuple[str, int]]
    audiences: Sequence[AudienceFacts]
    overlaps: dict[tuple[str, str], int]
    lifecycle: dict[str, int]
    transitions: dict[tuple[str, str], int]
    pareto: Sequence[tuple[float, float]]  # share of buyers, share of revenue
    clv_deciles: Sequence[tuple[int, int, float, float]]  # tenth, persons, mean clv_365d, share of all value
    clv_basis: str
    assumptions: Sequence[tuple[str, str]]
    models: Sequence[ModelFacts]
    sources: Sequence[SourceFacts]
    quarantine: dict[str, int]
    fill_rates: dict[str, float]
    tables: Sequence[Table]
    steps: Sequence[tuple[str, str, float]]  # name, outcome, seconds
    findings: Sequence[tuple[str, str]]
    exports_withheld: Sequence[str]
    identity: IdentityFacts = IdentityFacts()
    visits: VisitFacts = VisitFacts()

    @property
    def largest_audiences(self) -> list[AudienceFacts]:
        """Audiences by size, largest first."""
        return sorted(self.audiences, key=lambda a: (-a.members, a.name))
