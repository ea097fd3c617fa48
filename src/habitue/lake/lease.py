"""The lease: one live writer per lake, with a fencing token that every commit carries.

Delta on a plain file system is not safe for two writers, so mutual exclusion
must come before the log. The lease file is changed only under an exclusive
lock of the operating system; a dead owner's lease expires (at once where the
process is known to be gone, else after the time to live).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from habitue.errors import DependencyError, LeaseError
from habitue.lake.whole_file import write_whole

TIME_TO_LIVE_SECONDS = 120.0
HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Holder:
    """Content of the lease file; `run_id` empty when nobody holds it."""

    token: int
    run_id: str
    host: str
    pid: int
    heartbeat: float

    @property
    def is_alive(self) -> bool:
        """Whether this holder may still be writing."""
        if not self.run_id:
            return False
        is_fresh = time.time() - self.heartbeat < TIME_TO_LIVE_SECONDS
        is_here = self.host == socket.gethostname()
        return is_fresh and (not is_here or _process_lives(self.pid))


class Lease:
    """A held lease; use `hold_lease`."""

    def __init__(self, file: Path, holder: Holder) -> None:
        self._file = file
        self._holder = holder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="habitue-lease", daemon=True)
        self._thread.start()

    @property
    def token(self) -> int:
        """Fencing token: grows with every lease of this lake."""
        return self._holder.token

    def assert_held(self) -> None:
        """Stop before a commit when another run has taken the lease over."""
        now = _read(self._file)
        if now is None or now.token != self._holder.token:
            owner = now.run_id if now else "unknown"
            raise LeaseError(f"This run has lost its lease to run {owner}; nothing more is written.")

    def release(self) -> None:
        """Give the lease back; the token stays in the file so that the next one is higher."""
        self._stop.set()
        self._thread.join()
        with _locked(self._file):
            now = _read(self._file)
            if now is not None and now.token == self._holder.token:
                _write(self._file, Holder(self.token, "", "", 0, time.time()))

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            try:
                is_ours = self._renew()
            except OSError:  # a full disk or a mount that stumbles: the next beat may come through
                continue
            if not is_ours:
                return  # fenced off: the next commit's assert_held says so

    def _renew(self) -> bool:
        with _locked(self._file):
            now = _read(self._file)
            if now is None or now.token != self._holder.token:
                return False
            _write(self._file, Holder(now.token, now.run_id, now.host, now.pid, time.time()))
        return True


@contextmanager
def hold_lease(folder: Path, run_id: str, *, above: int = 0) -> Iterator[Lease]:
    """Hold the lake's lease for the block; LeaseError naming the owner when another run is alive.

    Its token is `above` one that the lake has seen: the file may have been taken away.

    DependencyError where the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
        raise DependencyError(
            f"The lake cannot be written to {folder}: {error.strerror}.", hint="Correct the lake's path."
        ) from None
    lease = _acquire(folder / "lease.json", run_id, above)
    try:
        yield lease
    finally:
        lease.release()


def _acquire(file: Path, run_id: str, above: int) -> Lease:
    with _locked(file):
        now = _read(file)
        if now is not None and now.is_alive:
            raise LeaseError(
                f"Another run is writing to this lake: {now.run_id} (process {now.pid} on {now.host}).",
                hint="Wait until it has ended, or stop it; a dead run's lease is taken over by itself.",
            )
        token = max(now.token if now else 0, above) + 1
        holder = Holder(token, run_id, socket.gethostname(), os.getpid(), time.time())
        _write(file, holder)
    return Lease(file, holder)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with (file.parent / "lease.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _read(file: Path) -> Holder | None:
    try:
        return Holder(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None


def _write(file: Path, holder: Holder) -> None:
    write_whole(file, json.dumps(asdict(holder)))


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
