"""From a source's columns to canonical draft rows."""

from __future__ import annotations

from pyspark.sql import DataFrame

from habitue.sources.draft import Draft
from habitue.sources.settings import SourceSettings

__all__ = ["SourceSettings", "map_source"]


def map_source(raw: DataFrame, settings: SourceSettings) -> Draft:
    """Placeholder until the next commit."""
    raise NotImplementedError
