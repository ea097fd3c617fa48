"""The demo as a person runs it: all of The Complete Journey, judged on the 91 days from 2017-10-02."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from habitue.lake.deltalog import DeltaLog
from tests.oracle.test_completejourney import DATA

pytestmark = pytest.mark.accept

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    """A finished demo."""

    folder: Path
    seconds: float

    def judgement(self, metric: str) -> dict[str, Any]:
        """How the model with this main measure was judged."""
        found = (
            json.loads(f.read_text())
            for f in self.folder.glob("mlartifacts/*/artifacts/report/judgement.json")
        )
        return next(j for j in found if j["metric"] == metric)

    def summary(self) -> dict[str, str]:
        """The headline that was printed."""
        return dict(json.loads((self.folder / "report" / "summary.json").read_text())["headline"])

    def versions(self) -> dict[str, int | None]:
        """Every table's newest version."""
        logs = sorted((self.folder / "lake").rglob("_delta_log"))
        return {str(log.parent.relative_to(self.folder)): DeltaLog(str(log.parent)).head() for log in logs}


def habitue(folder: Path, command: str) -> float:
    """Run a command as a person would; its wall-clock seconds."""
    started = time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).with_name("habitue"), command],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - started


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The example project of the repository, run once."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "conf", folder / "conf", symlinks=False)
    return Demo(folder, habitue(folder, "demo"))


Record = Callable[[str, object], None]


def test_the_demo_ends_and_a_second_run_writes_nothing(demo: Demo, record_property: Record) -> None:
    before = demo.versions()
    again = habitue(demo.folder, "demo")
    record_property("first run, seconds", round(demo.seconds))
    record_property("second run on unchanged input, seconds", round(again, 1))
    assert before and demo.versions() == before


def test_orders_and_revenue_equal_a_recount_to_the_cent(demo: Demo, record_property: Record) -> None:
    orders, revenue = duckdb.sql(f"""
        SELECT count(DISTINCT basket_id), sum(sales_value::DECIMAL(18,2)) FROM '{DATA}/transactions.parquet'
        WHERE transaction_timestamp < TIMESTAMP '2018-01-01'
    """).fetchall()[0]
    found = demo.summary()
    record_property("orders", found["orders"])
    record_property("net revenue", found["net revenue, reconciled"])
    assert int(found["orders"].replace(",", "")) == orders
    assert Decimal(found["net revenue, reconciled"].split()[0].replace(",", "")) == revenue


def test_the_churn_model_beats_every_naive_baseline_and_is_calibrated(
    demo: Demo, record_property: Record
) -> None:
    judged = demo.judgement("auc")
    ours, naive = judged["metrics"]["auc"], {name: b["auc"] for name, b in judged["baselines"].items()}
    record_property("churn AUC", ours)
    for name, value in naive.items():
        record_property(f"churn AUC of {name}", value)
    record_property("churn calibration error", judged["metrics"]["ece"])
    assert judged["cutoff"] == "2017-10-02" and judged["horizon_days"] == 91
    assert judged["totals"]["customers"] == 2447
    assert ours > max(naive.values())
    assert judged["metrics"]["ece"] <= 0.02


def test_the_value_model_beats_every_naive_baseline_and_forecasts_the_sums(
    demo: Demo, record_property: Record
) -> None:
    judged = demo.judgement("gini")
    ours, naive = judged["metrics"]["gini"], {name: b["gini"] for name, b in judged["baselines"].items()}
    totals = judged["totals"]
    days = totals["purchase_days_forecast"] / totals["purchase_days"] - 1
    spend = totals["revenue_forecast"] / totals["revenue"] - 1
    record_property("CLV Gini", ours)
    for name, value in naive.items():
        record_property(f"CLV Gini of {name}", value)
    record_property("shopping days forecast over actual, less one", days)
    record_property("spend forecast over actual, less one", spend)
    assert totals["purchase_days"] == 31_622
    assert ours > max(naive.values())
    assert abs(days) <= 0.03
    assert abs(spend) <= 0.08
