"""The short summary of a release that a person reads in the terminal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from habitue.lake.whole_file import write_whole
from habitue.report.facts import AudienceFacts, ModelFacts, ReportFacts
from habitue.report.numbers import Numbers

LARGEST = 5
_MAIN = {"churn": ("auc", "AUC"), "clv": ("gini", "Gini")}


@dataclass(frozen=True)
class Summary:
    """Rows ready to print."""

    release_id: str
    as_of: str
    headline: list[tuple[str, str]]
    models: list[tuple[str, str, str, str]]
    audiences: list[tuple[str, str, str, str]]
    withheld: list[str]
    report: str

    def write(self, file: Path) -> None:
        """Keep it beside the report, whole or not at all."""
        write_whole(file, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, file: Path) -> Self:
        """What `write` kept."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def summarise(facts: ReportFacts, report: Path) -> Summary:
    """What a release holds, in a few lines."""
    n = Numbers()
    figures = facts.figures
    headline = [
        ("persons", n.count(float(figures.get("persons", 0)))),
        ("buyers", n.count(float(figures.get("buyers", 0)))),
        ("orders", n.count(float(figures.get("orders", 0)))),
        ("net revenue, reconciled", f"{float(figures.get('net_revenue', 0)):,.2f} {facts.currency}"),
        (
            "of it without a known person",
            f"{float(figures.get('unattributed_revenue', 0)):,.2f} {facts.currency}",
        ),
        ("CLV basis", facts.clv_basis),
    ]
    return Summary(
        release_id=facts.release_id,
        as_of=facts.as_of.isoformat(),
        headline=headline,
        models=[row for model in facts.models for row in _model_rows(model)],
        audiences=[_audience_row(audience, n) for audience in facts.largest_audiences[:LARGEST]],
        withheld=list(facts.exports_withheld),
        report=str(report),
    )


def _model_rows(model: ModelFacts) -> list[tuple[str, str, str, str]]:
    measure, label = _MAIN[model.name]
    best = max(model.baselines, key=lambda name: model.baselines[name][measure])
    rows = [
        (
            f"{model.name} {model.version}",
            label,
            f"{model.metrics[measure]:.4f}",
            f"{model.baselines[best][measure]:.4f} ({best})",
        )
    ]
    if "ece" in model.metrics:
        rows.append(("", "calibration error", f"{model.metrics['ece']:.4f}", "–"))
    if "bias" in model.metrics:
        rows.append(("", "spend forecast off by", f"{model.metrics['bias']:+.1%}", "–"))
    return rows


def _audience_row(audience: AudienceFacts, n: Numbers) -> tuple[str, str, str, str]:
    losses = sorted(audience.losses.items(), key=lambda item: -item[1])
    why = "; ".join(f"{n.count(count)} {reason}" for reason, count in losses[:2])
    return audience.name, n.count(audience.members), n.count(audience.exportable), why
