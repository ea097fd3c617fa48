"""A reviewer at work on a small lake: asks why and why not, decides, sees the effect, withdraws."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.commands import explanations
from habitue.commands.decisions import decide, decisions, withdraw
from habitue.commands.identifiers import find_identifier, find_person, key_of, read_handle
from habitue.contracts.behaviour import CUSTOMER, IDENTITY_EDGE, IDENTITY_MAP, IDENTITY_OVERRIDE, MATCH_REVIEW
from habitue.contracts.decision import RELEASE
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.tables import BY_NAME
from habitue.errors import UsageError
from habitue.job import Run
from habitue.lake.deltalog import DeltaLog
from habitue.lake.release import Release, publish, published_versions, roll_back
from habitue.report.identity_facts import identity_facts
from habitue.stages.circumstances import ended_decisions
from habitue.stages.resolve import resolve
from tests.jobs.project import project_run
from tests.tables import table

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
RECORDS = (
    ("crm", "1", {"customer_number": "1001", "email": "ada@brief.synth", "phone": "+4930100200"}, "Ulm"),
    ("crm", "2", {"customer_number": "1002", "email": "ben@brief.synth", "phone": "+4930100200"}, "Bonn"),
    ("shop", "3", {"email": "ada@brief.synth", "loyalty_number": "L77"}, "Mainz"),
    ("shop", "4", {"email": "cleo@brief.synth"}, "Trier"),
    ("shop", "5", {"loyalty_number": "L88", "email": "dora@brief.synth"}, "Köln"),
)


def at(spark: SparkSession, project: Path, now: datetime) -> Run:
    return project_run(spark, project, {}, run_id=f"r{now:%m%d%H%M}", now=now)


@pytest.fixture(scope="module")
def project(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("reviewed")
    run = at(spark, folder, NOW)
    lines = [
        f"{source} | {key} | {', '.join(f'{t}:{key_of(run, t, v)}' for t, v in clear.items())} | {city} | 2026-01-0{key} 00:00:00"
        for source, key, clear, city in RECORDS
    ]
    rows = table(
        spark, CUSTOMER_RECORD, "source | record_key | identifiers | city | known_time\n" + "\n".join(lines)
    )
    run.lake.merge(CUSTOMER_RECORD, rows.drop("row_hash"))
    resolve(run)
    reviewed = (
        "record_key_a | record_key_b | source_a | source_b | probability | status | reason | agreement\n"
    )
    pairs = table(
        spark, MATCH_REVIEW, reviewed + "4 | 5 | shop | shop | 0.7 | review | not sure enough | city"
    )
    run.lake.merge(MATCH_REVIEW, pairs.drop("row_hash"))
    yield folder
    run.close()


def named(run: Run, text: str) -> tuple[str, str]:
    return find_identifier(run, read_handle(text))


def test_why_gives_the_path_and_why_not_every_reason(spark: SparkSession, project: Path):
    run = at(spark, project, NOW)
    ada, ben = named(run, "customer_number:1001"), named(run, "customer_number:1002")
    loyal, cleo, dora = (
        named(run, "loyalty_number:L77"),
        named(run, "email:cleo@brief.synth"),
        named(run, "loyalty_number:L88"),
    )
    chain = explanations.why(run, ada, loyal)
    assert chain is not None
    assert [(s.start[0], s.by.rule, s.by.source, s.end[0]) for s in chain] == [
        ("customer_number", "same_record", "crm", "email"),
        ("email", "same_record", "shop", "loyalty_number"),
    ]
    assert explanations.why(run, ada, ben) is None and explanations.why_not(run, ada, loyal) == []
    reasons = [(r["kind"], r["reason"]) for r in explanations.why_not(run, ada, ben)]
    assert reasons == [("refused", "two values of customer_number from one source")]
    assert [r["kind"] for r in explanations.why_not(run, ada, cleo)] == ["no_evidence"]
    (looked_at,) = explanations.why_not(run, cleo, dora)
    assert looked_at["kind"] == "review" and "0.70" in looked_at["reason"] and "city" in looked_at["reason"]
    (pair,) = explanations.review(run, 20)
    assert pair["identifiers_a"][0]["id_type"] == "email" and pair["probability"] == 0.7


def test_every_joined_pair_has_a_path_and_every_refused_edge_a_reason(spark: SparkSession, project: Path):
    run = at(spark, project, NOW)
    rows = run.lake.read(IDENTITY_MAP).where("valid_to IS NULL").collect()
    persons: dict[str, list[tuple[str, str]]] = {}
    for r in rows:
        persons.setdefault(r.person_id, []).append((r.id_type, r.id_key))
    largest = max(persons.values(), key=len)
    assert len(largest) == 4  # ada's number, mailbox, telephone and card
    assert all(explanations.why(run, largest[0], other) is not None for other in largest)
    refused = run.lake.read(IDENTITY_EDGE).where("status <> 'accepted'").collect()
    assert refused
    for r in refused:
        found = explanations.why_not(run, (r.id_type_a, r.id_key_a), (r.id_type_b, r.id_key_b))
        assert r.reason in {f["reason"] for f in found}


def test_identifiers_are_found_by_value_by_key_and_by_its_start_and_persons_by_id(
    spark: SparkSession, project: Path
):
    run = at(spark, project, NOW)
    found = named(run, "email: Ada@Brief.Synth ")
    assert found == named(run, f"email:{found[1]}") == named(run, f"email:{found[1][:12]}")
    person = find_person(run, read_handle(f"email:{found[1]}"))
    assert named(run, person) == named(run, "customer_number:1001")  # the strongest of the person
    for unknown in ("email:nobody@brief.synth", "shoe_size:41", "email:noreply@brief.synth"):
        with pytest.raises(UsageError, match="No person is known by this") as error:
            named(run, unknown)
        assert "nobody" not in str(error.value)
    with pytest.raises(UsageError, match="neither a person nor an identifier"):
        read_handle("ada@brief.synth")


def test_a_conflict_names_the_sources_and_what_survived(spark: SparkSession, project: Path):
    run = at(spark, project, NOW)
    person = find_person(run, read_handle("customer_number:1001"))
    found = explanations.audit_of(run, person)
    assert found["conflicts"] == [
        {"attribute": "city", "values": 2, "sources": ["crm", "shop"], "survived_from": "shop"}
    ]
    assert [(s["attribute"], s["value"], s["source"]) for s in found["surviving"]] == [
        ("city", "Mainz", "shop")
    ]
    whole = explanations.audit(run)
    assert whole["conflicts"] == [{"attribute": "city", "persons": 1, "most_values": 2}]
    assert whole["not_linking"] == [
        {"status": "refused", "reason": "two values of customer_number from one source", "count": 1}
    ]
    json.dumps([found, whole], default=str)


@pytest.mark.accept
def test_a_reviewer_unlinks_blocks_links_withdraws_and_each_resolve_obeys(spark: SparkSession, project: Path):
    run = at(spark, project, NOW + timedelta(hours=1))
    mail, card, cleo = (
        named(run, n) for n in ("email:ada@brief.synth", "loyalty_number:L77", "email:cleo@brief.synth")
    )
    first, _ = decide(run, "unlink", [mail, card], reviewer="rev1", note="two sisters, ticket 12")
    second, _ = decide(run, "link", [card, cleo], reviewer="rev1", expires_on=date(2026, 3, 1))
    with pytest.raises(UsageError, match="decided already"):
        decide(run, "unlink", [card, mail], reviewer="rev2")
    with pytest.raises(UsageError, match="e-mail address or a telephone number"):
        decide(run, "block", [mail], reviewer="rev2", note="ask ada@brief.synth")
    with pytest.raises(UsageError, match="not in the future"):
        decide(run, "block", [mail], reviewer="rev2", expires_on=date(2026, 1, 1))
    assert {d["effect"] for d in decisions(run)} == {"one person", "waits for the next resolve"}

    run = at(spark, project, NOW + timedelta(hours=2))
    resolve(run)
    assert run.step.figures["changes_by_hand"] >= 1
    assert explanations.why(run, mail, card) is None
    (step,) = explanations.why(run, card, cleo) or []
    assert (step.by.rule, step.by.source, step.by.confidence) == ("manual", "reviewer", 1.0)
    kinds = [r["kind"] for r in explanations.why_not(run, mail, card)]
    assert kinds == ["kept_apart", "refused"]
    effects = {d["decision_id"]: (d["state"], d["effect"]) for d in decisions(run)}
    assert effects == {
        first["decision_id"]: ("in force", "two persons"),
        second["decision_id"]: ("in force", "accepted"),
    }
    facts = identity_facts(
        *(run.lake.read(t) for t in (IDENTITY_MAP, IDENTITY_EDGE, MATCH_REVIEW)),
        settings=run.settings.identity,
    )
    assert facts.refused == {"kept apart by a reviewer": 1, "two numbers of one source": 1}
    assert facts.clusters and not any(len(node) > 20 for cluster in facts.clusters for node in cluster.nodes)

    third, replaced = decide(run, "link", [mail, card], reviewer="rev2")
    assert replaced == [first["decision_id"]]
    withdraw(run, third["decision_id"], reviewer="rev2")
    with pytest.raises(UsageError, match="has ended already"):
        withdraw(run, third["decision_id"], reviewer="rev2")
    run = at(spark, project, NOW + timedelta(hours=3))
    resolve(run)
    assert explanations.why(run, mail, card) is not None  # as before all decisions
    states = {d["decision_id"]: (d["state"], d["reviewer"]) for d in decisions(run)}
    assert states[first["decision_id"]] == ("withdrawn", "rev1")

    assert ended_decisions(run) == []
    run = at(spark, project, datetime(2026, 3, 2, tzinfo=UTC))
    assert len(ended_decisions(run)) == 1  # so that the next run resolves anew
    resolve(run)
    assert explanations.why(run, card, cleo) is None
    assert {d["state"] for d in decisions(run)} == {"withdrawn", "expired"}


def test_a_rollback_leaves_decisions_alone(spark: SparkSession, project: Path):
    run = at(spark, project, datetime(2026, 3, 3, tzinfo=UTC))
    versions = published_versions(run.location)
    before = Release("r0", run.now, "r0", date(2026, 3, 3), versions, {}, 0)
    mail = named(run, "email:dora@brief.synth")
    decide(run, "block", [mail], reviewer="rev1")
    head = DeltaLog(run.location.table(IDENTITY_OVERRIDE)).head()
    publish(run.lake, before)
    roll_back(run.lake, before, Release("r1", run.now, "r1", date(2026, 3, 3), {}, {}, 0, "r0"))
    assert DeltaLog(run.location.table(IDENTITY_OVERRIDE)).head() == head
    assert "in force" in {d["state"] for d in decisions(run)}


def test_open_tables_hold_no_clear_value(spark: SparkSession, project: Path):
    run = at(spark, project, NOW)
    for name in (CUSTOMER.name, IDENTITY_OVERRIDE.name, IDENTITY_EDGE.name, RELEASE.name):
        text = " ".join(str(row) for row in run.lake.read(BY_NAME[name]).collect())
        # keys are of digits too, so that a number is looked for as a word of its own
        assert "synth" not in text and not re.search(r"\b1001\b", text)
