"""The truth of a synthetic lake: the only code that opens its folder."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from habitue.synth.settings import SynthSettings

FOLDER = "truth"
_MADE_WITH = "made_with.json"
_SCHEMAS = {
    "identifier": "id_type string, value string, person bigint, valid_from date, valid_to date",
    "session": "anonymous_id string, person bigint, first_event string, last_event string, events bigint",
    "order": "order_number string, person bigint",
    "prediction": "person bigint, day int, alive double, no_purchase_91 double, orders_91 double, orders_365 double, "
    "spend_91 double, spend_365 double",
    "outcome": "person bigint, day int, orders_91 bigint, orders_365 bigint, spend_91 double, spend_365 double",
    "contact": "contact_id string, effect double",
    "person": "person bigint, household bigint, process string, rate double, leave double, nu double, reaction string, "
    "joins double, left double, discount double",
}  # fmt: skip


def read_truth(spark: SparkSession, project: Path, name: str) -> DataFrame:
    """One table of the truth; KeyError for a name that is none."""
    return spark.read.csv(f"{project}/{FOLDER}/{name}.csv", schema=_SCHEMAS[name], header=True)


def made_with(project: Path) -> SynthSettings | None:
    """The settings that a project's lake was made with; None for a project that is not synthetic."""
    note = project / FOLDER / _MADE_WITH
    return SynthSettings.model_validate_json(note.read_text("utf-8")) if note.exists() else None


def keep_settings(project: Path, settings: SynthSettings) -> None:
    """Write down what the lake was made with, when all of it is there."""
    (project / FOLDER / _MADE_WITH).write_text(settings.model_dump_json(indent=1), encoding="utf-8")
