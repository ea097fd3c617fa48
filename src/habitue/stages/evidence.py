"""What resolve starts from: every record with identifiers, or those that changed since its map was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_CHANGE, IDENTITY_EDGE, IDENTITY_MAP
from habitue.contracts.entities import CUSTOMER_RECORD, ENTITIES, EVENT
from habitue.contracts.identity_evidence import (
    ENDED_IDENTIFIER,
    FOUND_LINK_SPAN,
    IDENTITY_CONTRADICTION,
    IDENTITY_OBSERVATION,
)
from habitue.contracts.intake import FORMER_RECORD, PERSON_RECORD
from habitue.contracts.table import Table
from habitue.identity.circumstances import Circumstances
from habitue.identity.edges import FORMERLY_STATED, STATED
from habitue.identity.former_records import removed_identifiers
from habitue.identity.increment import net_changes
from habitue.job import Run
from habitue.lake.changes import made_from, row_changes
from habitue.lake.deltalog import DeltaLog
from habitue.lake.fingerprint import data_version
from habitue.stages.circumstances import INPUTS, MissingHistoryError, identity_rules, touched_since

IDENTIFIED = (*(t for t in ENTITIES.values() if "identifiers" in t.column_names), FORMER_RECORD)
"""Tables whose rows show identifiers together."""

_COLUMNS = ("source", "identifiers", "known_time", "seen_until")
_MORE = {EVENT: "is_bot", FORMER_RECORD: "ended_time"}
_STATE = (
    *(IDENTITY_EDGE, IDENTITY_CHANGE, IDENTITY_OBSERVATION, ENDED_IDENTIFIER, IDENTITY_CONTRADICTION),
    FOUND_LINK_SPAN,
)
_SAID = "All persons are resolved anew: "
_WITHOUT_HISTORY = _SAID + "the history of {} since the last time is gone."


@dataclass(frozen=True)
class Since:
    """Rows that came and went since the present map was made (net, materialised), and whether person records did.

    `touched` are codes (`node`) of identifiers whose decisions, consent or absences changed.
    """

    rows: DataFrame
    person_records_changed: bool
    touched: DataFrame


def identified_records(run: Run) -> dict[str, DataFrame]:
    """Rows with identifiers by rule; what a tracker saw together counts less than what a record states."""
    found: dict[str, list[DataFrame]] = {}
    for table in _identified(run):
        if table is not FORMER_RECORD or not run.lake.is_empty(table):
            found.setdefault(_rule(table), []).append(_rows(table, run.lake.read(table)).select(*_COLUMNS))
    return {rule: reduce(DataFrame.unionByName, rows) for rule, rows in found.items()}


def removed_addresses(run: Run) -> DataFrame:
    """Identifiers that were removed from all records, and so are nobody's address any more."""
    read = run.lake.read
    return removed_identifiers(read(FORMER_RECORD), read(CUSTOMER_RECORD), read(IDENTITY_OBSERVATION))


def basis(run: Run) -> dict[str, Any]:
    """What a map is made from: rules and code, the versions of its inputs, and the time, since decisions end."""
    inputs = {table.leaf: _head(run, table) for table in _identified(run)}
    inputs[PERSON_RECORD.leaf] = data_version(run.location, PERSON_RECORD)
    inputs |= {table.leaf: _head(run, table) for table in INPUTS if run.lake.exists(table)}
    return {"rules": identity_rules(run), "inputs": inputs, "at": run.now.isoformat()}


def with_state(run: Run, made: dict[str, Any]) -> dict[str, Any]:
    """The same with the versions of the tables that were written beside the map."""
    return made | {"state": {table.leaf: data_version(run.location, table) for table in _STATE}}


def changed_since(run: Run, now: dict[str, Any], present: Circumstances) -> Since | None:
    """What changed since the map was made; None where all is to be resolved anew, and the run says why."""
    made = made_from(run.location, IDENTITY_MAP)
    if made is None:
        return None
    if made["rules"] != now["rules"]:
        run.note(f"{_SAID}the rules or the code are not those that the present map was made with.")
        return None
    if made["state"] != with_state(run, now)["state"]:
        run.note(f"{_SAID}a run ended between the writes of the tables of identity.")
        return None
    changes = []
    for table in _identified(run):
        since, until = made["inputs"].get(table.leaf), now["inputs"][table.leaf]
        rows = _changes(run, table, since, until)
        if rows is None:
            run.note(_WITHOUT_HISTORY.format(table.name))
            return None
        changes.append(rows)
    try:
        touched = touched_since(run, made, now, present)
    except MissingHistoryError as missing:
        run.note(_WITHOUT_HISTORY.format(missing))
        return None
    net = run.lake.checkpoint(net_changes(reduce(DataFrame.unionByName, changes)))
    run.count("changed_records", net.count())
    people = made["inputs"].get(PERSON_RECORD.leaf), now["inputs"][PERSON_RECORD.leaf]
    return Since(net, people[0] != people[1], touched)


def changed_person_records(run: Run, made: Mapping[str, Any], now: Mapping[str, Any]) -> DataFrame | None:
    """Keys of the person records that came or changed since a map was made; None where that cannot be told: then all."""
    since, until = made["inputs"].get(PERSON_RECORD.leaf), now["inputs"][PERSON_RECORD.leaf]
    if since is None or until is None:
        return None
    rows = row_changes(run.lake, PERSON_RECORD, ("record_key", "row_hash"), since=since, until=until)
    if rows is None:
        return None
    came = rows.groupBy("record_key", "row_hash").agg(F.sum("change").alias("change")).where("change > 0")
    return run.lake.checkpoint(came.select("record_key").distinct())


def _changes(run: Run, table: Table, since: int | None, until: int | None) -> DataFrame | None:
    if since is None or until is None:
        rows: DataFrame | None = run.lake.read(table).withColumn("change", F.lit(1))
    else:
        wanted = ("source", "identifiers", "known_time", *([_MORE[table]] if table in _MORE else []))
        rows = row_changes(run.lake, table, wanted, since=since, until=until)
    if rows is None:
        return None
    return _rows(table, rows).select(F.lit(_rule(table)).alias("rule"), *_COLUMNS, "change")


def _identified(run: Run) -> list[Table]:
    """Tables with identifiers that there are."""
    return [t for t in IDENTIFIED if run.lake.exists(t)]


def _rule(table: Table) -> str:
    return {EVENT: "login", FORMER_RECORD: FORMERLY_STATED}.get(table, STATED)


def _rows(table: Table, rows: DataFrame) -> DataFrame:
    known = rows.where(~F.col("is_bot")) if table is EVENT else rows
    return known.withColumn("seen_until", F.col("ended_time" if table is FORMER_RECORD else "known_time"))


def _head(run: Run, table: Table) -> int | None:
    return DeltaLog(run.location.table(table)).head()
