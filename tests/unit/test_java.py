"""Which Java is taken, and what is said where none can be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from habitue.errors import DependencyError
from habitue.lake import java


def fake_java(home: Path, script: str) -> Path:
    """Make a Java that is a shell script."""
    executable = home / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\n{script}\n")
    executable.chmod(0o755)
    return home


def says_version(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-07-15' >&2"


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ('openjdk version "21.0.8" 2025-07-15 LTS', 21),
        ('java version "1.8.0_392"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=y\nopenjdk version "17" 2021-09-14', 17),
        ("Error: Could not create the Java Virtual Machine.", None),
    ],
)
def test_the_major_version_is_read_from_the_banner(banner: str, version: int | None) -> None:
    assert java.parse_version(banner) == version


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    chosen = fake_java(tmp_path / "chosen", says_version("17.0.1"))
    on_path = fake_java(tmp_path / "path", says_version("21.0.1"))
    environ = {"JAVA_HOME": str(chosen), "PATH": str(on_path / "bin")}
    assert java.java_home(environ, tmp_path) == java.Java(chosen, 17)


def test_a_java_that_is_too_old_is_passed_over_for_the_next_one(tmp_path: Path) -> None:
    old = fake_java(tmp_path / "old", says_version("11.0.2"))
    good = fake_java(tmp_path / "good", says_version("21.0.1"))
    environ = {"JAVA_HOME": str(old), "PATH": str(good / "bin")}
    assert java.java_home(environ, tmp_path) == java.Java(good, 21)


def test_the_shipped_runtime_is_used_where_no_other_java_is_usable(tmp_path: Path) -> None:
    old = fake_java(tmp_path / "old", says_version("1.8.0_392"))
    runtime = fake_java(tmp_path / "site-packages" / "runtime", says_version("21.0.8"))
    java.write_launcher(runtime, tmp_path)
    found = java.java_home({"JAVA_HOME": str(old), "PATH": ""}, tmp_path)
    assert found == java.Java(java.shipped_home(tmp_path), 21)


def test_without_any_usable_java_one_sentence_names_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    old = fake_java(tmp_path / "old", says_version("11.0.2"))
    small = fake_java(tmp_path / "small", "echo 'Module jdk.incubator.vector not found' >&2; exit 1")
    broken = fake_java(tmp_path / "broken", "exit 3")
    environ = {"JAVA_HOME": str(old), "PATH": f"{small / 'bin'}:{broken / 'bin'}"}
    with pytest.raises(DependencyError) as raised:
        java.java_home(environ, tmp_path)
    message = str(raised.value)
    assert f"{old} is Java 11" in message
    assert f"{small} lacks the module jdk.incubator.vector" in message
    assert f"{broken} does not start (exit code 3)" in message
    assert "make setup" in message
    assert "\n" not in message


def test_a_java_home_that_points_nowhere_is_no_java(tmp_path: Path) -> None:
    assert java.own_java({"JAVA_HOME": str(tmp_path / "nowhere"), "PATH": ""}) is None


def test_the_launcher_drops_the_missing_module_and_nothing_else(tmp_path: Path) -> None:
    runtime = fake_java(tmp_path / "with space" / "runtime", 'for a; do echo "<$a>"; done')
    launcher = java.write_launcher(runtime, tmp_path)
    arguments = ["-Xmx1g", java.VECTOR_MODULE, "a b", "", "*"]
    said = subprocess.run([launcher, *arguments], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["<-Xmx1g>", "<a b>", "<>", "<*>"]


def test_the_launcher_still_works_after_the_environment_was_moved(tmp_path: Path) -> None:
    runtime = fake_java(tmp_path / "env" / "lib" / "runtime", says_version("21.0.8"))
    java.write_launcher(runtime, tmp_path / "env")
    (tmp_path / "env").rename(tmp_path / "moved")
    assert java.probe(java.shipped_home(tmp_path / "moved")) == java.Java(
        java.shipped_home(tmp_path / "moved"), 21
    )
