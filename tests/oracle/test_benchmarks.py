"""Every benchmark's sides give equal results, on inputs too small for their times to mean anything."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.catalogue import NAMES
from benchmarks.crm_matching import quality
from benchmarks.equality import connect, table_differences
from benchmarks.harness import merged
from benchmarks.page import render

ROOT = Path(__file__).parents[2]


@pytest.mark.accept
@pytest.mark.skipif(find_spec("polars") is None, reason="the peers are installed by `make bench`")
def test_all_sides_of_every_benchmark_give_equal_results(tmp_path: Path) -> None:
    results = tmp_path / "results"
    options = ["--size", "tiny", "--json", "--workdir", str(tmp_path), "--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    entries = json.loads(done.stdout)
    assert {entry["name"] for entry in entries} == set(NAMES)
    assert all(entry["equal_results"] for entry in entries)
    assert json.loads((results / "latest.json").read_text()) == merged([], entries)
    plans = {path.stem for path in (results / "plans").glob("*.txt")}
    assert {f"{entry['name']}-{entry['peer']}" for entry in entries} <= plans


def test_a_difference_is_found_and_named(tmp_path: Path) -> None:
    with connect() as connection:
        for side, rows in {
            "ours": "(1, 'a', '1'), (2, 'b', '2'), (3, 'c', NULL), "
            "(5, '', 'nan'), (6, '', '-inf'), (7, '', '7'), (8, '', '8'), (9, '', '9')",
            "peer": "(1, 'a', '1.0000000000001'), (2, 'x', '3'), (4, 'd', '0'), "
            "(5, '', 'nan'), (6, '', '-inf'), (7, '', 'inf'), (8, '', 'nan'), (9, '', NULL)",
        }.items():
            connection.execute(
                f"COPY (SELECT id, text, number::DOUBLE AS number FROM (VALUES {rows}) t(id, text, number)) "
                f"TO '{tmp_path}/{side}.parquet' (FORMAT parquet)"
            )
    ours, peer = tmp_path / "ours.parquet", tmp_path / "peer.parquet"
    assert table_differences(ours, ours, keys=("id",), columns=("text", "number")) == []
    assert table_differences(ours, peer, keys=("id",), columns=("text", "number")) == [
        "8 rows of ours, 8 of the peer, 7 with equal keys",
        "text: 1 of 7 rows differ",
        "number: 4 of 7 rows differ",  # 2, and 7 to 9: what is no number is like itself, and like nothing else
    ]
    assert (
        table_differences(peer, ours, keys=("id",), columns=("number",))[-1] == "number: 4 of 7 rows differ"
    )


def test_new_entries_take_the_place_of_old_ones_of_their_name_and_size() -> None:
    old = [{"name": "a", "size": "small", "rows": 1, "peer": "x"}, {"name": "b", "size": "small", "rows": 1}]
    new = [{"name": "a", "size": "small", "rows": 2, "peer": "y"}]
    assert merged(old, new) == [new[0], old[1]]


FACTS = {
    "processor": "a processor", "cores": 2, "memory_gib": 24, "system": "Linux x86_64",
    "python": "3.11.2", "pyspark": "4.2.0", "delta": "4.4.0",
}  # fmt: skip


def entry(**own: object) -> dict[str, object]:
    return {
        "name": "sessionize", "size": "medium", "rows": 10_000_000, "rows_are": "events", "ours": "ours",
        "ours_seconds": 20.0, "ours_spread": 0.1, "peer": "duckdb", "peer_version": "2.0.0", "peer_seconds": 5.0,
        "peer_spread": 0.02, "ratio": 4.0, "rows_per_second_per_core": 250_000, "peak_memory_mib": 4000.0,
        "peer_peak_memory_mib": None, "rounds": 3, "equal_results": True, "differences": [],
        "measured_on": "2026-11-22", "commit": "abc1234",
    } | own  # fmt: skip


def test_the_page_begins_with_where_we_are_behind() -> None:
    faster = entry(peer="session_window", peer_seconds=60.0, ratio=0.33)
    page = render([entry(), faster, entry(size="small", ratio=90.0)], FACTS)
    behind = page.split("## Where we are behind")[1].split("## Size")[0]
    assert (
        behind.strip()
        == "- `sessionize`, 10,000,000 rows: 4.0 times the time of duckdb (20.0 s against 5.0 s)."
    )
    assert (
        "| 10,000,000 | duckdb (2.0.0) | 20.00 s ±5% | 5.00 s ±1% | 4.00 | 250,000 | 4,000 MiB | – | yes |"
        in page
    )


def test_each_table_says_when_and_of_which_commit_it_was_measured() -> None:
    page = render([entry(), entry(name="skew", measured_on="2026-11-26", commit="def5678+")], FACTS)
    assert "Measured on 2026-11-22 at abc1234." in page and "Measured on 2026-11-26 at def5678+." in page


def test_the_page_shows_stages_and_marginal_cost_of_whole_runs() -> None:
    stages = {"ingest": [12.0, 2.5], "train": [30.0, 20.0]}
    whole = entry(name="growth", peer="tenth", stages=stages, marginal_microseconds_per_row=31.4)
    page = render([whole], FACTS)
    assert "| ingest | 12.0 s | 2.5 s |" in page and "31.4 microseconds per line" in page
    assert "Nowhere." in page  # more of the same work takes longer


def test_the_page_shows_how_good_results_are_that_may_differ() -> None:
    both = {"precision": [0.9996, 0.999], "f1": [0.98, 0.97]}
    page = render([entry(name="crm_matching", peer="splink", rows_are="records", quality=both)], FACTS)
    assert (
        "10,000,000 records, ours against splink: precision 0.9996 against 0.9990, f1 0.9800 against 0.9700."
        in page
    )


def test_quality_of_groups_is_that_of_their_pairs(tmp_path: Path) -> None:
    """Two of three records of person 1 are together, and one of person 2 with them."""
    rows = {"record_key": list("abcde"), "person": [1, 1, 1, 2, 3], "label": [7, 7, 8, 7, 9]}
    pq.write_table(pa.table(rows), tmp_path / "groups.parquet")
    assert quality(tmp_path) == {"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3}
