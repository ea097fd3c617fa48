"""Where models learn and are judged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitue.training.cutoffs import plan_cutoffs, without
from habitue.training.settings import CutoffSettings

_FIRST = date(2017, 1, 1)


def test_a_year_of_data_gives_a_test_a_calibration_and_three_training_cutoffs() -> None:
    cutoffs = plan_cutoffs(_FIRST, date(2018, 1, 1), 91, CutoffSettings())
    assert cutoffs.test == date(2017, 10, 2)
    assert cutoffs.calibration == date(2017, 7, 3)
    assert cutoffs.train == (date(2017, 4, 3), date(2017, 5, 3), date(2017, 6, 3))


@given(
    st.integers(1, 1500), st.integers(7, 365), st.integers(1, 12), st.integers(1, 12), st.integers(14, 200)
)
def test_no_label_window_reaches_into_what_is_judged(
    history: int, horizon: int, count: int, per: int, least: int
) -> None:
    settings = CutoffSettings(train_count=count, per_horizon=per, min_history_days=least)
    as_of = _FIRST + timedelta(days=history)
    cutoffs = plan_cutoffs(_FIRST, as_of, horizon, settings)
    assert bool(cutoffs.shortfall) == (not cutoffs.train)
    assert all(day - _FIRST >= timedelta(days=least) for day in cutoffs.all)
    if cutoffs.test is not None:
        assert cutoffs.label_end(cutoffs.test) == as_of
        assert all(cutoffs.label_end(day) <= cutoffs.test for day in cutoffs.learnt)
        assert all(day < cutoffs.calibration for day in cutoffs.train if cutoffs.calibration)


@pytest.mark.parametrize(
    ("days", "judged", "boosted"), [(150, False, False), (200, True, False), (365, True, True)]
)
def test_short_histories_lose_the_booster_first_and_the_judgement_last(
    days: int, judged: bool, boosted: bool
) -> None:
    cutoffs = plan_cutoffs(_FIRST, _FIRST + timedelta(days=days), 91, CutoffSettings())
    assert (cutoffs.test is not None, bool(cutoffs.train)) == (judged, boosted)
    assert boosted or "history is too short" in cutoffs.shortfall


def test_cutoffs_at_which_too_few_had_bought_again_are_left_out() -> None:
    cutoffs = plan_cutoffs(_FIRST, date(2018, 1, 1), 91, CutoffSettings())
    later = without(cutoffs, [date(2017, 4, 3)], 10)
    assert later.train == (date(2017, 5, 3), date(2017, 6, 3)) and later.shortfall == ""
    alone = without(cutoffs, [*cutoffs.train, date(2017, 7, 3)], 10)
    assert (alone.test, alone.calibration, alone.train) == (cutoffs.test, None, ())
    assert "no booster: fewer than 10 customers had bought on two days at 2017-04-03" in alone.shortfall
    assert without(cutoffs, [], 10) == cutoffs
