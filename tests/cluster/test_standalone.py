"""What `make package` builds runs on a real Spark standalone cluster, out of reach of this Python."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.cluster.package import DIST, submitted
from tests.cluster.standalone import WORKERS, Cluster

pytestmark = pytest.mark.cluster

PROBE = Path(__file__).parent / "probe.py"


def test_executors_use_the_packaged_python_and_write_delta(
    cluster: Cluster, driver_python: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.json"
    result = submitted(cluster, PROBE, [str(answer), str(tmp_path / "table")], driver_python)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
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
