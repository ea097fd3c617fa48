"""Repeats between sources: an event that two sources deliver is one event, and counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.job import Run
from habitue.sources.counting import outcome_counts, tally
from habitue.sources.event_rows import settled_between_sources
from habitue.stages.intake import Taken


def settled_across_sources(run: Run, taken: Sequence[Taken]) -> list[Taken]:
    """The same with repeats between the sources of events marked, and each source counted anew.

    Other entities name their source in their grain, so that nothing of theirs can collide.
    """
    events = [each for each in taken if each.entity is EVENT]
    if len(events) < 2:
        return list(taken)
    every = reduce(lambda a, b: a.unionByName(b), (each.rows for each in events))
    settled = run.lake.checkpoint(settled_between_sources(every))
    return [_anew(each, settled) if each.entity is EVENT else each for each in taken]


def _anew(taken: Taken, settled: DataFrame) -> Taken:
    rows = settled.where(F.col("source") == taken.settings.source)
    return replace(taken, rows=rows, tally=tally(outcome_counts(rows)))
