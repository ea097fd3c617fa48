"""What a session is told, before any Spark is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from habitue.config.spark import SparkSettings
from habitue.lake.session import local_conf, runtime_conf

LOG = Path("/tmp/habitue.log")
JARS = [Path("/jars/a.jar"), Path("/jars/b.jar")]


def test_one_machine_gets_the_jars_on_the_class_path_and_this_python() -> None:
    conf = local_conf(SparkSettings(), log_file=LOG, jars=JARS)
    assert conf["spark.driver.extraClassPath"] == "/jars/a.jar:/jars/b.jar"
    assert conf["spark.pyspark.python"] == sys.executable
    assert conf["spark.python.unix.domain.socket.enabled"] == "true"
    assert "spark.jars" not in conf


def test_a_cluster_gets_the_jars_shipped_and_its_own_python() -> None:
    conf = local_conf(SparkSettings(master="spark://host:7077"), log_file=LOG, jars=JARS)
    assert conf["spark.jars"] == "/jars/a.jar,/jars/b.jar"
    assert "spark.pyspark.python" not in conf
    assert "spark.driver.host" not in conf
    assert (
        "spark.python.unix.domain.socket.enabled" not in conf
    )  # where its sockets may lie is for its operator to say


def test_extra_settings_win() -> None:
    settings = SparkSettings(extra={"spark.ui.enabled": "true"})
    assert local_conf(settings, log_file=LOG, jars=JARS)["spark.ui.enabled"] == "true"


def test_a_given_session_keeps_its_shuffle_partitions_unless_they_are_configured() -> None:
    assert "spark.sql.shuffle.partitions" not in runtime_conf(SparkSettings())
    assert runtime_conf(SparkSettings(shuffle_partitions=7))["spark.sql.shuffle.partitions"] == "7"


def test_a_given_session_is_never_told_master_jars_or_memory() -> None:
    assert all(name.startswith("spark.sql.") for name in runtime_conf(SparkSettings(shuffle_partitions=7)))


@pytest.mark.parametrize("memory", ["3", "3 g", "lots", "-1g"])
def test_a_heap_that_java_would_not_understand_is_refused(memory: str) -> None:
    with pytest.raises(ValidationError):
        SparkSettings(driver_memory=memory)
