"""The error tree: every fault a user can cause or meet, with its exit code.

Each message names the thing, lists all problems at once, shows what was
expected and found, and ends with what to do. No message carries a raw value
of a customer's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says to the scheduler that called it."""

    OK = 0
    USAGE = 2
    CHECKS = 10
    EXPORTS_WITHHELD = 11
    CONFIGURATION = 20
    INPUT = 30
    LEASE = 40
    DEPENDENCY = 50
    BUG = 70


class HabitueError(Exception):
    """Base of every error that habitue raises on purpose."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, headline: str, problems: Sequence[str] = (), *, hint: str = "") -> None:
        self.headline = headline
        self.problems = tuple(problems)
        self.hint = hint
        lines = [headline, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join([*lines, hint] if hint else lines))


class UsageError(HabitueError):
    """A command called with options that do not fit together."""

    exit_code = ExitCode.USAGE


class CheckError(HabitueError):
    """Data that fail a check: too many quarantined rows, a broken invariant."""

    exit_code = ExitCode.CHECKS


class ConfigError(HabitueError):
    """A wrong configuration, audience or model definition, pepper or lake version."""

    exit_code = ExitCode.CONFIGURATION


class InputError(HabitueError):
    """A source that cannot be read as its mapping says, or too many rejected files."""

    exit_code = ExitCode.INPUT


class ContractError(HabitueError):
    """A DataFrame that does not fit the table it is meant for."""

    exit_code = ExitCode.CHECKS

    def __init__(self, table: str, problems: Sequence[str]) -> None:
        super().__init__(f"{table} does not fit its contract:", problems)


class LeaseError(HabitueError):
    """Another run is alive on the same lake."""

    exit_code = ExitCode.LEASE


class DependencyError(HabitueError):
    """Something habitue needs from outside is unreachable: MLflow, storage, disk, Java, jars."""

    exit_code = ExitCode.DEPENDENCY


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to put behind a sentence about an unknown name: the known one nearest to it, or nothing."""
    spelt = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), list(spelt), n=1, cutoff=0.6)
    return f"; did you mean {spelt[near[0]]}?" if near else ""
