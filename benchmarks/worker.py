"""The process that a contender runs in: takes calls as JSON lines, answers with seconds.

Only the call itself is timed. Before it the old result is removed, memory is tidied and dirty pages are
written, so that no contender pays for what another one left.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.contest import THREADS, Task


def main() -> int:
    """Answer calls until the input ends; whatever libraries print goes to the log."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    limit_threads()
    for line in sys.stdin:
        try:
            answer = respond(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the harness says which contender failed, and where its log is
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"}
        answers.write(json.dumps(answer) + "\n")
    close()
    return 0


def limit_threads() -> None:
    """Two threads for Arrow; DuckDB is told by its peers, all others by the environment."""
    import pyarrow as pa

    pa.set_cpu_count(THREADS)
    pa.set_io_thread_count(THREADS)


def respond(call: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked: `run` is timed, `text` returns what the function says or is."""
    task = Task.from_json(call["task"])
    if call["do"] == "text":
        return {"text": _text(call["function"], task, source=call["source"])}
    function = _find(call["function"])
    shutil.rmtree(task.out, ignore_errors=True)
    task.out.parent.mkdir(parents=True, exist_ok=True)
    if call["before"]:
        _find(call["before"])(task)
    _tidy()
    start = time.perf_counter()
    stages = function(task)
    return {"seconds": time.perf_counter() - start, "stages": stages or {}}


def _text(name: str, task: Task, *, source: bool) -> str:
    function = _find(name)
    if not source:
        return str(function(task))
    return "No engine plans this; what runs is:\n\n" + inspect.getsource(sys.modules[function.__module__])


def _find(name: str) -> Callable[[Task], Any]:
    module, function = name.split(":")
    found: Callable[[Task], Any] = getattr(importlib.import_module(module), function)
    return found


def _tidy() -> None:
    gc.collect()
    if "benchmarks.spark" in sys.modules:
        sys.modules["benchmarks.spark"].tidy()
    os.sync()


def close() -> None:
    """Stop Spark where it was started."""
    if "benchmarks.spark" in sys.modules:
        sys.modules["benchmarks.spark"].close()


if __name__ == "__main__":
    sys.exit(main())
