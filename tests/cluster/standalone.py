"""A real Spark standalone cluster on this machine: one master and two workers, from the installed PySpark."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from habitue.lake.jars import spark_home
from habitue.lake.java import java_home

HOST = "127.0.0.1"
WORKERS = 2
_SECONDS_TO_START = 90
_SECONDS_TO_END = 900


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs; its logs and the executors' folders lie under `folder`."""

    url: str
    folder: Path

    def submit(
        self,
        program: Path,
        arguments: Sequence[str],
        *,
        driver_python: Path,
        archive: Path,
        jars: Sequence[Path],
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as a person would: spark-submit with the environment archive and Delta's jars."""
        command = [
            str(spark_home() / "bin" / "spark-submit"),
            *("--master", self.url, "--jars", ",".join(map(str, jars)), "--archives", f"{archive}#env"),
            *("--driver-memory", "1g", "--executor-memory", "1g", "--executor-cores", "1"),
            *("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false"),
            *("--conf", "spark.log.level=WARN"),
            *("--conf", "spark.sql.shuffle.partitions=2"),
            *("--conf", "spark.databricks.delta.snapshotPartitions=2"),
            str(program),
            *arguments,
        ]
        environment = bare_environment() | {
            "PYSPARK_PYTHON": "./env/bin/python",
            "PYSPARK_DRIVER_PYTHON": str(driver_python),
        }
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS_TO_END,
            check=False,
        )


def bare_environment() -> dict[str, str]:
    """Return what Spark needs and nothing of this Python, so that the archive has to bring it.

    What the machine says of its processor to linear algebra stays: for another one it adds up in another order.
    """
    names = (
        "HOME",
        "LANG",
        "JAVA_TOOL_OPTIONS",
        *(name for name in os.environ if name.startswith("OPENBLAS_")),
    )
    kept = {name: os.environ[name] for name in names if name in os.environ}
    spark = {"SPARK_HOME": str(spark_home()), "JAVA_HOME": str(java_home().home), "SPARK_LOCAL_IP": HOST}
    return kept | spark | {"PATH": "/usr/bin:/bin", "SPARK_DAEMON_MEMORY": "256m", "TZ": "UTC"}


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[Cluster]:
    """Start master and workers, wait until both are registered, and stop them at the end."""
    port = free_port()
    cluster = Cluster(url=f"spark://{HOST}:{port}", folder=folder)
    master_log = folder / "master.log"
    started = [start("master.Master", ["--port", str(port)], master_log)]
    try:
        wait_for(master_log, "I have been elected leader", 1, started)
        for number in range(1, WORKERS + 1):
            options = [
                "--cores",
                "1",
                "--memory",
                "1g",
                "--work-dir",
                str(folder / f"worker-{number}"),
                cluster.url,
            ]
            started.append(start("worker.Worker", options, folder / f"worker-{number}.log"))
        wait_for(master_log, "Registering worker", WORKERS, started)
        yield cluster
    finally:
        for process in reversed(started):
            end(process)


def start(role: str, options: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a daemon in a process group of its own."""
    command = [str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}"]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, "--host", HOST, "--webui-port", "0", *options],
            env=bare_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def wait_for(log: Path, words: str, times: int, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until the log says `words` so many times; fail with its last lines if a daemon ends first."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while log.read_text(errors="replace").count(words) < times:
        ended = [process.args for process in processes if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"The cluster did not start; ended: {ended}; {log}:\n{last}")
        time.sleep(0.2)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a daemon and whatever it started; only its own process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
    except ProcessLookupError:
        return
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
