"""A small project for job tests: a folder, a pepper, sources, and runs on one lake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from habitue.config.settings import Settings
from habitue.job import Progress, Run, RunRecord
from habitue.lake.commit import CommitNote
from habitue.lake.location import Location
from habitue.privacy.keys import make_pepper

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def project_run(
    spark: SparkSession,
    project: Path,
    sources: Mapping[str, Mapping[str, Any]],
    *,
    run_id: str = "r1",
    now: datetime = NOW,
    partitions: int = 2,
) -> Run:
    """A run over the sources; the second one in a project takes the lake of the first."""
    pepper = project / "secrets" / "pepper"
    if not pepper.exists():
        make_pepper(pepper)
    named = {name: {"source": name, **source} for name, source in sources.items()}
    settings = Settings.model_validate(
        {"sources": named, "spark": {"master": "local[2]", "shuffle_partitions": partitions}}
    )
    record = RunRecord(run_id, now.isoformat(), "test", "test", "test")
    run = Run(project, settings, Location(str(project / "lake")), record, Progress(quiet=True), now)
    run.lake.note = CommitNote(run_id=run_id)  # a scratch folder of its own
    return run
