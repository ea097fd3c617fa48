"""What every commit says about itself: run, stage, fingerprint, day and fencing token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
UNFINISHED = "unfinished"
"""The fingerprint of content that another commit completes; no step has it."""


@dataclass(frozen=True)
class CommitNote:
    """Metadata of the commits of one step; only marker tables' commits carry a fingerprint."""

    run_id: str = ""
    step: str = ""
    fencing_token: int = 0
    as_of: str | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)  # by marker table
    restored_version: int | None = None
    basis: Mapping[str, Any] | None = None  # what the content was made from, for the next increment
    expiries: tuple[str, ...] | None = None  # instants at which reviewers' decisions end by themselves

    def for_table(self, table: str) -> dict[str, Any]:
        """The note as written into a commit of `table`."""
        note: dict[str, Any] = {
            "run_id": self.run_id,
            "step": self.step,
            "fencing_token": self.fencing_token,
            "as_of": self.as_of,
            "restored_version": self.restored_version,
            "basis": self.basis,
            "fingerprint": self.fingerprints.get(table),
            "expiries": list(self.expiries) if self.expiries is not None else None,
        }
        return {key: value for key, value in note.items() if value is not None}

    def text(self, table: str) -> str:
        """The note as Delta keeps it: the `userMetadata` of a commit of `table`."""
        return json.dumps({"habitue": self.for_table(table)})


def set_commit_note(spark: SparkSession, note: CommitNote, table: str) -> None:
    """Let the next statement of this session that commits carry the note."""
    spark.conf.set(USER_METADATA, note.text(table))
