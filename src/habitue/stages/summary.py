"""The short summary of a release that a person reads in the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from habitue.job import Run
from habitue.report.facts import AudienceFacts, ModelFacts
from habitue.report.numbers import Numbers
from habitue.stages.person import published
from habitue.stages.report import report_facts

LARGEST = 5
_MAIN = {"churn": ("auc", "AUC"), "clv": ("gini", "Gini")}


@dataclass(frozen=True)
class Summary:
    """Rows ready to print."""

    as_of: str
    headline: list[tuple[str, str]]
    models: list[tuple[str, str, str, str]]
    audiences: list[tuple[str, str, str, str]]
    withheld: list[str]
    report: str


def summarise(run: Run) -> Summary:
    """What the last release holds, in a few lines."""
    facts = report_facts(run, published(run))
    n = Numbers()
    figures = facts.figures
    headline = [
        ("persons", n.count(float(figures.get("persons", 0)))),
        ("buyers", n.count(float(figures.get("buyers", 0)))),
        ("orders", n.count(float(figures.get("orders", 0)))),
        ("net revenue, reconciled", f"{float(figures.get('net_revenue', 0)):,.2f} {facts.currency}"),
        ("of it without a known person", f"{float(figures.get('unattributed_revenue', 0)):,.2f} {facts.currency}"),
        ("CLV basis", facts.clv_basis),
    ]
    return Summary(
        as_of=facts.as_of.isoformat(),
        headline=headline,
        models=[row for model in facts.models for row in _model_rows(model)],
        audiences=[_audience_row(audience, n) for audience in facts.largest_audiences[:LARGEST]],
        withheld=list(facts.exports_withheld),
        report=str(run.project / "report" / "index.html"),
    )


def _model_rows(model: ModelFacts) -> list[tuple[str, str, str, str]]:
    measure, label = _MAIN[model.name]
    best = max(model.baselines, key=lambda name: model.baselines[name][measure])
    rows = [(f"{model.name} {model.version}", label, f"{model.metrics[measure]:.4f}", f"{model.baselines[best][measure]:.4f} ({best})")]
    if "ece" in model.metrics:
        rows.append(("", "calibration error", f"{model.metrics['ece']:.4f}", "–"))
    if "bias" in model.metrics:
        rows.append(("", "spend forecast off by", f"{model.metrics['bias']:+.1%}", "–"))
    return rows


def _audience_row(audience: AudienceFacts, n: Numbers) -> tuple[str, str, str, str]:
    losses = sorted(audience.losses.items(), key=lambda item: -item[1])
    why = "; ".join(f"{n.count(count)} {reason}" for reason, count in losses[:2])
    return audience.name, n.count(audience.members), n.count(audience.exportable), why


