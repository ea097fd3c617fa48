"""Facts that are read by other rules than before keep the time at which they became known.

Without a time in the data a row is known when its file came, and a corrected one when its correction came. Another
mapping or another version of habitue changes what is read from a row, and no row: taken for a correction, it would
take a whole history out of every day before. What is corrected in the same delivery is then dated back with the
rest. Customer records are left out: what they stated before has times of its own, which a correction must not lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table
from habitue.job import Run
from habitue.lake.changes import made_from
from habitue.lake.fingerprint import code_digest, digest
from habitue.sources.adapters import sources_of

READING = "reading"
"""Under this name what an entity's table was made from says it: source -> (digest of the rules, whether it is a history)."""


_NO_RULES = {"limits", "path", "paths"}
"""Of a source: what does not change how a row is read."""


def reading(run: Run, entity: Table) -> dict[str, list[Any]]:
    """By source the rules by which its rows are read now."""
    project = run.settings.project
    of_all = [
        code_digest(),
        project.zone,
        project.country,
        run.settings.identity.email.model_dump(mode="json"),
    ]
    return {
        source.source: [digest([source.model_dump(mode="json", exclude=_NO_RULES), *of_all]), source.history]
        for source in sources_of(entity.leaf, run.settings.sources)
    }


def read_anew(run: Run, entity: Table) -> list[str]:
    """Sources whose stored rows were read by other rules; the step of the entity says so.

    One that is no historical load any more, or has become one, is another matter: its times are to change.
    """
    made, rules = made_from(run.location, entity), reading(run, entity)
    if made is None:
        return []
    before = made.get(READING)
    if before is None:  # an earlier version of habitue made it
        return sorted(rules)
    found = [
        source
        for source, (own, is_history) in rules.items()
        if source in before and before[source][0] != own and before[source][1] == is_history
    ]
    if found:
        run.note(
            f"{', '.join(found)}: read by other rules; rows with the same key stay known since when they were"
        )
    return found


def as_first_known(good: DataFrame, stored: DataFrame, entity: Table, anew: Sequence[str]) -> DataFrame:
    """Good rows, of the sources read `anew` with the known times of stored ones where the data state none."""
    was = stored.where(F.col("source").isin(*anew)).select(
        *(F.col(f"`{name}`").alias(f"_was_{name}") for name in entity.grain),
        F.col("known_time").alias("_was"),
    )
    same_key = [F.col(f"`{name}`").eqNullSafe(F.col(f"_was_{name}")) for name in entity.grain]
    first = F.when(F.col("_stated_time").isNull(), F.least("known_time", "_was"))
    joined = good.join(was, on=same_key, how="left")
    return joined.withColumn("known_time", F.coalesce(first, "known_time")).select(*good.columns)
