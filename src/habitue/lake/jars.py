"""The jars of Delta Lake: fetched once by Spark's resolver, checked by digest, used without a network.

A folder rather than `spark.jars.packages`, because that asks the network at every start on a fresh machine.
Everything else that Delta depends on is among the jars of PySpark already, in newer versions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from habitue.errors import DependencyError
from habitue.lake.java import java_home

DELTA_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"

SHA256 = {
    "delta-kernel-api-4.4.0.jar": "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    "delta-kernel-defaults-4.4.0.jar": "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    "delta-kernel-unitycatalog-4.4.0.jar": "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
    "delta-spark_4.2_2.13-4.4.0.jar": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    "jackson-datatype-jdk8-2.13.5.jar": "e58761751fea8a00dc626aae1c5f1be38c5cfd487aeb333d933a4ab5f5a73c55",
    "unitycatalog-client-0.6.0.jar": "48257499a86b801a3e2372cec55ac226ca1c1c7eabe5c118e7302f29a1fdbc19",
    "unitycatalog-hadoop-0.6.0.jar": "c47b63c961c87102b9e1d63809a0915ba4c86b7652f57c8d39ca3a05b441a150",
}
"""Every jar that is put on the class path, with the digest it must have."""

ALREADY_IN_PYSPARK = (
    "com.fasterxml.jackson.core:*",
    "com.github.luben:*",
    "com.google.code.findbugs:*",
    "commons-logging:*",
    "commons-pool:*",
    "io.airlift:*",
    "javax.annotation:*",
    "org.apache.hadoop:*",
    "org.apache.logging.log4j:*",
    "org.apache.parquet:*",
    "org.locationtech.jts:*",
    "org.roaringbitmap:*",
    "org.slf4j:*",
    "org.xerial.snappy:*",
)
"""What the resolver leaves out; older copies of these would only stand in the way of PySpark's own."""

_RESOLVE_SECONDS = 600


def jar_folder() -> Path:
    """Return where the jars lie: HABITUE_JARS, or a folder of this Python environment."""
    return Path(os.environ.get("HABITUE_JARS") or Path(sys.prefix, "share", "habitue", "jars"))


def installed_jars() -> list[Path]:
    """Return the jars that Spark needs for Delta, or say which are missing and what to do."""
    folder = jar_folder()
    missing = [name for name in SHA256 if not (folder / name).is_file()]
    if missing:
        raise DependencyError(
            f"The jars of Delta Lake are not complete in {folder}:",
            [f"{name} is missing" for name in missing],
            hint="Run `make jars` once with a network, or point HABITUE_JARS to a folder that has them.",
        )
    return [folder / name for name in sorted(SHA256)]


def altered_jars(folder: Path) -> list[str]:
    """Return what differs from the known digests: "NAME is missing" or "NAME has the digest ..."."""
    return [fault for name in sorted(SHA256) if (fault := _fault(folder / name))]


def _fault(jar: Path) -> str | None:
    if not jar.is_file():
        return f"{jar.name} is missing"
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    if digest == SHA256[jar.name]:
        return None
    return f"{jar.name} has the SHA-256 digest {digest}, expected {SHA256[jar.name]}"


def fetch(log_file: Path) -> Path:
    """Fetch the jars into `jar_folder()` unless they are there; the resolver's chatter goes to `log_file`."""
    folder = jar_folder()
    if not altered_jars(folder):
        return folder
    with tempfile.TemporaryDirectory(prefix="habitue-jars-") as scratch:
        _resolve(Path(scratch), log_file)
        fetched = Path(scratch, "verified")
        _unprefix(Path(scratch, "jars"), fetched)
        faults = altered_jars(fetched)
        if faults:
            raise DependencyError(
                "The jars of Delta Lake that were fetched are not the expected ones:",
                faults,
                hint=f"Nothing was installed. See {log_file}; a proxy or mirror may have changed them.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        for name in SHA256:
            shutil.copyfile(fetched / name, folder / f".{name}.part")
            os.replace(folder / f".{name}.part", folder / name)
    return folder


def _resolve(scratch: Path, log_file: Path) -> None:
    """Let spark-submit resolve the package into `scratch/jars`, by running a program that does nothing."""
    program = scratch / "nothing.py"
    program.write_text("")
    command = [
        str(spark_home() / "bin" / "spark-submit"),
        *("--packages", DELTA_PACKAGE, "--exclude-packages", ",".join(ALREADY_IN_PYSPARK)),
        *("--conf", f"spark.jars.ivy={scratch}", str(program)),
    ]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            timeout=_RESOLVE_SECONDS,
            check=False,
        )
    if answer.returncode:
        raise DependencyError(
            f"The jars of Delta Lake ({DELTA_PACKAGE}) could not be fetched: the network or the Maven "
            f"repository did not answer. They are needed once; connect and run `make jars` again. "
            f"Details: {log_file}"
        )


def _environment() -> dict[str, str]:
    """Return an environment in which spark-submit uses this PySpark and this Python."""
    environment = {**os.environ, "JAVA_HOME": str(java_home().home), "SPARK_HOME": str(spark_home())}
    environment |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return environment


def spark_home() -> Path:
    """Return the folder of the installed PySpark, which a SPARK_HOME of another Spark must not replace."""
    import pyspark

    return Path(pyspark.__file__).parent


def _unprefix(resolved: Path, target: Path) -> None:
    """Copy `io.delta_delta-storage-4.4.0.jar` to `delta-storage-4.4.0.jar` for every jar that is known."""
    target.mkdir()
    for name in SHA256:
        for jar in resolved.glob(f"*_{name}"):
            shutil.copyfile(jar, target / name)


def main() -> int:
    """Fetch the jars (`make jars`)."""
    try:
        folder = fetch(jar_folder().parent / "jars.log")
    except DependencyError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    sys.stderr.write(f"The jars of Delta Lake are in {folder}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
