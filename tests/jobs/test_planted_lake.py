"""`habitue synth`: the same bytes for any number of partitions, and a truth that only its own package opens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import habitue
from habitue.commands.synth import synthesise
from habitue.contracts.behaviour import SESSION_EVENT
from habitue.contracts.entities import ORDER_LINE
from habitue.errors import UsageError
from habitue.lake.commit import CommitNote
from habitue.pipeline.execute import Request, opened
from habitue.stages.ingest import ingest_entities
from habitue.stages.sessionize import sessionize
from habitue.synth.scoreboard import sessions
from habitue.synth.settings import SynthSettings
from habitue.synth.truth import made_with, read_truth

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


def test_a_run_reads_the_shops_encoding_and_of_repeated_events_takes_the_first(
    spark: SparkSession, tmp_path: Path
) -> None:
    """A repeat comes up to three days later: taken for its event, it would tear the visit that is true."""
    request = Request(tmp_path, quiet=True)
    synthesise(request, SynthSettings(persons=100, days=120, seed=5, repeated=0.2))
    assert all(not is_utf8(file) for file in (tmp_path / "data/orders").iterdir())
    with opened(request) as run:
        run.lake.note = CommitNote(run_id=run.run_id)
        ingest_entities(run, ["event", "order_line"])
        sessionize(run)
        coupons = run.lake.read(ORDER_LINE).select("coupon").distinct().collect()
        assert {row["coupon"] for row in coupons} == {None, "FRÜHLING15"}
        found = sessions(read_truth(spark, tmp_path, "session"), run.lake.read(SESSION_EVENT))
    assert found.count > 100 and found.found == 1.0


def is_utf8(file: Path) -> bool:
    try:
        file.read_text("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_only_its_own_package_opens_the_truth_and_no_stage_of_a_run_knows_of_it() -> None:
    root = Path(habitue.__file__).parent
    outside = {
        str(file.relative_to(root)): file.read_text("utf-8")
        for file in root.rglob("*.py")
        if file.relative_to(root).parts[0] != "synth"
    }
    assert [name for name, text in outside.items() if "truth/" in text or '"truth"' in text] == []
    assert {name for name, text in outside.items() if "habitue.synth" in text} == {
        "cli/demo.py", "cli/synth.py", "commands/scoreboard.py", "commands/synth.py",
    }  # fmt: skip
