"""However events arrive, go and change: visits made step by step are those made at once, in every column."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.behaviour import FORMER_SESSION, SESSION, SESSION_EVENT
from habitue.contracts.conform import conform
from habitue.contracts.entities import EVENT
from habitue.contracts.row_hash import with_row_hash
from habitue.events.sessionize import former, members, present, sessions_with_events
from habitue.events.settings import SessionSettings
from habitue.job import Run
from habitue.lake.commit import CommitNote
from habitue.lake.deltalog import DeltaLog
from habitue.stages.sessionize import sessionize
from tests.conftest import ACCEPT
from tests.jobs.project import project_run

GAP = SessionSettings().gap_micros
START = int(datetime(2025, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400 * 1_000_000
ZONE = "Europe/Berlin"
EVERY_RULE = SessionSettings(
    preset="ua",
    split_by_login=True,
    most_events=6,
    longest_hours=1,
    most_burst_events=3,
    burst_seconds=1,
    hot_visitor_events=8,
)
SCHEMA = (
    "event_id string, visitor_key string, micros bigint, event_name string, product string, campaign_source string, "
    "login string, is_bot boolean, known_micros bigint"
)
STEPS = (0, 1, GAP - 1, GAP, GAP + 1, 60_000_000, 3 * GAP, 2 * DAY, 40 * DAY)
NAMES = (
    "page_viewed",
    "product_viewed",
    "product_added",
    "product_removed",
    "checkout_started",
    "order_completed",
)


@dataclass(frozen=True)
class Planned:
    """An event with the round it arrives in, that from which on it is a bot's, and that it vanishes in."""

    row: tuple[object, ...]
    arrives: int
    flagged: int
    vanishes: int


def plan(seed: int, rounds: int) -> Iterator[Planned]:
    """One way for the events of two visitors to arrive in up to as many batches as there are rounds.

    Any event may come in any batch, so the latest are over 400 days late.
    """
    draw = random.Random(seed)
    batches = draw.randint(1, rounds)
    for visitor in range(2):
        micros = START
        for number in range(draw.randint(1, 25)):
            micros += draw.choice(STEPS)
            arrives = draw.randrange(batches)
            row = (
                f"{draw.getrandbits(40):010x}-{seed}-{number}",
                f"plan{seed}-{visitor}" if draw.random() < 0.95 else None,
                micros,
                draw.choice(NAMES),
                draw.choice("AB"),
                draw.choice((None, None, None, "news", "ads", "(direct)")),
                draw.choice((None, None, None, f"{seed}x", f"{seed}y")),
                False,
                micros + draw.choice((0, DAY)),
            )
            later = [draw.randrange(arrives, rounds) if draw.random() < 0.15 else rounds for _ in range(2)]
            yield Planned(row, arrives, *later)


def as_of_round(plans: list[Planned], number: int) -> list[tuple[object, ...]]:
    """The rows of silver.event after that round."""
    here = [p for p in plans if p.arrives <= number and not p.arrives < p.vanishes <= number]
    return [(*p.row[:7], p.flagged <= number, p.row[8]) for p in here]


def event_rows(spark: SparkSession, rows: list[tuple[object, ...]]) -> DataFrame:
    typed = {
        "source": "'test'",
        "time_quality": "'mapped'",
        "event_time": "timestamp_micros(micros)",
        "event_date": "to_date(timestamp_micros(micros))",
        "known_time": "timestamp_micros(known_micros)",
        "visitor_type": "if(visitor_key is null, null, 'anonymous_id')",
        "identifiers": "if(login is null, array(), array(struct('user_id' as id_type, login as id_key)))",
        "product": "struct(product as product_number, null as category, null as brand, 9.99 as price, 1 as quantity)",
        "order": "struct(event_id as order_number, 5.00 as value, 'EUR' as currency, null as discount, null as coupon)",
        "campaign": "if(campaign_source is null, null, struct(campaign_source as source, null as medium, null as name, "
        "null as term, null as content, null as click_id))",
    }  # fmt: skip
    raw = spark.createDataFrame(rows, SCHEMA)
    columns = [
        F.expr(typed.get(c.name, f"`{c.name}`" if c.name in raw.columns else "null"))
        .cast(c.type)
        .alias(c.name)
        for c in EVENT.columns
    ]
    return raw.select(*columns).drop("row_hash")


def stage_run(spark: SparkSession, project: Path, settings: SessionSettings) -> Run:
    run = project_run(spark, project, {})
    project_settings = run.settings.project.model_copy(update={"zone": ZONE})
    run.settings = run.settings.model_copy(update={"session": settings, "project": project_settings})
    return run


def sessionized(run: Run, fingerprint: str) -> None:
    """One run of the stage as the pipeline would start it."""
    run.step.figures.clear()
    run.step.findings.clear()
    run.lake.note = CommitNote(run_id=run.run_id, fingerprints={SESSION.name: fingerprint})
    sessionize(run)


def assert_equals_full(run: Run) -> None:
    """Rows of all tables are those that all events give at once."""
    full = sessions_with_events(run.lake.read(EVENT), settings=run.settings.session, zone=ZONE)
    for contract, made in ((SESSION, present(full).drop("event_ids")), (FORMER_SESSION, former(full))):
        rows = conform(with_row_hash(made, contract), contract).select("session_id", "row_hash")
        there = run.lake.read(contract).select("session_id", "row_hash")
        assert sorted(there.collect()) == sorted(rows.collect())
    own = run.lake.read(SESSION_EVENT).select("event_id", "session_id", "session_date")
    assert sorted(own.collect()) == sorted(members(full).collect())


LANES = [(SessionSettings(), 50 if ACCEPT else 3), (EVERY_RULE, 12 if ACCEPT else 2)]


@pytest.mark.parametrize(("settings", "rounds"), LANES, ids=["ga4", "every rule"])
def test_any_arrival_gives_the_visits_of_a_full_run(
    spark: SparkSession, tmp_path: Path, seeds: range, settings: SessionSettings, rounds: int
) -> None:
    plans = [planned for seed in range(4 * len(seeds)) for planned in plan(seed, rounds)]
    run = stage_run(spark, tmp_path, settings)
    for number in range(rounds):
        run.lake.merge(EVENT, event_rows(spark, as_of_round(plans, number)), delete_unmatched=True)
        sessionized(run, f"round {number}")
        is_increment = "changed_events" in run.step.figures
        assert is_increment == (number > 0), run.step.findings
        if number % 10 == 9 or number == rounds - 1:
            assert_equals_full(run)
        run.lake.clear_checkpoints()


def test_only_what_changed_is_written_and_nothing_where_nothing_did(
    spark: SparkSession, tmp_path: Path
) -> None:
    def row(event: str, visitor: str, minute: int, *, bot: bool = False) -> tuple[object, ...]:
        micros = START + minute * 60_000_000
        return (event, visitor, micros, "page_viewed", "A", None, None, bot, micros)

    first = [row("a1", "ann", 0), row("a2", "ann", 50), row("b1", "ben", 0), row("b2", "ben", 500)]
    run = stage_run(spark, tmp_path, SessionSettings())
    run.lake.merge(EVENT, event_rows(spark, first), delete_unmatched=True)
    sessionized(run, "1")
    log = run.location.table(SESSION)

    bridging = [*first, row("a15", "ann", 25)]
    run.lake.merge(EVENT, event_rows(spark, bridging), delete_unmatched=True)
    before = DeltaLog(log).data_version()
    sessionized(run, "2")
    assert run.step.figures["visits_made_anew"] == 2  # ann's two, which are one now; ben's stay
    written = {"numTargetRowsInserted": 0, "numTargetRowsUpdated": 1, "numTargetRowsDeleted": 1}
    assert metrics(run, before) == written
    assert_equals_full(run)

    data_version = DeltaLog(log).data_version()
    sessionized(run, "3")  # silver.event as before
    assert DeltaLog(log).data_version() == data_version

    run.lake.merge(
        EVENT, event_rows(spark, [*first[:-1], row("b2", "ben", 500, bot=True)]), delete_unmatched=True
    )
    sessionized(run, "4")  # one vanished, so that a visit falls apart; one is a bot's now
    assert_equals_full(run)
    assert run.lake.read(SESSION).where("is_bot").count() == 1


def metrics(run: Run, version: int | None) -> dict[str, int]:
    """What the MERGE after that version did to silver.session."""
    uri = run.location.table(SESSION)
    history = run.spark.sql(f"DESCRIBE HISTORY delta.`{uri}`").where(
        f"version > {version} AND operation = 'MERGE'"
    )
    [row] = history.select("operationMetrics").collect()
    names = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
    return {name: int(row[0][name]) for name in names}


@pytest.mark.accept
def test_all_visits_are_made_anew_with_a_sentence_where_it_is_not_known_what_changed(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = as_of_round(list(plan(1, 1)), 0)
    run = stage_run(spark, tmp_path, SessionSettings())
    run.lake.merge(EVENT, event_rows(spark, rows), delete_unmatched=True)
    sessionized(run, "1")

    run.settings = run.settings.model_copy(update={"session": EVERY_RULE})
    sessionized(run, "2")
    assert any("rules, the zone or the code" in text for text in run.step.findings)

    run.lake.merge(EVENT, event_rows(spark, rows[1:]), delete_unmatched=True)
    run.lake.merge(SESSION_EVENT, run.lake.read(SESSION_EVENT).limit(1), delete_unmatched=True)
    sessionized(run, "3")  # as if a run had been killed after silver.session_event
    assert any("ended between the writes" in text for text in run.step.findings)

    run.lake.merge(EVENT, event_rows(spark, rows[2:]), delete_unmatched=True)
    log = DeltaLog(run.location.table(EVENT))
    for action in log.actions(log.head() or 0):
        if "remove" in action:
            (tmp_path / "lake" / "silver" / "event" / action["remove"]["path"]).unlink()  # as VACUUM would
    sessionized(run, "4")
    assert any("history of silver.event" in text for text in run.step.findings)
    assert_equals_full(run)
