"""What `make package` builds runs on a real Spark standalone cluster, out of reach of this Python."""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.standalone import WORKERS, Cluster, standalone_cluster

pytestmark = pytest.mark.cluster

DIST = Path(__file__).parents[2] / "dist"
ARCHIVE = DIST / "habitue-env.tar.gz"
PROBE = Path(__file__).parent / "probe.py"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def driver_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged Python, unpacked where it was not built."""
    folder = tmp_path_factory.mktemp("driver")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "bin" / "python"


def test_executors_use_the_packaged_python_and_write_delta(
    cluster: Cluster, driver_python: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.json"
    result = cluster.submit(
        PROBE,
        [str(answer), str(tmp_path / "table")],
        driver_python=driver_python,
        archive=ARCHIVE,
        jars=sorted((DIST / "jars").glob("*.jar")),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    seen = json.loads(answer.read_text())

    assert seen["master"] == cluster.url
    assert seen["shuffle_partitions"] == "3"
    assert seen["delta"] == {"rows": 10_100, "value": sum(i % 97 for i in range(9_900)) + 200}
    assert seen["driver"].startswith(str(driver_python.parent))
    assert len(seen["executors"]) == WORKERS
    for python, habitue, folder, gammaln, rows in seen["executors"]:
        assert folder.startswith(str(cluster.folder / "worker-"))
        assert not python.startswith(str(DIST.parent))
        assert not habitue.startswith(str(DIST.parent))
        assert gammaln == pytest.approx(math.lgamma(0.5), rel=1e-15)
        assert rows > 0
    assert seen["check"]["ok"], seen["check"]
