"""Golden files of every event source: from its mapping and files to silver.event, row by row."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import Any

import pytest
from pyspark.sql import SparkSession

from habitue.contracts.intake import QUARANTINE_COUNT
from habitue.job import Run
from habitue.stages.ingest import ingest
from tests.golden_events import FOLDER, NAMES, expected, outcome, source_of
from tests.jobs.project import project_run


@pytest.fixture(scope="module")
def run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All golden sources through one ingest; the enriched stream arrives compressed, as pipelines write it."""
    project = tmp_path_factory.mktemp("golden")
    sources: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        shutil.copytree(FOLDER / name, project / name)
        source = source_of(name)
        sources[name] = source | {"path": f"{name}/{source['path']}"}
    stream = project / "snowplow_stream"
    for file in stream.glob("*.tsv"):
        (stream / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        file.unlink()
    sources["snowplow_stream"]["path"] = "snowplow_stream/run-*.tsv.gz"
    found = project_run(spark, project, sources)
    ingest(found)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_source_becomes_exactly_its_golden_events(run: Run, name: str) -> None:
    found, wanted = outcome(run, name), expected(name)
    assert [json.dumps(event, sort_keys=True) for event in found] == [
        json.dumps(event, sort_keys=True) for event in wanted
    ]


def test_every_row_is_good_a_duplicate_or_in_quarantine(run: Run) -> None:
    counts: dict[str, dict[str, int]] = {}
    for row in run.lake.read(QUARANTINE_COUNT).where("entity = 'event' AND outcome <> 'flagged'").collect():
        outcomes = counts.setdefault(row["source"], {})
        outcomes[row["outcome"]] = outcomes.get(row["outcome"], 0) + row["row_count"]
    assert set(counts) == set(NAMES)
    assert {
        name: c["read"] - c["good"] - c["duplicate"] - c.get("quarantined", 0) for name, c in counts.items()
    } == (dict.fromkeys(NAMES, 0))
    events = {name: sum("quarantined" not in row for row in expected(name)) for name in NAMES}
    assert {name: c["good"] for name, c in counts.items()} == events
