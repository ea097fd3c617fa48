"""Processes that contenders run in, and how much memory each of them takes.

Every peer has a process of its own, so that its memory is its own. What runs in Spark shares one process,
because a second Java machine would take memory and warmth from the first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.contest import SPARK, THREADS, Task

ROOT = Path(__file__).parent.parent
_PROC = Path("/proc")
_EVERY_SECONDS = 0.05
_FAMILY_EVERY = 20  # looks at who belongs to a process, which takes longer than looking at its memory
_THREAD_LIMITS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip


class BenchmarkError(Exception):
    """What keeps a benchmark from being measured, in a sentence."""


@dataclass(frozen=True)
class Timing:
    """One run: seconds, and the most memory that the process and its children held meanwhile."""

    seconds: float
    peak_mib: float | None
    stages: dict[str, float] = field(default_factory=dict)


class Lane:
    """One process, started on the first call; `log` takes what it prints."""

    def __init__(self, name: str, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name, self.log = name, log
        limits = {} if name == SPARK else dict.fromkeys(_THREAD_LIMITS, str(THREADS))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **limits},
                text=True,
                preexec_fn=pin if hasattr(os, "sched_setaffinity") else None,
            )

    def run(self, function: str, task: Task, *, before: str = "") -> Timing:
        """Time one call; `before` prepares it, untimed."""
        call = {"do": "run", "function": function, "task": task.to_json(), "before": before}
        with Peak(self._process.pid) as peak:
            answer = self._call(call)
        return Timing(float(answer["seconds"]), peak.mib, answer["stages"])

    def text(self, function: str, task: Task, *, source: bool) -> str:
        """What a function returns as text, or the source of its module."""
        call = {"do": "text", "function": function, "task": task.to_json(), "source": source}
        return str(self._call(call)["text"])

    def close(self) -> None:
        """End the process: it stops when its input does."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the process ended"}
        if "error" in answer:
            raise BenchmarkError(f"{call['function']} failed: {answer['error']} (all of it: {self.log})")
        return answer


def pin() -> None:
    """Keep a process and all that it starts on the same two cores, where the system can."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(allowed[:THREADS]))


class Peak:
    """The most resident memory of a process and its descendants within a `with`; None where /proc is missing."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def mib(self) -> float | None:
        """The peak in MiB."""
        return round(self._most / 2**20, 1) if self._most else None

    def _watch(self) -> None:
        pids: list[int] = []
        for look in count():
            if look % _FAMILY_EVERY == 0:
                pids = family(self._pid)
            self._most = max(self._most, sum(map(resident_bytes, pids)))
            if self._over.wait(_EVERY_SECONDS):
                break
        self._most = max(self._most, sum(map(resident_bytes, family(self._pid))))


def family(pid: int) -> list[int]:
    """A process and all its descendants, as far as this system tells."""
    found = [pid]
    for parent in found:  # grows while it is walked
        try:
            for thread in (_PROC / str(parent) / "task").iterdir():
                found += map(int, (thread / "children").read_text().split())
        except (OSError, ValueError):  # it has ended meanwhile, or this system has no /proc
            continue
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; pages that processes share count in each of them."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
