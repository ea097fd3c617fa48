"""What became of a source's rows: read = good + duplicates + quarantined, always."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.errors import CheckError, InputError
from habitue.sources.duplicates import IS_DUPLICATE
from habitue.sources.faults import CORRUPT
from habitue.sources.validation import is_good

READ, GOOD, DUPLICATE, QUARANTINED, FLAGGED = "read", "good", "duplicate", "quarantined", "flagged"
JUNK = "junk_identifier"
COUNTED = ("_faults", "_flags", "_has_junk", IS_DUPLICATE)
"""What rows are counted by."""


@dataclass(frozen=True)
class Tally:
    """Rows of one source and entity by outcome; quarantined and flagged ones by reason."""

    read: int = 0
    good: int = 0
    duplicates: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)

    @property
    def quarantined_total(self) -> int:
        """Rows in quarantine, whatever the reason."""
        return sum(self.quarantined.values())

    def plus(self, other: Tally, *, overruled: int = 0) -> Tally:
        """Both together; of the first, so many good rows are repeats now."""
        return Tally(
            self.read + other.read,
            self.good + other.good - overruled,
            self.duplicates + other.duplicates + overruled,
            _sums(self.quarantined, other.quarantined),
            _sums(self.flagged, other.flagged),
        )

    def spelt(self) -> list[tuple[str, str, int]]:
        """The figures as a note can keep them."""
        return [(outcome, code, n) for *_, outcome, code, n in self.rows("", "")]

    @classmethod
    def read_from(cls, spelt: Sequence[Sequence[Any]]) -> Tally:
        """What `spelt` wrote."""
        return _tally({(str(outcome), str(code)): int(n) for outcome, code, n in spelt})

    def rows(self, source: str, entity: str) -> list[tuple[str, str, str, str, int]]:
        """Rows of `silver.quarantine_count`."""
        counts = [(READ, "", self.read), (GOOD, "", self.good), (DUPLICATE, "", self.duplicates)]
        counts += [(QUARANTINED, code, n) for code, n in sorted(self.quarantined.items())]
        counts += [(FLAGGED, code, n) for code, n in sorted(self.flagged.items())]
        return [(source, entity, outcome, code, n) for outcome, code, n in counts]


def outcome_counts(rows: DataFrame, *by: str) -> DataFrame:
    """Count rows that were checked, keyed and settled by outcome and reason (and more columns), in one pass."""
    outcome = F.when(~is_good(), QUARANTINED).when(F.col(IS_DUPLICATE), DUPLICATE).otherwise(GOOD)
    code = F.when(~is_good(), F.col("_faults")[0]["code"]).otherwise(F.lit(""))
    flags = F.transform(F.array_distinct(F.coalesce("_flags", F.array().cast("array<string>"))), _flag)
    junk = F.when(F.col("_has_junk"), F.array(_flag(F.lit(JUNK))))
    taken_in_flags = F.when(is_good(), F.concat(flags, F.coalesce(junk, F.slice(flags, 1, 0))))
    both = F.array(_pair(F.lit(READ), F.lit("")), _pair(outcome, code))
    told = F.concat(both, F.coalesce(taken_in_flags, F.slice(flags, 1, 0)))
    # rows with the same outcome are counted before they are told apart into outcomes: that spares most of the work
    alike = rows.groupBy(*by, told.alias("told")).agg(F.count(F.lit(1)).alias("rows"))
    each = alike.select(*by, F.explode("told").alias("o"), "rows")
    return each.groupBy(*by, "o.outcome", "o.code").agg(F.sum("rows").alias("count"))


def tallies(counts: DataFrame, by: str = "source") -> Mapping[Any, Tally]:
    """The counts as figures, by source; one without rows has a tally of none."""
    found: dict[Any, dict[tuple[str, str], int]] = {}
    for row in counts.collect():
        found.setdefault(row[by], {})[row["outcome"], row["code"]] = int(row["count"])
    return defaultdict(Tally, {key: _tally(of_key) for key, of_key in found.items()})


def _sums(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {code: one.get(code, 0) + other.get(code, 0) for code in sorted(one.keys() | other.keys())}


def _tally(found: Mapping[tuple[str, str], int]) -> Tally:
    return Tally(
        found.get((READ, ""), 0),
        found.get((GOOD, ""), 0),
        found.get((DUPLICATE, ""), 0),
        {code: n for (outcome, code), n in found.items() if outcome == QUARANTINED},
        {code: n for (outcome, code), n in found.items() if outcome == FLAGGED},
    )


def check_quarantined(source: str, entity: str, counted: Tally, limit: float, quarantine: DataFrame) -> None:
    """Stop where too many rows of a source are in quarantine, saying which faults they have.

    CheckError; where not one row could be read at all the source has another format, which is an InputError.
    """
    if not counted.read or counted.quarantined_total / counted.read <= limit:
        return
    reasons = quarantine.groupBy("reason_code", "reason").count().orderBy(F.desc("count"), "reason").limit(10)
    is_other_format = counted.read == counted.quarantined.get(CORRUPT, 0)
    raise (InputError if is_other_format else CheckError)(
        f"Source {source}: {counted.quarantined_total:,} of {counted.read:,} rows for {entity} are in quarantine, "
        f"more than its limit of {limit:.0%}:",
        [f"{row['reason']} ({row['reason_code']}): {row['count']:,} rows" for row in reasons.collect()],
        hint="Correct the mapping or the data, or raise limits.max_quarantined_share of the source. "
        "`habitue quarantine list` counts them by reason.",
    )


def _pair(outcome: Column, code: Column) -> Column:
    return F.struct(outcome.alias("outcome"), code.alias("code"))


def _flag(code: Column) -> Column:
    return _pair(F.lit(FLAGGED), code)
