"""All benchmarks, in the order in which they run."""

from __future__ import annotations

from benchmarks import (
    audiences,
    boosted_score,
    btyd_fit,
    btyd_score,
    components,
    crm_matching,
    growth,
    increment,
    ingest_json,
    profile,
    session_event,
    sessionize,
    sessionize_day,
    skew,
)

CONTESTS = (
    *ingest_json.CONTESTS,
    *sessionize.CONTESTS,
    *session_event.CONTESTS,
    *sessionize_day.CONTESTS,
    *skew.CONTESTS,
    *components.CONTESTS,
    *crm_matching.CONTESTS,
    *btyd_fit.CONTESTS,
    *btyd_score.CONTESTS,
    *boosted_score.CONTESTS,
    *audiences.CONTESTS,
    *profile.CONTESTS,
    *growth.CONTESTS,
    *increment.CONTESTS,
)

NAMES = tuple(dict.fromkeys(contest.name for contest in CONTESTS))
