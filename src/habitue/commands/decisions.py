"""What reviewers decide about identifiers: recorded under the lease, obeyed by the next resolve."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_EDGE, IDENTITY_MAP, IDENTITY_OVERRIDE
from habitue.errors import UsageError
from habitue.identity.as_of import identity_now, with_persons
from habitue.identity.constrained import MANUAL
from habitue.identity.decisions import BLOCK, LINK, UNLINK
from habitue.identity.edges import PAIR
from habitue.identity.explain import Identifier
from habitue.identity.pauses import BLOCKED
from habitue.job import Run
from habitue.lake.commit import CommitNote

_OPPOSITE = {LINK: UNLINK, UNLINK: LINK}
_PERSONAL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?<!\w)(?:\+|0)\d[\d\s/().-]{5,}\d")

Decision = dict[str, Any]


def decide(
    run: Run,
    kind: str,
    members: Sequence[Identifier],
    *,
    reviewer: str,
    note: str | None = None,
    expires_on: date | None = None,
) -> tuple[Decision, list[str]]:
    """Record a decision; also the ids of contrary ones that it replaces. The run must hold the lease."""
    if note and _PERSONAL.search(note):
        raise UsageError(
            "The note seems to hold an e-mail address or a telephone number.",
            ["silver names nobody in clear; say it without"],
        )
    first, *others = sorted(set(members))
    if kind != BLOCK and len(others) != 1:
        raise UsageError("Both are the same identifier.", ["name two different ones"])
    second = others[0] if others else (None, None)
    expires_at = run.instant(expires_on) if expires_on else None
    if expires_at and expires_at <= run.now:
        raise UsageError(f"{expires_on} is not in the future.")
    held = [d for d in _recorded(run) if _holds(d, run.now) and _members(d) == (*first, *second)]
    for decision in held:
        if decision["kind"] == kind:
            raise UsageError(f"That is decided already, in {decision['decision_id']}.")
    replaced = [d for d in held if d["kind"] == _OPPOSITE.get(kind)]
    new: Decision = {
        "decision_id": _new_id(kind, (*first, *second), run.now),
        "kind": kind,
        **dict(zip(PAIR, (*first, *second), strict=True)),
        "reviewer": reviewer,
        "note": note,
        "decided_at": run.now,
        "expires_at": expires_at,
        "withdrawn_at": None,
        "withdrawn_by": None,
    }
    _write(run, [*(_withdrawn(d, run.now, reviewer) for d in replaced), new])
    return new, [d["decision_id"] for d in replaced]


def withdraw(run: Run, decision_id: str, *, reviewer: str) -> Decision:
    """End a decision that holds; it stays in the table with who withdrew it and when."""
    found = [d for d in _recorded(run) if d["decision_id"] == decision_id]
    if not found:
        raise UsageError(f"There is no decision {decision_id}.", ["`habitue identity decisions` lists them"])
    if not _holds(found[0], run.now):
        raise UsageError(f"Decision {decision_id} has ended already.")
    ended = _withdrawn(found[0], run.now, reviewer)
    _write(run, [ended])
    return ended


def decisions(run: Run) -> list[Decision]:
    """All decisions, newest first, with `state` (in force, expired, withdrawn) and the effect so far."""
    effects = _effects(run)
    return [
        {
            **decision,
            "state": _state(decision, run.now),
            "effect": effects.get(decision["decision_id"], "waits for the next resolve"),
        }
        for decision in sorted(
            _recorded(run), key=lambda d: (d["decided_at"], d["decision_id"]), reverse=True
        )
    ]


def _recorded(run: Run) -> list[Decision]:
    rows = run.lake.read(IDENTITY_OVERRIDE).drop("row_hash").collect()  # as many as people took by hand
    return [_in_utc(row) for row in rows]


def _in_utc(row: Row) -> Decision:
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in row.asDict().items()
    }


def _write(run: Run, changed: Sequence[Decision]) -> None:
    by_id = {d["decision_id"]: d for d in (*_recorded(run), *changed)}
    expiries = sorted({d["expires_at"].isoformat() for d in by_id.values() if d["expires_at"]})
    run.lake.note = CommitNote(
        run_id=run.run_id, step="identity", fencing_token=run.fencing_token, expiries=tuple(expiries)
    )
    columns = [c for c in IDENTITY_OVERRIDE.columns if c.name != "row_hash"]
    schema = ", ".join(f"{c.name} {c.type}" for c in columns)
    rows = [tuple(d[c.name] for c in columns) for d in changed]
    run.lake.merge(IDENTITY_OVERRIDE, run.spark.createDataFrame(rows, schema))


def _effects(run: Run) -> dict[str, str]:
    """What came of each decision, by the tables of the last resolve."""
    override, edges = run.lake.read(IDENTITY_OVERRIDE), run.lake.read(IDENTITY_EDGE)
    small = F.broadcast(override.select("decision_id", "kind", *PAIR))
    links = edges.where(F.col("rule") == MANUAL).join(small.where(F.col("kind") == LINK), list(PAIR))
    found = {
        r["decision_id"]: r["status"] + (f": {r['reason']}" if r["reason"] else "") for r in links.collect()
    }
    blocked = edges.where(F.col("reason") == BLOCKED)
    ends = [
        small.where(F.col("kind") == BLOCK).select(
            "decision_id", F.col("id_type_a").alias(f"id_type_{e}"), F.col("id_key_a").alias(f"id_key_{e}")
        )
        for e in ("a", "b")
    ]
    hit = [blocked.join(side, side.columns[1:]).select("decision_id") for side in ends]
    counts = hit[0].unionByName(hit[1]).groupBy("decision_id").count().collect()
    found |= {r["decision_id"]: f"{r['count']} edges do not link" for r in counts}
    return found | _apart(run)


def _apart(run: Run) -> dict[str, str]:
    present = identity_now(run.lake.read(IDENTITY_MAP))
    rows = run.lake.read(IDENTITY_OVERRIDE).where(F.col("kind") == UNLINK)
    is_one = F.col("person_a") == F.col("person_b")  # null where one of them is not known yet
    judged = with_persons(rows, present).select("decision_id", is_one.alias("is_one"))
    return {
        r["decision_id"]: "one person" if r["is_one"] else "two persons"
        for r in judged.where("is_one IS NOT NULL").collect()
    }


def _members(decision: Decision) -> tuple[str | None, ...]:
    return tuple(decision[name] for name in PAIR)


def _state(decision: Decision, now: datetime) -> str:
    if decision["withdrawn_at"]:
        return "withdrawn"
    return "in force" if _holds(decision, now) else "expired"


def _holds(decision: Decision, now: datetime) -> bool:
    return decision["withdrawn_at"] is None and not (decision["expires_at"] and decision["expires_at"] <= now)


def _withdrawn(decision: Decision, now: datetime, reviewer: str) -> Decision:
    return {**decision, "withdrawn_at": now, "withdrawn_by": reviewer}


def _new_id(kind: str, members: Sequence[str | None], now: datetime) -> str:
    text = "\0".join([kind, *(str(m) for m in members), now.isoformat()])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
