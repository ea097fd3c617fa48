"""Events and persons through ingest: repeats, visitors, bots, other persons, and keys instead of names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT, RESPONSE, TOUCH
from habitue.contracts.intake import IDENTIFIER, QUARANTINE_COUNT
from habitue.privacy.keys import identifier_key
from habitue.stages.ingest import ingest
from tests.jobs.project import project_run


def call(message: str, **more: Any) -> str:
    times = {
        "originalTimestamp": "2024-05-01T10:00:00Z",
        "sentAt": "2024-05-01T10:00:01Z",
        "receivedAt": "2024-05-01T10:00:02Z",
    }
    base = {"messageId": message, "type": "track", "event": "Product Viewed", "anonymousId": "cookie-1"}
    return json.dumps(base | times | more)


def test_events_of_all_sources_are_taken_in_once_with_their_visitor(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [
        call("m1"),
        call("m1", receivedAt="2024-05-01T10:00:09Z"),  # delivered again
        call("m2", context={"userAgent": "Googlebot/2.1"}),
        call("m3", event="Email Opened", userId="u7", properties={"campaign_id": "c1", "email_id": "e1"}),
        '{"messageId": "m4", "type"',
    ]
    (tmp_path / "web.jsonl").write_text("\n".join(lines))
    (tmp_path / "shop.csv").write_text(
        "id,name,at,cookie\ne1,store_visit,2024-05-01 10:00,cookie-1\ne1,store_visit,2024-05-01 10:00,cookie-1\n"
        "e1,other_thing,2024-05-01 11:00,\n,nameless,2024-05-01 11:00,null\n"
    )
    (tmp_path / "touch.csv").write_text(
        "kind,at,who,friend\nReferral,2024-05-01,ada@web.de,Ben@Web.de\nraffle,2024-05-02,ada@web.de,\n"
    )
    sources: dict[str, Any] = {
        "web": {"adapter": "segment", "path": "web.jsonl", "limits": {"max_quarantined_share": 0.3}},
        "shop": {
            "entity": "event", "format": "csv", "path": "shop.csv",
            "columns": {"event_id": "id", "event_name": "name", "event_time": "at"}, "identifiers": {"anonymous_id": "cookie"},
        },
        "friends": {
            "entity": "touch", "format": "csv", "path": "touch.csv",
            "columns": {"kind": "kind", "touch_time": "at", "other_person": {"email": "friend"}}, "identifiers": {"email": "who"},
        },
    }  # fmt: skip
    run = project_run(spark, tmp_path, sources)
    ingest(run)
    events = run.lake.read(EVENT)
    found = {(r["source"], r["event_name"], r["time_quality"], r["bot_reason"]) for r in events.collect()}
    assert found == {
        ("web", "product_viewed", "corrected", None),
        ("web", "product_viewed", "corrected", "user_agent"),
        ("web", "email_opened", "corrected", None),
        ("shop", "store_visit", "mapped", None),
        ("shop", "other_thing", "mapped", None),
        ("shop", "nameless", "mapped", None),
    }
    assert events.count() == 6
    visitors = events.groupBy("visitor_type").agg(F.count("*"), F.count_distinct("visitor_key")).collect()
    assert {tuple(r) for r in visitors} == {("anonymous_id", 4, 1), (None, 2, 0)}
    response = run.lake.read(RESPONSE).collect()
    assert [(r["type"], r["campaign"], r["contact_id"]) for r in response] == [("opened", "c1", "e1")]
    clear = {r["id_key"]: (r["id_type"], r["clear_value"]) for r in run.lake.read(IDENTIFIER).collect()}
    touches = {r["kind"]: r for r in run.lake.read(TOUCH).collect()}
    assert touches["raffle"]["other_key"] is None
    assert touches["referral"]["other_type"] == "email"
    assert clear[touches["referral"]["identifiers"][0]["id_key"]] == ("email", "ada@web.de")
    assert touches["referral"]["other_key"] == identifier_key(run.pepper, "email", "ben@web.de")
    # Of a person who gave us nothing only the key is kept.
    assert touches["referral"]["other_key"] not in clear
    counts = run.lake.read(QUARANTINE_COUNT).where("entity = 'event'").collect()
    assert {(r["source"], r["outcome"], r["reason_code"]): r["row_count"] for r in counts} == {
        ("web", "read", ""): 5,
        ("web", "good", ""): 3,
        ("web", "duplicate", ""): 1,
        ("web", "quarantined", "corrupt_record"): 1,
        ("shop", "read", ""): 4,
        ("shop", "good", ""): 3,
        ("shop", "duplicate", ""): 1,
    }
