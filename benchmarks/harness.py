"""One contest measured: rounds in turns, results compared, plans kept, one entry per peer."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contest import SPARK, THREADS, Contender, Contest, Task
from benchmarks.lanes import ROOT, Lane, Timing

Entry = dict[str, Any]
"""One line of latest.json."""


@dataclass(frozen=True)
class Rounds:
    """How often each contender runs; `warm_up` rounds are thrown away."""

    warm_up: int = 1
    measured: int = 3


@dataclass(frozen=True)
class Place:
    """Where inputs are kept between calls, and where plans go."""

    work: Path
    plans: Path
    heap: str


def measure(
    contests: Sequence[Contest], size: str, rounds: Rounds, place: Place, *, share_spark: bool
) -> Iterator[Entry]:
    """Entries of all contests at a size, each as soon as it is known.

    With `share_spark` one Spark process serves all contests, which saves its start but leaves in its memory
    what earlier ones took; without it each contest gets a fresh one.
    """
    with ExitStack() as whole:
        shared = whole.enter_context(_closing(Lanes(place))) if share_spark else None
        for contest in contests:
            lanes = shared or Lanes(place)
            try:
                for rows in contest.sizes.get(size, ()):
                    yield from _contest(contest, size, rows, rounds, place, lanes)
            finally:
                lanes.close(but=SPARK if shared else "")


class Lanes:
    """The processes that run now, by name."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lanes: dict[str, Lane] = {}

    def of(self, contender: Contender) -> Lane:
        """The process of a contender, started when first asked for."""
        name = contender.process
        if name not in self._lanes:
            self._lanes[name] = Lane(name, self._place.work / "logs" / f"{name}.log")
        return self._lanes[name]

    def close(self, *, but: str = "") -> None:
        """End all, or all but one."""
        for name in [name for name in self._lanes if name != but]:
            self._lanes.pop(name).close()


class _closing:
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def __enter__(self) -> Lanes:
        return self._lanes

    def __exit__(self, *_: object) -> None:
        self._lanes.close()


def _contest(
    contest: Contest, size: str, rows: int, rounds: Rounds, place: Place, lanes: Lanes
) -> Iterator[Entry]:
    data, actual = _input(contest, rows, place)
    taking_part = [c for c in contest.contenders if c.most_rows is None or rows <= c.most_rows]
    results = place.work / "results" / contest.name
    tasks = {c.name: Task(data, results / c.name, actual, place.heap) for c in taking_part}
    _say(f"{contest.name}: {actual:,} rows, {', '.join(c.name for c in taking_part)}")
    timings: dict[str, list[Timing]] = {c.name: [] for c in taking_part}
    for number in range(rounds.warm_up + rounds.measured):
        for contender in taking_part:
            lane, task = lanes.of(contender), tasks[contender.name]
            timing = lane.run(contender.run, task, before=contender.before)
            if number >= rounds.warm_up:
                timings[contender.name].append(timing)
        _say("  " + ("warm-up" if number < rounds.warm_up else f"round {number - rounds.warm_up + 1}"))
    for contender in taking_part:
        _keep_plan(contest, contender, lanes.of(contender), tasks[contender.name], place.plans)
        if contender.after:
            lanes.of(contender).text(contender.after, tasks[contender.name], source=False)
    for peer in taking_part[1:]:
        results_of_both = tasks[contest.ours.name].out, tasks[peer.name].out
        found = contest.differences(*results_of_both)
        entry = _entry(contest, size, actual, peer, timings[contest.ours.name], timings[peer.name], found)
        yield entry | _marginal(entry, data / f"{peer.name}.lines") | _quality(contest, *results_of_both)
    shutil.rmtree(results, ignore_errors=True)


def _input(contest: Contest, rows: int, place: Place) -> tuple[Path, int]:
    """The input, generated once per work folder; a folder without its stamp was left unfinished."""
    data = place.work / "data" / f"{contest.data or contest.dataset or contest.name}-{rows}"
    stamp = data.with_suffix(".rows")
    if not stamp.exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        _say(f"{contest.name}: generating {rows:,} rows")
        stamp.write_text(str(contest.generate(data, rows)))
    return data, int(stamp.read_text())


def _keep_plan(contest: Contest, contender: Contender, lane: Lane, task: Task, folder: Path) -> None:
    text = lane.text(contender.plan or contender.run, task, source=not contender.plan)
    folder.mkdir(parents=True, exist_ok=True)
    text = text.replace(str(task.data), "DATA").replace(str(task.out), "OUT")
    (folder / f"{contest.name}-{contender.name}.txt").write_text(text.rstrip() + "\n")


def _entry(
    contest: Contest,
    size: str,
    rows: int,
    peer: Contender,
    ours: list[Timing],
    theirs: list[Timing],
    differences: list[str],
) -> Entry:
    our_seconds, peer_seconds = (_median([t.seconds for t in side]) for side in (ours, theirs))
    stages = {name: [_of_stage(ours, name), _of_stage(theirs, name)] for name in ours[0].stages}
    return {
        "name": contest.name,
        "size": size,
        "rows": rows,
        "rows_are": contest.rows,
        **({"dataset": contest.dataset} if contest.dataset else {}),
        "ours": contest.ours.name,
        "ours_seconds": _rounded(our_seconds),
        "ours_spread": _spread(ours),
        "peer": peer.name,
        "peer_version": version(peer.package),
        "peer_seconds": _rounded(peer_seconds),
        "peer_spread": _spread(theirs),
        "ratio": _rounded(our_seconds / peer_seconds),
        "rows_per_second_per_core": round(rows / our_seconds / THREADS),
        "peak_memory_mib": _most(ours),
        "peer_peak_memory_mib": _most(theirs),
        "rounds": len(ours),
        "measured_on": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "equal_results": not differences,
        "differences": differences,
        **({"stages": stages} if stages else {}),
    }


def _commit() -> str:
    """Whose figures these are; with + where code differs from the commit."""
    commit = _git("describe", "--always")
    code = ("src", "benchmarks", ":!benchmarks/results", "requirements")
    return f"{commit}+" if commit and _git("status", "--porcelain", "--", *code) else commit or "unknown"


def _git(*arguments: str) -> str:
    told = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _marginal(entry: Entry, peer_rows: Path) -> Entry:
    """What one more row costs, where the peer is the same work on fewer rows."""
    if not peer_rows.exists():
        return {}
    more = entry["rows"] - int(peer_rows.read_text())
    return {
        "marginal_microseconds_per_row": _rounded(
            (entry["ours_seconds"] - entry["peer_seconds"]) / more * 1e6
        )
    }


def _quality(contest: Contest, ours: Path, peer: Path) -> Entry:
    """How good both results are, by name of the measure."""
    if contest.quality is None:
        return {}
    found, other = contest.quality(ours), contest.quality(peer)
    return {"quality": {name: [round(found[name], 4), round(other[name], 4)] for name in found}}


def _of_stage(timings: list[Timing], name: str) -> float:
    """Median seconds of one stage of a run."""
    return round(_median([timing.stages.get(name, 0.0) for timing in timings]), 2)


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _spread(timings: list[Timing]) -> float:
    """From the fastest round to the slowest, as a share of the median."""
    seconds = [timing.seconds for timing in timings]
    return round((max(seconds) - min(seconds)) / _median(seconds), 3)


def _most(timings: list[Timing]) -> float | None:
    return max((t.peak_mib for t in timings if t.peak_mib is not None), default=None)


def _rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def merged(old: list[Entry], new: list[Entry]) -> list[Entry]:
    """Earlier entries, with those measured now in their places."""
    fresh = {(entry["name"], entry["size"]) for entry in new}
    kept = [entry for entry in old if (entry["name"], entry["size"]) not in fresh]
    return sorted([*kept, *new], key=lambda entry: (entry["size"], entry["name"], entry["rows"]))


def read_entries(path: Path) -> list[Entry]:
    """The entries of an earlier run; none where there is none."""
    found: list[Entry] = json.loads(path.read_text()) if path.exists() else []
    return found
