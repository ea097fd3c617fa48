"""All benchmarks, in the order in which they run."""

from __future__ import annotations

from benchmarks import (
    audiences,
    boosted_score,
    btyd_fit,
    btyd_score,
    components,
    growth,
    increment,
    profile,
    sessionize,
)

CONTESTS = (
    *sessionize.CONTESTS,
    *components.CONTESTS,
    *btyd_fit.CONTESTS,
    *btyd_score.CONTESTS,
    *boosted_score.CONTESTS,
    *audiences.CONTESTS,
    *profile.CONTESTS,
    *growth.CONTESTS,
    *increment.CONTESTS,
)

NAMES = tuple(dict.fromkeys(contest.name for contest in CONTESTS))
