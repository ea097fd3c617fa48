"""Training rows: profiles of several cut-offs as doubles with their labels, and the samples that models learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.models.patterns import Patterns
from habitue.profile.cuts import Cut, instant
from habitue.training.purchase_model import is_possible
from habitue.training.sample import Sample

_PARTS = 1_000_000
_HISTORY = ("frequency", "recency_days", "age_days")
_LABELS = ("future_purchase_days", "future_net_revenue")


@dataclass(frozen=True)
class Buyers:
    """How many buyers the cut-offs have, and their purchase histories, counted in the engine."""

    patterns: Mapping[date, Patterns]

    @property
    def total(self) -> float:
        """Buyers over all cut-offs."""
        return sum(found.customers for found in self.patterns.values())


def training_rows(
    profiles: DataFrame,
    labels: DataFrame,
    cuts: Sequence[Cut],
    labelled: Iterable[date],
    columns: Sequence[str],
) -> DataFrame:
    """One row per cut-off and buyer: `columns` as doubles, the labels, a hash of the person but never the person.

    Persons of a labelled cut-off that another one stands for are left out.
    """
    days = [F.lit(day) for day in labelled]
    is_labelled = F.col("as_of_date").isin(*days) if days else F.lit(False)
    late = F.lit(False)
    for cut in cuts:
        late = late | (
            (F.col("as_of_date") == F.lit(cut.as_of)) & (F.col("last_known_time") >= instant(cut.at))
        )
    buyers = profiles.where(F.col("frequency").isNotNull())
    joined = buyers.join(labels, on=["as_of_date", "person_id"], how="left")
    return joined.where(~is_labelled | F.col("future_purchase_days").isNotNull()).select(
        "as_of_date",
        F.xxhash64("person_id").alias("person_hash"),
        F.coalesce(late, F.lit(False)).cast("double").alias("known_late"),
        *(F.col(name).cast("double").alias(name) for name in dict.fromkeys((*columns, *_HISTORY, *_LABELS))),
    )


def count_patterns(rows: DataFrame) -> Buyers:
    """The distinct purchase histories of each cut-off with their number of buyers: all that a likelihood needs, and small."""
    counted = rows.groupBy("as_of_date", *_HISTORY).agg(F.count(F.lit(1)).cast("double").alias("persons"))
    frame = counted.toPandas()
    found = {day: _patterns(part) for day, part in frame.groupby("as_of_date")}
    return Buyers({_as_date(day): patterns for day, patterns in found.items()})


def draw(rows: DataFrame, buyers: Buyers, max_rows: int) -> pd.DataFrame:
    """All rows; where there are more than `max_rows`, about that many: those of persons drawn by their hash."""
    share = min(1.0, max_rows / max(buyers.total, 1.0))
    if share < 1.0:
        rows = rows.where(F.pmod("person_hash", F.lit(_PARTS)) < F.lit(int(share * _PARTS)))
    return rows.toPandas()


def samples(frame: pd.DataFrame, buyers: Buyers) -> dict[date, Sample]:
    """A sample per cut-off; impossible histories are left out.

    Rows are in the order of what they say, history and labels first, and of the persons' hashes only where they
    say the same: trees that draw rows then learn the same from the same columns, whichever secret the keys were
    made with. Which persons are drawn where there are too many still follows their hashes.
    """
    found = {}
    first = [*_HISTORY, *_LABELS]
    others = sorted({str(name) for name in frame.columns} - {*first, "as_of_date", "person_hash"})
    for day, part in frame.groupby("as_of_date"):
        ordered = part.sort_values([*first, *others, "person_hash"], kind="stable")
        columns = {str(name): _floats(ordered[name]) for name in ordered.columns if name != "as_of_date"}
        keep = is_possible(columns)
        kept = {name: values[keep] for name, values in columns.items()}
        found[_as_date(day)] = Sample(
            as_of=_as_date(day),
            columns=kept,
            purchase_days=np.nan_to_num(kept["future_purchase_days"]),
            net_revenue=np.nan_to_num(kept["future_net_revenue"]),
            patterns=buyers.patterns[_as_date(day)],
            known_late=int(kept["known_late"].sum()),
        )
    return found


def _patterns(part: pd.DataFrame) -> Patterns:
    columns = {name: _floats(part[name]) for name in _HISTORY}
    keep = is_possible(columns)
    x, t_x, age = (columns[name][keep] for name in _HISTORY)
    return Patterns.group(x, t_x, age, _floats(part["persons"])[keep])


def _floats(values: pd.Series) -> np.ndarray:
    found = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _as_date(day: object) -> date:
    return (
        day if isinstance(day, date) and not isinstance(day, pd.Timestamp) else pd.Timestamp(str(day)).date()
    )
