"""Persons of a planted lake of 50,000, from its raw files on, held against the truth."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.intake import IDENTIFIER
from habitue.identity.as_of import identity_now
from habitue.lake.lake import Lake
from habitue.lake.location import Location
from habitue.synth.scoreboard import identity, named_identifiers
from habitue.synth.truth import read_truth

pytestmark = pytest.mark.accept


def test_persons_of_a_planted_lake_are_those_of_its_truth(
    spark: SparkSession, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = tmp_path / "planted"
    habitue("synth", "--persons", "50000", "--days", "120", "--seed", "7", "--out", project)
    habitue("--project", project, "run", "--to", "resolve")

    lake = Lake(Location(str(project / "lake")), spark)
    present = lake.checkpoint(identity_now(lake.read(IDENTITY_MAP)))
    vault = lake.read(IDENTIFIER)
    precision, recall = identity(
        lake.checkpoint(named_identifiers(read_truth(spark, project, "identifier"), vault)), present
    )
    record_property("precision of pairs, 50,000 persons", precision.found)
    record_property("recall of pairs, 50,000 persons", recall.found)
    assert precision.found >= 0.999
    assert recall.found >= 0.97

    numbers = present.where("id_type = 'customer_number'").join(vault, ["id_type", "id_key"])
    assert numbers.groupBy("person_id", "first_source").count().where("count > 1").isEmpty()
    lake.clear_checkpoints()


def habitue(*arguments: str | Path) -> None:
    """The command in a process of its own, with a user's settings: those of the tests are for small data."""
    command = Path(sys.executable).with_name("habitue")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
