"""`habitue check`: what this machine and this Python must have before a run can start, and what to do."""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from habitue.errors import DependencyError
from habitue.lake import machine
from habitue.lake.jars import altered_jars, jar_folder
from habitue.lake.java import OLDEST_JAVA, java_home

PINNED = ("pyspark", "delta-spark", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "xgboost-cpu", "xgboost")
ON_EXECUTORS = ("numpy", "pandas", "pyarrow", "scipy", "habitue")
_SECONDS_TO_ANSWER = 10
_TASKS = 16


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `remedy` is empty where all is well."""

    name: str
    ok: bool
    found: str
    expected: str
    remedy: str = ""


def check_environment(*, project: Path, tracking_uri: str) -> list[Finding]:
    """Look at everything that can be seen without starting Spark."""
    return [
        check_python(),
        check_packages(),
        check_java(),
        check_jars(),
        check_memory(),
        check_disk(project),
        check_mlflow(tracking_uri),
    ]


def check_python() -> Finding:
    """Python 3.11 or 3.12: the pinned packages exist for these."""
    remedy = "Run `make setup` with PYTHON=/path/to/python3.11 after removing .venv."
    ok = (3, 11) <= sys.version_info[:2] <= (3, 12)
    return _finding("python", ok, f"{platform.python_version()} ({sys.executable})", "3.11 or 3.12", remedy)


def check_packages() -> Finding:
    """The packages whose versions must fit each other are those that habitue was made with."""
    installed = {name: found for name in PINNED if (found := _version(name)) is not None}
    wanted = {"pyspark": "4.2.0", "delta-spark": "4.4.0", "mlflow": "3.17.2"}
    ok = all(installed.get(name) == wanted[name] for name in wanted)
    found = ", ".join(f"{name} {number}" for name, number in installed.items())
    expected = ", ".join(f"{name} {number}" for name, number in wanted.items())
    return _finding("packages", ok, found, expected, "Run `make setup`, which installs the locked versions.")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_java() -> Finding:
    """A Java that Spark starts on."""
    expected = f"Java {OLDEST_JAVA} or newer"
    try:
        java = java_home()
    except DependencyError as error:
        return Finding("java", False, "none that can be used", expected, str(error))
    return Finding("java", True, f"Java {java.version} ({java.home})", expected)


def check_jars() -> Finding:
    """The jars of Delta Lake are there and are the ones whose digests are known."""
    folder, faults = jar_folder(), altered_jars(jar_folder())
    remedy = "Run `make jars` once with a network, or point HABITUE_JARS to a folder that has them."
    found = "; ".join(faults) or f"all ({folder})"
    return _finding("jars", not faults, found, "the jars of Delta Lake 4.4.0", remedy)


def check_memory() -> Finding:
    """Room for the driver."""
    memory, needed = machine.memory_gib(), machine.MEMORY_NEEDED_GIB
    remedy = "Use a larger machine, raise the container's limit, or lower spark.driver_memory."
    return _finding("memory", memory >= needed, f"{memory:.1f} GiB", f"{needed} GiB", remedy)


def check_disk(project: Path) -> Finding:
    """Room for the lake and the shuffle files."""
    disk, needed = machine.free_disk_gib(project), machine.RUN_DISK_NEEDED_GIB
    remedy = f"Free some space where {project} lies, or choose another place with --lake."
    return _finding("disk", disk >= needed, f"{disk:.1f} GiB free", f"{needed} GiB", remedy)


def check_mlflow(tracking_uri: str) -> Finding:
    """MLflow's store answers: a server over HTTP, or a SQLite file that can be opened (or made)."""
    asked: Callable[[str], str] = _ask_server if tracking_uri.startswith("http") else _open_store
    remedy = "Start the MLflow server, or set mlflow.tracking_uri to one that answers."
    # credentials in the address stay out of what is printed
    shown = re.sub("//[^/]*@", "//", tracking_uri.partition("?")[0])
    try:
        return Finding("mlflow", True, f"{shown}: {asked(tracking_uri)}", "a store that answers")
    except (OSError, sqlite3.Error, ValueError) as error:
        return Finding("mlflow", False, f"{shown}: {error}", "a store that answers", remedy)


def _ask_server(uri: str) -> str:
    with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_SECONDS_TO_ANSWER) as answer:
        return f"answers with status {answer.status}"


def _open_store(uri: str) -> str:
    """Open the SQLite file without changing it; other databases are MLflow's business."""
    if not uri.startswith("sqlite:///"):
        return "not a SQLite file and not HTTP; MLflow will say at the start of a run whether it answers"
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.exists():
        return "made by the first run"
    store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_SECONDS_TO_ANSWER)
    try:
        tables = store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        store.close()
    return f"{tables} tables"


def check_executors(session: SparkSession) -> Finding:
    """Python and the packages on the executors are those of the driver (one Spark job, a few seconds)."""
    remedy = (
        "Ship the environment that `make package` builds: spark.archives=habitue-env.tar.gz#env and "
        "PYSPARK_PYTHON=./env/bin/python."
    )
    here = _look_around()()
    look = _look_around()

    def look_there(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"found": [look()]})

    try:
        tasks = session.range(0, _TASKS, 1, _TASKS)
        rows = tasks.mapInArrow(look_there, "found string").distinct().collect()
    except PySparkException as error:
        reason = error.getCondition() or type(error).__name__
        return Finding("executors", False, f"Python failed there: {reason}", here, remedy)
    found = sorted(str(row.found) for row in rows)
    return _finding("executors", found == [here], "; ".join(found), here, remedy)


def _look_around() -> Callable[[], str]:
    """Return a function that names the Python and the packages where it runs.

    A nested function, so that it travels as a whole: an executor that lacks habitue must be able to say so.
    """
    packages = ON_EXECUTORS

    def look() -> str:
        import importlib.metadata
        import sys

        names = [f"python {sys.version_info[0]}.{sys.version_info[1]}"]
        for package in packages:
            try:
                names.append(f"{package} {importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                names.append(f"no {package}")
        return ", ".join(names)

    return look


def _finding(name: str, ok: bool, found: str, expected: str, remedy: str) -> Finding:
    return Finding(name, ok, found, expected, "" if ok else remedy)
