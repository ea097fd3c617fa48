"""Purchase histories reduced to their sufficient statistics and grouped exactly."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Patterns:
    """Distinct purchase histories and how many customers share each.

    Grain: one entry per distinct (x, t_x, T). x is the number of repeat
    purchase days (purchase days after the first), t_x the age at the last
    purchase, age (T in the papers) the time from the first purchase to now;
    t_x and age in the same unit, whichever. (x, t_x, T) is sufficient for the
    BG/NBD and MBG/NBD likelihoods, so grouping loses nothing.
    """

    x: Floats
    t_x: Floats
    age: Floats
    weight: Floats

    @classmethod
    def group(cls, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Group equal histories; `weight` is the number of customers behind each (default 1)."""
        columns = [np.asarray(column, dtype=np.float64).ravel() for column in (x, t_x, age)]
        weights = np.ones_like(columns[0]) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
        _refuse_impossible(columns[0], columns[1], columns[2], weights)
        distinct, summed = group_rows(columns, weights)
        return cls(distinct[0], distinct[1], distinct[2], summed)

    @property
    def customers(self) -> float:
        """Number of customers behind the patterns."""
        return float(self.weight.sum())

    def every(self, step: int) -> Self:
        """Keep each `step`-th pattern: a deterministic sample, for a first guess only."""
        return type(self)(self.x[::step], self.t_x[::step], self.age[::step], self.weight[::step])

    def in_unit(self, unit: float) -> Self:
        """Return the same histories with time counted in multiples of `unit`."""
        return type(self)(self.x, self.t_x / unit, self.age / unit, self.weight)


def group_rows(columns: list[Floats], weight: Floats) -> tuple[list[Floats], Floats]:
    """Sum `weight` over rows that are equal in every column; rows come back sorted by the columns."""
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    starts = np.ones(order.size, dtype=bool)
    starts[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    first = np.flatnonzero(starts)
    return [column[first] for column in ordered], np.add.reduceat(weight[order], first)


def _refuse_impossible(x: Floats, t_x: Floats, age: Floats, weight: Floats) -> None:
    if not x.size == t_x.size == age.size == weight.size:
        raise ValueError(
            f"histories differ in length: x {x.size}, t_x {t_x.size}, T {age.size}, weight {weight.size}"
        )
    if x.size == 0:
        raise ValueError("no purchase history: a model needs customers with at least one purchase")
    rules = {
        "x is a whole number of repeat purchases, 0 or more": (x >= 0) & (x == np.floor(x)),
        "t_x lies between 0 and T": (t_x >= 0) & (t_x <= age),
        "t_x is 0 exactly where x is 0": (x == 0) == (t_x == 0),
        "T is finite": np.isfinite(age),
        "weight is positive and finite": (weight > 0) & np.isfinite(weight),
    }
    broken = [
        f"  - {rule}: broken by {np.sum(~holds)} histories"
        for rule, holds in rules.items()
        if not holds.all()
    ]
    if broken:
        raise ValueError("purchase histories are not possible:\n" + "\n".join(broken))
