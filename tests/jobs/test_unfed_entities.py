"""A source that is taken out of the project takes its rows out of the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from habitue.contracts.entities import CONSENT, CUSTOMER_RECORD, PRODUCT
from habitue.contracts.intake import PERSON_RECORD, QUARANTINE, QUARANTINE_COUNT, SOURCE_FILE
from habitue.stages.ingest import ingest
from habitue.stages.unfed import clear_entities, unfed_entities
from tests.jobs.project import project_run


def mapped(entity: str, **columns: str) -> dict[str, Any]:
    return {"entity": entity, "format": "csv", "path": f"data/{entity}.csv", "columns": columns,
            "limits": {"max_quarantined_share": 0.9}}  # fmt: skip


SOURCES = {
    "shop": mapped("product", product_number="sku", name="name"),
    "crm": mapped("customer_record", record_id="id", given_name="given", family_name="family")
    | {"identifiers": {"customer_number": "id"}},
    "signup": mapped("consent", given_time="at", purpose="purpose", channel="channel", status="status")
    | {"identifiers": {"customer_number": "id"}},
}
FILES = {
    "product": "sku,name\n1,Tea\n",
    "customer_record": "id,given,family\n7,Ada,Lind\n",
    "consent": "id,at,purpose,channel,status\n7,2024-05-01,marketing,email,granted\n7,when?,marketing,email,granted\n7,2024-05-02,marketing,post,no\n",
}


def test_a_source_without_another_one_of_its_kind_leaves_nothing_behind(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    for entity, text in FILES.items():
        (tmp_path / "data" / f"{entity}.csv").write_text(text, encoding="utf-8")
    first = project_run(spark, tmp_path, SOURCES)
    ingest(first)
    assert unfed_entities(first) == ()
    assert [first.lake.read(t).count() for t in (CONSENT, PERSON_RECORD, QUARANTINE)] == [2, 1, 1]

    second = project_run(spark, tmp_path, {"shop": SOURCES["shop"]}, run_id="r2")
    left = unfed_entities(second)
    assert set(left) == {"consent", "customer_record"}
    clear_entities(second, left)
    assert any("1 refusals of consent left" in finding for finding in second.step.findings)
    ingest(second)
    for table in (CONSENT, CUSTOMER_RECORD, PERSON_RECORD, QUARANTINE):
        assert second.lake.read(table).isEmpty(), table.name
    assert second.lake.read(PRODUCT).count() == 1
    assert {r["entity"] for r in second.lake.read(QUARANTINE_COUNT).collect()} == {"product"}
    status = {r["source"]: r["status"] for r in second.lake.read(SOURCE_FILE).collect()}
    assert status == {"shop": "read", "crm": "gone", "signup": "gone"}
