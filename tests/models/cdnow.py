"""The CDNOW 1/10 sample from the `lifetimes` wheel, located without importing that package."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

END_OF_CALIBRATION = pd.Timestamp(date(1997, 9, 30))
END_OF_HOLDOUT = pd.Timestamp(date(1998, 6, 30))


@dataclass(frozen=True)
class Cdnow:
    """Per customer: history in weeks to 1997-09-30, mean repeat spend, purchase days in 39 more weeks."""

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    mean_spend: np.ndarray
    later_days: np.ndarray


@cache
def cdnow() -> Cdnow:
    path = Path(str(distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_sample.txt")))
    columns = ["master_id", "customer", "day", "units", "value"]
    lines = pd.read_csv(path, sep=r"\s+", header=None, names=columns)
    lines["day"] = pd.to_datetime(lines["day"].astype(str), format="%Y%m%d")
    days = lines.groupby(["customer", "day"], as_index=False)["value"].sum()
    before = days[days["day"] <= END_OF_CALIBRATION]
    after = days[(days["day"] > END_OF_CALIBRATION) & (days["day"] <= END_OF_HOLDOUT)]
    customer = before.groupby("customer")
    first, last = customer["day"].min(), customer["day"].max()
    x = customer.size() - 1
    repeat_value = customer["value"].sum() - customer["value"].first()
    return Cdnow(
        x=x.to_numpy(),
        t_x=(last - first).dt.days.to_numpy() / 7,
        age=(END_OF_CALIBRATION - first).dt.days.to_numpy() / 7,
        mean_spend=np.where(x > 0, repeat_value / x.clip(lower=1), 0.0),
        later_days=after.groupby("customer").size().reindex(x.index, fill_value=0).to_numpy(),
    )
