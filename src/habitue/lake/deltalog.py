"""Read a Delta table's log without Spark: heads, commit metadata, what changed data.

This is what lets a run on unchanged input end before a Spark session starts.
Only commit files are read (Delta protocol, "Delta Log Entries"); a log that was
cleaned away simply knows less, and the stage is computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyarrow import fs

from habitue.errors import DependencyError
from habitue.lake.location import open_filesystem


@dataclass(frozen=True)
class Commit:
    """One commit of a table's log."""

    version: int
    metadata: dict[str, Any]  # habitue's own part of `userMetadata`; empty for other writers
    changes_data: bool  # adds or removes rows: a compaction, which only moves them, does not

    @property
    def restored_version(self) -> int | None:
        """The version whose content this commit brought back, for a rollback."""
        value = self.metadata.get("restored_version")
        return int(value) if value is not None else None


class DeltaLog:
    """The log of one table at a path or URI, read lazily from the newest commit backwards."""

    def __init__(self, table_uri: str) -> None:
        self._uri = table_uri

    def head(self) -> int | None:
        """Newest version, or None where there is no table."""
        return max(self._versions, default=None)

    def history(self) -> Iterator[Commit]:
        """Commits that made the present content, newest first; a rollback jumps over what it undid."""
        version = self.head()
        while version is not None and version in self._versions:
            commit = self._commit(version)
            yield commit
            restored = commit.restored_version
            version = restored if restored is not None else version - 1

    def last_change(self) -> Commit | None:
        """The newest commit that changed data: upkeep has notes of its own, which say nothing of the content."""
        changes = (c for c in self.history() if c.restored_version is None and c.changes_data)
        return next(changes, None)

    def data_version(self) -> int | None:
        """Newest version that changed data; None where there is no table."""
        commit = self.last_change()
        return commit.version if commit else None

    @cached_property
    def _filesystem(self) -> tuple[fs.FileSystem, str]:
        try:
            filesystem, path = open_filesystem(self._uri)
        except (OSError, ValueError):
            raise DependencyError(f"The lake at {self._uri} cannot be reached.") from None
        return filesystem, path

    @cached_property
    def _versions(self) -> frozenset[int]:
        filesystem, path = self._filesystem
        try:
            listing = filesystem.get_file_info(fs.FileSelector(f"{path}/_delta_log", allow_not_found=True))
        except OSError as error:
            raise DependencyError(
                f"The lake at {self._uri} cannot be listed: {type(error).__name__}."
            ) from None
        names = (info.base_name for info in listing)
        return frozenset(int(n[:-5]) for n in names if n.endswith(".json") and n[:-5].isdigit())

    def holds(self, version: int) -> bool:
        """Whether the commit of that version is still there."""
        return version in self._versions

    def actions(self, version: int) -> list[dict[str, Any]]:
        """All actions of one commit."""
        filesystem, path = self._filesystem
        with filesystem.open_input_stream(f"{path}/_delta_log/{version:020d}.json") as stream:
            return [json.loads(line) for line in stream.read().decode().splitlines() if line.strip()]

    def has_file(self, relative: str) -> bool:
        """Whether a data file of the table is still there."""
        filesystem, path = self._filesystem
        return bool(filesystem.get_file_info(f"{path}/{relative}").type == fs.FileType.File)

    def has_rows(self, version: int | None = None) -> bool | None:
        """Whether a version (the newest, if none is named) holds rows; None where nobody has counted them.

        The counts stand in the checksum file beside the commit (Delta protocol, "Version Checksum File"), which a
        writer may leave out. A file whose rows are all marked as deleted is still counted as one of the files.
        """
        version = self.head() if version is None else version
        if version is None:
            return False
        filesystem, path = self._filesystem
        try:
            with filesystem.open_input_stream(f"{path}/_delta_log/{version:020d}.crc") as stream:
                counted = json.loads(stream.read())
            files = int(counted["numFiles"])
        except (FileNotFoundError, KeyError, ValueError):
            return None
        return None if files and counted.get("numDeletedRecordsOpt") else files > 0

    def _commit(self, version: int) -> Commit:
        actions = self.actions(version)
        info: dict[str, Any] = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
        files = (action[kind] for action in actions for kind in ("add", "remove") if kind in action)
        changes = any(file.get("dataChange", True) for file in files)
        return Commit(version, _own_metadata(info.get("userMetadata")), changes)


def _own_metadata(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found.get("habitue", {}) if isinstance(found, dict) else {}
