"""One small shop, made and published once as a new user would; tests that change it work on a copy."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.cli import main
from habitue.config.project import load_settings
from habitue.contracts.decision import RELEASE
from habitue.contracts.table import Table
from habitue.contracts.tables import TABLES
from habitue.job import RunRecord
from habitue.job.record import read_record
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake
from habitue.lake.location import Location
from habitue.lake.release import Release, releases
from habitue.registry.registry import Registry
from tests.jobs.small_shop import fill_shop

_AS_MANY_AS_SET = "spark.sql.adaptive.coalescePartitions.enabled"
"""Spark joins small partitions while it runs; off, small data are spread too."""
NAME = "My Shöp"
"""A folder as people name them: neither the blank nor the umlaut may be spelt in another way anywhere."""


@dataclass(frozen=True)
class Shop:
    """A project of the small shop, and what tests ask of it."""

    folder: Path
    spark: SparkSession

    @property
    def location(self) -> Location:
        """Where its lake lies."""
        return Location(str(self.folder / "lake"))

    @property
    def lake(self) -> Lake:
        """Its lake, for reading."""
        return Lake(self.location, self.spark)

    @property
    def registry(self) -> Registry:
        """Its models."""
        return Registry(load_settings(self.folder).mlflow, self.folder)

    def habitue(self, *arguments: str) -> int:
        """Call the command on it; the exit code."""
        return main(["--project", str(self.folder), *arguments])

    def releases(self) -> list[Release]:
        """Its releases, newest first."""
        return releases(self.lake.read(RELEASE))

    def heads(self) -> dict[str, int | None]:
        """Newest version of every table."""
        return {table.name: DeltaLog(self.location.table(table)).head() for table in TABLES}

    def data_version(self, table: Table) -> int | None:
        """Newest version that changed a table's data."""
        return DeltaLog(self.location.table(table)).data_version()

    def record(self) -> RunRecord:
        """Record of its newest run."""
        folder = self.location.records() / "runs"
        return read_record(folder, max(file.stem for file in folder.glob("*.json")))

    def outcomes(self) -> dict[str, str]:
        """What became of each step in the newest run."""
        return {step.name: step.outcome for step in self.record().steps}


@dataclass(frozen=True)
class Published:
    """The shop after its first run, with that run's exit code and progress."""

    shop: Shop
    code: int
    progress: str


@pytest.fixture(scope="session")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The shop of `habitue init`, a mapping and a run. Read only: nothing is left behind but run records.

    The worker that needs it first makes it for all; each has a copy, so that none sees another's records.
    """
    base = tmp_path_factory.getbasetemp()
    common = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "published"
    common.mkdir(exist_ok=True)
    with (common / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed
        if not (common / "outcome.json").exists():
            _publish(Shop(common / NAME, spark), common / "outcome.json")
    outcome = json.loads((common / "outcome.json").read_text())
    shop = Shop(tmp_path_factory.mktemp("shop") / NAME, spark)
    shutil.copytree(common / NAME, shop.folder)
    return Published(shop, outcome["code"], outcome["progress"])


def _publish(shop: Shop, outcome: Path) -> None:
    assert main(["init", str(shop.folder)]) == 0
    fill_shop(shop.folder)
    # Keys order persons and draw holdouts: under a secret that is drawn each time, a test would fail now and then.
    (shop.folder / "secrets" / "pepper").write_text("2" * 64)
    with redirect_stderr(StringIO()) as progress:
        code = shop.habitue("run")
    outcome.write_text(json.dumps({"code": code, "progress": progress.getvalue()}))


@pytest.fixture(scope="session")
def copied(published: Published) -> Callable[[Path], Shop]:
    """Copies of the published shop, for tests that change it."""

    def copy(folder: Path) -> Shop:
        shutil.copytree(published.shop.folder, folder)
        return Shop(folder, published.shop.spark)

    return copy


@pytest.fixture
def shop(copied: Callable[[Path], Shop], tmp_path: Path) -> Iterator[Shop]:
    """A copy of the published shop for one test."""
    yield copied(tmp_path / "shop")


@pytest.fixture
def spread(spark: SparkSession) -> Iterator[None]:
    """Small shuffles keep their partitions; afterwards the session is as it was."""
    names = (_AS_MANY_AS_SET, "spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled")
    before = {name: spark.conf.get(name) for name in names}
    spark.conf.set(_AS_MANY_AS_SET, "false")
    yield
    for name, value in before.items():
        spark.conf.set(name, value)
