"""Read a published lake and its planted truth for the scoreboard."""

from __future__ import annotations

import json
from dataclasses import asdict

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.commands.person import published
from habitue.contracts.behaviour import IDENTITY_MAP, SESSION_EVENT
from habitue.contracts.decision import CUSTOMER_SCORE, RELEASE
from habitue.contracts.entities import CAMPAIGN, CONTACT, ORDER_LINE
from habitue.contracts.intake import IDENTIFIER
from habitue.errors import UsageError
from habitue.identity.as_of import identity_now
from habitue.job import Run
from habitue.lake.deltalog import DeltaLog
from habitue.lake.whole_file import write_whole
from habitue.pipeline.execute import Request, opened
from habitue.stages.report import report_file
from habitue.stages.target import day_slice
from habitue.synth import scoreboard
from habitue.synth.process import EFFECT_DAYS
from habitue.synth.scoreboard import Line
from habitue.synth.truth import made_with, read_truth


def planted_scoreboard(request: Request) -> list[Line]:
    """What the last release found, held against the planted truth; read from a file where it is known already.

    Raises:
        UsageError: the project's lake is not a synthetic one.
    """
    settings = made_with(request.project)
    if settings is None:
        raise UsageError(
            "This project has no planted truth.", ["`habitue synth --out FOLDER` makes one that has"]
        )
    with opened(request) as run:
        kept = report_file(run.project).with_name("scoreboard.json")
        newest = next(iter(DeltaLog(run.location.table(RELEASE)).history()), None)
        release = newest.metadata.get("run_id") if newest else None
        if kept.exists() and (known := json.loads(kept.read_text()))["release"] == release:
            return [Line(**line) for line in known["lines"]]
        published(run)
        lines = _found(run, settings.days)
        if settings.process != "pure":
            lines.append(_lift(run))
        kept.parent.mkdir(exist_ok=True)
        write_whole(kept, json.dumps({"release": release, "lines": [asdict(line) for line in lines]}))
        return lines


def _found(run: Run, days: int) -> list[Line]:
    def at_the_end(name: str) -> DataFrame:
        return read_truth(run.spark, run.project, name).where(F.col("day") == days)

    present = identity_now(run.lake.read(IDENTITY_MAP))
    truth = read_truth(run.spark, run.project, "identifier")
    named = run.lake.checkpoint(scoreboard.named_identifiers(truth, run.lake.read(IDENTIFIER)))
    rows = scoreboard.scored(
        named, present, day_slice(run, CUSTOMER_SCORE), at_the_end("outcome"), at_the_end("prediction")
    )
    visits = read_truth(run.spark, run.project, "session")
    return [
        *scoreboard.identity(named, present),
        scoreboard.sessions(visits, run.lake.read(SESSION_EVENT)),
        *scoreboard.models(rows),
    ]


def _lift(run: Run) -> Line:
    present = identity_now(run.lake.read(IDENTITY_MAP))
    lines = run.lake.read(ORDER_LINE).where("NOT is_return")
    orders = lines.groupBy("order_number").agg(
        F.min("order_time").alias("order_time"), F.first("identifiers").alias("identifiers")
    )
    contacts = run.lake.read(CONTACT).select(
        "contact_id", "campaign", "contact_time", "is_control", "identifiers"
    )
    tossed = run.lake.read(CAMPAIGN).where("is_randomised").select("campaign")
    return scoreboard.lift(
        scoreboard.with_owner(contacts, present, "contact_id"), scoreboard.with_owner(orders, present, "order_number"),
        read_truth(run.spark, run.project, "contact"), tossed, EFFECT_DAYS,
    )  # fmt: skip
