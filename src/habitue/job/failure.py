"""From an exception to an exit code and a sentence that quotes no data."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from habitue.errors import DependencyError, ExitCode, HabitueError

_GONE = frozenset((
    errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.EHOSTUNREACH,
))  # fmt: skip
"""What a disk or share says that is not there any more, or not to be written."""
_DISK_FULL = "No space left on device"


def explain(error: BaseException, log_file: Path | None = None) -> tuple[ExitCode, str]:
    """Exit code and message; of an unforeseen error only class and stack go to the log, never its text."""
    known = _as_known(error)
    if known is not None:
        return known.exit_code, str(known)
    where = f" Stack: {_write_stack(error, log_file)}" if log_file else ""
    kind = type(error).__name__
    return (
        ExitCode.BUG,
        f"habitue met an error it does not know: {kind}. The last release is untouched.{where}",
    )


def _as_known(error: BaseException) -> HabitueError | None:
    if isinstance(error, HabitueError):
        return error
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or _DISK_FULL in str(error):
        return DependencyError(
            "The disk is full.", hint="Make room and start the run again; it goes on where it stopped."
        )
    if isinstance(error, PermissionError):
        return DependencyError(f"{error.filename}: permission denied.")
    if isinstance(error, OSError) and error.errno in _GONE and error.filename:  # without one it is a socket's
        return DependencyError(
            f"The storage of {error.filename} cannot be reached: {os.strerror(error.errno)}.",
            hint="Bring it back and start the run again; it goes on where it stopped.",
        )
    return None


def stack_of(error: BaseException) -> str:
    """Code places and classes of an error and its causes; never their texts, which may quote data."""
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.format_list(traceback.extract_tb(cause.__traceback__))
        parts.append("".join([*frames, f"{type(cause).__module__}.{type(cause).__qualname__}\n"]))
        cause = cause.__cause__ or cause.__context__
    return "caused by\n".join(parts)


def _write_stack(error: BaseException, log_file: Path) -> str:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log_file.write_text(stack_of(error), encoding="utf-8")
    except OSError as trouble:
        return f"could not be written ({trouble.strerror})"
    return str(log_file)
