"""Measure: `python -m benchmarks [NAME...] --size small|medium|large [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.catalogue import CONTESTS, NAMES
from benchmarks.contest import Contest
from benchmarks.harness import Entry, Place, Rounds, measure, merged, read_entries
from benchmarks.lanes import ROOT, BenchmarkError
from benchmarks.page import machine, render

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
SIZES = ("small", "medium", "large")
HEAPS = {"tiny": "1g", "small": "2g", "medium": "4g", "large": "6g"}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, write the results and the page; 1 where two results differ."""
    options = _parser().parse_args(argv)
    contests = [c for c in CONTESTS if not options.names or c.name in options.names]
    try:
        _check(options.names, contests)
        with tempfile.TemporaryDirectory(prefix="habitue-bench-") as temporary:
            entries = _measure(contests, options, Path(options.workdir or temporary))
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.json:
        sys.stdout.write(json.dumps(entries, indent=1) + "\n")
    else:
        _print(entries)
    wrong = [entry for entry in entries if not entry["equal_results"]]
    for entry in wrong:
        sys.stderr.write(f"{entry['name']}, {entry['rows']:,} rows: ours and {entry['peer']} differ:\n")
        sys.stderr.writelines(f"  - {text}\n" for text in entry["differences"])
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="habitue bench", description="Measure habitue beside its peers.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"Some of: {', '.join(NAMES)}. Default: all."
    )
    parser.add_argument("--size", choices=(*SIZES, "tiny"), default="small")
    parser.add_argument("--json", action="store_true", help="The entries on stdout as JSON.")
    parser.add_argument("--workdir", help="Keeps inputs between calls. Default: a temporary folder.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="Folder of latest.json and plans/.")
    parser.add_argument(
        "--rounds", type=int, default=3, help="Measured rounds, 3 or more for results to keep."
    )
    parser.add_argument("--heap", help="Heap of Spark, as 4g.")
    return parser


def _check(names: Sequence[str], contests: Sequence[Contest]) -> None:
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise BenchmarkError(f"{', '.join(unknown)}: no such benchmark; there are {', '.join(NAMES)}.")
    missing = sorted(
        {c.package for contest in contests for c in contest.contenders if not _is_there(c.package)}
    )
    if missing:
        raise BenchmarkError(
            f"{', '.join(missing)} not installed: run `make bench`, which installs the peers."
        )


def _is_there(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _measure(contests: Sequence[Contest], options: argparse.Namespace, work: Path) -> list[Entry]:
    """Entries in the order of their measurement; the results are written after each, so that none is lost."""
    size, results = options.size, options.results
    is_test = size == "tiny"
    place = Place(work.absolute(), results / "plans", options.heap or HEAPS[size])
    rounds = Rounds(warm_up=0, measured=1) if is_test else Rounds(measured=options.rounds)
    found: list[Entry] = []
    before = read_entries(results / "latest.json")
    for entry in measure(contests, size, rounds, place, share_spark=size in ("tiny", "small")):
        found.append(entry)
        results.mkdir(parents=True, exist_ok=True)
        everything = merged(before, found)
        (results / "latest.json").write_text(json.dumps(everything, indent=1) + "\n")
        if results == RESULTS and not is_test:
            facts = machine()
            (results / "machine.json").write_text(json.dumps(facts, indent=1) + "\n")
            PAGE.write_text(render(everything, facts))
    return found


def _print(entries: Sequence[Entry]) -> None:
    head = ("benchmark", "rows", "peer", "ours s", "peer s", "ratio", "equal")
    rows = [
        (
            entry["name"],
            f"{entry['rows']:,}",
            entry["peer"],
            f"{entry['ours_seconds']:.2f}",
            f"{entry['peer_seconds']:.2f}",
            f"{entry['ratio']:.2f}",
            "yes" if entry["equal_results"] else "NO",
        )
        for entry in entries
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        sys.stdout.write(
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() + "\n"
        )


if __name__ == "__main__":
    sys.exit(main())
