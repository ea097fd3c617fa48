"""The report page: every section in both languages, one file without network, no name that becomes markup."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from math import dist
from pathlib import Path

import pytest

from habitue.audiences.gate import _OUTCOMES
from habitue.identity.explain import Evidence
from habitue.privacy.consent import WORDS
from habitue.report import sections
from habitue.report.collect import STAGES
from habitue.report.facts import AudienceFacts, ModelFacts, ReportFacts, SourceFacts, Table
from habitue.report.graph import Link, layout
from habitue.report.identity_facts import KINDS, Cluster, IdentityFacts, drawn
from habitue.report.identity_section import STYLES
from habitue.report.page import render
from habitue.report.visit_facts import STEPS, VisitFacts
from habitue.report.words import GERMAN, VALUES, Words

REPORT = Path(sections.__file__).parent
ANCHORS = [
    "funnel",
    "identity",
    "visits",
    "audiences",
    "overlap",
    "value",
    "pareto",
    "churn",
    "lifecycle",
    "quality",
    "run",
]
VOID = {"meta", "br", "hr", "img", "input", "link", "rect", "line", "polyline", "path"}

AUDIENCES = (
    AudienceFacts(
        "loyal", "They stay.", 120, 12, 0, 0, 20, 5, {"no consent source": 108, "global holdout": 12}
    ),
    AudienceFacts("lost", "They left.", 40, 0, 30, 30, 0, 0, {}),
    AudienceFacts("nobody", "Empty.", 0, 0, 0, 0, 0, 0, {}),
)
CHURN = ModelFacts(
    name="churn", version="3", kind="booster", trained_until="2026-01-01", flag="weak",
    metrics={"auc": 0.8765, "pr_auc": 0.5, "lift_10": 4.0, "brier": 0.1, "ece": 0.0123},
    baselines={"recency": {"auc": 0.8654}},
    curves={"tenths": [(10, 0.5, 0.45), (1, 0.01, 0.02)], "gains": [(0.0, 0.0), (0.1, 0.4), (1.0, 1.0)], "purchases": []},
)  # fmt: skip
CLV = ModelFacts(
    name="clv", version="2", kind="blend", trained_until="2026-01-01", flag="baseline",
    metrics={"gini": 0.71, "bias": 0.01}, baselines={"past spend": {"gini": 0.72}},
    curves={"tenths": [(1, 900.0, 850.0), (10, 5.0, 6.0)], "gains": [], "purchases": [(1, 12.0, 11.5)]},
)  # fmt: skip
FULL = ReportFacts(
    project="Corner shop", release_id="r-7", run_id="20260131T000000-abc", made_at=datetime(2026, 1, 31, 8, 5, tzinfo=UTC),
    as_of=date(2026, 1, 31), zone="Europe/Berlin", currency="EUR",
    figures={"persons": 1234, "buyers": 1000, "orders": 5678, "net_revenue": "98765.43"},
    funnel=[("identifiers", 2000), ("persons", 1234)], audiences=AUDIENCES, overlaps={("lost", "loyal"): 10},
    lifecycle={"loyal": 120, "lost": 40}, transitions={("loyal", "lost"): 3, ("new", "loyal"): 4},
    pareto=[(0.2, 0.8), (1.0, 1.0)], clv_deciles=[(1, 100, 1234.5, 0.6), (10, 100, 9.5, 0.01)], clv_basis="revenue",
    assumptions=[("discount rate", "10 %")], models=(CHURN, CLV),
    sources=[SourceFacts("shop", "order_line", 10, 7, 2, 1, "historical load: order_time")], quarantine={"not_a_number": 1},
    fill_rates={"transactional": 0.987}, tables=[Table("silver.session", 4, 99, None)],
    steps=[("profile", "done", 1.25)], findings=[("ingest", "7 order_line rows from shop")],
    exports_withheld=["churn_prevention to csv: no consent source"],
    identity=IdentityFacts(
        sizes={"1": 900, "3-5": 300, "51+": 1}, refused={"limit of a person": 7, "value of several owners": 3},
        over=(("persons at the limit of a type", 2),), under=(("pairs of records for review", 5),),
        clusters=(
            Cluster(False, 3, ("customer_number", "email", "anonymous_id"), (Link(0, 1, "same_record"), Link(0, 2, "login"))),
            Cluster(True, 2, ("customer_number", "email", "customer_number"), (Link(0, 1, "own_rule"), Link(1, 2, "refused"))),
        ),
    ),
    visits=VisitFacts(90, 40, 60, 3, {"visit": 60, "cart": 20, "order": 10}, (("cart", 15, 1234.5), ("form", 2, None))),
)  # fmt: skip
EMPTY = replace(
    FULL, figures={}, funnel=(), audiences=(), overlaps={}, lifecycle={}, transitions={}, pareto=(), clv_deciles=(),
    assumptions=(), models=(), sources=(), quarantine={}, fill_rates={}, tables=(), steps=(), findings=(), exports_withheld=(),
    identity=IdentityFacts(), visits=VisitFacts(),
)  # fmt: skip


class Reader(HTMLParser):
    """Section ids, texts, addresses and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.addresses += [
            value for name, value in attrs if name in ("href", "src", "action", "xlink:href") and value
        ]
        if tag == "section":
            self.sections.append(values["id"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("facts", [FULL, EMPTY], ids=["full", "empty"])
def test_the_page_has_every_section_and_is_sound(facts: ReportFacts, language: str) -> None:
    html = render(facts, language)
    read = Reader(html)
    without_visits = [anchor for anchor in ANCHORS if anchor != "visits"]
    assert read.sections == (ANCHORS if facts.visits.visits else without_visits)
    assert read.open == []
    assert f'<html lang="{language}">' in html
    assert "nan" not in html.lower() and "None" not in html


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_is_one_small_file_that_needs_no_network(language: str) -> None:
    many = [replace(AUDIENCES[0], name=f"audience_{n}") for n in range(200)]
    facts = replace(FULL, audiences=many, tables=[Table(f"gold.t{n}", n, n, None) for n in range(200)])
    html = render(facts, language)
    assert len(html.encode()) < 2_000_000
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    read = Reader(html)
    assert all(address.startswith("#") for address in read.addresses)
    assert not read.tags & {"script", "link", "img", "iframe", "object", "embed"}


def test_names_never_become_markup() -> None:
    evil = "<script>alert('x')</script>"
    facts = replace(
        FULL, project=evil, zone=evil, release_id=evil, run_id=evil, currency=evil,
        audiences=(replace(AUDIENCES[0], name=evil, losses={evil: 1}), replace(AUDIENCES[1], name=evil + "2")),
        funnel=[(evil, 1)], lifecycle={evil: 1}, transitions={(evil, evil): 1}, assumptions=[(evil, evil)],
        models=(replace(CHURN, kind=evil, version=evil, baselines={evil: {"auc": 0.5}}), replace(CLV, trained_until=evil)),
        sources=[SourceFacts(evil, evil, 1, 1, 0, 0, evil)], quarantine={evil: 1}, fill_rates={evil: 0.5},
        tables=[Table(evil, 1, 1, None)], steps=[(evil, evil, 1.0)], findings=[(evil, evil)], exports_withheld=[evil],
        identity=IdentityFacts({evil: 1}, {evil: 1}, ((evil, 1),), ((evil, 1),), (Cluster(False, 1, (evil,), (Link(0, 0, evil),)),)),
    )  # fmt: skip
    html = render(facts, "en")
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20
    assert "script" not in Reader(html).tags


def test_figures_are_written_as_each_language_does() -> None:
    english, german = (" ".join(" ".join(Reader(render(FULL, lang)).texts).split()) for lang in ("en", "de"))
    assert "98,765 EUR" in english and "0.8765" in english
    assert "98.765 EUR" in german and "0,8765" in german


def test_titles_and_losses_stand_in_the_page() -> None:
    texts = " ".join(Reader(render(FULL, "en")).texts)
    assert "108 no consent source; 12 global holdout" in texts
    assert "churn_prevention to csv: no consent source" in texts
    assert "This model did not beat the best baseline; the baseline is used." in texts
    assert "This first model has weaknesses" in texts
    assert "Abwanderungsmodell" in render(FULL, "de")


def test_a_project_without_models_says_so() -> None:
    english = render(EMPTY, "en")
    assert "No churn model was judged in this project yet." in english
    assert "No value model was judged in this project yet." in english
    assert "Noch kein Abwanderungsmodell bewertet." in render(EMPTY, "de")


def spoken(tree: ast.Module) -> set[str]:
    """Texts that the code hands to `words`: directly, one by one from a tuple, or as a section's title and lead."""
    texts: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in ("w", "words"):
                texts += node.args
            elif name == "_section":
                says_lead = not any(k.arg == "translate_lead" for k in node.keywords)
                texts += node.args[1:3] if says_lead else node.args[1:2]
        elif isinstance(node, ast.ListComp) and "w(" in ast.unparse(node.elt):
            texts += [e for g in node.generators if isinstance(g.iter, ast.Tuple) for e in g.iter.elts]
    return {t.value for t in texts if isinstance(t, ast.Constant) and isinstance(t.value, str) and t.value}


def test_every_english_text_has_its_german_and_no_german_is_left_over() -> None:
    used = set().union(
        *(
            spoken(ast.parse((REPORT / f"{name}.py").read_text()))
            for name in ("page", "sections", "identity_section")
        )
    )
    assert len(used) > 50
    assert used - set(GERMAN) == set()
    assert set(GERMAN) - used == set()


def test_stages_and_reasons_have_their_german_and_names_of_the_project_stay() -> None:
    assert {*STAGES, *STEPS} | {*WORDS.values(), *_OUTCOMES.values()} <= set(VALUES)
    assert {*KINDS.values(), *STYLES} <= set(VALUES)
    german = Words("de")
    assert german.value("suppressed: complained") == "gesperrt: complained"
    assert german.value("my own reason") == "my own reason"
    assert Words("en").value("at_risk") == "at_risk"


def test_a_cluster_is_drawn_by_type_and_rule_with_refused_ends_and_no_value() -> None:
    ada, mail, ben = ("customer_number", "ada-key"), ("email", "mail-key"), ("customer_number", "ben-key")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    evidence = [
        Evidence(ada, mail, "same_record", "crm", at, 1, "accepted", None),
        Evidence(
            ben, mail, "same_record", "crm", at, 1, "refused", "two values of customer_number from one source"
        ),
        Evidence(ben, ("email", "other"), "same_record", "crm", at, 1, "accepted", None),
    ]
    cluster = drawn([ada, mail], evidence, is_repaired=True)
    assert cluster.nodes == ("customer_number", "email", "customer_number")
    assert cluster.links == (Link(0, 1, "same_record"), Link(2, 1, "refused"))
    html = render(replace(FULL, identity=replace(FULL.identity, clusters=(cluster,))), "en")
    assert "-key" not in html and html.count("<circle") == 3 + 2  # and the two of the key


def test_linked_nodes_lie_closer_than_others_and_none_on_another() -> None:
    places = layout(6, [(0, 1), (1, 2), (3, 4), (4, 5)])
    distance = {(i, j): dist(places[i], places[j]) for i in range(6) for j in range(i)}
    assert min(distance.values()) > 0.1
    assert max(distance[1, 0], distance[4, 3]) < distance[4, 1]
