"""Build what a cluster needs, into dist/: wheel, environment archive, jars of Delta. Needs no network.

The archive holds a Python of its own with the locked runtime packages and habitue. It is used unpacked beside
each executor, on the same operating system and processor as here:

    spark-submit --archives dist/habitue-env.tar.gz#env --conf spark.pyspark.python=./env/bin/python ...

PySpark comes without its jars: Spark is there already where the archive is used.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from habitue.lake.jars import installed_jars

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
ARCHIVE = DIST / "habitue-env.tar.gz"
LIBRARY = PurePosixPath("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
PACKAGES = LIBRARY / "site-packages"

NOT_IN_LIBRARY = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
}
NOT_IN_PACKAGES = {"tests", "__pycache__", "include"}
NOT_IN_PYSPARK = ("pyspark/jars", "pyspark/examples", "pyspark/data", "pyspark/licenses", "pyspark/bin")
_FAST = 1
"""gzip level: a quarter of the time of the default, for a tenth more bytes."""


def main() -> int:
    """Build everything anew."""
    if sys.platform != "linux":
        sys.stderr.write(
            "The environment archive is made on Linux, for clusters that run Linux; this is not Linux.\n"
        )
        return 2
    DIST.mkdir(exist_ok=True)
    wheel = build_wheel()
    jars = copy_jars()
    build_archive(wheel)
    for made in (wheel, ARCHIVE, *jars):
        sys.stderr.write(f"{made.relative_to(ROOT)}  {made.stat().st_size / 1e6:.1f} MB\n")
    return 0


def build_wheel() -> Path:
    """Build the wheel with the installed build backend."""
    for old in DIST.glob("habitue-*.whl"):
        old.unlink()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(DIST)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(DIST.glob("habitue-*.whl"))


def copy_jars() -> list[Path]:
    """Copy the jars of Delta, for `spark-submit --jars`."""
    folder = DIST / "jars"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return [Path(shutil.copyfile(jar, folder / jar.name)) for jar in installed_jars()]


def build_archive(wheel: Path) -> None:
    """Write interpreter, library, packages and habitue into one archive, which appears when complete."""
    part = ARCHIVE.with_suffix(".part")
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", _FAST, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, source in sorted([*interpreter(), *standard_library(), *packages()]):
            archive.add(source, str(name), recursive=False, filter=_anonymous)
        _add_links(archive)
        _add_wheel(archive, wheel)
    part.replace(ARCHIVE)


def interpreter() -> Iterator[tuple[PurePosixPath, Path]]:
    """The executable, and the shared library where this Python is built with one."""
    name = LIBRARY.name
    yield PurePosixPath("bin", f"{name}.real"), Path(sys.executable).resolve()
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        library = str(sysconfig.get_config_var("INSTSONAME"))
        yield PurePosixPath("lib", library), Path(str(sysconfig.get_config_var("LIBDIR")), library).resolve()


def standard_library() -> Iterator[tuple[PurePosixPath, Path]]:
    """The standard library without its tests and its graphical parts."""
    home = Path(sysconfig.get_path("stdlib"))
    for source in home.rglob("*"):
        parts = source.relative_to(home).parts
        unwanted = (
            NOT_IN_LIBRARY.intersection(parts) or "__pycache__" in parts or parts[0].startswith("config-")
        )
        if source.is_file() and not unwanted:
            yield LIBRARY.joinpath(*parts), source.resolve()


def packages() -> Iterator[tuple[PurePosixPath, Path]]:
    """The files of every installed package that the runtime lock names."""
    wanted = runtime_names((ROOT / "requirements" / "runtime.txt").read_text())
    for distribution in distributions():
        if canonical(distribution.name) in wanted:
            yield from package_files(distribution)


def package_files(distribution: Distribution) -> Iterator[tuple[PurePosixPath, Path]]:
    """What a package brought, less scripts, tests and (for PySpark) Spark itself."""
    for file in distribution.files or ():
        outside = file.parts[0] == ".."
        unwanted = NOT_IN_PACKAGES.intersection(file.parts) or str(file).startswith(NOT_IN_PYSPARK)
        source = Path(str(distribution.locate_file(file)))
        if not outside and not unwanted and source.is_file():
            yield PACKAGES.joinpath(*file.parts), source


def runtime_names(lock: str) -> set[str]:
    """Return the names in a requirement file."""
    return {canonical(match.group(1)) for match in re.finditer(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}


def canonical(name: str) -> str:
    """Write a package name as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _add_links(archive: tarfile.TarFile) -> None:
    """Add bin/python, which finds its library wherever it lies, and Debian's name for site-packages."""
    start = (
        "#!/bin/sh\n"
        'here=$(cd "$(dirname "$0")" && pwd)\n'
        'LD_LIBRARY_PATH="$here/../lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" '
        f'exec "$here/{LIBRARY.name}.real" "$@"\n'
    ).encode()
    for name in ("bin/python", "bin/python3"):
        launcher = tarfile.TarInfo(name)
        launcher.size, launcher.mode = len(start), 0o755
        archive.addfile(launcher, io.BytesIO(start))
    link = tarfile.TarInfo(str(LIBRARY / "dist-packages"))
    link.type, link.linkname = tarfile.SYMTYPE, "site-packages"
    archive.addfile(link)


def _add_wheel(archive: tarfile.TarFile, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        for info in content.infolist():
            data = content.read(info)
            entry = tarfile.TarInfo(str(PACKAGES / info.filename))
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who built it and when: the same input gives the same archive."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    sys.exit(main())
