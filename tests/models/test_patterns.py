"""Grouping purchase histories."""

import numpy as np
import pytest

from habitue.models.patterns import Patterns


def test_equal_histories_become_one_pattern_with_their_number() -> None:
    patterns = Patterns.group([2, 0, 2, 2], [5, 0, 5, 6], [9, 9, 9, 9], [1, 1, 3, 1])
    assert patterns.x.tolist() == [0, 2, 2]
    assert patterns.t_x.tolist() == [0, 5, 6]
    assert patterns.weight.tolist() == [1, 4, 1]
    assert patterns.customers == 6


def test_impossible_histories_are_all_named_at_once() -> None:
    with pytest.raises(ValueError) as refused:
        Patterns.group([1.5, 0, 2, 1], [1, 2, 9, 0], [5, 5, 5, np.inf])
    assert str(refused.value).splitlines() == [
        "purchase histories are not possible:",
        "  - x is a whole number of repeat purchases, 0 or more: broken by 1 histories",
        "  - t_x lies between 0 and T: broken by 1 histories",
        "  - t_x is 0 exactly where x is 0: broken by 2 histories",
        "  - T is finite: broken by 1 histories",
    ]


def test_no_history_is_refused() -> None:
    with pytest.raises(ValueError, match="no purchase history"):
        Patterns.group([], [], [])
