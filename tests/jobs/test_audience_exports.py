"""Target and exports on a small lake: consent decides, files and manifest agree, a killed export shows nothing."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

import habitue.stages.export as export_stage
from habitue.activation.manifest import manifest_digest
from habitue.activation.settings import ActivationSettings
from habitue.audiences.holdout import HoldoutSettings
from habitue.config.settings import Settings
from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import (
    AUDIENCE_CHANGE,
    AUDIENCE_FUNNEL,
    AUDIENCE_MEMBER,
    CUSTOMER_SCORE,
    SPLIT_ASSIGNMENT,
)
from habitue.contracts.entities import CONSENT
from habitue.contracts.intake import IDENTIFIER
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.job import Progress, Run, RunRecord
from habitue.lake.location import Location
from habitue.lake.release import Release, publish, published_versions
from habitue.stages.export import stage_exports
from habitue.stages.publish import complete_exports, finish_publication, intend_exports
from habitue.stages.target import current_members, defined_audiences, target
from tests.audience_files import bucket_of, definition

BUYERS = {"field": "order_count", "gte": 1}
TO_MAIL = [{"to": "csv", "channel": "email", "fields": ["top_category", "net_revenue"]}]
MAIL = {"requires": {"channels": ["email"]}, "export": TO_MAIL}
DEFINED = {
    "buyers": definition("buyers", BUYERS, **MAIL),
    "small": definition("small", {"field": "order_count", "gte": 5}, guard={"min_size": 3}, **MAIL),
    "nobody": definition("nobody", {"field": "order_count", "gte": 99}, requires={"channels": ["email"]}),
}
SALT = "a_salt_v1"
HELD = next(f"p{n}" for n in range(10, 1000) if bucket_of(f"p{n}", SALT) < 500)
PERSONS = ("ada", "ben", "cyd", "dan", HELD)


def open_run(project: Path, spark: SparkSession, day: date, run_id: str, **settings: Any) -> Run:
    content = Settings(audiences=DEFINED, holdout=HoldoutSettings(share=0.05, salt=SALT), **settings)
    location = Location(str(project / "lake"))
    record = RunRecord(run_id, "", "", "", "")
    run = Run(project, content, location, record, Progress(quiet=True), datetime(2026, 8, 1, tzinfo=UTC), day)
    run.__dict__["spark"] = spark
    return run


def rows(spark: SparkSession, contract: Table, *cells: dict[str, Any]) -> Any:
    """Rows of a contract with the named columns; the others are null, or false where they may not be."""
    types = {c.name: c.type for c in contract.columns}
    named = list(cells[0])
    frame = spark.createDataFrame(
        [tuple(c[n] for n in named) for c in cells], ", ".join(f"`{n}` {types[n]}" for n in named)
    )
    defaults = {"boolean": False, "string": "x", "array<string>": []}
    return frame.select(
        *(F.col(n) for n in named),
        *(
            (F.lit(None) if c.nullable else F.array() if c.type == "array<string>" else F.lit(defaults[c.type])).cast(c.type).alias(c.name)
            for c in contract.columns
            if c.name not in named and c.name != "row_hash"
        ),
    )  # fmt: skip


def fill(run: Run, *, orders: dict[str, int], consented: tuple[str, ...]) -> None:
    spark, day, lake = run.spark, run.as_of, run.lake
    revenue = {p: f"{n}0.50" for n, p in enumerate(orders, start=1)}
    profiles = [
        {
            "as_of_date": day,
            "person_id": p,
            "has_email": True,
            "order_count": n,
            "identifier_types": ["email"],
            "top_category": "=cmd()" if p == "ada" else 'He said "no", \u202e\x00twice\r\n',
            "net_revenue": Decimal(revenue[p]),
            "lifecycle_stage": "active",
        }
        for p, n in orders.items()
    ]
    scores = [
        {"as_of_date": day, "person_id": p, "score_note": "none", "priority_score": n / 10}
        for p, n in orders.items()
    ]
    known = [{"id_type": t, "id_key": f"{t}-{p}", "person_id": p, "valid_from": datetime(2026, 1, 1, tzinfo=UTC)}
             for p in orders for t in ("email", "customer_number")]  # fmt: skip
    clear = [{"id_type": k["id_type"], "id_key": k["id_key"],
              "clear_value": f"{k['person_id']}@x.test" if k["id_type"] == "email" else f"-{k['person_id']}"} for k in known]  # fmt: skip
    lake.replace_day(CUSTOMER_PROFILE, rows(spark, CUSTOMER_PROFILE, *profiles), as_of=day)
    lake.replace_day(CUSTOMER_SCORE, rows(spark, CUSTOMER_SCORE, *scores), as_of=day)
    lake.merge(IDENTITY_MAP, rows(spark, IDENTITY_MAP, *known))
    lake.merge(IDENTIFIER, rows(spark, IDENTIFIER, *clear))
    if consented:
        said = [{"source": "crm", "consent_id": p, "purpose": "marketing", "channel": "email", "status": "granted",
                 "given_time": datetime(2026, 1, 1, tzinfo=UTC), "known_time": datetime(2026, 1, 1, tzinfo=UTC),
                 "identifiers": [Row(id_type="email", id_key=f"email-{p}")]} for p in consented]  # fmt: skip
        lake.merge(CONSENT, rows(spark, CONSENT, *said))


def members_of(run: Run, audience: str) -> dict[str, Row]:
    found = run.lake.read(AUDIENCE_MEMBER).where(
        (F.col("as_of_date") == F.lit(run.as_of)) & (F.col("audience") == audience)
    )
    return {row["person_id"]: row for row in found.collect()}


def release(run: Run, digests: dict[str, str]) -> None:
    intend_exports(run.project, run.run_id, digests)
    publish(
        run.lake,
        Release(run.run_id, run.now, run.run_id, run.as_of, published_versions(run.location), digests, 1),
    )
    complete_exports(run.project, run.run_id)


def test_two_days_of_audiences_with_their_exports(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_run(tmp_path, spark, date(2026, 7, 1), "20260701T000000-a")
    fill(first, orders={"ada": 5, "ben": 1, "cyd": 2, "dan": 0, HELD: 5}, consented=("ada", "ben", HELD))
    target(first)
    found = members_of(first, "buyers")
    assert {p: (m["channels"], m["split_group"], m["not_exportable_reason"]) for p, m in found.items()} == {
        "ada": (["email"], "treatment", None),
        "ben": (["email"], "treatment", None),
        "cyd": ([], "treatment", "no consent given"),
        HELD: ([], "holdout", "in the global holdout"),
    }
    assert found["ada"]["reason"] == "order_count at least 1"
    funnel = first.lake.read(AUDIENCE_FUNNEL).where("channel = '' AND audience IN ('buyers', 'nobody')")
    assert sorted((r["audience"], r["step"], r["person_count"]) for r in funnel.collect()) == [
        ("buyers", "exportable", 2),
        ("buyers", "holdout", 1),
        ("buyers", "members", 4),
        ("buyers", "no_consent", 1),
        ("nobody", "exportable", 0),
        ("nobody", "members", 0),
    ]
    previewed = current_members(first, defined_audiences(first)).where("audience = 'buyers'").collect()
    assert {row["person_id"] for row in previewed} == set(found)

    # a run that dies before the manifest shows nothing
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(export_stage, "write_whole", dies)
        stage_exports(first)
    finish_publication(first)
    assert not list((tmp_path / "exports").rglob("*.csv"))

    digests = stage_exports(first)
    assert not list((tmp_path / "exports" / "csv_email").glob("*")), "visible before the release"
    release(first, digests)
    _assert_export(tmp_path, digests)
    (withheld,) = first.step.withheld
    assert "small" in withheld and "2 members, 1 exportable, fewer than guard.min_size 3" in withheld

    second = open_run(tmp_path, spark, date(2026, 7, 2), "20260702T000000-b")
    fill(second, orders={"ada": 5, "ben": 0, "cyd": 2, "dan": 1, HELD: 5}, consented=())
    target(second)
    changes = (
        second.lake.read(AUDIENCE_CHANGE)
        .where("as_of_date = DATE'2026-07-02' AND audience = 'buyers'")
        .collect()
    )
    assert {(c["person_id"], c["change"]) for c in changes} == {("dan", "entered"), ("ben", "left")}
    entered = {p: m["entered_at"].day for p, m in members_of(second, "buyers").items()}
    assert entered == {"ada": 1, "cyd": 1, HELD: 1, "dan": 2}
    places = second.lake.read(SPLIT_ASSIGNMENT).collect()
    assert {(r["person_id"], r["split_group"], r["assigned_at"].day) for r in places} == {
        ("ada", "treatment", 1), ("ben", "treatment", 1), ("cyd", "treatment", 1), (HELD, "holdout", 1), ("dan", "treatment", 2),
    }  # fmt: skip


def _assert_export(project: Path, digests: dict[str, str]) -> None:
    folder = project / "exports" / "csv_email" / "buyers"
    text = (folder / "_manifest.json").read_text(encoding="utf-8")
    assert digests == {"csv_email/buyers": manifest_digest(text)}
    assert sorted(file.name for file in folder.iterdir()) == ["_manifest.json", "buyers.csv"]
    content = (folder / "buyers.csv").read_bytes()
    with (folder / "buyers.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = list(csv.reader(file))
    assert header == ["customer_number", "email", "variant", "top_category", "net_revenue"]
    assert lines == [  # best first; formulas made harmless; quotes doubled, marks and breaks gone
        ["'-ada", "ada@x.test", "", "'=cmd()", "10.50"],
        ["'-ben", "ben@x.test", "", 'He said "no", twice ', "20.50"],
    ]
    assert b'He said ""no"", twice ' in content and content.endswith(b"\r\n")
    manifest = json.loads(text)
    (file_entry,) = manifest["files"]
    assert file_entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert (file_entry["bytes"], manifest["rows"]) == (len(content), 2)
    assert [column["name"] for column in manifest["columns"]] == header
    assert all(column["description"] for column in manifest["columns"])


def test_without_a_consent_source_nothing_is_faked_and_large_exports_are_cut(
    spark: SparkSession, tmp_path: Path
) -> None:
    run = open_run(
        tmp_path, spark, date(2026, 7, 1), "20260701T000000-c", activation=ActivationSettings(rows_per_file=2)
    )
    many = {f"p{n}": 1 for n in range(40)}
    fill(run, orders=many, consented=())
    target(run)
    reasons = {m["not_exportable_reason"] for m in members_of(run, "buyers").values()}
    assert reasons == {"no consent source", "in the global holdout"}
    assert stage_exports(run) == {}
    assert any("40 members, 0 exportable: no consent source" in text for text in run.step.withheld)

    fill(run, orders=many, consented=tuple(many))
    target(run)
    digests = stage_exports(run)
    folder = tmp_path / "exports" / ".staging" / run.run_id / "csv_email" / "buyers"
    manifest = json.loads((folder / "_manifest.json").read_text())
    reached = sum(bool(m["channels"]) for m in members_of(run, "buyers").values())
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"]) == reached
    assert 10 < len(manifest["files"]) <= -(-reached // 2)
    again = stage_exports(run)
    assert again == digests, "the same members give the same bytes"


def test_a_change_is_measured_by_what_last_went_out(spark: SparkSession, tmp_path: Path) -> None:
    """Four members were sent, one was held back the day after: the day after that is held against the four."""
    sent = {"csv_email/buyers": "digest"}
    for number, (buyers, digests) in enumerate([(4, sent), (1, {}), (1, {})], start=1):
        run = open_run(tmp_path, spark, date(2026, 7, number), f"2026070{number}T000000-a")
        fill(run, orders={p: int(place < buyers) for place, p in enumerate(PERSONS)}, consented=("ada",))
        target(run)
        found = export_stage._last_sent(run, ["csv_email/buyers", "csv_email/small"])
        assert found == ({} if number == 1 else {"csv_email/buyers": 4})
        release(run, digests)
