"""Fixtures shared by all tests: one Spark session, sized for tiny data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.config.spark import SparkSettings
from habitue.lake.lake import Lake
from habitue.lake.location import Location
from habitue.lake.session import open_session, stop

ACCEPT = os.environ.get("HABITUE_ACCEPT") == "1"

# Tests are many small plans, and half of their time would go into making code that runs a few times: two workers on two
# cores wait for it. So a projection is interpreted (Delta makes one for each snapshot of each table).
# Adaptive execution plans each small stage anew; `make accept` and the commands that tests start have it, as users do.
SMALL_PLANS = {
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": str(ACCEPT).lower(),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file: it makes the shop that many files share, which a second worker would wait for."""
    items.sort(key=lambda item: item.path.name != "test_killed_run.py")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the suite: 2 threads, 2 shuffle partitions, small Delta snapshots, no UI."""
    settings = SparkSettings(master="local[2]", driver_memory="3g", shuffle_partitions=2, extra=SMALL_PLANS)
    session = open_session(
        settings, app_name="tests", log_file=tmp_path_factory.mktemp("spark") / "spark.log"
    )
    yield session
    stop(session)


@pytest.fixture(scope="module", autouse=True)
def _forgotten_lakes() -> Iterator[None]:
    """Delta keeps the state of every table that was read for an hour; lakes of earlier tests would fill the heap."""
    yield
    active = SparkSession.getActiveSession()
    if active is not None:
        active.sparkContext._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Iterator[Lake]:
    """An empty lake of its own for one test."""
    fresh = Lake(Location(str(tmp_path / "lake")), spark)
    yield fresh
    fresh.clear_checkpoints()


@pytest.fixture
def seeds() -> range:
    """Random worlds of a property test: few by default, many in `make accept`."""
    return range(50 if ACCEPT else 3)
