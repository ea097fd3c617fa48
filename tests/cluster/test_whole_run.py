"""The whole run, submitted to a cluster with the package, gives the lake, models and files of a run on one machine."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from habitue.activation.manifest import MANIFEST_NAME
from habitue.cli import main
from habitue.config.project import load_settings
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, RELEASE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.lake.lake import Lake
from habitue.lake.location import Location
from habitue.lake.release import last_release
from habitue.registry.record import Version
from habitue.registry.registry import MODEL_NAMES, Registry
from tests.cluster.package import submitted
from tests.cluster.standalone import Cluster
from tests.jobs.equal_lakes import assert_equal_lakes
from tests.jobs.small_shop import customer_number, make_shop

pytestmark = pytest.mark.cluster

JOB = Path(__file__).parents[2] / "jobs" / "run.py"
CUSTOMERS = 300
EXPORT = Path("exports", "csv_email", "top_clv")

CONSENTS = """
source: newsletter
entity: consent
format: csv
path: data/consents.csv
options: {header: true}
zone: Europe/Berlin
history: true
columns:
  purpose: {value: marketing}
  channel: {value: email}
  status: {value: granted}
  given_time: {column: given, format: "yyyy-MM-dd HH:mm"}
identifiers:
  customer_number: customer
"""


@dataclass(frozen=True)
class Ran:
    """A project after its run."""

    folder: Path
    location: Location

    def lake(self, spark: SparkSession) -> Lake:
        return Lake(self.location, spark)

    @property
    def champions(self) -> dict[str, Version | None]:
        registry = Registry(load_settings(self.folder).mlflow, self.folder)
        return {name: registry.champion(name) for name in MODEL_NAMES}

    @property
    def exported(self) -> list[dict[str, str]]:
        """Rows of the one export, checked against its manifest."""
        manifest = json.loads((self.folder / EXPORT / MANIFEST_NAME).read_text())
        [file] = manifest["files"]
        with (self.folder / EXPORT / file["name"]).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert len(rows) == manifest["rows"] == file["rows"]
        return rows


@dataclass(frozen=True)
class Both:
    """The same project, run on the cluster and here."""

    cluster: Ran
    here: Ran
    submitted: subprocess.CompletedProcess[str]


def make_project(folder: Path) -> Path:
    """The small shop, with consents, one audience that is exported, and a gate that lets a model of few buyers pass."""
    make_shop(folder, customers=CUSTOMERS)
    # Keys order the persons, and with them the split of a forest's rows: under some secrets no forest of so few
    # buyers beats recency. With this one it does.
    (folder / "secrets" / "pepper").write_text("2" * 64)
    settings = folder / "conf" / "local.yaml"
    settings.write_text(settings.read_text().replace("churn: {", "churn: {gate: {max_ece: 0.2}, "))
    (folder / "conf" / "sources" / "newsletter.yaml").write_text(CONSENTS)
    given = [f"{customer_number(customer)},2025-01-01 08:00" for customer in range(0, CUSTOMERS, 2)]
    (folder / "data" / "consents.csv").write_text("\n".join(["customer,given", *given]) + "\n")
    audience = folder / "conf" / "audiences" / "top_clv.yaml"
    audience.write_text(audience.read_text() + "export: [{to: csv, channel: email, fields: [clv_365d]}]\n")
    return folder


@pytest.fixture(scope="module")
def both(
    spark: SparkSession, cluster: Cluster, driver_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Both:
    here = make_project(tmp_path_factory.mktemp("here") / "shop")
    there = tmp_path_factory.mktemp("there") / "shop"
    shutil.copytree(here, there)  # one secret: person ids follow from it
    lake = (there.parent / "lake").as_uri()
    result = submitted(
        cluster,
        JOB,
        ["--project", str(there), "--lake", lake, "--set", "spark.shuffle_partitions=5", "--json"],
        driver_python,
    )
    assert result.returncode == 0, (
        result.stdout[-5000:] + result.stderr[-5000:]
    )  # Spark joins both into stdout
    assert main(["--project", str(here), "--quiet", "run"]) == 0
    return Both(Ran(there, Location(lake)), Ran(here, Location(str(here / "lake"))), result)


def test_all_tables_are_equal_to_those_of_a_local_run(both: Both, spark: SparkSession) -> None:
    lake = both.cluster.lake(spark)
    for table in (CUSTOMER_PROFILE, CUSTOMER_SCORE):
        assert lake.read(table).count() == CUSTOMERS
    assert lake.read(AUDIENCE_MEMBER).count() > CUSTOMERS
    assert (
        lake.read(CUSTOMER_SCORE).where("p_churn IS NOT NULL AND clv_365d IS NOT NULL").count() == CUSTOMERS
    )
    assert_equal_lakes(spark, both.cluster.location, both.here.location)


def test_both_train_the_same_models_with_trees(both: Both) -> None:
    cluster, here = both.cluster.champions, both.here.champions
    kinds = {name: version and version.kind for name, version in cluster.items()}
    assert kinds == {"churn": "blend", "clv": "refined"}  # so that the executors apply XGBoost
    for name, version in cluster.items():
        other = here[name]
        assert version is not None and other is not None
        assert (version.kind, version.data_cut, version.flag, version.measure) == (
            other.kind, other.data_cut, other.flag, other.measure,
        )  # fmt: skip


def test_the_export_of_the_cluster_holds_the_rows_of_the_local_one(both: Both) -> None:
    assert 0 < len(both.cluster.exported) < CUSTOMERS
    assert both.cluster.exported == both.here.exported


def test_the_submitted_run_answers_on_stdout_and_leaves_a_release_and_a_report(
    both: Both, spark: SparkSession
) -> None:
    answer = json.loads(both.submitted.stdout)
    assert (answer["outcome"], answer["exit_code"], answer["exports_withheld"]) == ("published", 0, [])
    release = last_release(both.cluster.lake(spark).read(RELEASE))
    assert release is not None and release.run_id == answer["run_id"]
    assert "</html>" in (both.cluster.folder / "report" / "index.html").read_text()
    assert "Traceback" not in both.submitted.stdout + both.submitted.stderr
