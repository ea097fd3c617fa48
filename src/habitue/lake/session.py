"""The Spark session: started quietly on this machine, or taken as spark-submit or a platform gives it."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from habitue.config.spark import SparkSettings
from habitue.errors import DependencyError
from habitue.lake.jars import installed_jars, spark_home
from habitue.lake.java import java_home
from habitue.lake.java_names import keep_names

LOOPBACK = "127.0.0.1"

AT_ANY_TIME = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # a column that is empty in all rows of a file has no type there, and gives way to the one it has in other files
    "spark.sql.parquet.reader.respectUnknownTypeAnnotation.enabled": "true",
    # instants in nanoseconds, which pandas writes, are numbers first: Spark has no type for them and would read nothing
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # for each join the optimiser would derive every equality that follows from the columns below it; for wide
    # entities that are made of many columns it does not come to an end
    "spark.sql.constraintPropagation.enabled": "false",
    # scratch files would be written with columns guessed from their first rows, and put together again by each reader
    "spark.sql.variant.inferShreddingSchema": "false",
    # this value alone means no limit; any other measures the batch again for every row that is added to it, which
    # costs more than all else on the way to Python. The limit of rows stays.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
}
"""What every session is set to, also one that somebody else started: results or times depend on it."""

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

QUIET_AND_SMALL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.allFilesInCrc.enabled": "false",
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
}
"""For one machine: no web server, no stages of 50 and 10,000 tasks over a handful of files, no list of a table's files
collected once more for its checksum at every commit, no plan compiled twice, no line of Python noted for each
expression (four more calls to the Java side for every one of them), and no thousand plans kept for pages that nobody
can open."""

QUOTING_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""PySpark prints each failed query's message here, beside raising it; it may quote a customer's data."""

_SOCKETS = "spark.python.unix.domain.socket.dir"
_STARTED_WITH = "spark.habitue.startedWith"
"""The settings of a session that was started here."""

LATE_COMPILER = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)
"""Ten times the usual: planning a run of many small plans keeps Java's slow compiler busier than all that it saves there.
Loops over many rows reach these numbers in their first second."""

LONG_METHODS = "-XX:-DontCompileHugeMethods"
"""What Spark makes of a wide table's expressions is often longer than Java compiles by default: then every row of
millions is interpreted."""

_kept: ContextVar[list[SparkSession] | None] = ContextVar("kept", default=None)


def open_session(settings: SparkSettings, *, app_name: str, log_file: Path) -> SparkSession:
    """Return the session to work in.

    An active session (a notebook, a platform, a test) is taken as it is. Under spark-submit the session is
    built from what spark-submit was told. Otherwise Spark is started here, and its log goes to `log_file`.
    """
    for name in QUOTING_LOGGERS:
        PySparkLogger.getLogger(name).disabled = True
    _use_utc()
    active = SparkSession.getActiveSession()
    if active is not None and _fits(active, settings):
        session = active
    elif "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ:
        session = _build_submitted(app_name)
    else:
        session = _start(settings, app_name, log_file)
        if (kept := _kept.get()) is not None:
            kept.append(session)
    for name, value in runtime_conf(settings).items():
        session.conf.set(name, value)
    keep_names(session)
    return session


@contextmanager
def one_session() -> Iterator[None]:
    """Let a session that is started within serve all runs until the end: the next one finds its plans compiled."""
    token = _kept.set([])
    try:
        yield
    finally:
        _stop_kept()
        _kept.reset(token)


def stop(session: SparkSession) -> None:
    """Stop a session that `open_session` started, or leave that to `one_session`; leave one that it was given."""
    if session.conf.get(_STARTED_WITH, None) is not None and not _kept.get():
        session.stop()


def _fits(active: SparkSession, settings: SparkSettings) -> bool:
    """Whether an active session may be used; one that was kept for others, and has other settings, ends."""
    is_kept = bool(_kept.get())
    if is_kept and active.conf.get(_STARTED_WITH, None) != settings.model_dump_json():
        _stop_kept()
        return False
    return True


def _stop_kept() -> None:
    kept = _kept.get() or []
    while kept:
        kept.pop().stop()


def runtime_conf(settings: SparkSettings) -> dict[str, str]:
    """Return what is set in every session, given or started: only settings that may change at run time."""
    conf = dict(AT_ANY_TIME)
    if settings.shuffle_partitions is not None:
        conf["spark.sql.shuffle.partitions"] = str(settings.shuffle_partitions)
    return conf


def local_conf(settings: SparkSettings, *, log_file: Path, jars: list[Path]) -> dict[str, str]:
    """Return the settings of a session that is started here; `settings.extra` wins over all of them."""
    on_this_machine = settings.master.startswith("local")
    class_path = os.pathsep.join(map(str, jars)) if on_this_machine else ",".join(map(str, jars))
    conf = {
        "spark.master": settings.master,
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": _java_options(log_file, on_this_machine=on_this_machine),
        "spark.driver.extraClassPath" if on_this_machine else "spark.jars": class_path,
        "spark.executorEnv.TZ": "UTC",
        "spark.sql.warehouse.dir": str(log_file.absolute().parent / "warehouse"),
        _STARTED_WITH: settings.model_dump_json(),
        **DELTA,
        **QUIET_AND_SMALL,
    }
    if on_this_machine:
        partitions = settings.shuffle_partitions or 2 * (os.cpu_count() or 1)
        conf |= {
            "spark.driver.host": LOOPBACK,
            "spark.driver.bindAddress": LOOPBACK,
            "spark.pyspark.python": sys.executable,
            # over TCP both ends of a worker can wait for ever on some kernels: one whose buffer is full drops, with the
            # data that do not fit, the news that the other's has room again
            "spark.python.unix.domain.socket.enabled": "true",
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "5000",
            "spark.sql.shuffle.partitions": str(partitions),
        }
    return conf | settings.extra


def _java_options(log_file: Path, *, on_this_machine: bool) -> str:
    """Send the log of the Java side to `log_file`, and let it count days in UTC.

    Java's default room for compiled code (48 MB with the quick compiler alone, 240 MB else) runs full in a long session
    of many plans; then Java stops compiling, and in the end Spark stops in the middle of a job.
    """
    log4j = files("habitue.lake") / "log4j2.properties"
    return (
        f'"-Dlog4j2.configurationFile={log4j}" "-Dhabitue.log.file={log_file.absolute()}" '
        f"-Duser.timezone=UTC -XX:+UseParallelGC -XX:ReservedCodeCacheSize=512m {LONG_METHODS}"
        f"{f' {LATE_COMPILER}' if on_this_machine else ''}"
    )


def _use_utc() -> None:
    """Let `collect` return instants in UTC: PySpark converts them to the zone of the Python process."""
    os.environ["TZ"] = "UTC"
    time.tzset()


def _build_submitted(app_name: str) -> SparkSession:
    """Build the session that spark-submit prepared; what it was told wins over what Delta wants."""
    builder = SparkSession.builder.config(_STARTED_WITH, "spark-submit")
    if "SPARK_REMOTE" not in os.environ:
        told = SparkConf()
        if not told.contains("spark.app.name"):
            builder = builder.appName(app_name)
        for name, value in DELTA.items():
            if not told.contains(name):
                builder = builder.config(name, value)
    return builder.getOrCreate()


def _start(settings: SparkSettings, app_name: str, log_file: Path) -> SparkSession:
    jars = installed_jars()
    _prepare_environment(on_this_machine=settings.master.startswith("local"))
    conf = SparkConf().setAppName(app_name).set(_SOCKETS, _socket_folder())
    for name, value in local_conf(settings, log_file=log_file, jars=jars).items():
        conf.set(name, value)
    SparkContext(conf=conf, gateway=_gateway(conf, log_file))
    return SparkSession.builder.getOrCreate()


def _socket_folder() -> str:
    """A folder that nobody else may enter, for the sockets of workers; the path of one has room for 100 letters or so."""
    folder = tempfile.mkdtemp(prefix="habitue-", dir="/tmp" if os.access("/tmp", os.W_OK) else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _prepare_environment(*, on_this_machine: bool) -> None:
    """Use this PySpark, this Python and the Java that was found, whatever other Spark the machine has.

    Executors elsewhere must reach the driver, and have a Python of their own.
    """
    os.environ |= {
        "JAVA_HOME": str(java_home().home),
        "SPARK_HOME": str(spark_home()),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    if on_this_machine:
        os.environ |= {"SPARK_LOCAL_IP": LOOPBACK, "PYSPARK_PYTHON": sys.executable}


def _gateway(conf: SparkConf, log_file: Path) -> Any:
    """Start the Java side with its output in `log_file`, or use one that still runs in this process."""
    if SparkContext._gateway is not None:
        return SparkContext._gateway
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        try:
            return launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
        except PySparkRuntimeError as error:
            raise DependencyError(f"Spark could not be started; its own words are in {log_file}.") from error
