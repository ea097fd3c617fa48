"""Events and their visits do not depend on how rows are spread: 1, 7 and 200 shuffle partitions, none of them joined.

Nor on plans that adapt while they run.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.contracts.behaviour import SESSION, SESSION_EVENT
from habitue.contracts.entities import EVENT
from habitue.stages.sessionize import sessionize
from tests.jobs.test_ingest_increment import SOURCES, content, drawn_lines, ingested, write_batch


@pytest.mark.accept
def test_events_and_visits_are_the_same_for_any_number_of_partitions(
    spark: SparkSession, spread: None, tmp_path: Path
) -> None:
    lines = [line for seed in range(4) for line in drawn_lines(random.Random(seed))]
    write_batch(tmp_path / "1", 0, lines, random.Random(0))
    found = {}
    for partitions in (1, 7, 200):
        project = tmp_path / str(partitions)
        if partitions > 1:
            for name in (*SOURCES, "secrets"):
                shutil.copytree(tmp_path / "1" / name, project / name)
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        spark.conf.set("spark.sql.adaptive.enabled", str(partitions != 7).lower())  # nor on plans that adapt
        run = ingested(spark, project, SOURCES, 0, partitions=partitions)
        assert spark.conf.get("spark.sql.shuffle.partitions") == str(partitions)
        sessionize(run)
        found[partitions] = [content(run, table) for table in (EVENT, SESSION, SESSION_EVENT)]
    assert all(found[1]), "each table must hold rows, or the test says nothing"
    assert found[1] == found[7] == found[200]
