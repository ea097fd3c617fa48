"""The run report as one HTML file that needs no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from habitue.report.facts import ReportFacts
from habitue.report.numbers import Numbers
from habitue.report.sections import Page
from habitue.report.words import Words

_TEMPLATES = Environment(
    loader=PackageLoader("habitue.report", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(facts: ReportFacts, language: str) -> str:
    """The page as HTML text."""
    words, numbers = Words(language), Numbers(language)
    figures = {
        name: number(facts.figures.get(name)) for name in ("persons", "buyers", "orders", "net_revenue")
    }
    exportable = sum(audience.exportable for audience in facts.audiences)
    tiles = [
        (numbers.count(figures["persons"]), "", words("Persons")),
        (numbers.count(figures["buyers"]), "", words("Buyers")),
        (numbers.count(figures["orders"]), "", words("Orders")),
        (numbers.count(figures["net_revenue"]), facts.currency, words("Net revenue")),
        (numbers.count(len(facts.audiences)), "", words("Audiences")),
        (numbers.count(exportable), "", words("Exportable")),
    ]
    day = f"{words('as of the start of')} {facts.as_of:%Y-%m-%d}"
    subtitle = f"{day} ({words('days are cut in')} {facts.zone}) · {facts.release_id}"
    return _TEMPLATES.get_template("page.html.j2").render(
        language=language,
        title=f"{facts.project}: {words('Customer report')}",
        subtitle=subtitle,
        tiles=tiles,
        sections=Page(facts, words, numbers).sections(),
        footer=f"habitue · {facts.made_at:%Y-%m-%d %H:%M} UTC",
    )


def number(figure: int | float | str | None) -> float | None:
    """A figure of the run record as a number; money is kept there as text."""
    return None if figure is None else float(figure)
