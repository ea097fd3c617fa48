"""Fingerprints: the digest of code, configuration and input versions that made a table's content."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import habitue
from habitue.contracts.table import Table
from habitue.lake.deltalog import DeltaLog
from habitue.lake.location import Location

# what shows results, but makes none: a change here redoes no stage
_WITHOUT_EFFECT = ("checks", "report", "commands", "cli")


def digest(content: Any) -> str:
    """Short SHA-256 of anything JSON can spell, independent of key order."""
    text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def code_digest() -> str:
    """Digest of habitue's own source."""
    root = Path(habitue.__file__).parent
    sources = sorted(p for p in root.rglob("*.py") if p.relative_to(root).parts[0] not in _WITHOUT_EFFECT)
    parts = [(str(p.relative_to(root)), hashlib.sha256(p.read_bytes()).hexdigest()) for p in sources]
    return digest(parts)


def slice_commit(location: Location, table: Table, as_of: str | None) -> tuple[int | None, str | None]:
    """Version and fingerprint of the commit that made the content (of a day's slice, for dated tables)."""
    for commit in DeltaLog(location.table(table)).history():
        wanted = as_of is None or commit.metadata.get("as_of") == as_of
        if commit.restored_version is None and wanted and commit.metadata.get("fingerprint"):
            return commit.version, str(commit.metadata["fingerprint"])
    return None, None


def data_version(location: Location, table: Table) -> int | None:
    """The version of the last change of a table's data; None where there is no table."""
    return DeltaLog(location.table(table)).data_version()


def input_version(location: Location, table: Table, as_of: str | None) -> int | None:
    """What a reader of this table depends on: the day's slice of a dated table, else the last change of data."""
    if table.is_dated and as_of is not None:
        return slice_commit(location, table, as_of)[0]
    return data_version(location, table)
