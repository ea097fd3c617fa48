"""The run report as one HTML file that needs no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from habitue.report.facts import ReportFacts
from habitue.report.numbers import Numbers
from habitue.report.sections import Page
from habitue.report.words import Words

_TEMPLATES = Environment(
    loader=PackageLoader("habitue.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(facts: ReportFacts, language: str) -> str:
    """The page as HTML text."""
    words, numbers = Words(language), Numbers(language)
    figures = {name: float(value) for name, value in facts.figures.items() if not isinstance(value, str)}
    exportable = sum(audience.exportable for audience in facts.audiences)
    tiles = [
        (numbers.count(figures.get("persons")), words("Persons")),
        (numbers.count(figures.get("buyers")), words("Buyers")),
        (numbers.count(figures.get("orders")), words("Orders")),
        (numbers.money(figures.get("net_revenue"), facts.currency), words("Net revenue")),
        (numbers.count(len(facts.audiences)), words("Audiences")),
        (numbers.count(exportable), words("Exportable")),
    ]
    subtitle = (
        f"{words('as of the start of')} {facts.as_of:%Y-%m-%d} ({words('days are cut in')} {facts.zone}) · {facts.release_id}"
    )
    return _TEMPLATES.get_template("page.html.j2").render(
        language=language,
        title=f"{facts.project}: {words('Customer report')}",
        subtitle=subtitle,
        tiles=tiles,
        sections=Page(facts, words, numbers).sections(),
        footer=f"habitue · {facts.made_at:%Y-%m-%d %H:%M} UTC",
    )
