"""The page of performance is what the kept results say, and nothing that was written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.harness import read_entries
from benchmarks.page import render

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def test_the_page_of_performance_is_rendered_from_the_kept_results() -> None:
    page = render(
        read_entries(RESULTS / "latest.json"), json.loads((RESULTS / "machine.json").read_text("utf-8"))
    )
    assert (ROOT / "docs" / "performance.md").read_text("utf-8") == page, (
        "run `make bench`, or render it again"
    )
