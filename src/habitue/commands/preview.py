"""Preview an audience by its present definition on the last release's profiles; writes nothing."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from habitue.audiences.funnel import audience_funnel
from habitue.commands.person import published
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.errors import UsageError
from habitue.job import Run
from habitue.stages.target import current_members, day_slice, defined_audiences

SHOWN = 10


def audience_preview(run: Run, name: str) -> dict[str, Any]:
    """Funnel and ten members (by id only) of one audience."""
    release = published(run)
    audiences = defined_audiences(run)
    wanted = tuple(a for a in audiences if a.name == name)
    if not wanted:
        raise UsageError(
            f"There is no audience {name}.", [f"audiences: {', '.join(a.name for a in audiences)}"]
        )
    members = run.lake.checkpoint(current_members(run, audiences).where(F.col("audience") == name))
    funnel = audience_funnel(members, wanted, as_of=release.as_of_date).where("channel = ''")
    steps = [
        (f"{r['step']} {r['reason']}".strip().replace("_", " "), int(r["person_count"]))
        for r in funnel.collect()
    ]
    score = day_slice(run, CUSTOMER_SCORE).select("person_id", "clv_365d", "p_churn")
    best = members.select("person_id", "reason", "priority_score").join(score, "person_id", "left")
    shown = best.orderBy(F.col("priority_score").desc_nulls_last(), "person_id").limit(SHOWN).collect()
    return {
        "audience": name,
        "as_of_date": release.as_of_date,
        "funnel": sorted(steps, key=lambda step: -step[1]),
        "members": [row.asDict() for row in shown],
    }
