"""Golden sources: a mapping, its files, and what they must become in silver.event, all readable in one folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.contracts.intake import IDENTIFIER, QUARANTINE
from habitue.job import Run

FOLDER = Path(__file__).parent / "golden"
NAMES = tuple(sorted(path.parent.name for path in FOLDER.glob("*/source.yaml")))
_LEFT_OUT = ("source", "row_hash", "visitor_key", "event_date", "tracker_id", "tracker_fingerprint")


def source_of(name: str) -> dict[str, Any]:
    """The mapping of a golden source, its paths as they are inside its folder."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name / "source.yaml").read_text())
    return found


def expected(name: str) -> list[dict[str, Any]]:
    """What the source must become: events first, then what is in quarantine."""
    lines = (FOLDER / name / "expected.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def outcome(run: Run, source: str) -> list[dict[str, Any]]:
    """Events of a source without empty fields and with identifiers in clear; then its quarantine."""
    clear = {(r["id_type"], r["id_key"]): r["clear_value"] for r in run.lake.read(IDENTIFIER).collect()}
    events = run.lake.read(EVENT).where(F.col("source") == source)
    names = [name for name in EVENT.column_names if name not in (*_LEFT_OUT, "identifiers")]
    spelt = events.select(F.to_json(F.struct(*names)).alias("event"), "identifiers").collect()
    found = []
    for row in spelt:
        event = {k: v for k, v in json.loads(row["event"]).items() if v not in (0, False, {})}
        # The lake orders them by key, and keys differ with the project's pepper.
        who = sorted(f"{i['id_type']}:{clear[i['id_type'], i['id_key']]}" for i in row["identifiers"])
        found.append(event | ({"who": who} if who else {}))
    refused = run.lake.read(QUARANTINE).where(F.col("source") == source).where("entity = 'event'")
    rows = refused.orderBy("file", "position").select("position", "reason_code", "reason").collect()
    found.sort(key=lambda event: (event["event_time"], event["event_name"], event["event_id"]))
    for event in found:  # ids made of content hold keys, which differ with the project's pepper
        if source != "ga4" and re.fullmatch("[0-9a-f]{64}", event["event_id"]):
            event["event_id"] = "a digest"
    return [*found, *({"quarantined": r[1], "reason": r[2], "position": r[0]} for r in rows)]
