"""Faults of a row: when it is wrong, with the code and the reason of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.sources.draft import FAULTS, listed

Condition = tuple[Column, str, str]
"""When a row is faulty, with the code and the reason; the reason names columns, never values."""


CORRUPT = "corrupt_record"
"""Code of a row, or a part of one, that does not have the form of its file."""


def faults_where(conditions: Sequence[Condition]) -> Column:
    """The faults whose condition holds. Most rows have none, and need no list to be put together."""
    is_faulty = reduce(or_, (condition for condition, _, _ in conditions), F.lit(False))
    found = listed(((condition, _fault(code, reason)) for condition, code, reason in conditions), FAULTS)
    return F.when(is_faulty, found).otherwise(F.array().cast(FAULTS))


def faults(conditions: Sequence[Condition], *, is_corrupt: Column, corrupt: str) -> Column:
    """All faults of a row; one that does not have the form of its file has only that."""
    broken = F.array(_fault(CORRUPT, corrupt)).cast(FAULTS)
    return F.when(is_corrupt, broken).otherwise(faults_where(conditions))


def _fault(code: str, reason: str) -> Column:
    return F.struct(F.lit(code).alias("code"), F.lit(reason).alias("reason"))
