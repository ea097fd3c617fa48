"""Where in time models learn, are calibrated and are judged.

as_of - horizon is the test cut-off: its labels are the newest that are complete.
One horizon earlier lies the calibration cut-off, whose label window ends where the
test's begins. Training cut-offs lie before it. So a model that is judged at the
test cut-off has seen nothing after it: neither features nor labels.

The label windows of training cut-offs reach into that of calibration: a cut-off of
its own for each would cost a horizon of history, which most shops do not have. So
blend and calibration see outcomes that the trees saw in part; that is judged at the
test cut-off, which nothing else has seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta

from habitue.training.settings import CutoffSettings

FEWEST_REPEAT_BUYERS = 10
"""With fewer customers of a cut-off who have bought again nothing is learnt from it."""


@dataclass(frozen=True)
class Cutoffs:
    """Days at whose start features end and label windows of `horizon_days` begin."""

    as_of: date
    horizon_days: int
    test: date | None
    calibration: date | None
    train: tuple[date, ...]
    shortfall: str  # why roles are missing; empty when none is

    @property
    def all(self) -> tuple[date, ...]:
        """Every cut-off in order of time."""
        named = [day for day in (self.calibration, self.test) if day is not None]
        return tuple(sorted({*self.train, *named}))

    @property
    def fit_day(self) -> date:
        """Where the purchase model is fitted: the test cut-off, or as_of when there is no test."""
        return self.test or self.as_of

    @property
    def learnt(self) -> tuple[date, ...]:
        """Cut-offs whose label windows end by the start of the test cut-off."""
        return tuple(day for day in self.all if day != self.test)

    def label_end(self, cutoff: date) -> date:
        """First day after the label window."""
        return cutoff + timedelta(days=self.horizon_days)


def plan_cutoffs(first_day: date, as_of: date, horizon_days: int, settings: CutoffSettings) -> Cutoffs:
    """Cut-offs for data that begin on `first_day`; roles that the history is too short for stay empty.

    `as_of` is the day before which all orders are known: that of the run, or sooner where orders end sooner.
    Without room for calibration and training, a buy-till-you-die model still
    learns from the purchase histories alone and is judged; without room for the
    test, nothing can be judged.
    """
    earliest = first_day + timedelta(days=settings.min_history_days)
    horizon = timedelta(days=horizon_days)
    test = as_of - horizon
    if test < earliest:
        reason = _shortfall("judge a model", earliest + horizon, as_of, settings)
        return Cutoffs(as_of, horizon_days, None, None, (), reason)
    calibration = test - horizon
    steps = range(1, settings.train_count + 1)
    train = [calibration - timedelta(days=round(horizon_days * k / settings.per_horizon)) for k in steps]
    usable = tuple(sorted(day for day in train if day >= earliest))
    if not usable:
        first_train = timedelta(days=round(horizon_days / settings.per_horizon))
        needed = earliest + 2 * horizon + first_train
        kept = calibration if calibration >= earliest else None
        return Cutoffs(
            as_of, horizon_days, test, kept, (), _shortfall("train a booster", needed, as_of, settings)
        )
    return Cutoffs(as_of, horizon_days, test, calibration, usable, "")


def without(cutoffs: Cutoffs, thin: Collection[date], needed: int) -> Cutoffs:
    """The same without cut-offs at which too few had bought again to learn from; the test is none of them.

    Where nothing is left to calibrate on or to learn from, those roles stay empty, as in a short history.
    """
    train = tuple(day for day in cutoffs.train if day not in thin)
    calibration = None if cutoffs.calibration in thin else cutoffs.calibration
    shortfall = cutoffs.shortfall
    if (calibration is None or not train) and not shortfall:
        days = ", ".join(map(str, sorted(set(thin))))
        shortfall = f"no booster: fewer than {needed} customers had bought on two days at {days}"
    return replace(cutoffs, calibration=calibration, train=train if calibration else (), shortfall=shortfall)


def _shortfall(purpose: str, needed: date, as_of: date, settings: CutoffSettings) -> str:
    return (
        f"history is too short to {purpose}: it needs data until {needed:%Y-%m-%d} "
        f"({settings.min_history_days} days before the first cut-off and complete label windows), "
        f"as_of is {as_of:%Y-%m-%d}"
    )
