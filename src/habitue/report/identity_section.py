"""The report's section on identity: sizes, refusals, indicators and a few clusters as graphs."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from habitue.report.chart import BLUE, GREEN, GREY, ORANGE, Bar, bars
from habitue.report.graph import legend, network
from habitue.report.identity_facts import Cluster, IdentityFacts
from habitue.report.markup import heading, html_table, lead, note, side_by_side, small_side_by_side
from habitue.report.numbers import Numbers
from habitue.report.words import Words

_PALETTE = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#8A8F98", "#117733", "#44AA99")
_SOLID = 'stroke="{}" stroke-width="{}"'
STYLES = {
    "same_record": _SOLID.format(GREY, 1.6),
    "login": _SOLID.format(BLUE, 1.6),
    "same_person": _SOLID.format(GREEN, 1.6) + ' stroke-dasharray="2 3"',
    "manual": _SOLID.format("#1c2430", 3),
    "refused": _SOLID.format(ORANGE, 1.6) + ' stroke-dasharray="6 4"',
}


def identity_body(facts: IdentityFacts, words: Words, numbers: Numbers) -> Markup:
    """Histogram beside refusals, indicators, then the graphs."""
    w, n = words, numbers.count
    if not facts.sizes:
        return note(w("No identifier was resolved."))
    sizes = [Bar(size, persons, n(persons)) for size, persons in facts.sizes.items()]
    refused = [Bar(w.value(kind), count, n(count)) for kind, count in facts.refused.items()]
    histogram = heading(w("Persons by number of identifiers")) + bars(sizes, title="cluster sizes")
    refusals = heading(w("Links that do not count, by reason")) + (
        bars(refused, title="refused links", colour=ORANGE) if refused else lead(w("Every link counts."))
    )
    over = heading(w("Signs of too much merged")) + _table(facts.over, words, numbers)
    under = heading(w("Signs of too little merged")) + _table(facts.under, words, numbers)
    return histogram + refusals + side_by_side(over, under) + _graphs(facts, words, numbers)


def _table(rows: tuple[tuple[str, int], ...], words: Words, numbers: Numbers) -> Markup:
    return html_table([], [[words.value(name), numbers.count(count)] for name, count in rows], numeric=(1,))


def _graphs(facts: IdentityFacts, words: Words, numbers: Numbers) -> Markup:
    """Largest and repaired clusters, with one key for all."""
    w = words
    if not facts.clusters:
        return Markup("")
    types = sorted({kind for cluster in facts.clusters for kind in cluster.nodes})
    colours = {kind: _PALETTE[i % len(_PALETTE)] for i, kind in enumerate(types)}
    used = {link.style for cluster in facts.clusters for link in cluster.links}
    lines = {name: (w.value(name), style) for name, style in STYLES.items() if name in used}
    body = heading(w("Largest and repaired persons"))
    body += lead(
        w(
            "Dots are identifiers by type, never values; lines are the rules that link them, dashed where a link was refused."
        )
    )
    pictures = [_picture(cluster, colours, words, numbers) for cluster in facts.clusters]
    return body + legend(colours, lines) + small_side_by_side(*pictures)


def _picture(cluster: Cluster, colours: Mapping[str, str], words: Words, numbers: Numbers) -> Markup:
    title = words("repaired") if cluster.is_repaired else words("largest")
    size = f"{numbers.count(cluster.size)} {words('identifiers')}"
    graph = network(cluster.nodes, cluster.links, colours=colours, styles=_styles(cluster), title=title)
    return lead(f"{title}: {size}") + graph


def _styles(cluster: Cluster) -> dict[str, str]:
    """A rule of the project's own is drawn as what records state."""
    return {link.style: STYLES.get(link.style, STYLES["same_record"]) for link in cluster.links}
