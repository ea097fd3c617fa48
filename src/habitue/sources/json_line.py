"""JSON as text: what is one object and nothing beside it, and what holds nothing."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

NOTHING = ("", "[]", "{}", "null")
"""Spellings of a nested cell that holds nothing."""


def is_one_object(text: Column) -> Column:
    """Whether a line is one JSON object as a whole, as far as braces tell.

    Spark's parser stops at the end of the first object: what follows would be lost without a word.
    """
    # what nearly every line is, is found without a pattern
    begins = text.startswith("{") | text.rlike(r"^\s*\{")
    ends = text.endswith("}") | text.rlike(r"\}\s*$")
    is_suspect = text.rlike(r"\}\s*\{") | ~ends
    as_list = F.from_json(F.concat(F.lit("["), text, F.lit("]")), "array<string>")
    is_more = is_suspect & F.coalesce(F.size(as_list) != 1, F.lit(True))
    return begins & ~is_more
