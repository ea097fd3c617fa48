"""Which files of a source are new since a result was made of its files, where nothing else about them changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from habitue.sources.files import SourceFile
from habitue.sources.settings import SourceSettings

Noted = Mapping[str, tuple[str, str]]
"""Digest and status of each file by name."""


@dataclass(frozen=True)
class FileChanges:
    """Names of files that came; `why_all` says why all files have to be read, if they have to."""

    came: frozenset[str] = frozenset()
    why_all: str = ""


def noted_files(files: Iterable[SourceFile]) -> Noted:
    """Files as they are noted; ignored ones are no data."""
    return {file.name: (file.sha256, file.status) for file in files if file.status != "ignored"}


def files_digest(files: Noted) -> str:
    """Digest of a set of files and their content."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:24]


def file_changes(now: Noted, before: Noted) -> FileChanges:
    """What came. A file that is gone, or another than it was, leaves rows behind that only a full read finds."""
    gone = sorted(before.keys() - now.keys())
    if gone:
        return FileChanges(why_all=f"{_some(gone)} gone")
    changed = sorted(name for name in before if now[name] != before[name])
    if changed:
        return FileChanges(why_all=f"{_some(changed)} changed")
    return FileChanges(frozenset(now.keys() - before.keys()))


def why_never(settings: SourceSettings) -> str:
    """Why rows of a source of events cannot be taken in file by file; empty where they can."""
    if settings.adapter == "ga4":
        return "days are replaced as a whole"
    if settings.format == "delta":
        return "rows of a Delta table do not come in files"
    if settings.adapter is not None:
        return ""
    if settings.key or "event_id" not in settings.mapped:
        return "ids are made of the content of all rows"
    return "its rows state when they were known" if states_known_time(settings) else ""


def states_known_time(settings: SourceSettings) -> bool:
    """Whether the mapping says when a row was known: its digest holds that, and a stored row not whence it has it."""
    return settings.adapter is None and "known_time" in settings.mapped


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1:,} more files are" if len(names) > 1 else " is"
    return names[0] + more
