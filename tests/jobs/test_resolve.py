"""The resolve stage on a small lake: all its tables, figures, and nothing new when run again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from habitue.config.settings import Settings
from habitue.contracts.behaviour import ATTRIBUTION, CUSTOMER, IDENTITY_CHANGE, IDENTITY_EDGE, IDENTITY_MAP
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.table import Table
from habitue.job import Progress, Run, RunRecord
from habitue.lake.deltalog import DeltaLog
from habitue.lake.lake import Lake
from habitue.stages.resolve import resolve
from tests.tables import assert_table, table

TABLES = (IDENTITY_EDGE, IDENTITY_CHANGE, CUSTOMER, ATTRIBUTION, IDENTITY_MAP)


def a_run(lake: Lake, folder: Path) -> Run:
    run = Run(
        project=folder,
        settings=Settings(),
        location=lake.location,
        record=RunRecord("r1", "2026-01-01", "0", "", ""),
        progress=Progress(quiet=True),
        now=datetime(2026, 2, 1, tzinfo=UTC),
    )
    run.__dict__["lake"] = lake  # the test's own, where the run would open one
    return run


def version(lake: Lake, contract: Table) -> object:
    return DeltaLog(lake.location.table(contract)).head()


def test_resolve_fills_its_tables_and_a_second_run_changes_nothing(lake: Lake, tmp_path: Path):
    rows = """
        source | record_key | identifiers                  | city | known_time
        crm    | 1          | customer_number:ada, email:e | Ulm  | 2026-01-02 00:00:00
        shop   | 2          | email:e                      | Bonn | 2026-01-01 00:00:00
        shop   | 3          | email:f                      |      | 2026-01-01 00:00:00
        crm    | 4          | customer_number:ben, email:e |      | 2026-01-05 00:00:00
    """
    without_hash = table(lake.spark, CUSTOMER_RECORD, rows).drop("row_hash")
    lake.merge(CUSTOMER_RECORD, without_hash)
    run = a_run(lake, tmp_path)
    resolve(run)
    assert run.step.figures == {
        "identifiers": 4,
        "persons": 4,
        "persons_with_1_identifiers": 4,
        "edges_accepted": 0,
        "edges_refused": 2,
        "merges": 0,
        "splits": 1,
    }
    assert_table(
        lake.read(IDENTITY_EDGE),
        IDENTITY_EDGE,
        """
        id_key_a | id_key_b | status  | reason
        ada      | e        | refused | shared email: too many owners
        ben      | e        | refused | shared email: too many owners
        """,
    )
    assert lake.read(CUSTOMER).count() == 4
    versions = [version(lake, contract) for contract in TABLES]
    resolve(a_run(lake, tmp_path))
    assert [version(lake, contract) for contract in TABLES] == versions


def test_a_lake_without_records_gets_empty_tables_and_a_sentence(lake: Lake, tmp_path: Path):
    run = a_run(lake, tmp_path)
    resolve(run)
    assert lake.exists(IDENTITY_MAP) and lake.read(IDENTITY_MAP).isEmpty()
    assert run.step.findings == ["No records with identifiers: nobody to resolve."]
