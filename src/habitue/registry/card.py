"""The model card: purpose, data, figures with intervals and limits of one version, as Markdown."""

from __future__ import annotations

from habitue.registry.record import TrainingRecord
from habitue.training.judgement import Judgement

_PURPOSE = {
    "churn": "Probability that a customer makes no purchase within the horizon. "
    "Meant to choose whom to win back or keep.",
    "clv": "Net present value of what a customer will still buy. "
    "Meant to rank customers and to bound what to spend on them.",
}
_LIMITS = (
    "A forecast from behaviour, not a cause: high risk does not mean that contacting helps.",
    "Learnt from customers with at least one purchase; persons who never bought have no score.",
    "Judged on one window; a change of season, range or prices can make it wrong.",
    "Holds no names, addresses or special categories of personal data. No decision with legal effect "
    "(Art. 22 GDPR) may rest on it alone.",
)


def model_card(record: TrainingRecord) -> str:
    """The card of a trained model."""
    model = record.model
    lines = [
        f"# {record.name}",
        "",
        _PURPOSE[record.name],
        "",
        f"- horizon: {model.horizon_days} days",
        f"- data seen: facts before {record.data_cut:%Y-%m-%d}",
        *(f"- {role}: {days}" for role, days in record.cutoffs.items()),
        f"- gate: {record.verdict.outcome}"
        + (f", flagged {record.verdict.flag}" if record.verdict.flag else ""),
        *(f"  - {reason}" for reason in record.verdict.reasons),
        f"- purchase model: {model.purchase_model.purchases.kind}, spend: gamma_gamma",
        f"- features: {', '.join(model.features) or 'purchase history only'}",
        *(f"- input: {table.name} version {table.version}" for table in record.inputs),
        f"- configuration: sha256 {record.config_digest[:16]}",
        "",
        *(
            _figures(record.judgement)
            if record.judgement
            else ["Not judged: no complete window to judge on."]
        ),
        "",
        "## Notes",
        *(f"- {note}" for note in record.notes if note),
        "",
        "## Limits",
        *(f"- {limit}" for limit in _LIMITS),
    ]
    return "\n".join(lines) + "\n"


def _figures(judgement: Judgement) -> list[str]:
    columns = list(dict.fromkeys(metric for row in judgement.table.values() for metric in row))
    header = ["| score | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    rows = [
        f"| {name} | " + " | ".join(f"{row[c]:.4g}" if c in row else "" for c in columns) + " |"
        for name, row in judgement.table.items()
    ]
    intervals = [
        f"- {name}: {i.value:.4f} (interval {i.low:.4f} to {i.high:.4f})"
        for name, i in judgement.intervals.items()
    ]
    totals = [f"- {name}: {value:,.4g}" for name, value in judgement.totals.items()]
    window = f"## Judged on {judgement.horizon_days} days from {judgement.cutoff:%Y-%m-%d}"
    return [window, "", *header, *rows, "", *intervals, *totals]
