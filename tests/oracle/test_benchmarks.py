"""Every benchmark's sides give equal results, on inputs too small for their times to mean anything."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.catalogue import NAMES
from benchmarks.equality import connect, table_differences
from benchmarks.harness import merged

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
            "ours": "(1, 'a', 1.0), (2, 'b', 2.0), (3, 'c', NULL)",
            "peer": "(1, 'a', 1.0000000000001), (2, 'x', 3.0), (4, 'd', 0.0)",
        }.items():
            connection.execute(
                f"COPY (SELECT id, text, number::DOUBLE AS number FROM (VALUES {rows}) t(id, text, number)) "
                f"TO '{tmp_path}/{side}.parquet' (FORMAT parquet)"
            )
    ours, peer = tmp_path / "ours.parquet", tmp_path / "peer.parquet"
    assert table_differences(ours, ours, keys=("id",), columns=("text", "number")) == []
    assert table_differences(ours, peer, keys=("id",), columns=("text", "number")) == [
        "3 rows of ours, 3 of the peer, 2 with equal keys",
        "text: 1 of 2 rows differ",
        "number: 1 of 2 rows differ",
    ]


def test_new_entries_take_the_place_of_old_ones_of_their_name_and_size() -> None:
    old = [{"name": "a", "size": "small", "rows": 1, "peer": "x"}, {"name": "b", "size": "small", "rows": 1}]
    new = [{"name": "a", "size": "small", "rows": 2, "peer": "y"}]
    assert merged(old, new) == [new[0], old[1]]
