"""Pytest plugin of `make accept`: writes every figure that a test recorded to docs/acceptance.md.

A test records a figure with pytest's own fixture: `record_property("churn AUC", 0.871)`.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

EVERY_SECONDS = 60
REPORT = Path(__file__).parents[1] / "docs" / "acceptance.md"


@dataclass
class Acceptance:
    """What the tests of this session said."""

    reports: list[pytest.TestReport] = field(default_factory=list)
    written_at: float = field(default_factory=time.monotonic)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the result of a test, and a set-up that failed or skipped it."""
        if report.when == "call" or not report.passed:
            self.reports.append(report)
        if time.monotonic() - self.written_at > EVERY_SECONDS:
            self.write(is_whole=False)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page when all tests are done, or no more are run."""
        if self.reports:
            self.write(is_whole=len(self.reports) >= session.testscollected)

    def write(self, *, is_whole: bool) -> None:
        """Write the page; one of a run that goes on, or was cut short, says so."""
        REPORT.write_text(page(self.reports, is_whole=is_whole), encoding="utf-8")
        self.written_at = time.monotonic()


def page(reports: Iterable[pytest.TestReport], *, is_whole: bool) -> str:
    """Return the page: totals, the recorded figures, and every test that took long or did not pass."""
    reports = list(reports)
    outcomes = {name: sum(r.outcome == name for r in reports) for name in ("passed", "failed", "skipped")}
    totals = ", ".join(f"{count} {name}" for name, count in outcomes.items())
    seconds = sum(report.duration for report in reports)
    figures = [
        f"| {sentence(report)} | {name} | {shown(value)} |"
        for report in reports
        for name, value in report.user_properties
    ]
    notable = [
        f"| {sentence(report)} | {report.outcome} | {report.duration:.0f} |"
        for report in sorted(reports, key=lambda report: -report.duration)
        if report.duration >= 30 or not report.passed
    ]
    return "\n".join(
        [
            "# Acceptance",
            "",
            "Written by `make accept`; not edited by hand.",
            "",
            f"{totals}; {seconds / 60:.0f} minutes of tests on Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}."
            + ("" if is_whole else " **Not all tests were run.**"),
            "",
            "## Figures",
            "",
            "| test | figure | value |",
            "|---|---|---|",
            *figures,
            "",
            "## Long and failed tests",
            "",
            "| test | outcome | seconds |",
            "|---|---|---|",
            *notable,
            "",
        ]
    )


def sentence(report: pytest.TestReport) -> str:
    """Turn the name of a test into what it says."""
    return report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ").replace("|", "\\|")


def shown(value: object) -> str:
    """Write a figure with as many digits as matter."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin's collector, in the process that hears of every worker's tests."""
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Acceptance(), "acceptance-report")
