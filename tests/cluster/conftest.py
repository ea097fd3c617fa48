"""One cluster and one unpacked package for all cluster tests."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.package import ARCHIVE
from tests.cluster.standalone import Cluster, standalone_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Master and two workers, running."""
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def driver_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged Python, unpacked where it was not built."""
    folder = tmp_path_factory.mktemp("driver")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "bin" / "python"
