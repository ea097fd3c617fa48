"""docs/performance.md, rendered from the results: figures first, then how they were taken."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.harness import Entry
from benchmarks.words import METHOD, WHAT

_ORDER = ("large", "medium", "small")


def machine() -> dict[str, Any]:
    """What the figures depend on; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "pyspark": version("pyspark"),
        "delta": version("delta-spark"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def render(entries: Sequence[Entry], facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    parts = [_head(facts), _behind(entries)]
    for size in (s for s in _ORDER if any(e["size"] == s for e in entries)):
        parts.append(f"## Size `{size}`")
        own = [entry for entry in entries if entry["size"] == size]
        for name, rows in groupby(own, key=lambda entry: entry["name"]):
            parts.append(_section(name, list(rows)))
    parts.append(METHOD)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head(facts: dict[str, Any]) -> str:
    return (
        "# Performance\n\n"
        "Each stage beside its peers, on the same input, in one run, in turns. This page is rendered by "
        "`make bench` from [latest.json](../benchmarks/results/latest.json); the plans of the engines lie "
        "[beside it](../benchmarks/results/plans). Method: [decision 5](decisions/0005-benchmarks.md).\n\n"
        f"The newest figures are of {facts['processor']}, {facts['cores']} cores, "
        f"{facts['memory_gib']} GiB, {facts['system']}; Python {facts['python']}, Spark {facts['pyspark']}, "
        f"Delta {facts['delta']}. Both sides work on the same two cores. Each table says when and of which commit it was "
        "measured; + stands for changes that were not committed yet."
    )


def _behind(entries: Iterable[Entry]) -> str:
    """Where a peer is faster, worst first: of each benchmark at the largest size that was measured."""
    sizes = ("tiny", "small", "medium", "large")
    largest: dict[str, int] = {}
    listed = list(entries)
    for e in listed:
        largest[e["name"]] = max(largest.get(e["name"], 0), sizes.index(e["size"]))
    # that more of the same work takes longer is no being behind
    slower = [e for e in listed if round(e["ratio"], 1) > 1 and "marginal_microseconds_per_row" not in e]
    shown = [e for e in slower if sizes.index(e["size"]) == largest[e["name"]]]
    lines = [
        f"- `{e['name']}`, {_input(e, ' rows')}: {e['ratio']:.1f} times the time of {e['peer']} "
        f"({e['ours_seconds']:.1f} s against {e['peer_seconds']:.1f} s)."
        for e in sorted(shown, key=lambda e: -e["ratio"])
    ]
    told = "\n".join(lines) if lines else "Nowhere."
    few = dict.fromkeys(e["name"] for e in shown if sizes.index(e["size"]) < sizes.index("medium"))
    if few:
        names = ", ".join(f"`{name}`" for name in few)
        told = (
            f"Each benchmark at the largest size that it was measured in. That is `small` for {names}; there Spark's "
            f"own costs per job weigh most.\n\n{told}"
        )
    return f"## Where we are behind\n\n{told}"


def _section(name: str, entries: Sequence[Entry]) -> str:
    head = (
        f"| {entries[0]['rows_are']} | peer | ours | peer's | ratio | rows/s per core | memory | peer's memory | equal |\n"
        "|---:|---|---:|---:|---:|---:|---:|---:|---|"
    )
    table = f"{head}\n" + "\n".join(map(_row, entries))
    return "\n\n".join(
        [
            f"### {name}",
            WHAT.get(name, ""),
            table,
            _when(entries),
            *(_stages(e) for e in entries if "stages" in e),
            *(_quality(e) for e in entries if "quality" in e),
        ]
    )


def _when(entries: Sequence[Entry]) -> str:
    told = dict.fromkeys(f"{e['measured_on']} at {e['commit']}" for e in entries)
    return f"Measured on {', '.join(told)}."


def _quality(entry: Entry) -> str:
    """How good both results are, where they are not the same."""
    told = (f"{name} {ours:.4f} against {peer:.4f}" for name, (ours, peer) in entry["quality"].items())
    return f"{_input(entry, ' ' + entry['rows_are'])}, ours against {entry['peer']}: {', '.join(told)}."


def _stages(entry: Entry) -> str:
    """Seconds of each stage on both sides, for whole runs."""
    lines = [
        f"| {stage} | {ours:.1f} s | {peer:.1f} s |"
        for stage, (ours, peer) in entry["stages"].items()
        if ours or peer
    ]
    head = f"| stage | ours | {entry['peer']} |\n|---|---:|---:|"
    marginal = entry.get("marginal_microseconds_per_row")
    told = f"\n\nMarginal cost: {marginal:.1f} microseconds per line." if marginal is not None else ""
    return f"{head}\n" + "\n".join(lines) + told


def _row(entry: Entry) -> str:
    cells = (
        _input(entry),
        f"{entry['peer']} ({entry['peer_version']})"
        + ("" if entry["ours"] == "ours" else f", ours: {entry['ours']}"),
        _seconds(entry["ours_seconds"], entry["ours_spread"]),
        _seconds(entry["peer_seconds"], entry["peer_spread"]),
        f"{entry['ratio']:.2f}",
        f"{entry['rows_per_second_per_core']:,}",
        _mib(entry["peak_memory_mib"]),
        _mib(entry["peer_peak_memory_mib"]),
        "yes" if entry["equal_results"] else "**no**",
    )
    return "| " + " | ".join(cells) + " |"


def _input(entry: Entry, unit: str = "") -> str:
    """How many rows, and of which set where others measure on it too."""
    return f"{entry['rows']:,}{unit}" + (f" of {entry['dataset']}" if "dataset" in entry else "")


def _seconds(value: float, spread: float) -> str:
    return f"{value:.2f} s ±{spread / 2:.0%}"


def _mib(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} MiB"
