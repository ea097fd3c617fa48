"""From every error to its exit code, and what a log of an unforeseen error may hold."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from habitue import errors
from habitue.errors import DependencyError, ExitCode, HabitueError
from habitue.job.failure import explain
from habitue.lake.lease import hold_lease
from habitue.sources.files import find_files

VALUE = "anna.muster@example.org"

CODES = {
    errors.UsageError: 2,
    errors.CheckError: 10,
    errors.ContractError: 10,
    errors.ConfigError: 20,
    errors.InputError: 30,
    errors.LeaseError: 40,
    errors.DependencyError: 50,
}


def subclasses(kind: type[HabitueError]) -> set[type[HabitueError]]:
    return {kind}.union(*(subclasses(below) for below in kind.__subclasses__()))


def test_every_class_of_error_has_its_exit_code() -> None:
    defined = {
        k for k in subclasses(HabitueError) if k.__module__ == "habitue.errors" and k is not HabitueError
    }
    assert defined == set(CODES)
    for kind, code in CODES.items():
        error = (
            kind("silver.event", ["a problem"]) if kind is errors.ContractError else kind("What happened.")
        )
        assert explain(error)[0] == code
        assert kind.exit_code == code


def test_codes_are_those_the_scheduler_was_promised() -> None:
    assert [int(code) for code in ExitCode] == [0, 2, 10, 11, 20, 30, 40, 50, 70]


def test_a_message_lists_all_problems_and_ends_with_what_to_do() -> None:
    _, message = explain(errors.InputError("Orders are wrong:", ["first", "second"], hint="Do this."))
    assert message == "Orders are wrong:\n  - first\n  - second\nDo this."


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/lake/part-0"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Py4JJavaError: java.io.IOException: No space left on device"),
    ],
    ids=["full", "quota", "from Java"],
)
def test_a_full_disk_is_a_dependency(error: Exception) -> None:
    code, message = explain(error)
    assert code == ExitCode.DEPENDENCY
    assert message.startswith("The disk is full.") and "start the run again" in message


def test_a_folder_that_may_not_be_written_is_a_dependency() -> None:
    code, message = explain(PermissionError(errno.EACCES, "Permission denied", "/lake/silver"))
    assert (code, message) == (ExitCode.DEPENDENCY, "/lake/silver: permission denied.")


def test_a_share_that_is_gone_is_a_dependency_and_a_missing_file_a_fault_of_ours() -> None:
    code, message = explain(OSError(errno.ESTALE, "stale", "/mnt/lake/runs"))
    assert (code, "/mnt/lake/runs cannot be reached" in message) == (ExitCode.DEPENDENCY, True)
    assert explain(FileNotFoundError(errno.ENOENT, "none", "x"))[0] == ExitCode.BUG


def test_a_lake_below_a_file_is_a_dependency(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DependencyError, match="cannot be written"),
        hold_lease(tmp_path / "file" / "lake", "r"),
    ):
        pass


def test_a_source_whose_storage_does_not_answer_is_a_dependency(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="cannot be reached"):
        find_files(["hdfs://127.0.0.1:1/events"], "json", tmp_path)


def fail(text: str) -> None:
    address = text
    try:
        raise KeyError(address)
    except KeyError as error:
        raise ValueError(f"cannot work with {address}") from error


def test_an_unforeseen_error_is_a_bug_whose_text_is_kept_nowhere(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "habitue-error.log"
    with pytest.raises(ValueError, match=VALUE) as caught:
        fail(VALUE)
    code, message = explain(caught.value, log)
    assert code == ExitCode.BUG
    assert "ValueError" in message and str(log) in message
    stack = log.read_text()
    assert "in fail" in stack and "builtins.ValueError" in stack and "builtins.KeyError" in stack
    assert VALUE not in message + stack


def test_a_stack_that_cannot_be_written_does_not_hide_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, message = explain(ZeroDivisionError(VALUE), tmp_path / "file" / "error.log")
    assert code == ExitCode.BUG
    assert "ZeroDivisionError" in message and "could not be written" in message
    assert VALUE not in message


def test_without_a_log_the_message_points_to_none() -> None:
    _, message = explain(ZeroDivisionError(VALUE))
    assert message.endswith("The last release is untouched.")
