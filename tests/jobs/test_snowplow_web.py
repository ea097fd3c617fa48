"""The Snowplow adapter on events of a real tracker, against what Snowplow's own package makes of them.

Differences that are meant: a visit over three days is flagged and kept whole, where the package cuts
it off and puts it aside; a page that is told twice by one page view id is two views; a ping without
its page view is no view, and its visit starts with it and not five seconds before.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.intake import QUARANTINE
from habitue.stages.ingest import ingest
from tests.jobs.project import project_run

DATA = Path(os.environ.get("HABITUE_REAL_DATA", "no-such-folder")) / "snowplow_web"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="HABITUE_REAL_DATA names no folder that holds snowplow_web, the events of a real tracker",
)


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sessions_with_a_repeated_view() -> set[str]:
    """Sessions in which two page views have one page view id."""
    views = {row["event_id"]: row for row in rows("events.csv") if row["event_name"] == "page_view"}
    pages = Counter(
        (row["domain_sessionid"], row["contexts_com_snowplowanalytics_snowplow_web_page_1_0_0"])
        for row in views.values()
    )
    return {session for (session, _), count in pages.items() if count > 1}


def test_a_real_trackers_events_agree_with_what_snowplow_makes_of_them(
    spark: SparkSession, tmp_path: Path
) -> None:
    run = project_run(spark, tmp_path, {"web": {"adapter": "snowplow", "path": str(DATA / "events.csv")}})
    ingest(run)
    events = run.lake.read(EVENT)
    assert run.lake.read(QUARANTINE).count() == 0
    assert events.count() == len({row["event_id"] for row in rows("events.csv")})

    times = (
        F.date_format(F.min("event_time"), "yyyy-MM-dd HH:mm:ss.SSS"),
        F.date_format(F.max("event_time"), "yyyy-MM-dd HH:mm:ss.SSS"),
    )
    is_view = F.col("event_name") == "page_viewed"
    own = events.groupBy("source_session_id").agg(
        times[0].alias("start"), F.count_if(is_view).alias("views"), F.count("*").alias("events")
    )
    found = {row["source_session_id"]: (row["start"], row["views"], row["events"]) for row in own.collect()}
    expected = {
        row["domain_sessionid"]: (row["start_tstamp"], int(row["page_views"]), int(row["total_events"]))
        for row in rows("expected/sessions.csv")
    }
    differing = {
        key: (wanted, found.get(key)) for key, wanted in expected.items() if found.get(key) != wanted
    }
    flagged = events.where("bot_reason = 'long_session'").select("source_session_id").distinct().collect()
    long = {row["source_session_id"] for row in flagged}
    assert long >= {row["session_id"] for row in rows("expected/base_quarantined_sessions.csv")}
    only_pings = {key for key, (_, views, _) in found.items() if not views}
    meant = long | only_pings | sessions_with_a_repeated_view()
    assert {key: value for key, value in differing.items() if key not in meant} == {}
    assert len(differing) <= len(expected) / 3

    consents = events.where("event_name = 'consent_preferences'").select(
        "event_id", F.to_json("consent").alias("c")
    )
    granted = {
        row["event_id"]: sorted(k for k, v in json.loads(row["c"] or "{}").items() if v == "granted")
        for row in consents.collect()
    }
    agreed = {"allow_all", "allow_selected", "implicit_consent", "deny_all"}
    for row in rows("expected/consent_log.csv"):
        if row["event_name"] == "consent_preferences":
            scopes = [s.strip() for s in row["consent_scopes"].split(",") if s.strip()]
            wanted = sorted(scopes) if row["event_type"] in agreed else []
            assert granted[row["event_id"]] == wanted, row["event_type"]
