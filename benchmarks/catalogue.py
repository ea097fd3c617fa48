"""All benchmarks, in the order in which they run."""

from __future__ import annotations

from benchmarks import components, sessionize

CONTESTS = (*sessionize.CONTESTS, *components.CONTESTS)

NAMES = tuple(dict.fromkeys(contest.name for contest in CONTESTS))
