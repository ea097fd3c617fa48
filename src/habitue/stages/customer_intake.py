"""Customer records with what names a person, and with what they stated before they were corrected."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.contracts.intake import FORMER_RECORD, PERSON_RECORD
from habitue.identity.former_records import former_records, with_own_ids
from habitue.job import Run
from habitue.lake.changes import made_from
from habitue.lake.fingerprint import digest
from habitue.privacy.vault import open_identifiers, person_records
from habitue.sources.adapters import sources_of
from habitue.sources.settled import hashed_rows, silver_rows

_KEYS = "keys"


def sources_as_before(run: Run) -> list[str]:
    """Sources whose stored records got their keys by the rules of now; says where there are others."""
    keys = _keys(run)
    made = (made_from(run.location, CUSTOMER_RECORD) or {}).get(_KEYS, {})
    same = [source for source, rules in keys.items() if made.get(source) == rules]
    if set(made) & set(keys) - set(same):
        run.note(
            "identifiers are read by other rules: what records stated before is known from the files alone"
        )
    return same


def write_customers(run: Run, good: DataFrame, repeats: DataFrame, *, as_before: Sequence[str]) -> None:
    """Write the records; the silver table last. `repeats` are other good rows of the same records in the files.

    Of the sources `as_before` the stored records tell what was stated before.
    """
    lake = run.lake
    present, former = (
        lake.read(t).where(F.col("source").isin(*as_before)) for t in (CUSTOMER_RECORD, FORMER_RECORD)
    )
    others = repeats.withColumn("identifiers", open_identifiers())
    good = with_own_ids(good, present, former, others)
    records = silver_rows(good, CUSTOMER_RECORD)
    stated = former_records(records, present, former, others)
    lake.merge(PERSON_RECORD, hashed_rows(person_records(good), PERSON_RECORD), delete_unmatched=True)
    lake.merge(FORMER_RECORD, stated, delete_unmatched=True)
    lake.merge(
        CUSTOMER_RECORD,
        records,
        delete_unmatched=True,
        basis={_KEYS: _keys(run)},
    )


def _keys(run: Run) -> dict[str, str]:
    """By source a digest of all that decides which keys a record has: under other rules, what is stored says nothing."""
    settings = run.settings
    of_all = [settings.project.country, settings.identity.email.model_dump(mode="json")]
    own = {"adapter", "country", "nulls", "options", "identifiers"}
    return {
        source.source: digest(
            [source.model_dump(mode="json", include=own), str(source.columns.get("country")), of_all]
        )
        for source in sources_of(CUSTOMER_RECORD.leaf, settings.sources)
    }
