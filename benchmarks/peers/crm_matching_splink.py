"""Groups by Splink on DuckDB, trained without labels, with the comparisons that its manual names for persons."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.parquet as pq
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as library

from benchmarks.contest import Task
from benchmarks.people import FILE

ACCEPT = 0.95


def run(task: Task) -> None:
    """Read, train, predict, cluster, write."""
    people = pq.read_table(task.data / FILE)
    backend = DuckDBAPI()
    linker = Linker(backend.register(people), _settings(), log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(
        [
            block_on("given_name", "family_name", "birth_date"),
            block_on("email"),
            block_on("phone", "birth_date"),
        ],
        recall=0.8,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("given_name", "family_name"), block_on("birth_date")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    pairs = linker.inference.predict(threshold_match_probability=ACCEPT)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, ACCEPT)
    found: pa.Table = clusters.as_pyarrow_table().select(["record_key", "person", "cluster_id"])
    task.out.mkdir()
    pq.write_table(found.rename_columns(["record_key", "person", "label"]), task.out / "groups.parquet")


def _settings() -> SettingsCreator:
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        additional_columns_to_retain=["person"],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
        comparisons=[
            library.NameComparison("given_name").configure(term_frequency_adjustments=True),
            library.NameComparison("family_name").configure(term_frequency_adjustments=True),
            library.DateOfBirthComparison("birth_date", input_is_string=True),
            library.LevenshteinAtThresholds("street", [1, 3]),
            library.LevenshteinAtThresholds("postal_code", 1),
            library.ExactMatch("city").configure(term_frequency_adjustments=True),
            library.EmailComparison("email"),
            library.LevenshteinAtThresholds("phone", 1),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("given_name", "family_name"),
            block_on("birth_date"),
            block_on("email"),
            block_on("phone"),
            block_on("family_name", "postal_code"),
            block_on("given_name", "postal_code"),
            block_on("street", "postal_code"),
        ],
    )
