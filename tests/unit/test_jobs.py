"""The scripts for spark-submit: all alike, and none hides a module of Python's from the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from habitue.cli.stages import DATED, UNDATED
from habitue.errors import ExitCode

JOBS = Path(__file__).parents[2] / "jobs"
STAGES = (*UNDATED, "profile", "train", "score", "target")


def test_every_stage_has_a_script_and_all_scripts_are_alike() -> None:
    assert set(STAGES) <= {*UNDATED, *DATED}
    assert {job.stem for job in JOBS.glob("*.py")} == {"run", *STAGES}
    run = (JOBS / "run.py").read_text(encoding="utf-8")
    for stage in STAGES:
        source = (JOBS / f"{stage}.py").read_text(encoding="utf-8")
        assert source.split("\n", 1)[1].replace(f'["{stage}"', '["run"') == run.split("\n", 1)[1], stage


@pytest.mark.parametrize("stage", ["run", "profile"])
def test_a_script_gets_as_far_as_the_configuration(stage: str, tmp_path: Path) -> None:
    """Python puts the folder of a script first, where `profile.py` would be taken for Python's own."""
    command = [sys.executable, str(JOBS / f"{stage}.py"), "--project", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == ExitCode.CONFIGURATION, done.stderr
    assert "base.yaml" in done.stderr
