"""The jars of Delta Lake: fetched once by Spark's resolver, checked by digest, used without a network.

A folder rather than `spark.jars.packages`, because that asks the network at every start on a fresh machine.
Everything else that Delta depends on is among the jars of PySpark already, in newer versions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from habitue.errors import DependencyError

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


def spark_home() -> Path:
    """Return the folder of the installed PySpark, which a SPARK_HOME of another Spark must not replace."""
    import pyspark

    return Path(pyspark.__file__).parent
