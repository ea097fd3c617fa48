"""Names on the Java side are asked for once, whatever is built with them later."""

from __future__ import annotations

from typing import Any

import pytest
from py4j.clientserver import JavaClient
from py4j.protocol import REFLECTION_COMMAND_NAME
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F


def test_an_expression_that_was_built_before_asks_java_for_no_name(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> None:
        by_shop = Window.partitionBy("shop").orderBy("day")
        (
            F.coalesce(F.upper("a"), F.lit("x")),
            F.transform("b", lambda one: one + 1),
            F.max("day").over(by_shop),
        )

    asked: list[str] = []
    send = JavaClient.send_command

    def noted(client: JavaClient, command: str, *more: Any, **options: Any) -> Any:
        asked.append(command)
        return send(client, command, *more, **options)

    build()
    monkeypatch.setattr(JavaClient, "send_command", noted)
    build()
    assert asked, "nothing was sent to Java: the test counts at the wrong place"
    assert [command for command in asked if command.startswith(REFLECTION_COMMAND_NAME)] == []
