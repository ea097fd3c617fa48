"""What `make package` built, and how it is submitted."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.standalone import Cluster

DIST = Path(__file__).parents[2] / "dist"
ARCHIVE = DIST / "habitue-env.tar.gz"


def submitted(
    cluster: Cluster, program: Path, arguments: Sequence[str], driver_python: Path
) -> subprocess.CompletedProcess[str]:
    """Submit a program with the archive and the jars of Delta."""
    jars = sorted((DIST / "jars").glob("*.jar"))
    return cluster.submit(program, arguments, driver_python=driver_python, archive=ARCHIVE, jars=jars)
