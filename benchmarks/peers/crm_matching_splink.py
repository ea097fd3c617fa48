"""Groups by Splink on DuckDB, trained without labels, with its own comparisons for persons; an address is one of them."""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_level_library as levels
from splink import comparison_library as library
from splink.comparison_library import CustomComparison
from splink.internals.blocking_rule_creator import BlockingRuleCreator

from benchmarks.contest import Task
from benchmarks.people import FILE

ACCEPT = 0.999
"""Of 0.95 to 0.99999 the one with the best F1 by the truth, which is more than an expert without labels could know."""


KNOWN_ACCEPT = 0.5
"""Likewise for febrl's sets."""


def run(task: Task) -> None:
    """Read, train, predict, cluster, write."""
    _groups(
        task,
        _settings(),
        certain=[
            block_on("given_name", "family_name", "birth_date"),
            block_on("email"),
            block_on("phone", "birth_date"),
        ],
        accept=ACCEPT,
    )


def run_known(task: Task) -> None:
    """The same for febrl's sets, with the fields that a set has."""
    with_number = "national_id" in pq.read_schema(task.data / FILE).names
    number = [block_on("national_id")] if with_number else []
    _groups(
        task,
        _known_settings(number),
        certain=[block_on("given_name", "family_name", "birth_date"), *number],
        accept=KNOWN_ACCEPT,
    )


def _groups(
    task: Task, settings: SettingsCreator, *, certain: list[str | BlockingRuleCreator], accept: float
) -> None:
    people = pq.read_table(task.data / FILE)
    backend = DuckDBAPI()
    linker = Linker(backend.register(people), settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("given_name", "family_name"), block_on("birth_date")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    pairs = linker.inference.predict(threshold_match_probability=accept)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, accept)
    found: pa.Table = clusters.as_pyarrow_table().select(["record_key", "person", "cluster_id"])
    task.out.mkdir()
    pq.write_table(found.rename_columns(["record_key", "person", "label"]), task.out / "groups.parquet")


_DEDUPE: dict[str, Any] = {
    "link_type": "dedupe_only",
    "unique_id_column_name": "record_key",
    "additional_columns_to_retain": ["person"],
    "retain_intermediate_calculation_columns": False,
    "retain_matching_columns": False,
}


def _names() -> list[Any]:
    """Given and family name with its comparison for names, and how frequent they are."""
    names = ("given_name", "family_name")
    return [library.NameComparison(n).configure(term_frequency_adjustments=True) for n in names]


def _settings() -> SettingsCreator:
    return SettingsCreator(
        **_DEDUPE,
        comparisons=[
            *_names(),
            library.DateOfBirthComparison("birth_date", input_is_string=True),
            _address(),
            library.EmailComparison("email"),
            library.LevenshteinAtThresholds("phone", 1),
        ],
        # no rule that a household meets by itself: its members share name, address and telephone
        blocking_rules_to_generate_predictions=[
            block_on("given_name", "family_name"),
            block_on("given_name", "birth_date"),
            block_on("family_name", "birth_date"),
            block_on("postal_code", "birth_date"),
            block_on("given_name", "postal_code"),
            block_on("given_name", "phone"),
            block_on("email"),
        ],
    )


def _known_settings(number: list[BlockingRuleCreator]) -> SettingsCreator:
    """Names and dates with its comparisons for persons, the rest by exactness or distance, as its guide has it."""
    return SettingsCreator(
        **_DEDUPE,
        comparisons=[
            *_names(),
            library.DateOfBirthComparison("birth_date", input_is_string=True, datetime_format="%Y%m%d"),
            library.ExactMatch("house_number").configure(term_frequency_adjustments=True),
            library.LevenshteinAtThresholds("street", [2, 5]),
            library.LevenshteinAtThresholds("address_supplement", [2, 5]),
            library.LevenshteinAtThresholds("city", 2),
            library.DamerauLevenshteinAtThresholds("postal_code", 1),
            library.ExactMatch("region"),
            *(library.DamerauLevenshteinAtThresholds("national_id", [1, 2]) for _ in number),
        ],
        blocking_rules_to_generate_predictions=[
            *number,
            block_on("given_name", "family_name"),
            block_on("given_name", "birth_date"),
            block_on("family_name", "birth_date"),
            block_on("postal_code", "birth_date"),
            block_on("given_name", "postal_code"),
            block_on("family_name", "postal_code"),
            block_on("house_number", "street"),
        ],
    )


def _address() -> CustomComparison:
    """Street and place as one, since they say the same thing: taken as independent they outweigh all else."""
    same_code = levels.ExactMatchLevel("postal_code")
    near = levels.LevenshteinLevel("street", 3)
    return CustomComparison(
        output_column_name="address",
        comparison_levels=[
            levels.And(levels.NullLevel("street"), levels.NullLevel("postal_code")),
            levels.And(levels.ExactMatchLevel("street"), same_code),
            levels.And(near, same_code),
            levels.And(near, levels.ExactMatchLevel("city")),
            levels.ExactMatchLevel("postal_code"),
            levels.ElseLevel(),
        ],
    )
