"""Set-up explains in one sentence what keeps it from going on."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from habitue.lake import machine

SETUP = Path(__file__).parents[2] / "setup"


def script(name: str) -> ModuleType:
    """Load a script of the set-up folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"setup_{name}", SETUP / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_environment(path: Path) -> subprocess.CompletedProcess[str]:
    """Run environment.sh in a copy of the project with only the programs in `path` to be found."""
    project = path.parent / "project"
    (project / "setup").mkdir(parents=True)
    (project / "setup" / "environment.sh").write_text((SETUP / "environment.sh").read_text())
    (project / "setup" / "install.py").write_text("import sys; print('installing with', sys.executable)")
    return subprocess.run(
        ["/bin/sh", str(project / "setup" / "environment.sh")],
        env={"PATH": f"{path}:/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the programs every system has, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    return folder


def test_without_a_suitable_python_the_found_ones_are_named(path: Path) -> None:
    (path / "python3").write_text(
        "#!/bin/sh\ncase $2 in *sys.exit*) exit 1;; *) printf '3.9 (/some/python3)';; esac\n"
    )
    (path / "python3").chmod(0o755)
    result = run_environment(path)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "habitue needs Python 3.11 or 3.12 with venv; found 3.9 (/some/python3). "
    )
    assert result.stderr.count("\n") == 1


def test_without_any_python_that_is_said(path: Path) -> None:
    result = run_environment(path)
    assert result.returncode == 1
    assert "found none" in result.stderr


def test_a_name_that_cannot_be_run_is_passed_over_for_the_next(path: Path) -> None:
    (path / "python3.11").write_text("#!/bin/sh\nexit 127\n")
    (path / "python3.11").chmod(0o755)
    (path / "python3").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    (path / "python3").chmod(0o755)
    result = run_environment(path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("installing with")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("WARNING: Retrying\nFailed to establish a new connection: [Errno 111]\nERROR: No match", "network"),
        ("Temporary failure in name resolution", "HTTPS_PROXY"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Traceback\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n\n", "DO NOT MATCH THE HASHES"),
        ("", "no output"),
    ],
)
def test_what_pip_printed_becomes_one_sentence(log: str, said: str) -> None:
    sentence = script("install").explanation("It failed", log)
    assert said in sentence
    assert "\n" not in sentence


def test_too_little_memory_stops_set_up_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    install = script("install")
    monkeypatch.setattr(machine, "memory_gib", lambda: 2.0)
    with pytest.raises(install.SetupError, match=r"4 GiB of memory; this one offers 2\.0 GiB"):
        install.check_machine()


def test_too_little_disk_stops_the_first_set_up_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install = script("install")
    monkeypatch.setattr(machine, "free_disk_gib", lambda path: 1.0)
    monkeypatch.setattr(install, "STAMPS", tmp_path)
    with pytest.raises(install.SetupError, match=r"4 GiB of free disk"):
        install.check_machine()
    (tmp_path / "environment").write_text("done")
    install.check_machine()


def test_a_step_is_done_once_and_again_when_its_input_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install = script("install")
    monkeypatch.setattr(install, "STAMPS", tmp_path / "stamps")
    done: list[str] = []
    for content in (b"a", b"a", b"b", b"b"):
        install.once("step", [content], lambda content=content: done.append(content))
    assert done == [b"a", b"b"]


def test_a_step_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install = script("install")
    monkeypatch.setattr(install, "STAMPS", tmp_path / "stamps")

    def fail() -> None:
        raise install.SetupError("no")

    for _ in range(2):
        with pytest.raises(install.SetupError):
            install.once("step", [b"a"], fail)


def test_the_archive_takes_the_runtime_packages_and_no_others() -> None:
    names = script("package").runtime_names(
        "numpy==2.4.6 ; python_version < '3.12' \\\n    --hash=sha256:0\nPy_Yaml==6\n"
    )
    assert names == {"numpy", "py-yaml"}
