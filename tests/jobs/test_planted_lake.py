"""`habitue synth`: the same bytes for any number of partitions, and a truth that only its own package opens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import habitue
from habitue.errors import UsageError
from habitue.stages.execute import Request
from habitue.stages.synth import synthesise
from habitue.synth.settings import SynthSettings
from habitue.synth.truth import made_with

SETTINGS = SynthSettings(persons=2_300, days=120, seed=5)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for part in ("data", "truth")
        for file in sorted((folder / part).rglob("*"))
        if file.is_file()
    }


def test_the_bytes_do_not_depend_on_the_partitions(spark: SparkSession, tmp_path: Path) -> None:
    found = []
    for partitions in (1, 4, 16):
        folder = tmp_path / str(partitions)
        assignments = (f"spark.shuffle_partitions={partitions}",)
        synthesise(Request(folder, assignments=assignments, quiet=True), SETTINGS)
        found.append(digests(folder))
    assert found[0] == found[1] == found[2]
    assert {"data/crm/customers.csv", "truth/session.csv"} < set(found[0])
    assert made_with(folder) == SETTINGS
    synthesise(Request(folder, quiet=True), SETTINGS)  # made before: left as it is
    with pytest.raises(UsageError, match="not empty"):
        synthesise(Request(folder, quiet=True), SETTINGS.model_copy(update={"seed": 6}))


def test_only_its_own_package_opens_the_truth_and_no_stage_of_a_run_knows_of_it() -> None:
    root = Path(habitue.__file__).parent
    outside = {
        str(file.relative_to(root)): file.read_text("utf-8")
        for file in root.rglob("*.py")
        if file.relative_to(root).parts[0] != "synth"
    }
    assert [name for name, text in outside.items() if "truth/" in text or '"truth"' in text] == []
    assert {name for name, text in outside.items() if "habitue.synth" in text} == {
        "cli/demo.py", "cli/synth.py", "stages/scoreboard.py", "stages/synth.py",
    }  # fmt: skip
