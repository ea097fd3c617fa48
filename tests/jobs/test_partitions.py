"""Results do not depend on how rows are spread: other shuffle partitions, none of them joined, give an equal lake."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.jobs.conftest import Published, Shop
from tests.jobs.equal_lakes import assert_equal_lakes
from tests.jobs.small_shop import fill_shop


@pytest.mark.accept
@pytest.mark.parametrize("partitions", [1, 7])
def test_other_partitions_give_an_equal_lake(
    published: Published, spark: SparkSession, spread: None, tmp_path: Path, partitions: int
) -> None:
    shop = Shop(tmp_path / "shop", spark)
    (shop.folder / "secrets").mkdir(parents=True)
    secret = published.shop.folder / "secrets" / "pepper"
    (shop.folder / "secrets" / "pepper").write_bytes(secret.read_bytes())  # person ids follow from it
    assert shop.habitue("init", str(shop.folder)) == 0
    fill_shop(shop.folder)
    assert shop.habitue("--quiet", "--set", f"spark.shuffle_partitions={partitions}", "run") == 0
    assert spark.conf.get("spark.sql.shuffle.partitions") == str(partitions)
    assert_equal_lakes(spark, published.shop.location, shop.location)
