"""A new project with order lines alone, from `habitue init` to audiences and answers, without a line of Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from habitue.cli import main
from habitue.contracts.decision import AUDIENCE_MEMBER
from tests.jobs.conftest import Published
from tests.jobs.small_shop import customer_number, email


class Asked:
    """Answers of the command on the published shop."""

    def __init__(self, published: Published, capsys: pytest.CaptureFixture[str]) -> None:
        self._shop, self._capsys = published.shop, capsys

    def text(self, *arguments: str, code: int = 0) -> str:
        """What stands on stdout (on stderr where the command fails)."""
        self._capsys.readouterr()
        ended = self._shop.habitue(*arguments)
        said = self._capsys.readouterr()
        assert ended == code, said.err
        return said.err if code else said.out

    def data(self, *arguments: str) -> Any:
        """The same as JSON."""
        return json.loads(self.text(*arguments, "--json"))


@pytest.fixture
def ask(published: Published, capsys: pytest.CaptureFixture[str]) -> Asked:
    return Asked(published, capsys)


def test_order_lines_alone_lead_to_audiences(published: Published, ask: Asked) -> None:
    assert published.code == 0
    members = published.shop.lake.read(AUDIENCE_MEMBER)
    sizes = {row["audience"]: row["count"] for row in members.groupBy("audience").count().collect()}
    assert sum(sizes.values()) > 0 and sizes.keys() >= {"active", "suppress_existing_customers"}
    defined = {row["audience"] for row in ask.data("audience", "list")}
    assert sizes.keys() <= defined


def test_a_person_is_shown_by_number_address_and_id(ask: Asked) -> None:
    by_number = ask.data("person", "show", "--customer-number", customer_number(7))
    by_email = ask.data("person", "show", "--email", email(7).upper())
    by_id = ask.data("person", "show", by_number["person_id"])
    assert by_number == by_email == by_id
    assert by_number["profile"]["order_count"] >= 1
    assert {identifier["id_type"] for identifier in by_number["identifiers"]} == {"customer_number", "email"}
    assert customer_number(7) not in json.dumps(by_number) and email(7) not in json.dumps(by_number)
    assert 0 <= by_number["score"]["p_churn"] <= 1

    shown = ask.text("person", "show", "--customer-number", customer_number(7))
    assert f"person {by_number['person_id']} as of {by_number['as_of_date']}" in shown
    assert "order_count" in shown and "lifecycle_stage" in shown and "p_churn" in shown
    assert "suppress_existing_customers" in shown and "no consent source" in shown

    assert "No person is known by this customer number" in ask.text(
        "person", "show", "--customer-number", "nobody", code=2
    )
    assert "Name one person" in ask.text("person", "show", code=2)


@pytest.mark.accept
def test_a_look_up_starts_spark_itself_where_none_runs(published: Published, ask: Asked) -> None:
    look_up = ("person", "show", "--customer-number", customer_number(7), "--json")
    in_a_process_of_its_own = subprocess.run(
        [Path(sys.executable).with_name("habitue"), "--project", published.shop.folder, *look_up],
        capture_output=True,
        text=True,
    )
    assert in_a_process_of_its_own.returncode == 0, in_a_process_of_its_own.stderr
    assert json.loads(in_a_process_of_its_own.stdout) == ask.data(*look_up[:-1])
    assert (published.shop.location.records() / "logs" / "spark.log").stat().st_size > 0


def test_identity_says_why_two_identifiers_are_one_person(ask: Asked) -> None:
    shown = ask.data("identity", "show", "--email", email(7))
    a, b = (f"{known['id_type']}:{known['id_key']}" for known in shown["identifiers"])
    (edge,) = ask.data("identity", "why", a, b)
    assert edge["rule"] == "same_record" and edge["status"] == "accepted"
    assert "same_record" in ask.text("identity", "why", a, b)
    other = ask.data("identity", "show", "--email", email(8))["identifiers"][0]
    assert "They are not one person" in ask.text(
        "identity", "why", a, f"{other['id_type']}:{other['id_key']}"
    )


def test_an_audience_is_previewed_and_explained(published: Published, ask: Asked) -> None:
    name = "suppress_existing_customers"
    members = published.shop.lake.read(AUDIENCE_MEMBER).where(f"audience = '{name}'").collect()
    previewed = ask.data("audience", "preview", name)
    assert dict(map(tuple, previewed["funnel"]))["members"] == len(members) > 0
    assert 0 < len(previewed["members"]) <= 10
    assert {row["person_id"] for row in previewed["members"]} <= {row["person_id"] for row in members}
    assert f"{name} as of" in ask.text("audience", "preview", name)

    someone = previewed["members"][0]["person_id"]
    explained = ask.data("audience", "explain", name, someone)
    assert explained["holds"] is True and explained["membership"]["not_exportable_reason"]
    assert "yes" in ask.text("audience", "explain", name, someone)
    assert "member since" in ask.text("audience", "explain", name, someone)
    assert "no" in ask.text("audience", "explain", "prospects", someone)
    assert "There is no audience actve" in ask.text("audience", "preview", "actve", code=2)


def test_the_data_are_judged_with_figures_to_tie_to_ones_own_books(published: Published, ask: Asked) -> None:
    found = ask.data("check", "--data")
    figures = published.shop.record().figures
    assert found["figures"]["orders"] == figures["orders"]
    assert found["figures"]["customers who bought"] == figures["buyers"]
    assert found["figures"]["net revenue (EUR)"] == figures["net_revenue"]
    assert found["figures"]["orders that name nobody"] == 0
    supported = {c["capability"]: c["supported"] for c in found["capabilities"]}
    assert len(supported) > 3 and len(set(map(str, supported.values()))) > 1
    assert all(c["why"] for c in found["capabilities"])
    assert "capability" in ask.text("check", "--data")


def test_releases_and_models_are_listed(published: Published, ask: Asked) -> None:
    (release,) = ask.data("release", "list")
    assert release["release_id"] == published.shop.releases()[0].release_id
    assert release["release_id"] in ask.text("release", "list")
    models = {model["name"]: model for model in ask.data("model", "list")}
    assert models.keys() == {"churn", "clv"}
    assert all(model["aliases"] == ["champion"] for model in models.values())
    assert "champion" in ask.text("model", "list")
    assert "no earlier champion" in ask.text("model", "rollback", "churn", code=2)
    assert ask.text("quarantine", "list").split()[:2] == ["source", "entity"]


def test_the_report_is_written_in_the_language_asked_for(published: Published, ask: Asked) -> None:
    english = (published.shop.folder / "report" / "index.html").read_text(encoding="utf-8")
    file = Path(ask.text("report", "--lang", "de").strip())
    german = file.read_text(encoding="utf-8")
    file.write_text(english, encoding="utf-8")
    assert '<html lang="de">' in german and '<html lang="en">' in english
    assert published.shop.releases()[0].release_id in german
    assert "languages: en, de" in ask.text("report", "--lang", "fr", code=2)


def test_a_project_without_a_release_says_so(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "new")
    assert main(["init", folder]) == 0
    for words in (
        ["person", "show", "loyalty_number:7"],
        ["audience", "preview", "active"],
        ["check", "--data"],
        ["report"],
    ):
        capsys.readouterr()
        assert main(["--project", folder, *words]) == 2, words
        assert "There is no release yet" in capsys.readouterr().err
    assert main(["--project", folder, "release", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["--project", folder, "model", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
