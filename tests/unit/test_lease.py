"""One live writer per lake."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from habitue.errors import LeaseError
from habitue.lake.lease import TIME_TO_LIVE_SECONDS, hold_lease


def write_holder(folder: Path, *, pid: int, host: str, heartbeat: float, token: int = 7) -> None:
    folder.mkdir(exist_ok=True)
    content = {"token": token, "run_id": "other", "host": host, "pid": pid, "heartbeat": heartbeat}
    (folder / "lease.json").write_text(json.dumps(content))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_run_is_refused_and_told_who_owns_the_lake(tmp_path: Path) -> None:
    with (
        hold_lease(tmp_path, "first"),
        pytest.raises(LeaseError, match="first"),
        hold_lease(tmp_path, "second"),
    ):
        pass


def test_the_next_run_gets_a_higher_token(tmp_path: Path) -> None:
    with hold_lease(tmp_path, "first") as first:
        pass
    with hold_lease(tmp_path, "second") as second:
        assert second.token == first.token + 1


def test_the_lease_of_a_dead_process_is_taken_over_at_once(tmp_path: Path) -> None:
    write_holder(tmp_path, pid=dead_pid(), host=socket.gethostname(), heartbeat=time.time())
    with hold_lease(tmp_path, "mine") as lease:
        assert lease.token == 8


def test_the_lease_of_another_machine_holds_until_its_time_to_live_is_over(tmp_path: Path) -> None:
    write_holder(tmp_path, pid=1, host="elsewhere", heartbeat=time.time())
    with pytest.raises(LeaseError, match="elsewhere"), hold_lease(tmp_path, "mine"):
        pass
    write_holder(tmp_path, pid=1, host="elsewhere", heartbeat=time.time() - TIME_TO_LIVE_SECONDS - 1)
    with hold_lease(tmp_path, "mine"):
        pass


def test_a_run_that_lost_its_lease_may_not_commit(tmp_path: Path) -> None:
    with hold_lease(tmp_path, "mine") as lease:
        write_holder(
            tmp_path, pid=os.getpid(), host=socket.gethostname(), heartbeat=time.time(), token=lease.token + 1
        )
        with pytest.raises(LeaseError, match="lost its lease"):
            lease.assert_held()
