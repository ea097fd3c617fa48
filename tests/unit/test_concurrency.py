"""Actions at the same time: results in order, and an error only when all have ended."""

from __future__ import annotations

from threading import Event

import pytest

from habitue.lake.concurrency import at_once, both


def test_results_come_in_the_order_of_the_actions_whichever_ends_first() -> None:
    first_may_end = Event()

    def first() -> str:
        assert first_may_end.wait(10)
        return "first"

    def second() -> int:
        first_may_end.set()
        return 2

    assert both(first, second) == ("first", 2)
    assert at_once([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]


def test_an_error_waits_for_the_other_action() -> None:
    ended = Event()

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        both(fails, ended.set)
    assert ended.is_set()
    ended.clear()
    with pytest.raises(ValueError, match="no"):
        at_once([fails, ended.set])
    assert ended.is_set()
