"""The sections of the report, each from the facts alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from habitue.report.chart import GREEN, GREY, ORANGE, Bar, Line, bars, lines, matrix
from habitue.report.facts import AudienceFacts, ModelFacts, ReportFacts
from habitue.report.identity_section import identity_body
from habitue.report.markup import heading, html_table, lead, note, side_by_side
from habitue.report.numbers import Numbers
from habitue.report.words import Words

OVERLAPS_SHOWN = 12
MEASURES = {
    "churn": ("auc", "pr_auc", "lift_10", "brier", "ece"),
    "clv": ("gini", "spearman", "mae", "decile_mape", "bias"),
}


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    anchor: str
    title: str
    lead: str
    body: Markup


@dataclass(frozen=True)
class Page:
    """Facts with the language they are told in."""

    facts: ReportFacts
    words: Words
    numbers: Numbers

    def sections(self) -> list[Section]:
        """All sections in reading order."""
        builders: Sequence[Callable[[], Section]] = (
            self.funnel, self.identity, *([self.visits] if self.facts.visits.visits else []), self.audiences, self.overlap,
            self.value, self.pareto, self.churn, self.lifecycle, self.quality, self.run,
        )  # fmt: skip
        return [build() for build in builders]

    def funnel(self) -> Section:
        """From raw identifiers to exported members."""
        rows = [
            Bar(self.words.value(step), count, self.numbers.count(count)) for step, count in self.facts.funnel
        ]
        return self._section(
            "funnel", "From raw identifiers to exported members",
            "Every step names what it counts; what is lost on the way is listed below each audience.",
            bars(rows, title="funnel"),
        )  # fmt: skip

    def identity(self) -> Section:
        """Which identifiers are one person, what was refused, and how that looks."""
        body = identity_body(self.facts.identity, self.words, self.numbers)
        return self._section(
            "identity", "Identity", "Which identifiers are one person; a link that would break a limit does not count.",
            body,
        )  # fmt: skip

    def visits(self) -> Section:
        """Who comes back, how far visits come, and what they leave."""
        w, n, found = self.words, self.numbers, self.facts.visits
        labels = [
            w(t)
            for t in (
                "Visits",
                "of visitors who were here before",
                "with attention",
                "of bots, not counted here",
            )
        ]
        counts = (found.visits, found.returning, found.engaged, found.bots)
        rows = [
            [label, n.count(count), n.share(count / found.visits)]
            for label, count in zip(labels, counts, strict=True)
        ]
        steps = [Bar(w.value(step), count, n.count(count)) for step, count in found.steps.items()]
        left = [
            [w.value(step), n.count(count), n.decimal(value, 2) if value is not None else "–"]
            for step, count, value in found.left
        ]
        body = side_by_side(
            html_table([], rows, numeric=(1, 2)),
            html_table(
                [w("Left without an order"), w("Visits"), w("Value as tracked")], left, numeric=(1, 2)
            ),
        )
        body += heading(w("Furthest step of visits")) + bars(steps, title="furthest step")
        return self._section("visits", "Visits", "Visits that began in the last 30 days.", body)

    def audiences(self) -> Section:
        """Sizes, arms, reach and changes."""
        w, n = self.words, self.numbers.count
        head = [
            w(t)
            for t in (
                "Audience",
                "Members",
                "Holdout",
                "Exportable",
                "Exported",
                "Entered",
                "Left",
                "Why not exportable",
            )
        ]
        rows = [
            [
                a.name,
                n(a.members),
                n(a.holdout),
                n(a.exportable),
                n(a.exported),
                n(a.entered),
                n(a.left),
                self._losses(a),
            ]
            for a in self.facts.largest_audiences
        ]
        body = html_table(head, rows, numeric=range(1, 7), why=7)
        if self.facts.exports_withheld:
            items = html_table([w("Withheld exports")], [[text] for text in self.facts.exports_withheld])
            body = body + items
        return self._section(
            "audiences",
            "Audiences",
            "Size, arms, reach and change of each audience. A person can be in several.",
            body,
        )

    def overlap(self) -> Section:
        """Which audiences share their members."""
        shown = [a for a in self.facts.largest_audiences if a.members][:OVERLAPS_SHOWN]
        names = [a.name for a in shown]
        values = [[self._shared(row, column) for column in shown] for row in shown]
        chart = matrix(names, values, title="overlap", text=lambda v: f"{100 * v:.0f}")
        return self._section(
            "overlap", "Overlap", "Share of the row's audience that is also in the column's.", chart
        )

    def value(self) -> Section:
        """CLV deciles, assumptions, predicted against actual."""
        w, n, f = self.words, self.numbers, self.facts
        head = [w("Tenth"), w("Persons"), w("Mean CLV"), w("Share of value")]
        rows = [
            [str(tenth), n.count(persons), n.money(mean, f.currency), n.share(share)]
            for tenth, persons, mean, share in f.clv_deciles
        ]
        tenths = html_table(head, rows, numeric=(1, 2, 3))
        assumptions = heading(w("Assumptions")) + html_table(
            [], [list(pair) for pair in f.assumptions], numeric=(1,)
        )
        body = side_by_side(tenths, assumptions) + self._value_model(self._model("clv"))
        return self._section(
            "value",
            "Customer lifetime value",
            "Mean value of the next 365 days by tenth of buyers, best first.",
            body,
        )

    def pareto(self) -> Section:
        """The actual share of revenue by share of buyers."""
        w = self.words
        curve = Line(w("Net revenue"), [(0.0, 0.0), *self.facts.pareto])
        even = Line(w("equal shares"), [(0, 0), (1, 1)], GREY, dashed=True)
        chart = self._shares([curve, even], w("share of buyers"), w("share of revenue"))
        return self._section(
            "pareto", "Who makes the revenue",
            "Share of revenue of the last 365 days against share of buyers, best first.", chart,
        )  # fmt: skip

    def churn(self) -> Section:
        """Calibration and gains beside the baselines."""
        model, w = self._model("churn"), self.words
        if model is None:
            return self._section(
                "churn", "Churn model", "No churn model was judged in this project yet.", Markup("")
            )
        observed = [(predicted, actual) for _, predicted, actual in reversed(model.curves.get("tenths", []))]
        top = 1.05 * max((max(point) for point in observed), default=1.0)
        calibration = lines(
            [Line(w("model"), observed), Line(w("perfect"), [(0, 0), (top, top)], GREY, dashed=True)],
            title="calibration", x_label=w("predicted probability"), y_label=w("observed share"),
            x_format=self.numbers.share, y_format=self.numbers.share, x_max=top, y_max=top,
        )  # fmt: skip
        gains = self._shares(
            [Line(w("model"), model.curves.get("gains", [])), Line(w("random"), [(0, 0), (1, 1)], GREY, dashed=True)],
            w("share of persons, most at risk first"), w("share of churners found"),
        )  # fmt: skip
        charts = side_by_side(heading(w("Calibration")) + calibration, heading(w("Gains")) + gains)
        return self._section("churn", "Churn model", "", self._judged(model) + charts)

    def lifecycle(self) -> Section:
        """Stages now, and the moves of 90 days."""
        w, f = self.words, self.facts
        total = sum(f.lifecycle.values()) or 1
        stages = [
            Bar(w.value(s), c, f"{self.numbers.count(c)} ({self.numbers.share(c / total)})")
            for s, c in f.lifecycle.items()
        ]
        starts = [s for s in (*f.lifecycle, "new") if any(a == s for a, _ in f.transitions)]
        head = [w("from (row) to (column)"), *(w.value(s) for s in f.lifecycle)]
        rows = [
            [w.value(a), *(self.numbers.count(f.transitions.get((a, b), 0)) for b in f.lifecycle)]
            for a in starts
        ]
        moves = html_table(head, rows, numeric=range(1, len(head))) if rows else Markup("")
        return self._section(
            "lifecycle",
            "Lifecycle",
            "Where persons stand, and where they stood 90 days before.",
            bars(stages, title="lifecycle") + moves,
        )

    def quality(self) -> Section:
        """Rows accounted for, quarantine, fill rates, findings."""
        w, n, f = self.words, self.numbers.count, self.facts
        head = [w(t) for t in ("Source", "Entity", "Read", "Good", "Repeated", "Quarantined", "Known since")]
        rows = [
            [s.source, s.entity, n(s.read), n(s.good), n(s.duplicate), n(s.quarantined), w.value(s.known_by)]
            for s in f.sources
        ]
        body = html_table(head, rows, numeric=(2, 3, 4, 5))
        if f.quarantine:
            reasons = [Bar(reason, count, n(count)) for reason, count in f.quarantine.items()]
            body += heading(w("Reasons of the quarantine")) + bars(reasons, title="quarantine", colour=ORANGE)
        filled = [Bar(name, share, self.numbers.share(share)) for name, share in f.fill_rates.items()]
        body += heading(w("Filled profile columns by class")) + bars(filled, title="fill rates", colour=GREEN)
        body += heading(w("Findings")) + html_table([], [list(pair) for pair in f.findings], why=1)
        return self._section(
            "quality", "Data quality", "Rows read = good + repeated + quarantined, proven in every run.", body
        )

    def run(self) -> Section:
        """Timings, and the versions that belong together."""
        w, n, f = self.words, self.numbers, self.facts
        steps = html_table(
            [w("Step"), w("Outcome"), w("Seconds")],
            [[s, o, n.decimal(t, 1)] for s, o, t in f.steps],
            numeric=(2,),
        )
        tables = html_table(
            [w("Table"), w("Version"), w("Rows"), w("Newest fact")],
            [
                [t.name, str(t.version), n.count(t.rows), f"{t.newest:%Y-%m-%d %H:%M}" if t.newest else "–"]
                for t in f.tables
            ],
            numeric=(1, 2),
        )
        body = side_by_side(steps, heading(w("Tables of this release")) + tables)
        return self._section("run", "Run", f"{f.run_id}", body, translate_lead=False)

    def _value_model(self, model: ModelFacts | None) -> Markup:
        w = self.words
        if model is None:
            return note(w("No value model was judged in this project yet."))
        body = heading(w("Predicted against actual")) + self._judged(model)
        body += lead(
            w("Spend in the test window by tenth of predicted spend: prediction (wide) and what came (thin).")
        )
        body += self._tenths(model.curves.get("tenths", []), places=0)
        if model.curves.get("purchases"):
            body += heading(w("Expected and actual purchases"))
            body += lead(
                w(
                    "Purchase days per customer by tenth of what was expected: expected (wide) and actual (thin)."
                )
            )
            body += self._tenths(model.curves["purchases"], places=1)
        return body

    def _tenths(self, rows: Sequence[Sequence[float]], *, places: int) -> Markup:
        n = self.numbers
        shown = [
            Bar(
                f"{tenth:.0f}",
                predicted,
                f"{n.decimal(predicted, places)} / {n.decimal(actual, places)}",
                actual,
            )
            for tenth, predicted, actual in rows
        ]
        return bars(shown, title="predicted and actual by tenth")

    def _judged(self, model: ModelFacts) -> Markup:
        w, n = self.words, self.numbers
        measures = [m for m in MEASURES[model.name] if m in model.metrics]
        rows = [
            [
                f"{model.name} {model.version} ({model.kind})",
                *(n.decimal(model.metrics[m], 4) for m in measures),
            ]
        ]
        rows += [
            [name, *(n.decimal(values.get(m), 4) for m in measures)]
            for name, values in model.baselines.items()
        ]
        text = f"{w('version')} {model.version}, {w('trained on facts before')} {model.trained_until}"
        flags = {
            "baseline": w("This model did not beat the best baseline; the baseline is used."),
            "weak": w(
                "This first model has weaknesses, which its training names; it serves until a better one is there."
            ),
        }
        flag = note(flags[model.flag]) if model.flag in flags else Markup("")
        return (
            flag + lead(text) + html_table([w("Model"), *measures], rows, numeric=range(1, len(measures) + 1))
        )

    def _model(self, name: str) -> ModelFacts | None:
        return next((model for model in self.facts.models if model.name == name), None)

    def _shares(self, curves: Sequence[Line], x_label: str, y_label: str) -> Markup:
        short = self.numbers.share_short
        return lines(
            curves,
            title=y_label,
            x_label=x_label,
            y_label=y_label,
            x_format=short,
            y_format=short,
            x_max=1,
            y_max=1,
        )

    def _losses(self, audience: AudienceFacts) -> str:
        ranked = sorted(audience.losses.items(), key=lambda item: (-item[1], item[0]))
        return "; ".join(f"{self.numbers.count(count)} {self.words.value(why)}" for why, count in ranked[:3])

    def _shared(self, row: AudienceFacts, column: AudienceFacts) -> float | None:
        if row.name == column.name:
            return None
        first, second = sorted((row.name, column.name))
        return self.facts.overlaps.get((first, second), 0) / row.members

    def _section(
        self, anchor: str, title: str, lead_text: str, body: Markup, *, translate_lead: bool = True
    ) -> Section:
        text = self.words(lead_text) if lead_text and translate_lead else lead_text
        return Section(anchor, self.words(title), text, body)
