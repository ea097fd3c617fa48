"""Independent actions at the same time: planning one hides the wait for the other.

Most actions of a run are small, and a small one is mostly planning, which keeps one
core busy. Spark takes actions from several threads; each of ours has a thread of its
own on the Java side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_AT_ONCE = 4
"""More would only queue: an action on data of size takes every core by itself."""

_Result = TypeVar("_Result")
_One = TypeVar("_One")
_Other = TypeVar("_Other")


def at_once(actions: Iterable[Callable[[], _Result]]) -> list[_Result]:
    """Results of the actions in their order, when all have ended; else the first error among them."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="habitue") as pool:
        pending = [pool.submit(action) for action in actions]
    return [each.result() for each in pending]


def both(one: Callable[[], _One], other: Callable[[], _Other]) -> tuple[_One, _Other]:
    """Results of two actions of different kinds, when both have ended; else the error of the first that has one."""
    with ThreadPoolExecutor(2, thread_name_prefix="habitue") as pool:
        first, second = pool.submit(one), pool.submit(other)
    return first.result(), second.result()
