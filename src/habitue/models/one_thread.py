"""Searches that end at the same place wherever they run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate: linear algebra within the function takes one thread, whatever the machine would give it.

    Several add up in another order, and a search by gradients carries the last digit into the ninth; Spark gives the
    driver of a cluster one, a machine of its own as many as it has cores.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
